/** Sends everything to the first level of pipelines that takes it, and comes back to a higher one when that is well again. */
import type { Batch } from '../../core/batch.ts'
import type { Component, Consumer } from '../../core/component.ts'
import type { CreateContext, Outlets } from '../../core/factory.ts'
import { type Outcome, refused } from '../../core/outcome.ts'
import { SIGNALS, type Signal } from '../../core/signal.ts'
import { MillraceError } from '../../errors.ts'
import type { FailoverConfig } from './config.ts'
import { Levels } from './levels.ts'
import { FAILOVER_COUNT, FAILOVER_LEVEL, FAILOVER_QUEUE_SIZE } from './metrics.ts'
import { FailoverQueue } from './queue.ts'

/** Of one signal. */
interface Way {
  readonly levels: Levels
  /** Null when there is none in front. */
  readonly queue: FailoverQueue | null
}

export class FailoverConnector implements Component, Consumer {
  readonly #context: CreateContext<FailoverConfig>
  readonly #ways = new Map<Signal, Way>()
  readonly #ends: (() => void)[] = []

  constructor(context: CreateContext<FailoverConfig>, outlets: Outlets) {
    this.#context = context
    requireLevels(context.config, outlets)
    for (const signal of SIGNALS) {
      const levels = context.config.priority_levels
        .map(ids => ids.filter(id => outlets.pipelines.get(id) === signal))
        .filter(ids => ids.length > 0)
      if (levels.length > 0) this.#ways.set(signal, this.#makeWay(signal, levels, outlets))
    }
    const { ledger } = context
    this.#ends.push(
      ledger.addHolder(each => {
        for (const { queue } of this.#ways.values()) queue?.visit(each)
      }),
    )
  }

  async start(): Promise<void> {}

  consume(batch: Batch): Outcome | Promise<Outcome> {
    const way = this.#ways.get(batch.signal)
    if (way === undefined) {
      const message = `${this.#context.id} names no pipeline of ${batch.signal}`
      return refused(batch.items, 'unimplemented', message)
    }
    return (way.queue ?? way.levels).consume(batch)
  }

  async stop(deadline: AbortSignal): Promise<void> {
    await Promise.all([...this.#ways.values()].map(({ queue }) => queue?.drain(deadline)))
    for (const end of this.#ends.splice(0)) end()
  }

  #makeWay(signal: Signal, ids: readonly (readonly string[])[], outlets: Outlets): Way {
    const { id, config, clock, ledger, meter, log } = this.#context
    const labels = { connector: id, signal }
    const count = meter.counter(FAILOVER_COUNT, labels)
    const levels = new Levels({
      id,
      levels: ids.map(level => level.map(pipeline => outlets.to([pipeline]))),
      retryIntervalMs: config.retry_interval,
      clock,
      ledger,
      onSwitch: (from, to) => {
        if (to > from) count.value++
        const pipelines = ids[to]
        log.warn('failover_level_changed', { connector: id, signal, from, to, pipelines })
      },
    })
    this.#ends.push(meter.observe(FAILOVER_LEVEL, labels, () => levels.current))
    const { sending_queue } = config
    if (sending_queue === undefined || !sending_queue.enabled) return { levels, queue: null }
    const next = (batch: Batch) => levels.consume(batch)
    const queue = new FailoverQueue({ id, config: sending_queue, clock, ledger, next })
    this.#ends.push(meter.observe(FAILOVER_QUEUE_SIZE, labels, () => queue.used))
    return { levels, queue }
  }
}

function requireLevels({ priority_levels }: FailoverConfig, { pipelines }: Outlets): void {
  for (const id of priority_levels.flat()) {
    if (pipelines.has(id)) continue
    const known = [...pipelines.keys()].join(', ') || 'none'
    throw new MillraceError(
      'MILLRACE_START_FAILED',
      `priority_levels names the pipeline ${id}, which does not receive from this connector; those that do: ${known}.`,
    )
  }
}
