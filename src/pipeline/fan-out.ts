/**
 * One batch to several consumers. Each gets a share of its own; bytes are not copied. One slow consumer must neither
 * hold up the others nor make them see a batch twice, so its copy is dropped by name when another has taken the batch.
 */
import type { Batch } from '../core/batch.ts'
import type { Consumer } from '../core/component.ts'
import type { Ledger } from '../core/ledger.ts'
import { ACCEPTED, busy, type Outcome } from '../core/outcome.ts'
import { CLOSED } from './port.ts'

export interface Branch {
  /** Component id, the stage of what is dropped for it. */
  readonly id: string
  readonly consumer: Consumer
}

export class FanOut implements Consumer {
  readonly #branches: readonly Branch[]
  readonly #ledger: Ledger

  constructor(branches: readonly Branch[], ledger: Ledger) {
    this.#branches = branches
    this.#ledger = ledger
  }

  consume(batch: Batch): Outcome | Promise<Outcome> {
    const last = this.#branches.length - 1
    this.#ledger.copied(batch.tenant, batch.signal, last * batch.items)
    const shares = this.#branches.map((_, i) => (i === last ? batch : batch.share()))
    const outcomes = this.#branches.map((branch, i) => branch.consumer.consume(shares[i]))
    if (outcomes.some(outcome => outcome instanceof Promise)) {
      return Promise.all(outcomes).then(settled => this.#conclude(batch, shares, settled))
    }
    return this.#conclude(batch, shares, outcomes as Outcome[])
  }

  #conclude(batch: Batch, shares: readonly Batch[], outcomes: readonly Outcome[]): Outcome {
    const isTaken = (outcome: Outcome): boolean =>
      outcome.kind === 'accepted' || (outcome.kind === 'refused' && outcome.items < batch.items)
    if (!outcomes.some(isTaken)) return this.#takeBack(batch, shares, outcomes)
    for (let i = 0; i < outcomes.length; i++) {
      const outcome = outcomes[i]
      if (outcome.kind === 'accepted') continue
      const items = outcome.kind === 'refused' ? outcome.items : batch.items
      const reason = outcome.kind === 'refused' ? outcome.why : 'queue_full'
      const drop = { stage: this.#branches[i].id, reason, intentional: false }
      this.#ledger.dropped(batch.tenant, batch.signal, items, drop)
      if (!isTaken(outcome)) shares[i].release()
    }
    return ACCEPTED
  }

  /** Nobody took it: the caller keeps the batch and hears the longest wait, or the first refusal. */
  #takeBack(batch: Batch, shares: readonly Batch[], outcomes: readonly Outcome[]): Outcome {
    const last = shares.length - 1
    this.#ledger.copied(batch.tenant, batch.signal, -last * batch.items)
    for (let i = 0; i < last; i++) shares[i].release()
    const waits = outcomes.filter(outcome => outcome.kind === 'busy')
    if (waits.length === 0) return outcomes[0]
    return busy(Math.max(...waits.map(wait => wait.retryAfterMs)), waits[0].cause)
  }
}

/** What leads to these branches: the only one itself, or a fan-out; a closed door where there is none. */
export function joinBranches(branches: readonly Branch[], ledger: Ledger): Consumer {
  if (branches.length === 0) return CLOSED
  return branches.length === 1 ? branches[0].consumer : new FanOut(branches, ledger)
}
