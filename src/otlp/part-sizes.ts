/**
 * Exact sizes of what a part encodes to, grown item by item: how large would the piece be with this item too? The
 * answer costs a step for each level that the item stands in, so packing is linear in the items.
 *
 * ```
 * content of a group = envelope + its children that are closed + the child that is open
 * ```
 */
import type { EncodePart } from './encode-part.ts'
import { END, PARENT, ROW, START, TAG } from './request-index.ts'
import { findAncestors, lengthOffset, lowerBound, shapeOf } from './request-shape.ts'
import { CUT_FROM, CUT_TO, type Edits, PUT_FROM, PUT_TO, SPLICE } from './splice.ts'
import { varintSize } from './wire-writer.ts'

export class PartSizes {
  readonly #bytes: Uint8Array
  readonly #levels: readonly Int32Array[]
  readonly #last: number
  /** By level: content of each row without its children that have items, with its own splices. */
  readonly #envelopes: readonly Int32Array[]
  /** By level: what a row adds to its parent when none of its items is in; only merged data messages of metrics. */
  readonly #vacant: Int32Array | null
  readonly #requestEnvelope: number
  /** The piece so far: by level, the open row (-1 = none), and its content without its open child. */
  readonly #open: number[]
  readonly #content: number[]
  #requestContent = 0
  /** What `sizeWith` found, for `take`. */
  readonly #row: number[]
  readonly #next: number[]
  #nextRequest = 0

