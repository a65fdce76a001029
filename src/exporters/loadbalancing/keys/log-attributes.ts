/** Routing log records by attributes of resource, scope or record; each level adds what it knows, as upstream has it. */
import type { Part } from '../../../core/batch.ts'
import { type LogRecordView, LogsView } from '../../../otlp/logs-view.ts'
import { PARENT, ROW } from '../../../otlp/request-index.ts'
import { positionOfText } from '../ring.ts'
import { attributeText, keyText, resolve, valueText } from './attribute-text.ts'
import type { Locate } from './keys.ts'

const PSEUDO: ReadonlyMap<string, (record: LogRecordView) => string> = new Map([
  ['log.severity', record => record.severityText],
  ['log.body', record => valueText(record.body)],
])

export function attributesOfLogs(names: readonly string[]): Locate {
  return ({ payload: { bytes }, index }: Part, out) => {
    const view = new LogsView()
    view.reset(bytes, index)
    const records = index.levels[2]
    let scope = -1
    let base = ''
    let pending = names
    let shared = 0
    for (let item = 0; item < index.items; item++) {
      const parent = records[item * ROW + PARENT]
      if (parent !== scope) {
        scope = parent
        view.moveTo(item)
        const ofResource = resolve(view.resource.attributes, names)
        const ofScope = resolve(view.scope.attributes, ofResource.pending)
        base = ofResource.text + ofScope.text
        pending = ofScope.pending
        shared = positionOfText(base)
      }
      if (pending.length === 0) out[item] = shared
      else {
        const record = view.moveTo(item)
        out[item] = positionOfText(base + pending.map(name => textOf(record, name)).join(''))
      }
    }
  }
}

function textOf(record: LogRecordView, name: string): string {
  const pseudo = PSEUDO.get(name)
  if (pseudo !== undefined) return keyText(name, pseudo(record))
  return attributeText(record.attributes, name) ?? keyText(name, '')
}
