/** Turns spans that arrive into facts about their traces: bits of conditions, sizes, durations; and gives them to policies. */
import type { Part, RequestContext } from '../../core/batch.ts'
import type { Logger } from '../../core/logger.ts'
import type { Assembly } from '../../sampler/assembly/assembly.ts'
import { Arrival } from './arrival.ts'
import { type Conditions, mergeBits } from './conditions.ts'
import type { TraceFacts } from './decision.ts'
import { Durations } from './durations.ts'
import { Facts } from './facts.ts'
import { TraceSizes } from './sizes.ts'
import { durationInOrder } from './unset-times.ts'

const NANOS = 1_000_000

export interface SizeOptions {
  /** Sizes are as the reference counts them, not only those of the spans. */
  readonly isExact: boolean
  /** 0 = without limit. */
  readonly maxBytes: number
}

export class Gathering {
  /** Traces that have grown beyond the limit; the owner takes them out. */
  readonly tooLarge = new Set<number>()
  readonly #assembly: Assembly
  readonly #arrival: Arrival
  readonly #durations: Durations
  readonly #sizes: TraceSizes | null
  readonly #maxBytes: number
  readonly #facts: Facts
  readonly #words: number
  readonly #plainWords: number
  /** What the durations have to say about one span. */
  readonly #extra: Uint32Array

  constructor(assembly: Assembly, conditions: Conditions, log: Logger, sizes: SizeOptions) {
    this.#assembly = assembly
    this.#arrival = new Arrival(conditions, log)
    this.#durations = new Durations(conditions)
    this.#maxBytes = sizes.maxBytes
    this.#sizes = sizes.isExact || sizes.maxBytes > 0 ? new TraceSizes() : null
    this.#words = conditions.words
    this.#plainWords = conditions.plainWords
    this.#facts = new Facts(this.#words)
    this.#extra = new Uint32Array(this.#words)
  }

  // hot: bench/micro/tail-sampling.ts
  /** To be called after `Assembly.add` of the same part, which carries no edits. */
  add(part: Part, request: RequestContext): void {
    const { newTraces, newCount } = this.#assembly
    this.#sizes?.open(part)
    for (let i = 0; i < newCount; i++) {
      this.#durations.begin(newTraces[i])
      this.#sizes?.begin(newTraces[i])
    }
    if (this.#words > 0) this.#arrival.scan(part, request)
    if (this.#words > 0 || this.#sizes !== null) this.#addItems(part)
  }

  /** Valid until the next call. */
  factsOf(trace: number, nowMs: number): TraceFacts {
    const facts = this.#facts
    const { traces } = this.#assembly
    for (let w = 0; w < this.#words; w++) facts.words[w] = traces.conditions(trace, w)
    facts.spans = traces.spans(trace)
    facts.bytes = this.bytes(trace)
    facts.durationMs =
      traces.startMs(trace) === 0
        ? durationInOrder(this.#assembly, trace)
        : Math.floor(traces.durationNanos(trace) / NANOS)
    facts.setTrace(traces, trace)
    facts.nowMs = nowMs
    return facts
  }

  bytes(trace: number): number {
    return this.#sizes === null ? this.#assembly.traces.bytes(trace) : this.#sizes.bytes(trace)
  }

  #addItems({ index, selection }: Part): void {
    const { itemTrace } = this.#assembly
    const from = selection === null ? 0 : selection.from
    const to = selection === null ? index.items : selection.to
    for (let item = from; item < to; item++) {
      const trace = itemTrace[item]
      if (trace < 0) continue
      if (this.#sizes !== null) this.#addSize(this.#sizes, trace, item)
      if (this.#words > 0) this.#addBits(trace, item)
    }
  }

  #addSize(sizes: TraceSizes, trace: number, item: number): void {
    sizes.add(trace, item)
    if (this.#maxBytes > 0 && sizes.messageBytes(trace) > this.#maxBytes) this.tooLarge.add(trace)
  }

  #addBits(trace: number, item: number): void {
    const { traces } = this.#assembly
    const { bits, times } = this.#arrival
    const at = item * this.#words
    const extra = this.#extra
    if (!this.#durations.isEmpty) {
      extra.fill(0)
      this.#durations.add(trace, times, item, extra, 0)
    }
    for (let w = 0; w < this.#words; w++) {
      const word = bits[at + w] | extra[w]
      if (word === 0) continue
      const before = traces.conditions(trace, w)
      const after = mergeBits(w, this.#plainWords, before, word)
      if (after !== before) traces.addConditions(trace, w, after)
    }
  }
}
