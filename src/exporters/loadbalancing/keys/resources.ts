/** Routing by what the resource says: the service's name, or all attributes together. */
import type { Part } from '../../../core/batch.ts'
import { END, PARENT, ROW, START } from '../../../otlp/request-index.ts'
import { ResourceView } from '../../../otlp/request-view.ts'
import { positionOfText } from '../ring.ts'
import { resourceIdentity } from './identity.ts'

/** What has no name goes together, where upstream drops metrics. Values that are not text count as none, as upstream. */
export function servicesOf(part: Part, out: Int32Array): void {
  byResource(part, out, resource => {
    const name = resource.attributes.get('service.name')
    return positionOfText(typeof name === 'string' ? name : '')
  })
}

export function resourcesById(part: Part, out: Int32Array): void {
  byResource(part, out, resource =>
    positionOfText(resourceIdentity(resource.attributes, part.payload.bytes)),
  )
}

function byResource(
  { payload: { bytes }, index }: Part,
  out: Int32Array,
  locate: (resource: ResourceView) => number,
): void {
  const { levels, items } = index
  const view = new ResourceView()
  const rows = levels[0]
  const positions = new Int32Array(rows.length / ROW).fill(-1)
  const last = levels.length - 1
  for (let item = 0; item < items; item++) {
    let row = item
    for (let level = last; level > 0; level--) row = levels[level][row * ROW + PARENT]
    if (positions[row] < 0) {
      view.reset(bytes, rows[row * ROW + START], rows[row * ROW + END])
      positions[row] = locate(view)
    }
    out[item] = positions[row]
  }
}
