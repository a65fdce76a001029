/** One pass of the observer over a recording in the order of a schedule: the rows that every model and budget then judges. */
import { Observer } from '../observe/observer.ts'
import { SPAN_ORPHAN, type TraceSpans } from '../trace-spans.ts'
import {
  type Recording,
  SPAN_DURATION,
  SPAN_FIELDS,
  SPAN_OFFSET,
  SPAN_OPERATION,
  SPAN_PARENT,
} from './recording.ts'
import type { Schedule } from './schedule.ts'

/** All by place in the schedule's order. */
export interface Features {
  readonly vectors: Float32Array
  /** Class of the structure as the observer saw it. */
  readonly structure: Int32Array
  readonly shifted: Uint8Array
  /** Longest span that was there, microseconds. */
  readonly duration: Float64Array
  /** Operation of the root; -1: none was there. */
  readonly entry: Int32Array
}

export function observeAll(recording: Recording, schedule: Schedule): Features {
  const count = recording.traces
  const observer = new Observer()
  const trace = new RecordedSpans()
  const features: Features = {
    vectors: new Float32Array(count * Observer.VECTOR),
    structure: new Int32Array(count),
    shifted: new Uint8Array(count),
    duration: new Float64Array(count),
    entry: new Int32Array(count),
  }
  for (let at = 0; at < count; at++) {
    trace.read(recording, schedule.order[at], schedule.present)
    observer.observe(trace, schedule.tick[at], features.vectors, at * Observer.VECTOR)
    features.structure[at] = observer.structure
    features.shifted[at] = observer.shifted ? 1 : 0
    features.duration[at] = trace.longest
    features.entry[at] = trace.entry
  }
  return features
}

const FIRST_ROWS = 1_024

/** A trace of a recording as the collector would hold it: without the spans that have not come. */
export class RecordedSpans implements TraceSpans {
  count = 0
  operation = new Int32Array(0)
  service = new Int32Array(0)
  parent = new Int32Array(0)
  start = new Float64Array(0)
  duration = new Float64Array(0)
  flags = new Uint8Array(0)
  longest = 0
  entry = -1
  #row = new Int32Array(0)

  read(recording: Recording, trace: number, present: Uint8Array): void {
    const { first, spans, serviceOf } = recording
    const from = first[trace]
    const length = first[trace + 1] - from
    if (length > this.#row.length) this.#grow(length)
    let count = 0
    for (let i = 0; i < length; i++) this.#row[i] = present[from + i] === 1 ? count++ : -1
    this.count = count
    this.longest = 0
    this.entry = -1
    for (let i = 0; i < length; i++) {
      const row = this.#row[i]
      if (row < 0) continue
      const at = (from + i) * SPAN_FIELDS
      const parent = spans[at + SPAN_PARENT]
      this.operation[row] = spans[at + SPAN_OPERATION]
      this.service[row] = serviceOf[spans[at + SPAN_OPERATION]]
      this.parent[row] = parent < 0 ? -1 : this.#row[parent]
      this.start[row] = spans[at + SPAN_OFFSET]
      this.duration[row] = Math.max(0, spans[at + SPAN_DURATION])
      this.flags[row] = parent >= 0 && this.#row[parent] < 0 ? SPAN_ORPHAN : 0
      if (this.duration[row] > this.longest) this.longest = this.duration[row]
      if (parent < 0 && this.entry < 0) this.entry = this.operation[row]
    }
  }

  #grow(length: number): void {
    const rows = Math.max(FIRST_ROWS, length * 2)
    this.operation = new Int32Array(rows)
    this.service = new Int32Array(rows)
    this.parent = new Int32Array(rows)
    this.start = new Float64Array(rows)
    this.duration = new Float64Array(rows)
    this.flags = new Uint8Array(rows)
    this.#row = new Int32Array(rows)
  }
}
