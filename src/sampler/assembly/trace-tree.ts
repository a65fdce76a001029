/**
 * Turns the held rows of one trace into what scoring looks at: parents by their place, times since the first start. Whatever
 * senders do, the parents make a forest: spans in a circle lose the parent of the first of them.
 */
import { SPAN_ORPHAN, type TraceSpans } from '../trace-spans.ts'
import { mix, SEED } from './hash.ts'
import type { Operations } from './operations.ts'
import * as C from './row.ts'
import type { Slabs } from './slabs.ts'

const FIRST_ROOM = 256
const NANOS_PER_MICRO = 1000
/** Room that a giant trace needed is given up after so many small ones. */
const KEPT_ROOM = 65_536

/** Rows are those of `TraceSpans`. Spans whose id occurred before in the trace are left out. */
export interface AssembledSpans extends TraceSpans {
  /** Span row, for `slab`, `spanStart`, `spanEnd`. */
  readonly row: Int32Array
  /** Spans that were left out because another has their id. */
  readonly duplicates: number
}

/** One instance serves trace after trace. */
export class TraceTree implements AssembledSpans {
  count = 0
  duplicates = 0
  operation!: Int32Array
  service!: Int32Array
  parent!: Int32Array
  start!: Float64Array
  duration!: Float64Array
  flags!: Uint8Array
  row!: Int32Array
  readonly #slabs: Slabs
  readonly #operations: Operations
  /** Span ids: low and high word a row. */
  #ids!: Int32Array
  #parents!: Int32Array
  /** Place + 1 by hash of the span id. */
  #places!: Int32Array
  /** While looking for circles: the place from which this one was reached + 1. */
  #seen!: Int32Array

  constructor(slabs: Slabs, operations: Operations) {
    this.#slabs = slabs
    this.#operations = operations
    this.#makeRoom(FIRST_ROOM)
  }

  /** `startLow` and `startHigh`: the trace's earliest start. */
  fill(firstRow: number, spans: number, startLow: number, startHigh: number): void {
    const isGiantOver = this.row.length > KEPT_ROOM && spans < KEPT_ROOM >>> 2
    if (spans > this.row.length || isGiantOver) this.#makeRoom(Math.max(spans, FIRST_ROOM))
    const mask = this.#clearPlaces(spans)
    this.count = this.duplicates = 0
    for (let row = firstRow; row >= 0; ) {
      const slab = this.#slabs.of(row)
      const { words } = slab
      const at = slab.at(row)
      if (this.#place(words[at + C.SPAN_LOW], words[at + C.SPAN_HIGH], mask)) {
        const i = this.count++
        this.row[i] = row
        this.operation[i] = words[at + C.OPERATION]
        this.flags[i] = words[at + C.BITS] & C.SPAN_FLAGS
        this.#parents[i * 2] = words[at + C.PARENT_LOW]
        this.#parents[i * 2 + 1] = words[at + C.PARENT_HIGH]
        const high = (words[at + C.START_HIGH] >>> 0) - (startHigh >>> 0)
        const low = (words[at + C.START_LOW] >>> 0) - (startLow >>> 0)
        this.start[i] = (high * 0x1_0000_0000 + low) / NANOS_PER_MICRO
        this.duration[i] =
          C.toDouble(words[at + C.DURATION_LOW], words[at + C.DURATION_HIGH]) / NANOS_PER_MICRO
      } else this.duplicates++
      row = words[at + C.NEXT]
    }
    this.#link(mask)
    this.#breakCircles()
  }

  #link(mask: number): void {
    for (let i = 0; i < this.count; i++) {
      this.service[i] = this.#operations.serviceOf(this.operation[i])
      const low = this.#parents[i * 2]
      const high = this.#parents[i * 2 + 1]
      this.parent[i] = (low | high) === 0 ? -1 : this.#find(low, high, mask)
      if (this.parent[i] < 0 && (low | high) !== 0) this.flags[i] |= SPAN_ORPHAN
    }
  }

  /** Whether the next place is taken; not when the id is known. Spans without id are all different. */
  #place(low: number, high: number, mask: number): boolean {
    const i = this.count
    if ((low | high) !== 0) {
      const places = this.#places
      let p = hashId(low, high) & mask
      for (; places[p] !== 0; p = (p + 1) & mask) {
        const other = (places[p] - 1) * 2
        if (this.#ids[other] === low && this.#ids[other + 1] === high) return false
      }
      places[p] = i + 1
    }
    this.#ids[i * 2] = low
    this.#ids[i * 2 + 1] = high
    return true
  }

  #find(low: number, high: number, mask: number): number {
    const places = this.#places
    for (let p = hashId(low, high) & mask; places[p] !== 0; p = (p + 1) & mask) {
      const other = (places[p] - 1) * 2
      if (this.#ids[other] === low && this.#ids[other + 1] === high) return places[p] - 1
    }
    return -1
  }

  /** Every span is walked up from until a span is met that was walked before; on the same walk that is a circle. */
  #breakCircles(): void {
    const { parent } = this
    const seen = this.#seen
    seen.fill(0, 0, this.count)
    for (let i = 0; i < this.count; i++) {
      let p = i
      for (; p >= 0 && seen[p] === 0; p = parent[p]) seen[p] = i + 1
      if (p >= 0 && seen[p] === i + 1) this.#cut(p)
    }
  }

  /** The span of the circle that starts first becomes a root. */
  #cut(from: number): void {
    const { parent, start } = this
    let first = from
    for (let p = parent[from]; p !== from; p = parent[p]) if (start[p] < start[first]) first = p
    parent[first] = -1
    this.flags[first] |= SPAN_ORPHAN
  }

  #clearPlaces(spans: number): number {
    let size = 16
    while (size < spans * 2) size *= 2
    this.#places.fill(0, 0, size)
    return size - 1
  }

  #makeRoom(spans: number): void {
    let room = FIRST_ROOM
    while (room < spans) room *= 2
    this.operation = new Int32Array(room)
    this.service = new Int32Array(room)
    this.parent = new Int32Array(room)
    this.start = new Float64Array(room)
    this.duration = new Float64Array(room)
    this.flags = new Uint8Array(room)
    this.row = new Int32Array(room)
    this.#ids = new Int32Array(room * 2)
    this.#parents = new Int32Array(room * 2)
    this.#places = new Int32Array(room * 2)
    this.#seen = new Int32Array(room)
  }
}

/** Seeded, as a sender could otherwise choose ids that all fall into one place. */
function hashId(low: number, high: number): number {
  return mix(mix(low ^ SEED) + high)
}
