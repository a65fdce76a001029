/** Sends each item to the pipelines of the rows that it matches, and what no row matches to the default. */
import { Batch, type Part } from '../../core/batch.ts'
import type { Component, Consumer } from '../../core/component.ts'
import { type Delivery, type Dispatched, Dispatcher, refuseAll } from '../../core/dispatch.ts'
import type { CreateContext, Outlets } from '../../core/factory.ts'
import { ACCEPTED, type Outcome, refused } from '../../core/outcome.ts'
import type { Signal } from '../../core/signal.ts'
import { MillraceError } from '../../errors.ts'
import { materialise } from '../../rules/contexts/materialise.ts'
import { EvaluationError } from '../../rules/value.ts'
import { matchesOnce, type RoutingConfig } from './config.ts'
import { compileMatcher } from './matcher.ts'
import { DEFAULT_TARGET, PartRouter, type RouteRow } from './part-router.ts'

/** How long the rest of a batch waits for a busy pipeline when others have taken theirs. */
const MAX_WAIT_MS = 5000

export class RoutingConnector implements Component, Consumer {
  readonly #context: CreateContext<RoutingConfig>
  readonly #rows: readonly RouteRow[]
  readonly #copiesToAll: boolean
  readonly #routers = new Map<Signal, PartRouter>()
  /** By `Delivery.to`: the ids of the pipelines. */
  readonly #ways = new Map<string, Consumer>()
  readonly #dispatcher: Dispatcher

  constructor(context: CreateContext<RoutingConfig>, outlets: Outlets) {
    const { config, clock, ledger, id, log } = context
    this.#context = context
    this.#copiesToAll = !matchesOnce(config)
    if (this.#copiesToAll && config.match_once === undefined) {
      const hint = 'set match_once, or say the context of each row'
      log.info('every row that matches gets its items: the table is of the older form', { hint })
    }
    this.#rows = config.table.map(row => ({
      matcher: compileMatcher(row),
      moves: row.action !== 'copy',
    }))
    for (const ids of [config.default_pipelines, ...config.table.map(row => row.pipelines)]) {
      for (const pipeline of ids) requirePipeline(pipeline, outlets)
      if (ids.length > 0) this.#ways.set(nameOf(ids), outlets.to(ids))
    }
    const find = (to: string) => this.#ways.get(to) as Consumer
    this.#dispatcher = new Dispatcher({ find, ledger, clock, id, maxWaitMs: MAX_WAIT_MS })
  }

  async start(): Promise<void> {}

  async stop(): Promise<void> {
    this.#dispatcher.stop()
  }

  consume(batch: Batch): Outcome | Promise<Outcome> {
    const routed = this.#route(batch)
    if (routed instanceof EvaluationError) {
      return refused(batch.items, 'rejected', `${this.#context.id}: ${routed.message}`)
    }
    const { deliveries, unrouted } = routed
    const copies = sumOf(deliveries) + unrouted - batch.items
    if (deliveries.length === 0) return this.#conclude(batch, [], unrouted, 0, TAKEN)
    // Copies are booked before anybody can say that it has sent them.
    this.#book(batch, copies)
    const sent = this.#dispatcher.send(deliveries)
    if (sent instanceof Promise) {
      return sent.then(done => this.#conclude(batch, deliveries, unrouted, copies, done))
    }
    return this.#conclude(batch, deliveries, unrouted, copies, sent)
  }

  #conclude(
    batch: Batch,
    deliveries: readonly Delivery[],
    unrouted: number,
    copies: number,
    { taken, outcome }: Dispatched,
  ): Outcome {
    if (!taken) {
      this.#book(batch, -copies)
      for (const delivery of deliveries) delivery.batch.release()
      return refuseAll(batch, outcome)
    }
    if (unrouted > 0) {
      const drop = { stage: this.#context.id, reason: 'no_route', intentional: true }
      this.#context.ledger.dropped(batch.tenant, batch.signal, unrouted, drop)
    }
    batch.release()
    // Fewer than the batch held, or the one before would take it for refused as a whole.
    return outcome.kind === 'refused' && outcome.items >= batch.items ? ACCEPTED : outcome
  }

  #book({ tenant, signal }: Batch, copies: number): void {
    if (copies !== 0) this.#context.ledger.copied(tenant, signal, copies)
  }

  #route(batch: Batch): { deliveries: readonly Delivery[]; unrouted: number } | EvaluationError {
    const router = this.#routerOf(batch.signal)
    const shares = new Map<string, Part[]>()
    const own: Part[] = []
    let unrouted = 0
    try {
      for (const given of batch.parts) {
        const part = materialise(given)
        if (part !== given) own.push(part)
        for (const [target, share] of router.route(part, batch.context)) {
          const to = this.#nameOfTarget(target)
          if (to === '') unrouted += share.items
          else shares.set(to, [...(shares.get(to) ?? []), share])
        }
      }
      const deliveries = [...shares].map(([to, parts]) => ({ to, batch: derive(batch, parts) }))
      return { deliveries, unrouted }
    } catch (error) {
      if (error instanceof EvaluationError) return error
      throw error
    } finally {
      // The batches that were made of them hold them now.
      for (const { payload } of own) payload.release()
    }
  }

  /** Empty when there is no default. */
  #nameOfTarget(target: number): string {
    const { default_pipelines, table } = this.#context.config
    return nameOf(target === DEFAULT_TARGET ? default_pipelines : table[target].pipelines)
  }

  #routerOf(signal: Signal): PartRouter {
    let router = this.#routers.get(signal)
    if (router === undefined) {
      const fail = (error: unknown, row: number) => this.#failed(error, row)
      router = new PartRouter(signal, this.#rows, this.#copiesToAll, fail)
      this.#routers.set(signal, router)
    }
    return router
  }

  /** An error is no match. */
  #failed(error: unknown, row: number): void {
    const { error_mode } = this.#context.config
    if (!(error instanceof EvaluationError) || error_mode === 'propagate') throw error
    if (error_mode === 'ignore') {
      this.#context.log.warn('expression_failed', { row, error: error.message })
    }
  }
}

const TAKEN: Dispatched = { taken: true, refused: 0, outcome: ACCEPTED }

function requirePipeline(id: string, { pipelines }: Outlets): void {
  if (pipelines.has(id)) return
  const known = [...pipelines.keys()].join(', ') || 'none'
  throw new MillraceError(
    'MILLRACE_START_FAILED',
    `The table names the pipeline ${id}, which does not receive from this connector; those that do: ${known}.`,
  )
}

function nameOf(pipelines: readonly string[]): string {
  return pipelines.join(',')
}

function sumOf(deliveries: readonly Delivery[]): number {
  return deliveries.reduce((sum, { batch }) => sum + batch.items, 0)
}

/** Holds the payloads of its parts. */
function derive({ signal, tenant, context }: Batch, parts: readonly Part[]): Batch {
  for (const { payload } of parts) payload.retain()
  return new Batch(signal, tenant, context, parts)
}
