/** The joints of the graph: every component writes into a port, and a reload points the port somewhere else between two batches. */
import type { Batch } from '../core/batch.ts'
import type { Consumer } from '../core/component.ts'
import type { Counter } from '../core/meter.ts'
import { busy, type Outcome } from '../core/outcome.ts'
import type { Signal } from '../core/signal.ts'

/** Said where a port leads nowhere yet, or no more. */
const CLOSED_RETRY_MS = 1000

export const CLOSED: Consumer = {
  consume: () => busy(CLOSED_RETRY_MS, 'unavailable'),
}

export class Port implements Consumer {
  #target: Consumer = CLOSED

  pointTo(target: Consumer): void {
    this.#target = target
  }

  consume(batch: Batch): Outcome | Promise<Outcome> {
    return this.#target.consume(batch)
  }
}

/** Sends each signal its own way: what stands behind a receiver that serves several pipelines. */
export class SignalSwitch implements Consumer {
  readonly #bySignal: ReadonlyMap<Signal, Consumer>

  constructor(bySignal: ReadonlyMap<Signal, Consumer>) {
    this.#bySignal = bySignal
  }

  consume(batch: Batch): Outcome | Promise<Outcome> {
    return (this.#bySignal.get(batch.signal) ?? CLOSED).consume(batch)
  }
}

/** Counts the items that the stage behind it took. */
export class CountingConsumer implements Consumer {
  readonly #target: Consumer
  readonly #taken: Counter

  constructor(target: Consumer, taken: Counter) {
    this.#target = target
    this.#taken = taken
  }

  consume(batch: Batch): Outcome | Promise<Outcome> {
    const { items } = batch
    const outcome = this.#target.consume(batch)
    if (outcome instanceof Promise) return outcome.then(settled => this.#count(settled, items))
    return this.#count(outcome, items)
  }

  #count(outcome: Outcome, items: number): Outcome {
    if (outcome.kind === 'accepted') this.#taken.value += items
    else if (outcome.kind === 'refused') this.#taken.value += items - outcome.items
    return outcome
  }
}

/** Items that receivers have handed on and that nobody has answered for yet: neither held nor let go. */
export interface Transit {
  items: number
}

/** Behind a receiver: sees what is on its way while the stages answer later. */
export class TransitConsumer implements Consumer {
  readonly #target: Consumer
  readonly #transit: Transit

  constructor(target: Consumer, transit: Transit) {
    this.#target = target
    this.#transit = transit
  }

  consume(batch: Batch): Outcome | Promise<Outcome> {
    const outcome = this.#target.consume(batch)
    return outcome instanceof Promise ? this.#track(outcome, batch.items) : outcome
  }

  async #track(outcome: Promise<Outcome>, items: number): Promise<Outcome> {
    this.#transit.items += items
    const settled = await outcome
    this.#transit.items -= items
    return settled
  }
}
