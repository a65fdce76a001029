/** Routing data points by attributes of resource, scope or point; each level adds what it knows, as upstream has it. */
import type { Part } from '../../../core/batch.ts'
import { MetricsView } from '../../../otlp/metrics-view.ts'
import { positionOfText } from '../ring.ts'
import { attributeText, keyText, resolve } from './attribute-text.ts'
import type { Locate } from './keys.ts'
import { scopeOfPoint } from './metrics.ts'

export function attributesOfPoints(names: readonly string[]): Locate {
  return ({ payload: { bytes }, index }: Part, out) => {
    const view = new MetricsView()
    view.reset(bytes, index)
    let scope = -1
    let base = ''
    let pending = names
    let shared = 0
    for (let item = 0; item < index.items; item++) {
      const parent = scopeOfPoint(index, item)
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
        const { attributes } = view.moveTo(item)
        const own = pending.map(name => attributeText(attributes, name) ?? keyText(name, ''))
        out[item] = positionOfText(base + own.join(''))
      }
    }
  }
}
