/** What became of traces whose spans are gone, so that late spans follow: by the decision cache, or as long as `num_traces` allows. */
import type { Counter, Histogram, Meter } from '../../core/meter.ts'
import type { Traces } from '../../sampler/assembly/traces.ts'
import type { TailSamplingConfig } from './config.ts'
import { Decided, type TraceKey } from './decided.ts'
import { EARLY_RELEASES, LATE_SPAN_AGE } from './metrics.ts'

const YES = 1
const NO = 0
const SECOND_MS = 1000

export class MemoryOfDecisions {
  /** Decided traces that count towards `num_traces`. */
  readonly #remembered: Decided
  readonly #sampled: Decided
  readonly #notSampled: Decided
  readonly #hasSampledCache: boolean
  readonly #hasNotSampledCache: boolean
  readonly #releases: readonly [Counter, Counter]
  readonly #lateAge: Histogram
  readonly #key: TraceKey = { tenant: 0, id: new Uint32Array(4) }

  constructor({ num_traces, decision_cache: cache }: TailSamplingConfig, meter: Meter) {
    this.#remembered = new Decided(num_traces, false)
    this.#sampled = new Decided(cache.sampled_cache_size, true)
    this.#notSampled = new Decided(cache.non_sampled_cache_size, true)
    this.#hasSampledCache = cache.sampled_cache_size > 0
    this.#hasNotSampledCache = cache.non_sampled_cache_size > 0
    this.#releases = [
      meter.counter(EARLY_RELEASES, { sampled: 'false' }),
      meter.counter(EARLY_RELEASES, { sampled: 'true' }),
    ]
    this.#lateAge = meter.histogram(LATE_SPAN_AGE, {})
  }

  /** Traces that count towards `num_traces`. */
  get size(): number {
    return this.#remembered.size
  }

  forgetOldest(): void {
    this.#remembered.forgetOldest()
  }

  put(traces: Traces, trace: number, isSampled: boolean, nowMs: number): void {
    const key = this.#keyOf(traces, trace)
    const seconds = nowMs / SECOND_MS
    const note = isSampled ? YES : NO
    if (isSampled && this.#hasSampledCache) this.#sampled.put(key, note, seconds)
    else if (!isSampled && this.#hasNotSampledCache) this.#notSampled.put(key, note, seconds)
    else this.#remembered.put(key, note, seconds)
  }

  /** As `put`, but only the decision cache remembers. */
  putInCache(traces: Traces, trace: number, nowMs: number): void {
    if (!this.#hasNotSampledCache) return
    this.#notSampled.put(this.#keyOf(traces, trace), NO, nowMs / SECOND_MS)
  }

  // hot: bench/micro/tail-sampling.ts
  /** What was decided about the trace before; null when it is new. */
  find(traces: Traces, trace: number, nowMs: number): boolean | null {
    const key = this.#keyOf(traces, trace)
    if (this.#sampled.find(key) >= 0) return this.#release(YES, traces.spans(trace))
    if (this.#notSampled.find(key) >= 0) return this.#release(NO, traces.spans(trace))
    const entry = this.#remembered.find(key)
    if (entry < 0) return null
    this.#lateAge.observe(Math.floor(nowMs / SECOND_MS - this.#remembered.seconds(entry)))
    return this.#remembered.note(entry) === YES
  }

  #release(note: 0 | 1, spans: number): boolean {
    this.#releases[note].value += spans
    return note === YES
  }

  #keyOf(traces: Traces, trace: number): TraceKey {
    const key = this.#key
    key.tenant = traces.tenant(trace)
    key.id[0] = traces.idWord(trace, 0)
    key.id[1] = traces.idWord(trace, 1)
    key.id[2] = traces.idWord(trace, 2)
    key.id[3] = traces.idWord(trace, 3)
    return key
  }
}
