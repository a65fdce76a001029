/**
 * Cuts parts into pieces that keep a destination's limits, at item borders. A piece is the same payloads with
 * narrower selections; nothing is copied or encoded here. The envelope of a group (resource, scope, metric name, own
 * splices, groups without items) goes with every piece that has one of its items.
 */
import { encodedPartSize } from './encode.ts'
import type { EncodePart } from './encode-part.ts'
import { PartSizes } from './part-sizes.ts'
import { Selection } from './selection.ts'

/** 0 or absent = no limit. */
export interface SplitLimits {
  readonly maxItems?: number
  /** Of the encoded piece. */
  readonly maxBytes?: number
}

export interface SplitResult<P> {
  /** In order; each keeps the limits. A part may occur in several, so its payload needs an owner for each. */
  readonly pieces: P[][]
  /** Each with one item that alone is over `maxBytes`, or with an envelope without items that is. */
  readonly oversize: P[]
}

export function splitParts<P extends EncodePart>(
  parts: readonly P[],
  limits: SplitLimits,
): SplitResult<P> {
  const maxItems = limits.maxItems || Number.POSITIVE_INFINITY
  const maxBytes = limits.maxBytes || Number.POSITIVE_INFINITY
  if (parts.length === 0) return { pieces: [], oversize: [] }
  if (fits(parts, maxItems, maxBytes)) return { pieces: [parts as P[]], oversize: [] }
  const packer = new Packer<P>(maxItems, maxBytes)
  for (const part of parts) packer.add(part)
  return packer.finish()
}

function fits(parts: readonly EncodePart[], maxItems: number, maxBytes: number): boolean {
  let items = 0
  let bytes = 0
  for (let i = 0; i < parts.length; i++) {
    const part = parts[i]
    items += part.items
    if (items > maxItems) return false
    if (maxBytes === Number.POSITIVE_INFINITY) continue
    // Leaving items out never makes a part longer, so its payload is a bound that costs nothing to know.
    const edited = part.edits !== null && part.edits.size > 0
    bytes += edited ? encodedPartSize(part) : part.payload.bytes.length
  }
  if (bytes <= maxBytes) return true
  bytes = 0
  for (let i = 0; i < parts.length && bytes <= maxBytes; i++) bytes += encodedPartSize(parts[i])
  return bytes <= maxBytes
}

/** Fills one piece after another. */
class Packer<P extends EncodePart> {
  readonly #maxItems: number
  readonly #maxBytes: number
  readonly #pieces: P[][] = []
  readonly #oversize: P[] = []
  #piece: P[] = []
  #items = 0
  #bytes = 0

  constructor(maxItems: number, maxBytes: number) {
    this.#maxItems = maxItems
    this.#maxBytes = maxBytes
  }

  add(part: P): void {
    const size = this.#sizeOf(part)
    // A part that keeps the byte limit by itself is not cut for it: whole parts can leave without copy.
    if (this.#bytes + size > this.#maxBytes && size <= this.#maxBytes) this.#close()
    if (this.#items + part.items <= this.#maxItems && this.#bytes + size <= this.#maxBytes) {
      this.#put(part, size)
    } else if (part.items === 0) this.#oversize.push(part)
    else if (size <= this.#maxBytes) this.#cutByItems(part)
    else this.#cutByBytes(part)
  }

  finish(): SplitResult<P> {
    this.#close()
    return { pieces: this.#pieces, oversize: this.#oversize }
  }

  #sizeOf(part: P): number {
    return this.#maxBytes === Number.POSITIVE_INFINITY ? 0 : encodedPartSize(part)
  }

  #put(part: P, size: number): void {
    this.#piece.push(part)
    this.#items += part.items
    this.#bytes += size
  }

  #close(): void {
    if (this.#piece.length > 0) this.#pieces.push(this.#piece)
    this.#piece = []
    this.#items = 0
    this.#bytes = 0
  }

  /** The part fits as for bytes; any stretch of it does so too. */
  #cutByItems(part: P): void {
    const { selection, index } = part
    let rest = part.items
    for (let from = 0; rest > 0; ) {
      if (this.#items === this.#maxItems) this.#close()
      const items = Math.min(rest, this.#maxItems - this.#items)
      let to = from + items
      if (items === rest) to = index.items
      else if (selection !== null) to = findNth(selection, from, items)
      const stretch = restrict(part, from, to)
      this.#put(stretch, this.#sizeOf(stretch))
      from = to
      rest -= items
    }
  }

  /** Item by item. One that is over the limit alone is left out of its piece, which goes on after it. */
  #cutByBytes(part: P): void {
    const { selection, index } = part
    const sizes = new PartSizes(part)
    const tooLong: number[] = []
    let from = 0
    let items = 0
    let size = 0
    for (let item = 0; item < index.items; item++) {
      if (selection !== null && !selection.has(item)) continue
      let grown = sizes.sizeWith(item)
      if (this.#bytes + grown > this.#maxBytes || this.#items + items === this.#maxItems) {
        if (sizes.sizeAlone(item) > this.#maxBytes) {
          this.#oversize.push(restrict(part, item, item + 1))
          tooLong.push(item)
          continue
        }
        if (items > 0) this.#put(restrict(part, from, item, tooLong), size)
        this.#close()
        sizes.restart()
        tooLong.length = 0
        from = item
        items = 0
        grown = sizes.sizeWith(item)
      }
      sizes.take()
      items++
      size = grown
    }
    if (items > 0) this.#put(restrict(part, from, index.items, tooLong), size)
  }
}

/** The part with its items from `from` to before `to` only, without `except`. */
function restrict<P extends EncodePart>(
  part: P,
  from: number,
  to: number,
  except: readonly number[] = [],
): P {
  const { index } = part
  const selection =
    part.selection === null
      ? Selection.range(index.items, from, to)
      : part.selection.slice(from, to)
  for (const item of except) selection.clear(item)
  if (selection.count === part.items) return part
  return { ...part, selection, items: selection.count }
}

/** The item after the `count`th selected one from `from` on. */
function findNth(selection: Selection, from: number, count: number): number {
  let item = Math.max(from, selection.from)
  for (; count > 0; item++) if (selection.has(item)) count--
  return item
}
