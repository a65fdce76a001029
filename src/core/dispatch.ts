/**
 * Sends the deliveries of one plan so that the sender hears one answer. While nobody has taken anything, a busy
 * destination makes the whole batch wait outside; once one has taken its share, the others are asked again for a while,
 * because giving the batch back would send that share twice.
 */
import type { Batch } from './batch.ts'
import type { Clock, Timer } from './clock.ts'
import type { Consumer } from './component.ts'
import type { Ledger } from './ledger.ts'
import { ACCEPTED, type Busy, busy, type Outcome, refused } from './outcome.ts'

/** Longest pause between two attempts. */
const MAX_PAUSE_MS = 250

export interface Delivery {
  /** Who gets it, by a name that the sender of deliveries has chosen; empty for what stands behind it. */
  readonly to: string
  readonly batch: Batch
}

export interface DispatchOptions {
  /** By `Delivery.to`. */
  readonly find: (to: string) => Consumer
  readonly ledger: Ledger
  readonly clock: Clock
  readonly maxWaitMs: number
  /** Stage of drops at the destination that has no id of its own. */
  readonly id: string
}

/** `taken`: everything is booked, the batches have other owners. Otherwise they are still the caller's. */
export type Dispatched =
  | { readonly taken: true; readonly refused: number; readonly outcome: Outcome }
  | { readonly taken: false; readonly outcome: Outcome }

type Settled = { readonly delivery: Delivery; readonly outcome: Outcome }

export class Dispatcher {
  readonly #options: DispatchOptions
  /** Ends waits early. */
  readonly #waits = new Set<() => void>()
  #isStopped = false

  constructor(options: DispatchOptions) {
    this.#options = options
  }

  /** No more patience: what is not taken at the next attempt is dropped. */
  stop(): void {
    this.#isStopped = true
    for (const wake of [...this.#waits]) wake()
  }

  /** Synchronous when all destinations are. */
  send(deliveries: readonly Delivery[]): Dispatched | Promise<Dispatched> {
    if (deliveries.length === 1) {
      const [delivery] = deliveries
      const outcome = this.#options.find(delivery.to).consume(delivery.batch)
      return outcome instanceof Promise
        ? outcome.then(settled => concludeOne(delivery, settled))
        : concludeOne(delivery, outcome)
    }
    const outcomes = deliveries.map(({ to, batch }) => this.#options.find(to).consume(batch))
    if (outcomes.some(outcome => outcome instanceof Promise)) {
      return Promise.all(outcomes).then(settled => this.#conclude(deliveries, settled))
    }
    return this.#conclude(deliveries, outcomes as Outcome[])
  }

  #conclude(
    deliveries: readonly Delivery[],
    outcomes: readonly Outcome[],
  ): Dispatched | Promise<Dispatched> {
    const settled = deliveries.map((delivery, i) => ({ delivery, outcome: outcomes[i] }))
    if (!settled.some(isTaken)) return { taken: false, outcome: worst(settled) }
    const waiting = settled.filter(({ outcome }) => outcome.kind === 'busy')
    for (const each of settled) if (each.outcome.kind === 'refused') this.#lose(each)
    if (waiting.length === 0) return TAKEN
    return Promise.all(
      waiting.map(({ delivery, outcome }) => this.#insist(delivery, outcome as Busy)),
    ).then(() => TAKEN)
  }

  async #insist(delivery: Delivery, first: Busy): Promise<void> {
    const { clock, maxWaitMs, find } = this.#options
    const until = clock.monotonic() + maxWaitMs
    let outcome: Outcome = first
    while (outcome.kind === 'busy' && clock.monotonic() < until && !this.#isStopped) {
      const left = Math.max(1, until - clock.monotonic())
      await this.#pause(Math.min(outcome.retryAfterMs, MAX_PAUSE_MS, left))
      outcome = await find(delivery.to).consume(delivery.batch)
    }
    if (outcome.kind !== 'accepted') this.#lose({ delivery, outcome })
  }

  /** Others have taken theirs, so this share cannot be given back. */
  #lose({ delivery, outcome }: Settled): void {
    const { ledger, id } = this.#options
    const { batch, to } = delivery
    const items = outcome.kind === 'refused' ? Math.min(outcome.items, batch.items) : batch.items
    const reason = outcome.kind === 'refused' ? outcome.why : 'queue_full'
    const drop = { stage: to === '' ? id : to, reason, intentional: false }
    ledger.dropped(batch.tenant, batch.signal, items, drop)
    if (items >= batch.items) batch.release()
  }

  #pause(ms: number): Promise<void> {
    return new Promise(resolve => {
      let timer: Timer
      const wake = (): void => {
        timer.cancel()
        this.#waits.delete(wake)
        resolve()
      }
      timer = this.#options.clock.after(ms, wake)
      this.#waits.add(wake)
    })
  }
}

const TAKEN: Dispatched = { taken: true, refused: 0, outcome: ACCEPTED }

/** One destination answers for itself. */
function concludeOne({ batch }: Delivery, outcome: Outcome): Dispatched {
  if (outcome.kind === 'accepted') return TAKEN
  if (outcome.kind === 'refused' && outcome.items < batch.items) {
    return { taken: true, refused: outcome.items, outcome }
  }
  return { taken: false, outcome }
}

function isTaken({ delivery, outcome }: Settled): boolean {
  if (outcome.kind === 'accepted') return true
  return outcome.kind === 'refused' && outcome.items < delivery.batch.items
}

/** Nobody took anything: the longest wait, or the first refusal. */
function worst(settled: readonly Settled[]): Outcome {
  const waits = settled.map(({ outcome }) => outcome).filter(outcome => outcome.kind === 'busy')
  if (waits.length === 0) return settled[0].outcome
  return busy(Math.max(...waits.map(wait => wait.retryAfterMs)), waits[0].cause)
}

/** A refusal of everything that a batch held. */
export function refuseAll(batch: Batch, outcome: Outcome): Outcome {
  if (outcome.kind !== 'refused') return outcome
  return refused(batch.items, outcome.why, outcome.message)
}
