/**
 * The time that each span of a trace spent itself, and which span is the root. Arrays are reused from trace to trace.
 */
import type { TraceSpans } from '../trace-spans.ts'

const FIRST_ROWS = 1024
const NONE = -1

export class SelfTime {
  /** Microseconds that a span spent itself: its duration without the time that its children cover. */
  self = new Float64Array(FIRST_ROWS)
  /** Row of the first span without a parent that started first; -1 for no spans. */
  root = NONE

  #covered = new Float64Array(FIRST_ROWS)
  #order = new Int32Array(FIRST_ROWS)

  read(trace: TraceSpans): void {
    if (trace.count > this.self.length) this.#grow(trace.count)
    this.#readOrder(trace)
    this.#readSelf(trace)
  }

  /** Rows in order of start; most recordings have them so already. */
  #readOrder(trace: TraceSpans): void {
    const { count, start } = trace
    const order = this.#order
    let sorted = true
    for (let i = 0; i < count; i++) {
      order[i] = i
      if (i > 0 && start[i] < start[i - 1]) sorted = false
    }
    if (!sorted) {
      starts = start
      order.subarray(0, count).sort(byStart)
    }
  }

  #readSelf(trace: TraceSpans): void {
    const { count, start, duration, parent } = trace
    const self = this.self
    const covered = this.#covered
    for (let i = 0; i < count; i++) {
      self[i] = duration[i]
      covered[i] = start[i]
    }
    this.root = NONE
    for (let at = 0; at < count; at++) {
      const i = this.#order[at]
      const p = parent[i]
      if (p < 0) {
        if (this.root === NONE) this.root = i
        continue
      }
      const from = Math.max(start[i], covered[p])
      const to = Math.min(start[i] + duration[i], start[p] + duration[p])
      if (to > from) {
        self[p] = self[p] - (to - from)
        covered[p] = to
      }
    }
    if (this.root === NONE && count > 0) this.root = this.#order[0]
  }

  #grow(count: number): void {
    const rows = 2 ** Math.ceil(Math.log2(count))
    this.self = new Float64Array(rows)
    this.#covered = new Float64Array(rows)
    this.#order = new Int32Array(rows)
  }
}

let starts: Float64Array = new Float64Array(0)

function byStart(a: number, b: number): number {
  return starts[a] - starts[b] || a - b
}
