/** All spans of a part as one trace, as `tail_sampling` gathers them when they arrive. */
import type { Part } from '../../src/core/batch.ts'
import { TracesView } from '../../src/otlp/traces-view.ts'
import type { Arrival } from '../../src/processors/tail-sampling/arrival.ts'
import { type Conditions, mergeBits } from '../../src/processors/tail-sampling/conditions.ts'
import type { TraceFacts } from '../../src/processors/tail-sampling/decision.ts'
import { Durations } from '../../src/processors/tail-sampling/durations.ts'

const NANOS = 1_000_000n
const STATUS_ERROR = 2

export function gather(
  part: Part,
  arrival: Arrival,
  conditions: Conditions,
): Omit<TraceFacts, 'traceId' | 'nowMs'> {
  const words = new Uint32Array(conditions.words)
  const durations = new Durations(conditions)
  durations.begin(0)
  for (let item = 0; item < part.items; item++) {
    for (let w = 0; w < words.length; w++) {
      const bits = arrival.bits[item * words.length + w]
      words[w] = mergeBits(w, conditions.plainWords, words[w], bits)
    }
    durations.add(0, arrival.times, item, words, 0)
  }
  return {
    words,
    wordsAt: 0,
    spans: part.items,
    bytes: part.payload.bytes.length,
    durationMs: durationOf(part),
    hasError: hasError(part),
    hasSamplingState: false,
    randomnessHigh: 0,
    randomnessLow: 0,
  }
}

function hasError(part: Part): boolean {
  const view = new TracesView()
  view.reset(part.payload.bytes, part.index)
  for (let item = 0; item < part.items; item++) {
    if (view.moveTo(item).statusCode === STATUS_ERROR) return true
  }
  return false
}

function durationOf(part: Part): number {
  const view = new TracesView()
  view.reset(part.payload.bytes, part.index)
  let start: bigint | null = null
  let end: bigint | null = null
  for (let item = 0; item < part.items; item++) {
    const span = view.moveTo(item)
    const { startTimeUnixNano: from, endTimeUnixNano: to } = span
    if (start === null || from < start) start = from
    if (end === null || to > end) end = to
  }
  return start === null || end === null ? 0 : Number((end - start) / NANOS)
}
