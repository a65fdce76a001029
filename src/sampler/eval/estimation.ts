/** How close counts and durations come to the truth when each kept trace stands for 1 / probability traces. */
import { type Recording, SPAN_DURATION, SPAN_FIELDS, SPAN_OPERATION } from './recording.ts'
import type { Choice } from './run.ts'
import type { Schedule } from './schedule.ts'

export interface Estimation {
  /** Mean over operations of (estimate - truth) / truth of the number of spans: how unfair the weights are. */
  readonly countBias: number
  /** Mean over operations of the same without sign: how much is left to chance. */
  readonly countError: number
  /** The same of the 50th, 95th and 99th percentile of the duration. */
  readonly p50Error: number
  readonly p95Error: number
  readonly p99Error: number
}

/** Operations with fewer spans say more about chance than about weights. */
const LEAST_SPANS = 1_000
/** Durations are counted in buckets this many to an octave. */
const BUCKETS_AN_OCTAVE = 16
const BUCKETS = 36 * BUCKETS_AN_OCTAVE

/** The truth, once for a recording. */
export class Truth {
  readonly counts: Float64Array
  readonly #histograms: Float64Array
  readonly #bucket: Uint16Array

  constructor(recording: Recording) {
    const operations = recording.operations.length
    this.counts = new Float64Array(operations)
    this.#histograms = new Float64Array(operations * BUCKETS)
    this.#bucket = new Uint16Array(recording.first[recording.traces])
    for (let span = 0; span < this.#bucket.length; span++) {
      const at = span * SPAN_FIELDS
      const duration = Math.max(0, recording.spans[at + SPAN_DURATION])
      const bucket = Math.min(BUCKETS - 1, Math.floor(Math.log2(duration + 1) * BUCKETS_AN_OCTAVE))
      this.#bucket[span] = bucket
      this.counts[recording.spans[at + SPAN_OPERATION]]++
      this.#histograms[recording.spans[at + SPAN_OPERATION] * BUCKETS + bucket]++
    }
  }

  compare(recording: Recording, schedule: Schedule, choice: Choice): Estimation {
    const { first, spans } = recording
    const counts = new Float64Array(this.counts.length)
    const histograms = new Float64Array(this.#histograms.length)
    for (let at = 0; at < schedule.order.length; at++) {
      if (choice.keep[at] === 0) continue
      const weight = 1 / choice.probability[at]
      const trace = schedule.order[at]
      for (let span = first[trace]; span < first[trace + 1]; span++) {
        const operation = spans[span * SPAN_FIELDS + SPAN_OPERATION]
        counts[operation] += weight
        histograms[operation * BUCKETS + this.#bucket[span]] += weight
      }
    }
    return this.#errors(counts, histograms)
  }

  #errors(counts: Float64Array, histograms: Float64Array): Estimation {
    let operations = 0
    const sums = [0, 0, 0, 0, 0]
    for (let operation = 0; operation < counts.length; operation++) {
      const truth = this.counts[operation]
      if (truth < LEAST_SPANS) continue
      operations++
      const off = counts[operation] / truth - 1
      sums[0] += off
      sums[1] += Math.abs(off)
      const row = operation * BUCKETS
      const is = histograms.subarray(row, row + BUCKETS)
      const was = this.#histograms.subarray(row, row + BUCKETS)
      for (const [at, q] of [0.5, 0.95, 0.99].entries()) {
        const octaves =
          (percentile(is, counts[operation], q) - percentile(was, truth, q)) / BUCKETS_AN_OCTAVE
        sums[2 + at] += counts[operation] === 0 ? 1 : Math.abs(2 ** octaves - 1)
      }
    }
    const [countBias, countError, p50Error, p95Error, p99Error] = sums.map(sum =>
      operations === 0 ? 0 : sum / operations,
    )
    return { countBias, countError, p50Error, p95Error, p99Error }
  }
}

/** Bucket in which the share `q` of the weight is reached. */
function percentile(histogram: Float64Array, total: number, q: number): number {
  let below = 0
  for (let bucket = 0; bucket < histogram.length; bucket++) {
    below += histogram[bucket]
    if (below >= q * total) return bucket
  }
  return histogram.length - 1
}
