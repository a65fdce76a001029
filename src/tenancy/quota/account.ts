/** One tenant at the door: what it does now and what it used up, against limits that may change at any time. */
import type { TenantId } from '../../core/batch.ts'
import type { Clock } from '../../core/clock.ts'
import type { Signal } from '../../core/signal.ts'
import type { TenantAccount, TurnedAway } from '../../core/tenancy.ts'
import { admitsAddress } from '../policy/address-list.ts'
import type { RateLimit, TenantLimits } from '../policy/limits.ts'
import { DailyVolume } from './daily-volume.ts'
import { createRateMeter, type RateMeter } from './rate-meter.ts'

/** Said where nobody can know how long something takes. */
const UNKNOWN_RETRY_MS = 1000
/** No client is told to stay away for longer: limits may change meanwhile. */
const MAX_RETRY_MS = 600_000

export class Account implements TenantAccount {
  readonly kind = 'account'
  readonly tenant: TenantId
  requests = 0
  connections = 0
  heldBytes = 0
  /** 0: never, in this process. */
  lastSeenMs = 0
  readonly volume = new DailyVolume()
  limits: TenantLimits
  /** Where the limits stand. */
  origin: string
  /** Resolved by this version of the policy. */
  version: number
  items: RateMeter | null
  bytes: RateMeter | null
  readonly #clock: Clock
  /** The request that came last found nothing of the tenant in memory. */
  #isAlone = false

  constructor(
    tenant: TenantId,
    limits: TenantLimits,
    origin: string,
    version: number,
    clock: Clock,
  ) {
    this.tenant = tenant
    this.limits = limits
    this.origin = origin
    this.version = version
    this.#clock = clock
    this.items = adjust(null, null, limits.items, clock.monotonic())
    this.bytes = adjust(null, null, limits.bytes, clock.monotonic())
  }

  /** Nothing would be forgotten that counts if it began anew. */
  get isIdle(): boolean {
    if (this.requests > 0 || this.connections > 0 || this.heldBytes > 0) return false
    return !this.hasVolume && !this.hasDebt
  }

