/**
 * The levels of one signal: which one is in use, what a failure of it means, and when those above are tried again.
 *
 * ```
 * level 0  x x x x . . . . ? . . . . ? o o o      x fails, ? is tried with one request, o takes it: back
 * level 1          o o o o o o o o o o            while nobody takes anything, every request tries all
 * ```
 */
import type { Batch } from '../../core/batch.ts'
import type { Clock } from '../../core/clock.ts'
import type { Consumer } from '../../core/component.ts'
import type { Ledger } from '../../core/ledger.ts'
import { ACCEPTED, type Busy, busy, type Outcome, type Refused } from '../../core/outcome.ts'

/** They are about the data: another backend would say the same, and this one is well. */
const ABOUT_DATA: ReadonlySet<string> = new Set(['bad_data', 'too_large'])
const UNAVAILABLE = busy(1000, 'unavailable')

export interface LevelsOptions {
  readonly id: string
  /** By level, one consumer for each pipeline. */
  readonly levels: readonly (readonly Consumer[])[]
  readonly retryIntervalMs: number
  readonly clock: Clock
  readonly ledger: Ledger
  /** From one level to another. */
  readonly onSwitch: (from: number, to: number) => void
}

/** One request on its way down. */
interface Descent {
  readonly batch: Batch
  /** Levels in the order in which they are asked. */
  readonly order: readonly number[]
  /** Some pipelines of a level have taken it and others not: it cannot be given back any more. */
  isTaken: boolean
  wait: Busy | null
  refusal: Refused | null
}

export class Levels {
  readonly #options: LevelsOptions
  #current = 0
  /** Monotonic time of the next try of the levels above. */
  #retryAtMs = 0
  /** A request is trying them. */
  #isTrying = false

  constructor(options: LevelsOptions) {
    this.#options = options
  }

  /** The level in use, from 0. */
  get current(): number {
    return this.#current
  }

  consume(batch: Batch): Outcome | Promise<Outcome> {
    const isTry = this.#current > 0 && !this.#isTrying && this.#now() >= this.#retryAtMs
    if (isTry) {
      this.#isTrying = true
      this.#retryAtMs = this.#now() + this.#options.retryIntervalMs
    }
    const descent: Descent = {
      batch,
      order: this.#order(isTry),
      isTaken: false,
      wait: null,
      refusal: null,
    }
    const outcome = this.#descend(descent, 0)
    if (!isTry) return outcome
    if (outcome instanceof Promise) return outcome.finally(() => this.#endTry())
    this.#endTry()
    return outcome
  }

  /** From the one in use downwards; those above before that in a try, or after all else. */
  #order(isTry: boolean): number[] {
    const all = this.#options.levels.map((_, i) => i)
    if (isTry) return all
    return [...all.slice(this.#current), ...all.slice(0, this.#current)]
  }

  #endTry(): void {
    this.#isTrying = false
  }

  #descend(descent: Descent, step: number): Outcome | Promise<Outcome> {
    if (step === descent.order.length) return this.#conclude(descent)
    const level = descent.order[step]
    const outcome = this.#offer(descent, level)
    const next = (settled: Outcome): Outcome | Promise<Outcome> => {
      const isDone = this.#judge(descent, level, settled)
      return isDone ? settled : this.#descend(descent, step + 1)
    }
    return outcome instanceof Promise ? outcome.then(next) : next(outcome)
  }

  /** True when the request has come to its end. */
  #judge(descent: Descent, level: number, outcome: Outcome): boolean {
    const isPart = outcome.kind === 'refused' && outcome.items < descent.batch.items
    if (outcome.kind === 'accepted' || isPart) {
      // Further down it has come for its data, or because those above failed, which was noted then.
      if (level < this.#current) this.#use(level)
      return true
    }
    if (outcome.kind === 'refused') {
      descent.refusal ??= outcome
      if (ABOUT_DATA.has(outcome.why)) return false
    } else {
      if (descent.wait === null || outcome.retryAfterMs < descent.wait.retryAfterMs) {
        descent.wait = outcome
      }
      // Full is not dead, and may be so for one tenant only: this request goes on, the next ones ask here again.
      if (outcome.cause !== 'unavailable') return false
    }
    this.#failed(level)
    return false
  }

  /** Nobody took it. */
  #conclude({ batch, isTaken, wait, refusal }: Descent): Outcome {
    if (isTaken) {
      const { ledger, id } = this.#options
      const reason = wait === null ? refusal!.why : 'queue_full'
      const drop = { stage: id, reason, intentional: false }
      ledger.dropped(batch.tenant, batch.signal, batch.items, drop)
      batch.release()
      return ACCEPTED
    }
    // One that may take it later counts for more than one that never will.
    return wait ?? refusal ?? UNAVAILABLE
  }

  #use(level: number): void {
    const from = this.#current
    if (level === from) return
    this.#current = level
    if (level > from) this.#retryAtMs = this.#now() + this.#options.retryIntervalMs
    this.#options.onSwitch(from, level)
  }

  /** Requests that were on their way there as well say the same; the first one counts. */
  #failed(level: number): void {
    if (level !== this.#current || level + 1 >= this.#options.levels.length) return
    this.#use(level + 1)
  }

  #offer(descent: Descent, level: number): Outcome | Promise<Outcome> {
    const consumers = this.#options.levels[level]
    const { batch } = descent
    if (consumers.length === 1) return consumers[0].consume(batch)
    const shares = consumers.map(() => batch.share())
    this.#book(batch, consumers.length - 1)
    const outcomes = consumers.map((consumer, i) => consumer.consume(shares[i]))
    if (outcomes.some(outcome => outcome instanceof Promise)) {
      return Promise.all(outcomes).then(settled => this.#join(descent, shares, settled))
    }
    return this.#join(descent, shares, outcomes as Outcome[])
  }

  /** All pipelines of a level must take it; of those that do not, one copy goes on to the next level. */
  #join(descent: Descent, shares: readonly Batch[], outcomes: readonly Outcome[]): Outcome {
    const { batch } = descent
    const { ledger, id } = this.#options
    let failure: Outcome | null = null
    let taken = 0
    outcomes.forEach((outcome, i) => {
      const isPart = outcome.kind === 'refused' && outcome.items < batch.items
      if (outcome.kind === 'accepted' || isPart) {
        taken++
        if (!isPart) return
        const drop = { stage: id, reason: outcome.why, intentional: false }
        ledger.dropped(batch.tenant, batch.signal, outcome.items, drop)
        return
      }
      shares[i].release()
      if (failure === null || outcome.kind === 'busy') failure = outcome
    })
    if (failure === null) {
      batch.release()
      return ACCEPTED
    }
    this.#book(batch, taken + 1 - outcomes.length)
    if (taken > 0) descent.isTaken = true
    return failure
  }

  #book({ tenant, signal, items }: Batch, copies: number): void {
    if (copies !== 0) this.#options.ledger.copied(tenant, signal, copies * items)
  }

  #now(): number {
    return this.#options.clock.monotonic()
  }
}
