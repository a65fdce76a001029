/**
 * Tells the process-wide budget its limits, and answers busy in its pipeline while resident memory is over the soft one. The
 * budget refuses at the door already, before a request is read; here it is refused for what comes from connectors.
 */
import type { Batch } from '../../core/batch.ts'
import type { Component, Consumer } from '../../core/component.ts'
import type { CreateContext } from '../../core/factory.ts'
import type { MemoryBudget, MemoryLimits } from '../../core/memory.ts'
import type { Counter } from '../../core/meter.ts'
import { busy, type Outcome } from '../../core/outcome.ts'
import type { Signal } from '../../core/signal.ts'
import type { MemoryLimiterConfig } from './config.ts'
import { ACCEPTED_BY_LIMITER, REFUSED_BY_LIMITER } from './metrics.ts'

const MIB = 1 << 20
/** Upstream's default of both spike limits, as a share of the limit. */
const DEFAULT_SPIKE = 0.2

export class MemoryLimiter implements Component, Consumer {
  readonly #config: MemoryLimiterConfig
  readonly #memory: MemoryBudget
  readonly #next: Consumer
  readonly #accepted: ReadonlyMap<Signal, Counter>
  readonly #refused: ReadonlyMap<Signal, Counter>
  #release: (() => void) | null = null

  constructor(context: CreateContext<MemoryLimiterConfig>, next: Consumer) {
    const { id, config, memory, meter, signals } = context
    const labels = { processor: id }
    this.#config = config
    this.#memory = memory
    this.#next = next
    this.#accepted = new Map(signals.map(s => [s, meter.counter(ACCEPTED_BY_LIMITER[s], labels)]))
    this.#refused = new Map(signals.map(s => [s, meter.counter(REFUSED_BY_LIMITER[s], labels)]))
  }

  async start(): Promise<void> {
    this.#release ??= this.#memory.limitTo(memoryLimits(this.#config, this.#memory.availableBytes))
  }

  consume(batch: Batch): Outcome | Promise<Outcome> {
    if (this.#memory.isOverSoftLimit(batch.bytes)) {
      this.#refused.get(batch.signal)!.value += batch.items
      return busy(this.#memory.retryAfterMs())
    }
    this.#accepted.get(batch.signal)!.value += batch.items
    return this.#next.consume(batch)
  }

  async stop(): Promise<void> {
    this.#release?.()
    this.#release = null
  }
}

/** `limit_mib` wins over `limit_percentage`, as upstream has it. */
export function memoryLimits(config: MemoryLimiterConfig, availableBytes: number): MemoryLimits {
  const isFixed = config.limit_mib > 0
  const share = (percent: number): number => Math.floor((availableBytes * percent) / 100)
  const limitBytes = isFixed ? config.limit_mib * MIB : share(config.limit_percentage)
  const spike = isFixed ? config.spike_limit_mib * MIB : share(config.spike_limit_percentage)
  return {
    limitBytes,
    spikeBytes: spike > 0 ? spike : Math.floor(limitBytes * DEFAULT_SPIKE),
    checkIntervalMs: config.check_interval,
  }
}