  constructor(part: EncodePart) {
    this.#bytes = part.payload.bytes
    this.#levels = part.index.levels
    this.#last = part.index.levels.length - 1
    const shape = shapeOf(part.index)
    const changes = placeSplices(this.#bytes.length, part)
    this.#envelopes = this.#levels.map(rows => new Int32Array(rows.length / ROW))
    this.#vacant = shape.hasMergedData
      ? new Int32Array(this.#envelopes[this.#last - 1].length)
      : null
    this.#requestEnvelope = this.#measure(part, changes)
    const depth = this.#levels.length
    this.#open = new Array<number>(depth).fill(-1)
    this.#content = new Array<number>(depth).fill(0)
    this.#row = new Array<number>(depth).fill(-1)
    this.#next = new Array<number>(depth).fill(0)
    this.restart()
  }

  /** Begins an empty piece. */
  restart(): void {
    this.#open.fill(-1)
    this.#requestContent = this.#requestEnvelope
  }

  // hot: bench/micro/split.ts
  /** Bytes of the piece with one more item, which stands after all that are in it. */
  sizeWith(item: number): number {
    findAncestors(this.#levels, item, this.#row)
    return this.#grow(item, this.#open, this.#requestContent)
  }

  /** Bytes of a piece with nothing but this item. */
  sizeAlone(item: number): number {
    findAncestors(this.#levels, item, this.#row)
    return this.#grow(item, NOTHING_OPEN, this.#requestEnvelope)
  }

  /** Puts the item of the last `sizeWith` into the piece. */
  take(): void {
    for (let level = 0; level < this.#last; level++) {
      this.#open[level] = this.#row[level]
      this.#content[level] = this.#next[level]
    }
    this.#requestContent = this.#nextRequest
  }

  /** From the item upwards. A group that was open stays so; otherwise the old one is closed into their parent. */
  #grow(item: number, open: readonly number[], request: number): number {
    const row = this.#row
    let fork = 0
    while (fork < this.#last && open[fork] === row[fork]) fork++
    let added = 0
    for (let level = this.#last - 1; level >= 0; level--) {
      let content = level < fork ? this.#content[level] : this.#envelopes[level][row[level]]
      if (level === fork - 1) content += this.#openTotal(level + 1, open)
      if (level === this.#last - 1) content += this.#envelopes[this.#last][item]
      this.#next[level] = content
      added = this.#total(level, row[level], content + added)
    }
    if (fork === 0) request += this.#openTotal(0, open)
    this.#nextRequest = request
    return request + added
  }

  /** What the open group of a level adds to its parent, with all that is open inside it. */
  #openTotal(level: number, open: readonly number[]): number {
    if (level >= this.#last || open[level] === -1) return 0
    let added = 0
    for (let l = this.#last - 1; l >= level; l--) {
      added = this.#total(l, open[l], this.#content[l] + added)
    }
    return added
  }

  #total(level: number, row: number, content: number): number {
    const size = groupSize(this.#bytes, this.#levels[level], row, content)
    return this.#vacant !== null && level === this.#last - 1 ? size - this.#vacant[row] : size
  }

  /** Fills the envelopes from the items up and returns that of the request. */
  #measure(part: EncodePart, changes: Changes): number {
    const shape = shapeOf(part.index)
    let request = this.#bytes.length + changes.request
    for (let level = this.#last; level >= 0; level--) {
      const rows = this.#levels[level]
      const own = this.#envelopes[level]
      const above = level === 0 ? null : this.#envelopes[level - 1]
      for (let row = 0; row < own.length; row++) {
        const o = row * ROW
        const content = own[row] + rows[o + END] - rows[o + START] + changes.in(level, row)
        const full = rows[o + END] - rows[o + TAG]
        let kept = 0
        if (level === this.#last) own[row] = groupSize(this.#bytes, rows, row, content)
        else {
          own[row] = content
          if (!shape.hasItems(level, row)) kept = groupSize(this.#bytes, rows, row, content)
          else if (this.#vacant !== null && level === this.#last - 1) {
            kept = groupSize(this.#bytes, rows, row, content)
            this.#vacant[row] = kept
          }
        }
        if (above === null) request += kept - full
        else above[rows[o + PARENT]] += kept - full
      }
    }
    return request
  }
}

const NOTHING_OPEN: readonly number[] = [-1, -1, -1, -1, -1]

/** Tag, length prefix and content. As in the layout, an unchanged length keeps the sender's prefix. */
export function groupSize(
  bytes: Uint8Array,
  rows: Int32Array,
  row: number,
  content: number,
): number {
  const o = row * ROW
  if (content === rows[o + END] - rows[o + START]) return rows[o + END] - rows[o + TAG]
  return lengthOffset(bytes, rows, row) - rows[o + TAG] + varintSize(content) + content
}

/** By how much the splices of a part change the content of the groups that hold them. */
class Changes {
  request = 0
  readonly #levels: (Int32Array | null)[]

  constructor(levels: readonly Int32Array[]) {
    this.#levels = levels.map(() => null)
  }

  in(level: number, row: number): number {
    const changes = this.#levels[level]
    return changes === null ? 0 : changes[row]
  }

  add(level: number, row: number, rows: number, change: number): void {
    let changes = this.#levels[level]
    if (changes === null) this.#levels[level] = changes = new Int32Array(rows)
    changes[row] += change
  }
}

/** Finds the innermost group of each splice; an insertion where groups end stands in the innermost of them. */
function placeSplices(length: number, part: EncodePart): Changes {
  const { levels } = part.index
  const changes = new Changes(levels)
  if (part.edits !== null) placeAll(length, levels, part.edits, changes)
  return changes
}

function placeAll(
  length: number,
  levels: readonly Int32Array[],
  { words, size }: Edits,
  changes: Changes,
): void {
  for (let at = 0; at < size * SPLICE; at += SPLICE) {
    const start = words[at + CUT_FROM]
    const end = words[at + CUT_TO]
    if (end > length) throw new Error('a splice ends after the payload')
    const change = words[at + PUT_TO] - words[at + PUT_FROM] - (end - start)
    let level = levels.length - 1
    for (; level >= 0; level--) {
      const rows = levels[level]
      const row = lowerBound(rows, END, end)
      if (row * ROW >= rows.length || rows[row * ROW + START] > start) continue
      changes.add(level, row, rows.length / ROW, change)
      break
    }
    if (level < 0) changes.request += change
  }
}
