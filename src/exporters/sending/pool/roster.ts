/** The endpoints of a pool as they are now, and the choice among them for one request. */
import type { Batch, Part } from '../../../core/batch.ts'
import type { Clock } from '../../../core/clock.ts'
import { cutByOwner, keysByTrace } from './by-trace.ts'
import type { BalancingConfig } from './config.ts'
import type { Endpoint } from './endpoint.ts'
import { KeyedChoice } from './keyed.ts'
import { createStrategy, type Strategy } from './strategies.ts'

/** `wait`: what may be used is busy just now. A number: nothing may be used, perhaps after so many milliseconds; 0 = unknown. */
export type Choice = Endpoint | 'wait' | number

export class Roster {
  readonly #config: BalancingConfig
  readonly #clock: Clock
  readonly #strategy: Strategy
  #endpoints: readonly Endpoint[] = []

  constructor(config: BalancingConfig, clock: Clock, random: () => number) {
    this.#config = config
    this.#clock = clock
    this.#strategy = createStrategy(config, { clock, random })
  }

  get endpoints(): readonly Endpoint[] {
    return this.#endpoints
  }

  set(endpoints: readonly Endpoint[]): void {
    this.#endpoints = endpoints
  }

  /** So few are well that it does not matter any more who is. */
  get isPanicking(): boolean {
    const { length } = this.#endpoints
    const well = this.#countWell(this.#clock.monotonic())
    return length > 0 && (well === 0 || well * 100 < this.#config.panic_threshold * length)
  }

  /**
   * A request to the endpoint follows and counts as in flight already. `asked` have had it in this attempt; `avoided` is
   * taken only if there is no other.
   */
  take(batch: Batch, asked: readonly Endpoint[], avoided: Endpoint | null): Choice {
    const now = this.#clock.monotonic()
    const usable = this.#usable(batch, asked, now)
    if (usable.length === 0) return this.#waitFor(batch, asked, now)
    let free = usable.filter(endpoint => endpoint.hasRoom)
    if (free.length === 0) return 'wait'
    if (avoided !== null && free.length > 1) free = free.filter(one => one !== avoided)
    const chosen = this.#strategy.choose(free, batch)
    chosen.breaker.allow()
    chosen.inFlight++
    return chosen
  }

  get hasRoom(): boolean {
    return this.#endpoints.some(endpoint => endpoint.hasRoom)
  }

  /** There is one that could be asked now. */
  hasOther(batch: Batch, asked: readonly Endpoint[]): boolean {
    return this.#usable(batch, asked, this.#clock.monotonic()).length > 0
  }

  /** When requests have to be cut for the sake of their keys; null = it may go as it is. */
  cut(batch: Batch): readonly Batch[] | null {
    const strategy = this.#strategy
    const { strategy: name, hash_on } = this.#config
    if (name !== 'consistent_hash' || hash_on !== 'trace_id') return null
    if (!(strategy instanceof KeyedChoice)) return null
    const usable = this.#usable(batch, [], this.#clock.monotonic())
    if (usable.length < 2) return null
    const keyOf = keysByTrace(batch)
    const owners = (part: Part, item: number) => strategy.chooseFor(usable, keyOf(part, item))
    return cutByOwner(batch, owners)
  }

  /** Those whose breakers, health and wishes allow it; health does not count in a panic. */
  #usable({ tenant }: Batch, asked: readonly Endpoint[], now: number): Endpoint[] {
    const isPanic = this.isPanicking
    return this.#endpoints.filter(
      endpoint =>
        endpoint.isPassable &&
        (isPanic || endpoint.isWell(now)) &&
        !asked.includes(endpoint) &&
        endpoint.restMs(tenant, now) === 0,
    )
  }

  #countWell(now: number): number {
    let well = 0
    for (const endpoint of this.#endpoints) if (endpoint.isWell(now) && endpoint.isPassable) well++
    return well
  }

  #waitFor({ tenant }: Batch, asked: readonly Endpoint[], now: number): Choice {
    let soonest = Number.POSITIVE_INFINITY
    for (const endpoint of this.#endpoints) {
      if (endpoint.isProbed && asked.length === 0) return 'wait'
      const ms = Math.max(endpoint.restMs(tenant, now), endpoint.blockedForMs)
      if (ms > 0) soonest = Math.min(soonest, ms)
    }
    return soonest === Number.POSITIVE_INFINITY ? 0 : soonest
  }
}
