/**
 * Routing spans by attributes of resource, scope or span. All spans of one trace in one scope go by the first of them, as
 * upstream, which routes whole traces of a scope.
 */
import type { Part } from '../../../core/batch.ts'
import { PARENT, ROW } from '../../../otlp/request-index.ts'
import { type SpanView, TracesView } from '../../../otlp/traces-view.ts'
import { positionOfText } from '../ring.ts'
import { attributeText, keyText } from './attribute-text.ts'
import type { Locate } from './keys.ts'

/** As pdata names them. */
const KINDS = ['Unspecified', 'Internal', 'Server', 'Client', 'Producer', 'Consumer']

const PSEUDO: ReadonlyMap<string, (span: SpanView) => string> = new Map([
  ['span.kind', span => KINDS[span.kind] ?? ''],
  ['span.name', span => span.name],
])

export function attributesOfSpans(names: readonly string[]): Locate {
  return ({ payload: { bytes }, index }: Part, out) => {
    const view = new TracesView()
    view.reset(bytes, index)
    const spans = index.levels[2]
    let scope = -1
    let above: (string | undefined)[] = []
    let isShared = false
    let shared = 0
    const byTrace = new Map<string, number>()
    for (let item = 0; item < index.items; item++) {
      const parent = spans[item * ROW + PARENT]
      if (parent !== scope) {
        scope = parent
        byTrace.clear()
        view.moveTo(item)
        above = names.map(name => textAbove(view, name))
        isShared = !above.includes(undefined)
        if (isShared) shared = positionOfText(above.join(''))
      }
      if (isShared) {
        out[item] = shared
        continue
      }
      const span = view.moveTo(item)
      const { traceId } = span
      let position = byTrace.get(traceId)
      if (position === undefined) {
        const text = names.map((name, i) => above[i] ?? textOf(span, name)).join('')
        byTrace.set(traceId, (position = positionOfText(text)))
      }
      out[item] = position
    }
  }
}

function textAbove({ resource, scope }: TracesView, name: string): string | undefined {
  return attributeText(resource.attributes, name) ?? attributeText(scope.attributes, name)
}

function textOf(span: SpanView, name: string): string {
  const pseudo = PSEUDO.get(name)
  if (pseudo !== undefined) return keyText(name, pseudo(span))
  return attributeText(span.attributes, name) ?? keyText(name, '')
}
