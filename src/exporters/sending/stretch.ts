/** A run of the items of several parts, counted over all of them: what one message was made of. */
import type { EncodePart } from '../../otlp/encode-part.ts'
import { Selection } from '../../otlp/selection.ts'

/** The items from `from` to before `to`; whole parts as they are. */
export function stretch<P extends EncodePart>(parts: readonly P[], from: number, to: number): P[] {
  const found: P[] = []
  let start = 0
  for (const part of parts) {
    const first = Math.max(from - start, 0)
    const last = Math.min(to - start, part.items)
    if (first < last) found.push(last - first === part.items ? part : narrow(part, first, last))
    start += part.items
  }
  return found
}

/** From the item that is number `first` of those that are in, to before number `last`. */
function narrow<P extends EncodePart>(part: P, first: number, last: number): P {
  const { index, selection } = part
  const items = last - first
  if (selection === null) {
    return { ...part, selection: Selection.range(index.items, first, last), items }
  }
  let item = selection.from
  for (let passed = 0; ; item++) if (selection.has(item) && passed++ === first) break
  const from = item
  for (let left = items; left > 0; item++) if (selection.has(item)) left--
  return { ...part, selection: selection.slice(from, item), items }
}
