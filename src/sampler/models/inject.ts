/**
 * Made-up faults for self-supervision: a copy of a clean trace in which one thing goes wrong. What the observer says of the
 * copy is a row labelled as symptomatic, without anybody having labelled anything.
 */
import { SPAN_ERROR, SPAN_EXCEPTION, type TraceSpans } from '../trace-spans.ts'
import type { Random } from './random.ts'

export type FaultKind = 'slow' | 'delay' | 'cut' | 'error' | 'detour'

export const FAULT_KINDS: readonly FaultKind[] = ['slow', 'delay', 'cut', 'error', 'detour']

/** Larger traces are left alone: they would be copied as a whole for one row. */
const MOST_SPANS = 512
const LEAST_FACTOR = 2
const MOST_FACTOR = 10
/** Operations of earlier traces, for spans that do not belong where they are put. */
const POOL = 256

export class Injector {
  readonly #random: Random
  readonly #copy = new TraceCopy()
  readonly #operations = new Int32Array(POOL)
  readonly #services = new Int32Array(POOL)
  #pooled = 0

  constructor(random: Random) {
    this.#random = random
  }

  /** The copy is used again by the next call. Null where the trace has no room for such a fault. */
  inject(
    trace: TraceSpans,
    kind: FaultKind = FAULT_KINDS[this.#random.index(FAULT_KINDS.length)],
  ): TraceSpans | null {
    if (trace.count === 0 || trace.count > MOST_SPANS) return null
    const copy = this.#copy
    copy.take(trace)
    const row = this.#random.index(trace.count)
    const done = this.#apply(kind, copy, row)
    this.#remember(trace)
    return done ? copy : null
  }

  #apply(kind: FaultKind, copy: TraceCopy, row: number): boolean {
    switch (kind) {
      case 'slow':
        copy.stretch(row, copy.duration[row] * (this.#factor() - 1))
        return true
      case 'delay': {
        // The caller waits longer, the callee knows nothing of it.
        const caller = copy.parent[row]
        if (caller < 0) return false
        copy.stretch(caller, copy.duration[row] * (this.#factor() - 1))
        return true
      }
      case 'cut':
        return copy.parent[row] >= 0 && copy.cut(row)
      case 'error':
        copy.fail(row)
        return true
      case 'detour':
        return this.#detour(copy, row)
    }
  }

  #factor(): number {
    return LEAST_FACTOR + this.#random.next() * (MOST_FACTOR - LEAST_FACTOR)
  }

  /** An operation that is at home elsewhere. */
  #detour(copy: TraceCopy, row: number): boolean {
    if (this.#pooled === 0) return false
    const from = this.#random.index(Math.min(this.#pooled, POOL))
    const operation = this.#operations[from]
    for (let i = 0; i < copy.count; i++) if (copy.operation[i] === operation) return false
    copy.operation[row] = operation
    copy.service[row] = this.#services[from]
    return true
  }

  #remember(trace: TraceSpans): void {
    const row = this.#random.index(trace.count)
    const to = this.#pooled < POOL ? this.#pooled : this.#random.index(POOL)
    this.#operations[to] = trace.operation[row]
    this.#services[to] = trace.service[row]
    this.#pooled = Math.min(POOL, this.#pooled + 1)
  }
}

/** A trace that may be changed. */
class TraceCopy implements TraceSpans {
  count = 0
  readonly operation = new Int32Array(MOST_SPANS)
  readonly service = new Int32Array(MOST_SPANS)
  readonly parent = new Int32Array(MOST_SPANS)
  readonly start = new Float64Array(MOST_SPANS)
  readonly duration = new Float64Array(MOST_SPANS)
  readonly flags = new Uint8Array(MOST_SPANS)
  /** Where a row goes when others are cut out; -1: cut. */
  readonly #moved = new Int32Array(MOST_SPANS)

  take(trace: TraceSpans): void {
    const { count } = trace
    this.count = count
    this.operation.set(trace.operation.subarray(0, count))
    this.service.set(trace.service.subarray(0, count))
    this.parent.set(trace.parent.subarray(0, count))
    this.start.set(trace.start.subarray(0, count))
    this.duration.set(trace.duration.subarray(0, count))
    this.flags.set(trace.flags.subarray(0, count))
  }

  /** A span and all above it take longer; what began after it begins later. */
  stretch(row: number, by: number): void {
    const end = this.start[row] + this.duration[row]
    for (let i = 0; i < this.count; i++) if (i !== row && this.start[i] >= end) this.start[i] += by
    let steps = this.count
    for (let at = row; at >= 0 && steps > 0; at = this.parent[at], steps--) this.duration[at] += by
  }

  /** The failure is passed up to the root. */
  fail(row: number): void {
    this.flags[row] |= SPAN_ERROR | SPAN_EXCEPTION
    let steps = this.count
    for (let at = this.parent[row]; at >= 0 && steps > 0; at = this.parent[at], steps--) {
      this.flags[at] |= SPAN_ERROR
    }
  }

  /** Takes a span and all below it out. False if nothing would be left. */
  cut(row: number): boolean {
    const moved = this.#moved
    let left = 0
    for (let i = 0; i < this.count; i++) moved[i] = this.#isBelow(i, row) ? -1 : left++
    if (left === 0) return false
    for (let i = 0; i < this.count; i++) {
      const to = moved[i]
      if (to < 0) continue
      this.operation[to] = this.operation[i]
      this.service[to] = this.service[i]
      this.parent[to] = this.parent[i] < 0 ? -1 : moved[this.parent[i]]
      this.start[to] = this.start[i]
      this.duration[to] = this.duration[i]
      this.flags[to] = this.flags[i]
    }
    this.count = left
    return true
  }

  /** Reads parents of rows that were not moved yet: call for all rows before any is. */
  #isBelow(row: number, top: number): boolean {
    let steps = this.count
    for (let at = row; at >= 0 && steps > 0; at = this.parent[at], steps--) {
      if (at === top) return true
    }
    return false
  }
}
