/**
 * Encodes the items of one request by groups, all groups in one go: each becomes the request that `encodeParts` makes of
 * a selection of its items. What it costs grows with the items and the bytes written, not with groups times items.
 *
 * ```
 * items   a b a c b a      order   a a a | b b | c
 * value a = envelope of the request, of each resource and scope that has an a, and the a's, all in document order
 * ```
 */
import type { EncodePart } from './encode-part.ts'
import { indexRequest } from './kernel/kernel.ts'
import { groupSize } from './part-sizes.ts'
import { END, isWireFault, PARENT, type RequestIndex, ROW, START, TAG } from './request-index.ts'
import { lengthOffset, REQUEST, shapeOf } from './request-shape.ts'
import { Selection } from './selection.ts'
import type { Signal } from './signal.ts'
import { copyBytes, writeVarint } from './wire-writer.ts'

/** Signals whose groups are resources and scopes. */
const DEPTH = 3
/** Envelopes stand in every value. Where they make all values together so much longer, they are not made at once. */
const MAX_GROWTH = 8

/**
 * One part for each group. `groups` says by item which group it belongs to, from 0 to before `count`, -1 = none; no group
 * may be empty. The part has no edits, and its selection is not looked at.
 */
export function divide(part: EncodePart, groups: Int32Array, count: number): EncodePart[] {
  const { index, payload } = part
  const starts = new Int32Array(count + 1)
  const order = sortByGroup(index.items, groups, starts)
  if (index.levels.length === DEPTH) {
    const divider = new Divider(payload.bytes, index, order)
    const values = divider.write(starts)
    if (values !== null) return values.map((bytes, i) => partOf(index, bytes, starts, i))
  }
  return Array.from({ length: count }, (_, group) => selectionOf(part, order, starts, group))
}

/** The items of each group stand in document order, from `starts[group]` on. */
function sortByGroup(items: number, groups: Int32Array, starts: Int32Array): Int32Array {
  const count = starts.length - 1
  for (let item = 0; item < items; item++) if (groups[item] >= 0) starts[groups[item] + 1]++
  for (let group = 0; group < count; group++) starts[group + 1] += starts[group]
  const order = new Int32Array(starts[count])
  const next = starts.slice()
  for (let item = 0; item < items; item++) if (groups[item] >= 0) order[next[groups[item]]++] = item
  return order
}

function partOf(
  { signal }: RequestIndex,
  bytes: Uint8Array,
  starts: Int32Array,
  group: number,
): EncodePart {
  const items = starts[group + 1] - starts[group]
  const index = new LateIndex(signal, bytes, items)
  return { payload: { bytes }, index, selection: null, edits: null, items }
}

function selectionOf(
  part: EncodePart,
  order: Int32Array,
  starts: Int32Array,
  group: number,
): EncodePart {
  const selection = Selection.none(part.index.items)
  for (let i = starts[group]; i < starts[group + 1]; i++) selection.set(order[i])
  return { ...part, selection, items: selection.count }
}

/** Most values are sent as they are, so that nobody asks where what stands in them. */
class LateIndex implements RequestIndex {
  readonly signal: Signal
  readonly items: number
  readonly #bytes: Uint8Array
  #levels: readonly Int32Array[] | null = null

  constructor(signal: Signal, bytes: Uint8Array, items: number) {
    this.signal = signal
    this.#bytes = bytes
    this.items = items
  }

