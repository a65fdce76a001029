/** Keeps a share of spans or log records by randomness that they bring along, so that all collectors keep the same. */
import type { Batch, Part } from '../../core/batch.ts'
import type { Component, Consumer } from '../../core/component.ts'
import type { CreateContext } from '../../core/factory.ts'
import { handOn } from '../../core/hand-on.ts'
import type { Ledger } from '../../core/ledger.ts'
import type { Counter, Meter } from '../../core/meter.ts'
import { type Outcome, refused } from '../../core/outcome.ts'
import type { Signal } from '../../core/signal.ts'
import { Selection } from '../../otlp/selection.ts'
import { Edits } from '../../otlp/splice.ts'
import { materialise } from '../../rules/contexts/materialise.ts'
import type { ProbabilisticSamplerConfig } from './config.ts'
import type { ItemSampler } from './item-sampler.ts'
import { LogSampler } from './logs.ts'
import { LOGS_SAMPLED, SPANS_SAMPLED } from './metrics.ts'
import { SpanSampler } from './spans.ts'

/** Items by the counter that they are for. */
type Decided = Map<Counter, number>

export class ProbabilisticSampler implements Component, Consumer {
  readonly #id: string
  readonly #next: Consumer
  readonly #ledger: Ledger
  readonly #meter: Meter
  readonly #samplers: ReadonlyMap<Signal, ItemSampler>
  /** By signal, policy and whether it was sampled. */
  readonly #counters = new Map<string, Counter>()

  constructor(context: CreateContext<ProbabilisticSamplerConfig>, next: Consumer) {
    this.#id = context.id
    this.#next = next
    this.#ledger = context.ledger
    this.#meter = context.meter
    this.#samplers = new Map<Signal, ItemSampler>([
      ['traces', new SpanSampler(context.config)],
      ['logs', new LogSampler(context.config)],
    ])
  }

  async start(): Promise<void> {}

  consume(batch: Batch): Outcome | Promise<Outcome> {
    const sampler = this.#samplers.get(batch.signal)
    if (sampler === undefined) {
      return refused(batch.items, 'unimplemented', `${batch.signal} cannot be sampled here`)
    }
    const decided: Decided = new Map()
    const parts = batch.parts.map(part => this.#sample(part, sampler, batch.signal, decided))
    const dropped = batch.items - parts.reduce((sum, part) => sum + part.items, 0)
    return handOn(batch, parts, this.#next, () => {
      // Only now: a batch that is given back comes again.
      for (const [counter, items] of decided) counter.value += items
      if (dropped === 0) return
      const drop = { stage: this.#id, reason: 'not_sampled', intentional: true }
      this.#ledger.dropped(batch.tenant, batch.signal, dropped, drop)
    })
  }

  async stop(): Promise<void> {}

  // hot: bench/micro/rules.ts
  #sample(given: Part, sampler: ItemSampler, signal: Signal, decided: Decided): Part {
    const part = materialise(given)
    const { index } = part
    const selection = part.selection?.clone() ?? Selection.all(index.items)
    const edits = new Edits()
    sampler.open(part)
    for (let item = selection.from; item < selection.to; item++) {
      if (!selection.has(item)) continue
      const isKept = sampler.keeps(item, edits)
      if (!isKept) selection.clear(item)
      const counter = this.#counterOf(signal, sampler.policy, isKept)
      decided.set(counter, (decided.get(counter) ?? 0) + 1)
    }
    return { ...part, selection, edits: edits.size === 0 ? null : edits, items: selection.count }
  }

  #counterOf(signal: Signal, policy: string, isSampled: boolean): Counter {
    const key = `${signal} ${isSampled} ${policy}`
    let counter = this.#counters.get(key)
    if (counter === undefined) {
      const labels = { processor: this.#id, policy, sampled: String(isSampled) }
      counter = this.#meter.counter(signal === 'traces' ? SPANS_SAMPLED : LOGS_SAMPLED, labels)
      this.#counters.set(key, counter)
    }
    return counter
  }
}
