/** Lays out a part's edits and selection into bytes of its own, so that another pass of rules can begin on it. */
import type { Part } from '../../core/batch.ts'
import { Payload } from '../../core/payload.ts'
import { encodeParts, flatten } from '../../otlp/encode.ts'
import { isUntouched } from '../../otlp/encode-part.ts'
import { indexRequest } from '../../otlp/kernel/kernel.ts'
import { isWireFault } from '../../otlp/request-index.ts'

/** The part itself when it carries no edits. Otherwise a new payload; the caller still owns the old one. */
export function materialise(part: Part): Part {
  if (isUntouched(part) || part.edits === null || part.edits.size === 0) return part
  const bytes = flatten(encodeParts([part]))
  const index = indexRequest(part.index.signal, bytes)
  if (isWireFault(index)) throw new Error(`rules made a request that is not valid: ${index.fault}`)
  const payload = new Payload(bytes)
  const made = { payload, index, selection: null, edits: null, items: index.items }
  return part.importance === undefined
    ? made
    : { ...made, importance: importanceOf(part, part.importance) }
}

/** Of the items that are still in, close together as they are in the new payload. */
function importanceOf({ selection, items }: Part, importance: Int16Array): Int16Array {
  if (selection === null) return importance
  const kept = new Int16Array(items)
  for (let item = 0, to = 0; item < importance.length; item++) {
    if (selection.has(item)) kept[to++] = importance[item]
  }
  return kept
}