  get hasVolume(): boolean {
    const { dailyItems, dailyBytes } = this.limits
    if (dailyItems === 0 && dailyBytes === 0) return false
    this.volume.roll(this.#clock.now())
    return this.volume.items > 0 || this.volume.bytes > 0
  }

  get hasDebt(): boolean {
    const nowMs = this.#clock.monotonic()
    return (this.items?.waitMs(nowMs) ?? 0) > 0 || (this.bytes?.waitMs(nowMs) ?? 0) > 0
  }

  relimit(limits: TenantLimits, origin: string, version: number): void {
    const nowMs = this.#clock.monotonic()
    if (limits !== this.limits) {
      this.items = adjust(this.items, this.limits.items, limits.items, nowMs)
      this.bytes = adjust(this.bytes, this.limits.bytes, limits.bytes, nowMs)
    }
    this.limits = limits
    this.origin = origin
    this.version = version
  }

  // hot: bench/flow/side-by-side.ts
  enter(signal: Signal, address: string): TurnedAway | null {
    const { limits } = this
    if (limits.signals !== null && !limits.signals.includes(signal)) {
      return forbidden('signal_not_allowed', `the tenant ${this.tenant} may not send ${signal}`)
    }
    if (limits.addresses !== null && !admitsAddress(limits.addresses, address)) {
      return forbidden('address_denied', `the tenant ${this.tenant} may not send from ${address}`)
    }
    const { concurrentRequests } = limits
    if (concurrentRequests > 0 && this.requests >= concurrentRequests) {
      const what = `${concurrentRequests} requests at one time`
      return overQuota('concurrent_requests', this.tenant, what, UNKNOWN_RETRY_MS)
    }
    if (limits.memoryBytes > 0 && this.heldBytes >= limits.memoryBytes) return this.outOfMemory()
    const wait = this.#overVolume() ?? this.#overRate()
    if (wait !== null) return wait
    this.#isAlone = this.requests === 0 && this.heldBytes === 0
    this.requests++
    return null
  }

  leave(): void {
    this.requests--
  }

  // hot: bench/flow/side-by-side.ts
  charge(items: number, bytes: number): TurnedAway | null {
    const over = this.#overRate() ?? this.#overVolume()
    if (over !== null) return over
    if (this.items !== null || this.bytes !== null) {
      const nowMs = this.#clock.monotonic()
      this.items?.take(items, nowMs)
      this.bytes?.take(bytes, nowMs)
    }
    const { dailyItems, dailyBytes } = this.limits
    if (dailyItems > 0 || dailyBytes > 0) {
      this.volume.items += items
      this.volume.bytes += bytes
    }
    return null
  }

  /** The rates stay charged: they bound the work that a sender makes, the volume what is taken from it. */
  refund(items: number, bytes: number): void {
    this.volume.items = Math.max(0, this.volume.items - items)
    this.volume.bytes = Math.max(0, this.volume.bytes - bytes)
  }

  tryHold(bytes: number): boolean {
    const { memoryBytes } = this.limits
    // What is larger than the share gets in alone, or it never would: also where it grows as it comes, or is inflated.
    const isFirst = this.heldBytes === 0 || this.#isAlone
    if (memoryBytes > 0 && !isFirst && this.heldBytes + bytes > memoryBytes) return false
    this.heldBytes += bytes
    return true
  }

  unhold(bytes: number): void {
    this.heldBytes -= bytes
  }

  outOfMemory(): TurnedAway {
    const what = `${this.limits.memoryBytes} bytes of requests in memory`
    return overQuota('memory', this.tenant, what, UNKNOWN_RETRY_MS)
  }

  connected(): TurnedAway | null {
    const { connections } = this.limits
    if (connections > 0 && this.connections >= connections) {
      const what = `${connections} connections`
      return overQuota('connections', this.tenant, what, UNKNOWN_RETRY_MS)
    }
    this.connections++
    return null
  }

  disconnected(): void {
    this.connections--
  }

  #overRate(): TurnedAway | null {
    if (this.items === null && this.bytes === null) return null
    const nowMs = this.#clock.monotonic()
    const itemsMs = this.items === null ? 0 : this.items.waitMs(nowMs)
    const bytesMs = this.bytes === null ? 0 : this.bytes.waitMs(nowMs)
    if (itemsMs === 0 && bytesMs === 0) return null
    const { items, bytes } = this.limits
    return itemsMs >= bytesMs
      ? overQuota('rate_items', this.tenant, `${items!.rate} items a second`, itemsMs)
      : overQuota('rate_bytes', this.tenant, `${bytes!.rate} bytes a second`, bytesMs)
  }

  #overVolume(): TurnedAway | null {
    const { dailyItems, dailyBytes } = this.limits
    if (dailyItems === 0 && dailyBytes === 0) return null
    const { volume } = this
    const leftMs = volume.roll(this.#clock.now())
    if (dailyItems > 0 && volume.items >= dailyItems) {
      return overQuota('daily_items', this.tenant, `${dailyItems} items a day`, leftMs)
    }
    if (dailyBytes > 0 && volume.bytes >= dailyBytes) {
      return overQuota('daily_bytes', this.tenant, `${dailyBytes} bytes a day`, leftMs)
    }
    return null
  }
}

/** The meter for a new limit: the old one where its algorithm goes on, so that nobody gains a burst by a reload. */
function adjust(
  meter: RateMeter | null,
  before: RateLimit | null,
  after: RateLimit | null,
  nowMs: number,
): RateMeter | null {
  if (after === null) return null
  if (meter === null || before?.algorithm !== after.algorithm) return createRateMeter(after, nowMs)
  meter.relimit(after)
  return meter
}

function overQuota(
  reason: string,
  tenant: TenantId,
  what: string,
  retryAfterMs: number,
): TurnedAway {
  return {
    kind: 'turned_away',
    code: 'quota',
    reason,
    message: `the tenant ${tenant} has used up its quota of ${what}`,
    retryAfterMs: Math.min(retryAfterMs, MAX_RETRY_MS),
  }
}

function forbidden(reason: string, message: string): TurnedAway {
  return { kind: 'turned_away', code: 'permission_denied', reason, message, retryAfterMs: 0 }
}
