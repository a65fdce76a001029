/**
 * When the spans of a recording reach the collector, and when each trace is decided: jitter, late spans, the wait after the
 * root. The same for every model and budget of a seed.
 */
import { Random } from '../models/random.ts'
import {
  type Recording,
  SPAN_DURATION,
  SPAN_FIELDS,
  SPAN_OFFSET,
  SPAN_PARENT,
} from './recording.ts'

/** A span arrives this long after its end at most; some arrive much later. */
const JITTER_MS = 2_000
const LATE_SHARE = 0.01
const LATE_FROM_MS = 5_000
const LATE_TO_MS = 40_000

/** As the processor's defaults: after the root has come, without one, and when there are so many spans. */
const WAIT_AFTER_ROOT_MS = 2_000
const WAIT_MOST_MS = 30_000
const MOST_SPANS = 10_000

export const TICK_MS = 1_000

export interface Schedule {
  /** Traces in the order in which they are decided. */
  readonly order: Int32Array
  /** When each is decided, ms since the epoch, by place in `order`: a tick's time, not falling. */
  readonly tick: Float64Array
  /** 1 for spans, by place in the recording, that are there when their trace is decided. */
  readonly present: Uint8Array
}

export function makeSchedule(recording: Recording, seed: number): Schedule {
  const { traces, first } = recording
  const random = new Random(seed)
  const arrival = new Float64Array(first[traces])
  const ready = new Float64Array(traces)
  const present = new Uint8Array(first[traces])
  for (let trace = 0; trace < traces; trace++) {
    ready[trace] = arriveTrace(recording, trace, random, arrival)
  }
  const order = Int32Array.from(ready.keys()).sort((a, b) => ready[a] - ready[b])
  const tick = new Float64Array(traces)
  for (let at = 0; at < traces; at++) {
    const trace = order[at]
    tick[at] = Math.ceil(ready[trace] / TICK_MS) * TICK_MS
    let spans = 0
    for (let span = first[trace]; span < first[trace + 1]; span++) {
      if (arrival[span] > tick[at] || spans === MOST_SPANS) continue
      present[span] = 1
      spans++
    }
  }
  return { order, tick, present }
}

/** Fills the arrivals of a trace's spans; answers when the trace is ready. */
function arriveTrace(
  recording: Recording,
  trace: number,
  random: Random,
  arrival: Float64Array,
): number {
  const { first, spans } = recording
  const startMs = recording.start[trace] / 1000
  let earliest = Number.POSITIVE_INFINITY
  let root = Number.POSITIVE_INFINITY
  for (let span = first[trace]; span < first[trace + 1]; span++) {
    const at = span * SPAN_FIELDS
    let delay = random.next() * JITTER_MS
    if (random.next() < LATE_SHARE) {
      delay = LATE_FROM_MS + random.next() * (LATE_TO_MS - LATE_FROM_MS)
    }
    const end = startMs + (spans[at + SPAN_OFFSET] + Math.max(0, spans[at + SPAN_DURATION])) / 1000
    arrival[span] = end + delay
    if (arrival[span] < earliest) earliest = arrival[span]
    if (spans[at + SPAN_PARENT] < 0 && arrival[span] < root) root = arrival[span]
  }
  const full = fullAt(arrival.subarray(first[trace], first[trace + 1]))
  return Math.min(root + WAIT_AFTER_ROOT_MS, earliest + WAIT_MOST_MS, full)
}

/** When as many spans have come as are waited for. */
function fullAt(arrivals: Float64Array): number {
  if (arrivals.length < MOST_SPANS) return Number.POSITIVE_INFINITY
  return arrivals.slice().sort()[MOST_SPANS - 1]
}
