/** One place of a pool: its sender, what is in flight there, and all that is known about how well it is. */
import type { Clock } from '../../../core/clock.ts'
import { type Breaker, CircuitBreaker, PASS_THROUGH } from '../breaker.ts'
import type { Sender, SendResult } from '../sender.ts'
import { type ConcurrencyLimit, createLimit, UNLIMITED } from './concurrency.ts'
import type { BalancingConfig, PassiveConfig } from './config.ts'
import { hashText } from './hash.ts'
import { PeakLatency } from './latency.ts'
import { nameOf, type Place } from './place.ts'

/** Tenants that were told to wait; of more, the one that was told first may come again too early. */
const MAX_RESTING = 1000

/** Why an endpoint is not used, as counters know it. */
export type Ejection = 'passive' | 'failures' | 'latency'

export interface EndpointOptions {
  readonly place: Place
  readonly weight: number
  readonly sender: Sender
  readonly balancing: BalancingConfig
  readonly clock: Clock
}

/** What outlier ejection compares, since it looked last. */
export interface Tally {
  requests: number
  failures: number
  /** Of those that did not fail. */
  totalMs: number
}

export class Endpoint {
  readonly name: string
  /** What keyed choices tell endpoints apart by. */
  readonly seed: number
  readonly place: Place
  readonly weight: number
  readonly sender: Sender
  readonly concurrency: ConcurrencyLimit
  readonly latency = new PeakLatency()
  readonly #clock: Clock
  readonly #breaker: CircuitBreaker | null
  readonly #passive: PassiveConfig | undefined
  /** By tenant: when the endpoint wants its next request. */
  readonly #resting = new Map<string, number>()
  /** Smooth weighted turns: what it is owed. */
  credit = 0
  inFlight = 0
  /** Its name does not say it any more: what is in flight ends, nothing begins. */
  isLeaving = false
  /** The health checks say so. */
  isDown = false
  ejectedUntilMs = 0
  /** How long it is ejected next time, as a multiple. */
  ejections = 0
  tally: Tally = { requests: 0, failures: 0, totalMs: 0 }
  #failuresInARow = 0
  #avoidedUntilMs = 0
  /** For metrics. */
  readonly results: Record<SendResult['kind'], number> = { sent: 0, retry: 0, drop: 0 }
  readonly ejected: Record<Ejection, number> = { passive: 0, failures: 0, latency: 0 }
  readonly checks = { passed: 0, failed: 0 }

  constructor({ place, weight, sender, balancing, clock }: EndpointOptions) {
    this.name = nameOf(place)
    this.seed = hashText(this.name)
    this.place = place
    this.weight = weight
    this.sender = sender
    this.#clock = clock
    const { circuit_breaker, passive_health_check, adaptive_concurrency } = balancing
    this.#breaker = circuit_breaker.enabled ? new CircuitBreaker(circuit_breaker, clock) : null
    this.#passive = passive_health_check
    this.concurrency =
      adaptive_concurrency === undefined ? UNLIMITED : createLimit(adaptive_concurrency)
  }

  get breaker(): Breaker {
    return this.#breaker ?? PASS_THROUGH
  }

  get hasRoom(): boolean {
    return this.inFlight < this.concurrency.limit
  }

  /** Neither its checks nor its requests speak against it. */
  isWell(nowMs: number): boolean {
    return !this.isDown && nowMs >= this.#avoidedUntilMs && nowMs >= this.ejectedUntilMs
  }

  isEjected(nowMs: number): boolean {
    return nowMs < this.#avoidedUntilMs || nowMs < this.ejectedUntilMs
  }

  /** Its breaker would let a request through. */
  get isPassable(): boolean {
    return this.#breaker === null || this.#breaker.wouldAllow
  }

  /** A single request tries just now whether it is well again. */
  get isProbed(): boolean {
    return this.#breaker?.state === 'half_open' && this.inFlight > 0
  }

  /** How long its breaker keeps it closed off. */
  get blockedForMs(): number {
    return this.#breaker === null || this.#breaker.wouldAllow ? 0 : this.#breaker.waitMs()
  }

  /** It asked this tenant to wait for so long from now; 0 = it did not. */
  restMs(tenant: string, nowMs: number): number {
    if (this.#resting.size === 0) return 0
    const untilMs = this.#resting.get(tenant)
    if (untilMs === undefined) return 0
    if (untilMs > nowMs) return untilMs - nowMs
    this.#resting.delete(tenant)
    return 0
  }

  /** `tellsNothing`: whatever the result is, the endpoint is not to be judged by it. */
  ended(tenant: string, result: SendResult, tookMs: number, tellsNothing = false): void {
    this.results[result.kind]++
    const nowMs = this.#clock.monotonic()
    if (result.kind !== 'retry') this.#answered(result, tookMs, nowMs)
    else if (tellsNothing || result.isOurs === true) this.#breaker?.forget()
    else if ((result.afterMs ?? 0) > 0) this.#askedToWait(tenant, result.afterMs!, tookMs, nowMs)
    else this.#failed(tookMs, nowMs)
  }

  /** It has the data, or does not want it: either way it works. */
  #answered(result: SendResult, tookMs: number, nowMs: number): void {
    this.concurrency.ended(tookMs, this.inFlight, false, nowMs)
    this.latency.succeeded(tookMs, nowMs)
    this.tally.requests++
    if (isServerFault(result)) this.tally.failures++
    else this.tally.totalMs += tookMs
    this.#breaker?.success()
    this.#failuresInARow = 0
    this.#avoidedUntilMs = 0
  }

  /** As for a whole destination: who names a time is well. But it has enough to do. */
  #askedToWait(tenant: string, afterMs: number, tookMs: number, nowMs: number): void {
    this.concurrency.ended(tookMs, this.inFlight, true, nowMs)
    this.#breaker?.forget()
    this.#rest(tenant, nowMs + afterMs)
  }

  /** Its checks say that it is back: what was held against it is forgotten, a breaker that is open lets one request try. */
  returned(): void {
    this.#avoidedUntilMs = 0
    this.#breaker?.reset()
    this.sender.hurry?.()
  }

  #failed(tookMs: number, nowMs: number): void {
    this.concurrency.ended(tookMs, this.inFlight, true, nowMs)
    this.latency.failed(tookMs, nowMs)
    this.tally.requests++
    this.tally.failures++
    this.#breaker?.failure()
    this.#failuresInARow++
    if (this.#passive === undefined) return
    if (this.#failuresInARow < this.#passive.consecutive_failures) return
    if (nowMs >= this.#avoidedUntilMs) this.ejected.passive++
    this.#avoidedUntilMs = nowMs + this.#passive.unhealthy_for
  }

  #rest(tenant: string, untilMs: number): void {
    this.#resting.delete(tenant)
    if (this.#resting.size >= MAX_RESTING) {
      this.#resting.delete(this.#resting.keys().next().value!)
    }
    this.#resting.set(tenant, untilMs)
  }
}

/** Answers that are given up, and that a server which is well does not give to data that others take. */
function isServerFault(result: SendResult): boolean {
  if (result.kind !== 'drop') return false
  return result.reason === 'rejected' || result.reason === 'unimplemented'
}
