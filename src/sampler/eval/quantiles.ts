/**
 * How far the durations of kept spans lie from those of all, as they are and without weights: a figure that papers give, by
 * which samples are compared that have no probabilities.
 */
import { type Recording, SPAN_DURATION, SPAN_FIELDS, SPAN_OPERATION } from './recording.ts'
import type { Choice } from './run.ts'
import type { Schedule } from './schedule.ts'

const POINTS = [0, 0.25, 0.5, 0.75, 0.9, 0.95, 0.99, 1] as const
const LEAST = 0
const GREATEST = POINTS.length - 1

/** The truth, once for a recording. */
export class Quantiles {
  readonly #recording: Recording
  readonly #truth: Float64Array

  constructor(recording: Recording) {
    this.#recording = recording
    this.#truth = quantilesOf(recording, new Uint8Array(recording.traces).fill(1))
  }

  /** By operation the mean over the points of the squared gap, in shares of the whole range; the sum of it. */
  squaredGaps(schedule: Schedule, choice: Choice): number {
    const keep = new Uint8Array(this.#recording.traces)
    for (let at = 0; at < schedule.order.length; at++) keep[schedule.order[at]] = choice.keep[at]
    const was = this.#truth
    const is = quantilesOf(this.#recording, keep)
    let sum = 0
    for (let row = 0; row < was.length; row += POINTS.length) {
      if (Number.isNaN(was[row])) continue
      // Nothing kept says nothing: as wrong as can be.
      sum += Number.isNaN(is[row]) ? 1 : gap(is, was, row)
    }
    return sum
  }
}

function gap(is: Float64Array, was: Float64Array, row: number): number {
  const range = was[row + GREATEST] - was[row + LEAST]
  if (range === 0) return 0
  let sum = 0
  for (let at = row; at < row + POINTS.length; at++) sum += ((is[at] - was[at]) / range) ** 2
  return sum / POINTS.length
}

/** A row of points for each operation, of the spans of the traces that are kept; NaN where there are none. */
function quantilesOf({ operations, traces, first, spans }: Recording, keep: Uint8Array) {
  const ends = new Uint32Array(operations.length + 1)
  const each = (take: (operation: number, duration: number) => void): void => {
    for (let trace = 0; trace < traces; trace++) {
      if (keep[trace] === 0) continue
      for (let span = first[trace]; span < first[trace + 1]; span++) {
        const at = span * SPAN_FIELDS
        take(spans[at + SPAN_OPERATION], Math.max(0, spans[at + SPAN_DURATION]))
      }
    }
  }
  each(operation => ends[operation + 1]++)
  for (let operation = 0; operation < operations.length; operation++) {
    ends[operation + 1] += ends[operation]
  }
  const durations = new Float64Array(ends[operations.length])
  const next = ends.slice()
  each((operation, duration) => {
    durations[next[operation]++] = duration
  })
  const points = new Float64Array(operations.length * POINTS.length).fill(Number.NaN)
  for (let operation = 0; operation < operations.length; operation++) {
    const sorted = durations.subarray(ends[operation], ends[operation + 1]).sort()
    if (sorted.length === 0) continue
    for (const [at, q] of POINTS.entries()) {
      points[operation * POINTS.length + at] = sorted[Math.round(q * (sorted.length - 1))]
    }
  }
  return points
}
