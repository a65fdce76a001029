/**
 * Changes to a request as a list of splices: cut this range of the payload, put these bytes. The bytes are laid
 * out once, when the batch is encoded; the length prefixes of all groups around a splice are made anew there.
 *
 * A splice covers whole fields (tag, length and content) that stand directly in one indexed message: to change an
 * attribute's value, cut the whole KeyValue field of the span and put a new one. A resource is no indexed message:
 * cut the whole resource field of its group.
 *
 * A splice may also cut a whole group that has no items; the groups around it vanish with it when nothing else is left.
 *
 * An insertion at an offset where groups end goes into the innermost of them (appends to the span); one into the
 * group around it stands at that group's content start or between its own fields.
 *
 * ```
 * words: [ cut from, cut to, source, put from, put to ] a splice; the put bytes are those of `sources[source]`
 * ```
 */

import { copyBytes } from './wire-writer.ts'

/** Words of a splice, and what stands in them; a cut that ends where it starts is an insertion. */
export const SPLICE = 5
export const CUT_FROM = 0
export const CUT_TO = 1
export const SOURCE = 2
export const PUT_FROM = 3
export const PUT_TO = 4

/** Editors put from the same few buffers; further back than this a buffer is not looked for. */
const LOOK_BACK = 4

const FIRST_ROOM = 16 * SPLICE
const NO_WORDS = new Int32Array(0)

export class Edits {
  /** Number of splices. */
  size = 0
  /** Of the splices; by the start of what they cut once `sort` was called. */
  words: Int32Array = NO_WORDS
  readonly sources: Uint8Array[] = []
  #sorted = true
  readonly #room: number

  /** `expected`: how many splices there will be, about. */
  constructor(expected = 0) {
    this.#room = Math.max(FIRST_ROOM, expected * SPLICE)
  }

  /** Splices must not overlap; insertions at one offset keep the order in which they were added. */
  add(start: number, end: number, bytes: Uint8Array, from = 0, to = bytes.length): void {
    const at = this.size++ * SPLICE
    if (at === this.words.length) this.#grow()
    const { words } = this
    if (at > 0 && start < words[at - SPLICE + CUT_TO]) this.#sorted = false
    words[at + CUT_FROM] = start
    words[at + CUT_TO] = end
    words[at + SOURCE] = this.#sourceOf(bytes)
    words[at + PUT_FROM] = from
    words[at + PUT_TO] = to
  }

  /** Brings the splices in order. Throws when two of them overlap: that is a fault of the editor, not of the data. */
  sort(): void {
    if (this.#sorted) return
    const { words, size } = this
    const order = Int32Array.from({ length: size }, (_, i) => i * SPLICE)
    order.sort((a, b) => words[a] - words[b] || words[a + CUT_TO] - words[b + CUT_TO] || a - b)
    const sorted = new Int32Array(size * SPLICE)
    for (let i = 0; i < size; i++) {
      const from = order[i]
      if (i > 0 && words[from] < words[order[i - 1] + CUT_TO]) throw new Error('splices overlap')
      for (let w = 0; w < SPLICE; w++) sorted[i * SPLICE + w] = words[from + w]
    }
    this.words = sorted
    this.#sorted = true
  }

  /** These and others, which do not overlap with them, in order; without those that were cancelled. */
  merged(others: Edits): Edits {
    this.sort()
    others.sort()
    const all = new Edits(this.size + others.size)
    let o = 0
    for (let i = 0; i <= this.size; i++) {
      const start = i < this.size ? this.words[i * SPLICE] : Number.POSITIVE_INFINITY
      for (; o < others.size && others.words[o * SPLICE + CUT_TO] <= start; o++) {
        all.#addOf(others, o)
      }
      if (i < this.size) all.#addOf(this, i)
    }
    return all
  }

  /** The first splice that cuts at `offset` or later; `size` when there is none. In order only. */
  firstFrom(offset: number): number {
    let low = 0
    let high = this.size
    while (low < high) {
      const middle = (low + high) >>> 1
      if (this.words[middle * SPLICE] < offset) low = middle + 1
      else high = middle
    }
    return low
  }

  /** By how many bytes the splices from `first` on that end by `end` make the payload longer. */
  growth(first: number, end: number): number {
    const { words } = this
    let growth = 0
    for (
      let at = first * SPLICE;
      at < this.size * SPLICE && words[at + CUT_TO] <= end;
      at += SPLICE
    ) {
      growth += words[at + PUT_TO] - words[at + PUT_FROM] - words[at + CUT_TO] + words[at]
    }
    return growth
  }

  /** Writes the payload from `start` to `end` with the splices in it, of which `first` is the first. */
  apply(
    first: number,
    bytes: Uint8Array,
    start: number,
    end: number,
    out: Uint8Array,
    pos: number,
  ): number {
    const { words, sources } = this
    let from = start
    for (
      let at = first * SPLICE;
      at < this.size * SPLICE && words[at + CUT_TO] <= end;
      at += SPLICE
    ) {
      pos = copyBytes(out, pos, bytes, from, words[at])
      pos = copyBytes(
        out,
        pos,
        sources[words[at + SOURCE]],
        words[at + PUT_FROM],
        words[at + PUT_TO],
      )
      from = words[at + CUT_TO]
    }
    return copyBytes(out, pos, bytes, from, end)
  }

  /** The splices from `first` on that end by `end` do nothing any more. */
  cancel(first: number, start: number, end: number): void {
    const { words } = this
    for (
      let at = first * SPLICE;
      at < this.size * SPLICE && words[at + CUT_TO] <= end;
      at += SPLICE
    ) {
      words[at] = words[at + CUT_TO] = start
      words[at + PUT_TO] = words[at + PUT_FROM]
    }
  }

  #addOf({ words, sources }: Edits, splice: number): void {
    const at = splice * SPLICE
    const bytes = sources[words[at + SOURCE]]
    if (words[at] === words[at + CUT_TO] && words[at + PUT_FROM] === words[at + PUT_TO]) return
    this.add(
      words[at + CUT_FROM],
      words[at + CUT_TO],
      bytes,
      words[at + PUT_FROM],
      words[at + PUT_TO],
    )
  }

  #sourceOf(bytes: Uint8Array): number {
    const { sources } = this
    const first = Math.max(0, sources.length - LOOK_BACK)
    for (let i = sources.length - 1; i >= first; i--) if (sources[i] === bytes) return i
    return sources.push(bytes) - 1
  }

  #grow(): void {
    const grown = new Int32Array(Math.max(this.#room, this.words.length * 2))
    grown.set(this.words)
    this.words = grown
  }
}
