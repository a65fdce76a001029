/**
 * Offers a batch until it is taken or its time is over. A batch of which nothing is taken goes back to whoever brought it;
 * once some backends have their share, the rest is offered again, because the whole batch cannot come a second time.
 */
import type { Batch } from '../../core/batch.ts'
import type { Timer } from '../../core/clock.ts'
import type { CreateContext } from '../../core/factory.ts'
import {
  ACCEPTED,
  type BusyCause,
  type Outcome,
  type Refused,
  refused,
} from '../../core/outcome.ts'
import type { Abort } from '../../util/abort.ts'
import type { Moved, SendResult } from '../sending/sender.ts'
import type { LoadBalancingConfig } from './config.ts'
import type { Offered } from './offered.ts'

/** Longest pause between two rounds: what a backend says is meant for clients, and here asking costs little. */
const MAX_PAUSE_MS = 250
/** There will be room again, so that waiting for it makes sense. */
const FULL: ReadonlySet<BusyCause> = new Set(['overloaded', 'disk_share'])

type Offer = (batch: Batch) => Offered | Promise<Offered>

export class Insistence {
  readonly #context: CreateContext<LoadBalancingConfig>
  readonly #offer: Offer
  /** Ends pauses early. */
  readonly #wakes = new Set<() => void>()
  readonly #running = new Set<Promise<unknown>>()
  #isStopped = false

  constructor(context: CreateContext<LoadBalancingConfig>, offer: Offer) {
    this.#context = context
    this.#offer = offer
  }

  /** As `Consumer.consume`. */
  deliver(batch: Batch): Outcome | Promise<Outcome> {
    const offered = this.#offer(batch)
    if (offered instanceof Promise) return this.#track(this.#settle(batch, offered))
    if (offered.left === null) return answer(offered.refusal)
    if (offered.left === batch && !this.#blocks(offered)) return offered.outcome
    return this.#track(this.#settle(batch, offered))
  }

  /** As `Sender.send`: the batch stays the caller's, what is not taken comes back. */
  async forward(given: Batch, abort: Abort, hasRetries: boolean): Promise<SendResult | Moved> {
    const { ledger, id, config } = this.#context
    const { signal, tenant, items } = given
    const batch = given.share()
    const untilMs = hasRetries ? 0 : this.#now() + config.timeout
    const offered = await this.#insist(await this.#offer(batch), untilMs, abort)
    const { left, outcome, refusal } = offered
    if (refusal !== null) {
      const drop = { stage: id, reason: refusal.why, intentional: false }
      ledger.dropped(tenant, signal, refusal.items, drop)
    }
    const taken = items - (left?.items ?? 0)
    if (abort.aborted && taken > 0) {
      // The queue in front has given the attempt up and still answers for all of it.
      ledger.copied(tenant, signal, taken)
      left?.release()
      return { kind: 'retry', message: 'stopped' }
    }
    if (left === null) return { kind: 'moved' }
    const result = resultOf(outcome)
    if (left !== batch) return { kind: 'moved', left: { batch: left, result } }
    batch.release()
    return result
  }

  /** What still waits is offered once more and then dropped. */
  async stop(): Promise<void> {
    this.#isStopped = true
    for (const wake of [...this.#wakes]) wake()
    await Promise.all(this.#running)
  }

  /** The sender is to wait until there is room. */
  #blocks({ outcome }: Offered): boolean {
    const { enabled, block_on_overflow } = this.#context.config.protocol.otlp.sending_queue
    const isFull = outcome.kind === 'busy' && FULL.has(outcome.cause)
    return enabled && block_on_overflow && isFull
  }

  async #settle(batch: Batch, first: Offered | Promise<Offered>): Promise<Outcome> {
    const { config, ledger, id } = this.#context
    let offered = await first
    const blocks = this.#blocks(offered)
    if (offered.left === batch && !blocks) return offered.outcome
    const untilMs = blocks ? Number.POSITIVE_INFINITY : this.#now() + config.timeout
    offered = await this.#insist(offered, untilMs)
    const { left, outcome, refusal } = offered
    if (left === batch) return outcome
    if (left !== null) {
      const reason = outcome.kind === 'refused' ? outcome.why : 'queue_full'
      const { tenant, signal, items } = left
      ledger.dropped(tenant, signal, items, { stage: id, reason, intentional: false })
      left.release()
    }
    return answer(refusal)
  }

  async #insist(offered: Offered, untilMs: number, abort: Abort | null = null): Promise<Offered> {
    let { left, outcome, refusal } = offered
    let isLast = this.#isStopped
    while (left !== null && outcome.kind === 'busy' && !isLast && abort?.aborted !== true) {
      const leftMs = untilMs - this.#now()
      if (leftMs <= 0) break
      await this.#pause(Math.min(outcome.retryAfterMs, MAX_PAUSE_MS, leftMs))
      isLast = this.#isStopped
      const next = await this.#offer(left)
      left = next.left
      outcome = next.outcome
      refusal = add(refusal, next.refusal)
    }
    return { left, outcome, refusal }
  }

  /** None once everything ends: nobody would wake it. */
  #pause(ms: number): Promise<void> | undefined {
    if (this.#isStopped) return undefined
    return new Promise(resolve => {
      let timer: Timer
      const wake = (): void => {
        timer.cancel()
        this.#wakes.delete(wake)
        resolve()
      }
      timer = this.#context.clock.after(ms, wake)
      this.#wakes.add(wake)
    })
  }

  #track<T>(work: Promise<T>): Promise<T> {
    this.#running.add(work)
    return work.finally(() => this.#running.delete(work))
  }

  #now(): number {
    return this.#context.clock.monotonic()
  }
}

function add(a: Refused | null, b: Refused | null): Refused | null {
  return a === null || b === null ? (a ?? b) : refused(a.items + b.items, b.why, b.message)
}

/** Everything else is taken. */
function answer(refusal: Refused | null): Outcome {
  return refusal ?? ACCEPTED
}

function resultOf(outcome: Outcome): SendResult {
  if (outcome.kind === 'refused') {
    return { kind: 'drop', reason: outcome.why, message: outcome.message }
  }
  return { kind: 'retry', message: 'no backend takes it now' }
}
