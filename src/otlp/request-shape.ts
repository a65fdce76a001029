/**
 * What cutting a request into pieces needs to know besides positions: how many items stand before each group, and
 * which bytes of a group are its envelope. Made once for an index and kept as long as the index lives.
 *
 * ```
 * group: [ resource | child | child | schema_url | child | unknown ]
 * gaps :   ^^^^^^^^                   ^^^^^^^^^^           ^^^^^^^
 * ```
 * Rows stand in document order and groups nest, so the children of one group are consecutive rows. A child without
 * any item below it counts as envelope: it goes with its parent wherever the parent goes.
 */
import { END, PARENT, type RequestIndex, ROW, START, TAG } from './request-index.ts'

/** Number of the request itself where a level is asked for. */
export const REQUEST = -1

/** Metrics: the level of gauge, sum, histogram ... in a metric. */
export const DATA_LEVEL = 3

const shapes = new WeakMap<RequestIndex, RequestShape>()

export function shapeOf(index: RequestIndex): RequestShape {
  let shape = shapes.get(index)
  if (shape === undefined) shapes.set(index, (shape = new RequestShape(index)))
  return shape
}

export class RequestShape {
  readonly #levels: readonly Int32Array[]
  /** By level: items before each row, and the number of all items at the end. The item level has none. */
  readonly #before: readonly Int32Array[]
  readonly #gaps = new Map<number, Int32Array>()
  /**
   * Whether some metric carries several data messages. Protobuf merges them, so none of them may vanish alone:
   * the aggregation temporality may stand in one and the points in another.
   */
  readonly hasMergedData: boolean

  constructor(index: RequestIndex) {
    this.#levels = index.levels
    this.#before = countBefore(index)
    this.hasMergedData =
      index.levels.length > DATA_LEVEL + 1 && hasSiblings(index.levels[DATA_LEVEL])
  }

  /** Items before the first item of a row; of a row without items, those before its place. */
  itemsBefore(level: number, row: number): number {
    return level === this.#before.length ? row : this.#before[level][row]
  }

  /** Whether there is any item in a row. */
  hasItems(level: number, row: number): boolean {
    if (level === this.#before.length) return true
    return this.#before[level][row] < this.#before[level][row + 1]
  }

  /** First row of `level` whose parent is `parent` or later. */
  firstChild(level: number, parent: number): number {
    return level === 0 ? 0 : lowerBound(this.#levels[level], PARENT, parent)
  }

  /**
   * The envelope of a group as pairs of start and end: all its bytes that are not children with items. `row` is 0
   * for the request, whose content is `start` to `end` as any group's.
   */
  gaps(level: number, row: number, start: number, end: number): Int32Array {
    const key = (level + 1) * 0x1_0000_0000 + row
    let gaps = this.#gaps.get(key)
    if (gaps === undefined) this.#gaps.set(key, (gaps = this.#findGaps(level, row, start, end)))
    return gaps
  }

  #findGaps(level: number, row: number, start: number, end: number): Int32Array {
    const child = level + 1
    const rows = this.#levels[child]
    const last = level === REQUEST ? rows.length / ROW : this.firstChild(child, row + 1)
    const gaps: number[] = []
    let pos = start
    for (let c = this.firstChild(child, row); c < last; c++) {
      if (!this.hasItems(child, c)) continue
      if (rows[c * ROW + TAG] > pos) gaps.push(pos, rows[c * ROW + TAG])
      pos = rows[c * ROW + END]
    }
    if (end > pos) gaps.push(pos, end)
    return Int32Array.from(gaps)
  }
}

/** First row whose `column` (TAG, START, END or PARENT, which all ascend) is at least `value`. */
export function lowerBound(rows: Int32Array, column: number, value: number): number {
  let low = 0
  let high = rows.length / ROW
  while (low < high) {
    const middle = (low + high) >>> 1
    if (rows[middle * ROW + column] < value) low = middle + 1
    else high = middle
  }
  return low
}

/** Writes to `out`, by level, the rows in which an item stands. */
export function findAncestors(
  levels: readonly Int32Array[],
  item: number,
  out: Int32Array | number[],
): void {
  let row = item
  for (let level = levels.length - 1; level >= 0; level--) {
    out[level] = row
    row = levels[level][row * ROW + PARENT]
  }
}

/** Offset of a row's length prefix: after the tag, whose varint may be longer than it need be. */
export function lengthOffset(bytes: Uint8Array, rows: Int32Array, row: number): number {
  let pos = rows[row * ROW + TAG]
  while (bytes[pos] > 0x7f) pos++
  return Math.min(pos + 1, rows[row * ROW + START])
}

function countBefore(index: RequestIndex): Int32Array[] {
  const { levels } = index
  const before: Int32Array[] = []
  for (let level = levels.length - 2; level >= 0; level--) {
    const children = levels[level + 1]
    const below = before[level + 1]
    const rows = levels[level].length / ROW
    const counts = new Int32Array(rows + 1).fill(-1)
    for (let c = children.length / ROW - 1; c >= 0; c--) {
      counts[children[c * ROW + PARENT]] = below === undefined ? c : below[c]
    }
    counts[rows] = index.items
    for (let row = rows - 1; row >= 0; row--) {
      if (counts[row] === -1) counts[row] = counts[row + 1]
    }
    before[level] = counts
  }
  return before
}

function hasSiblings(rows: Int32Array): boolean {
  for (let o = ROW; o < rows.length; o += ROW) {
    if (rows[o + PARENT] === rows[o - ROW + PARENT]) return true
  }
  return false
}