  get levels(): readonly Int32Array[] {
    if (this.#levels !== null) return this.#levels
    const index = indexRequest(this.signal, this.#bytes)
    if (isWireFault(index)) throw new Error('dividing made a request that is not valid')
    return (this.#levels = index.levels)
  }
}

class Divider {
  readonly #bytes: Uint8Array
  readonly #order: Int32Array
  readonly #resources: Int32Array
  readonly #scopes: Int32Array
  readonly #items: Int32Array
  readonly #requestGaps: Int32Array
  readonly #resourceGaps: readonly Int32Array[]
  readonly #scopeGaps: readonly Int32Array[]
  /** Content of each resource and scope that is written, in the order in which they are. */
  readonly #contents: Int32Array
  #content = 0
  #out: Uint8Array = new Uint8Array(0)
  #pos = 0
  /** Stretch of the payload that is to be copied next. */
  #from = 0
  #to = 0

  constructor(bytes: Uint8Array, index: RequestIndex, order: Int32Array) {
    const [resources, scopes, items] = index.levels
    const shape = shapeOf(index)
    const gapsOf = (level: number, rows: Int32Array): Int32Array[] =>
      Array.from({ length: rows.length / ROW }, (_, row) =>
        shape.gaps(level, row, rows[row * ROW + START], rows[row * ROW + END]),
      )
    this.#bytes = bytes
    this.#order = order
    this.#resources = resources
    this.#scopes = scopes
    this.#items = items
    this.#requestGaps = shape.gaps(REQUEST, 0, 0, bytes.length)
    this.#resourceGaps = gapsOf(0, resources)
    this.#scopeGaps = gapsOf(1, scopes)
    this.#contents = new Int32Array(2 * order.length)
  }

  /** By group; null when they would be too long. */
  write(starts: Int32Array): Uint8Array[] | null {
    const count = starts.length - 1
    const ends = new Int32Array(count)
    let size = 0
    for (let group = 0; group < count; group++) {
      size += this.#measure(starts[group], starts[group + 1])
      if (size > MAX_GROWTH * this.#bytes.length) return null
      ends[group] = size
    }
    const out = Buffer.allocUnsafeSlow(size)
    this.#out = out
    this.#content = 0
    return Array.from(ends, (end, group) => {
      const start = this.#pos
      this.#request(starts[group], starts[group + 1])
      if (this.#pos !== end) throw new Error(`divided to ${this.#pos} bytes instead of ${end}`)
      return new Uint8Array(out.buffer, start, end - start)
    })
  }

  // hot: bench/micro/kafka.ts
  /** Bytes of a group whose items are those of `order` from `i` to before `to`. */
  #measure(i: number, to: number): number {
    const order = this.#order
    const items = this.#items
    const scopes = this.#scopes
    let size = sizeOfGaps(this.#requestGaps)
    while (i < to) {
      const resource = scopes[items[order[i] * ROW + PARENT] * ROW + PARENT]
      const place = this.#content++
      let content = sizeOfGaps(this.#resourceGaps[resource])
      while (i < to) {
        const scope = items[order[i] * ROW + PARENT]
        if (scopes[scope * ROW + PARENT] !== resource) break
        let inner = sizeOfGaps(this.#scopeGaps[scope])
        for (; i < to && items[order[i] * ROW + PARENT] === scope; i++) {
          inner += items[order[i] * ROW + END] - items[order[i] * ROW + TAG]
        }
        this.#contents[this.#content++] = inner
        content += groupSize(this.#bytes, scopes, scope, inner)
      }
      this.#contents[place] = content
      size += groupSize(this.#bytes, this.#resources, resource, content)
    }
    return size
  }

  #request(i: number, to: number): void {
    const gaps = this.#requestGaps
    let gap = 0
    while (i < to) {
      const scope = this.#items[this.#order[i] * ROW + PARENT]
      const resource = this.#scopes[scope * ROW + PARENT]
      gap = this.#gaps(gaps, gap, this.#resources[resource * ROW + TAG])
      i = this.#resource(resource, i, to)
    }
    this.#gaps(gaps, gap, this.#bytes.length)
    this.#flush()
  }

  #resource(resource: number, i: number, to: number): number {
    const order = this.#order
    const scopes = this.#scopes
    const gaps = this.#resourceGaps[resource]
    let gap = 0
    this.#open(this.#resources, resource)
    while (i < to) {
      const scope = this.#items[order[i] * ROW + PARENT]
      if (scopes[scope * ROW + PARENT] !== resource) break
      gap = this.#gaps(gaps, gap, scopes[scope * ROW + TAG])
      i = this.#scope(scope, i, to)
    }
    this.#gaps(gaps, gap, this.#resources[resource * ROW + END])
    return i
  }

  // hot: bench/micro/kafka.ts
  #scope(scope: number, i: number, to: number): number {
    const order = this.#order
    const items = this.#items
    const gaps = this.#scopeGaps[scope]
    let gap = 0
    this.#open(this.#scopes, scope)
    for (; i < to; i++) {
      const row = order[i] * ROW
      if (items[row + PARENT] !== scope) break
      gap = this.#gaps(gaps, gap, items[row + TAG])
      this.#copy(items[row + TAG], items[row + END])
    }
    this.#gaps(gaps, gap, this.#scopes[scope * ROW + END])
    return i
  }

  /** Copies the stretches of an envelope that begin before `limit`; returns the number of the next. */
  #gaps(gaps: Int32Array, gap: number, limit: number): number {
    for (; gap < gaps.length && gaps[gap] < limit; gap += 2) this.#copy(gaps[gap], gaps[gap + 1])
    return gap
  }

  /** As in the layout, an unchanged length keeps the sender's prefix. */
  #open(rows: Int32Array, row: number): void {
    const at = row * ROW
    const content = this.#contents[this.#content++]
    if (content === rows[at + END] - rows[at + START]) this.#copy(rows[at + TAG], rows[at + START])
    else {
      this.#copy(rows[at + TAG], lengthOffset(this.#bytes, rows, row))
      this.#flush()
      this.#pos = writeVarint(this.#out, this.#pos, content)
    }
  }

  /** Neighbours are copied at once. */
  #copy(from: number, to: number): void {
    if (from !== this.#to) {
      this.#flush()
      this.#from = from
    }
    this.#to = to
  }

  #flush(): void {
    this.#pos = copyBytes(this.#out, this.#pos, this.#bytes, this.#from, this.#to)
    this.#from = this.#to
  }
}

function sizeOfGaps(gaps: Int32Array): number {
  let size = 0
  for (let i = 0; i < gaps.length; i += 2) size += gaps[i + 1] - gaps[i]
  return size
}
