/** A record for each trace of a batch that goes to one topic: items are sorted by their ids as bytes and encoded together. */
import { divide } from '../../otlp/divide.ts'
import type { EncodePart } from '../../otlp/encode-part.ts'
import { END, ROW, START } from '../../otlp/request-index.ts'
import { TraceIdCursor } from '../../otlp/trace-ids.ts'
import { readHex } from '../../otlp/wire-reader.ts'
import { hashBytes } from '../../translate/hash.ts'
import type { Unit } from './plan.ts'

/** Slots that are kept for the next request: 1 MiB. */
const MAX_KEPT_SLOTS = 262_144

interface Trace {
  readonly parts: EncodePart[]
  items: number
}

export class TraceUnits {
  readonly #id: TraceIdCursor
  /** Hash table of the groups of the part at hand, by number + 1; its length is a power of two. */
  #slots = new Int32Array(2048)
  /** Where the ids of the groups stand. */
  #starts: number[] = []
  #ends: number[] = []

  constructor(signal: 'traces' | 'logs') {
    this.#id = new TraceIdCursor(signal)
  }

  /** The parts have no edits. */
  units(parts: readonly EncodePart[], topic: string): Unit[] {
    const traces = new Map<string, Trace>()
    for (const part of parts) if (part.items > 0) this.#add(part, traces)
    if (this.#slots.length > MAX_KEPT_SLOTS) this.#slots = new Int32Array(2048)
    return Array.from(traces, ([id, trace]) => {
      const key = id === '' ? null : Buffer.from(id, 'latin1')
      return { topic, key, parts: trace.parts, items: trace.items }
    })
  }

  #add(part: EncodePart, traces: Map<string, Trace>): void {
    const { bytes } = part.payload
    const groups = this.#group(part)
    const count = this.#starts.length
    const pieces = count === 1 ? [part] : divide(part, groups, count)
    for (let group = 0; group < count; group++) {
      const id = readHex(bytes, this.#starts[group], this.#ends[group])
      const piece = pieces[group]
      const known = traces.get(id)
      if (known === undefined) traces.set(id, { parts: [piece], items: piece.items })
      else {
        known.parts.push(piece)
        known.items += piece.items
      }
    }
  }

  // hot: bench/micro/kafka.ts
  /** By item the number of its trace in the part; -1 = the item is out. */
  #group({ index, payload: { bytes }, selection }: EncodePart): Int32Array {
    const rows = index.levels[index.levels.length - 1]
    const groups = new Int32Array(index.items).fill(-1)
    this.#clear(index.items)
    const id = this.#id
    let last = -1
    for (let item = 0; item < index.items; item++) {
      if (selection !== null && !selection.has(item)) continue
      id.seek(bytes, rows[item * ROW + START], rows[item * ROW + END])
      // Spans of one trace often follow each other.
      if (last < 0 || !this.#isIdOf(last, bytes, id.start, id.end)) {
        last = this.#find(bytes, id.start, id.end)
      }
      groups[item] = last
    }
    return groups
  }

  #clear(items: number): void {
    let slots = this.#slots.length
    while (slots < items * 2) slots *= 2
    if (slots > this.#slots.length) this.#slots = new Int32Array(slots)
    else this.#slots.fill(0)
    this.#starts = []
    this.#ends = []
  }

  #find(bytes: Uint8Array, start: number, end: number): number {
    const slots = this.#slots
    const mask = slots.length - 1
    let slot = hashBytes(bytes, start, end) & mask
    for (; slots[slot] !== 0; slot = (slot + 1) & mask) {
      if (this.#isIdOf(slots[slot] - 1, bytes, start, end)) return slots[slot] - 1
    }
    this.#ends.push(end)
    slots[slot] = this.#starts.push(start)
    return slots[slot] - 1
  }

  #isIdOf(group: number, bytes: Uint8Array, start: number, end: number): boolean {
    const known = this.#starts[group]
    if (this.#ends[group] - known !== end - start) return false
    for (let i = end - start - 1; i >= 0; i--)
      if (bytes[known + i] !== bytes[start + i]) return false
    return true
  }
}
