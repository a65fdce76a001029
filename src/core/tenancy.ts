/**
 * What stages know about tenants: their share of what is common, the book of who used what, and for receivers the door
 * at which rates, requests, connections and memory are limited.
 */
import type { TenantId } from './batch.ts'
import type { Signal } from './signal.ts'

/** A tenant's share of what all use. */
export interface TenantShare {
  /** Turns at an exporter, relative to other tenants that wait for it; > 0. */
  readonly weight: number
  /** Bytes of live entries on disk in all queues together; 0 = bounded by the storage alone. */
  readonly diskBytes: number
  /** Sampling budget of its own; null = that of the sampler's configuration. */
  readonly sampling: TenantSampling | null
}

export interface TenantSampling {
  readonly ratio?: number
  readonly spansPerSecond?: number
  readonly bytesPerSecond?: number
}

/** Stands for whoever did not show who it is, in counts of what was turned away. No tenant can be called so. */
export const UNKNOWN_SENDERS: TenantId = '(unknown)'

/** Counted in plain numbers; a tenant that never was seen is opened by the first count. */
export interface UsageBook {
  /** A request came in whole: its bytes as protobuf. */
  received(tenant: TenantId, signal: Signal, requestBytes: number): void
  /** A request was turned away before its items were known. */
  turnedAway(tenant: TenantId, reason: string): void
  /** A destination took so many bytes, before compression. */
  delivered(tenant: TenantId, signal: Signal, exporter: string, bytes: number): void
}

/** Why a sender that is known is not served now, or not at all. */
export interface TurnedAway {
  readonly kind: 'turned_away'
  /** `quota`: it is over a limit of its own, come back later. `busy`: the collector has no room for it now. */
  readonly code: 'quota' | 'busy' | 'permission_denied'
  /** A short word for counters: `rate_items`, `daily_bytes`, `address_denied` and the like. */
  readonly reason: string
  /** For people: which limit, and how large it is. */
  readonly message: string
  /** 0 where waiting does not help. */
  readonly retryAfterMs: number
}

/** What one tenant does at the door, counted against its limits. Limits change in place; the account stays. */
export interface TenantAccount {
  readonly kind: 'account'
  readonly tenant: TenantId
  /** A request begins. Null means that it counts, and that `leave` follows exactly once. */
  enter(signal: Signal, address: string): TurnedAway | null
  leave(): void
  /** Its items and its bytes as protobuf are known. Nothing is counted when it is turned away. */
  charge(items: number, bytes: number): TurnedAway | null
  /** What was charged was not taken after all. */
  refund(items: number, bytes: number): void
  /** Holds so many bytes of bodies, within its share of memory. */
  tryHold(bytes: number): boolean
  unhold(bytes: number): void
  /** What to answer when `tryHold` says no. */
  outOfMemory(): TurnedAway
  /** A connection shows itself to be the tenant's; `disconnected` follows if null. */
  connected(): TurnedAway | null
  disconnected(): void
}

/** Exists only while tenants are configured. */
export interface TenantDoor {
  /** Lists of addresses that hold for everybody, asked before anything else. */
  admits(address: string): boolean
  /** Bounded in number; who was away for long begins anew. */
  account(tenant: TenantId): TenantAccount | TurnedAway
}

/** Process-wide, from the first moment on; with one tenant and no configuration it costs nothing. */
export interface Tenancy {
  /** Grows whenever a share may have changed: whoever keeps a share asks again then. */
  readonly version: number
  shareOf(tenant: TenantId): TenantShare
  readonly usage: UsageBook
  /** Null while nothing is limited. Asked anew for each request. */
  readonly door: TenantDoor | null
}

export const EQUAL_SHARE: TenantShare = Object.freeze({ weight: 1, diskBytes: 0, sampling: null })

/** No tenants are configured. */
export const OPEN_TENANCY: Tenancy = Object.freeze({
  version: 0,
  shareOf: () => EQUAL_SHARE,
  usage: Object.freeze({ received() {}, turnedAway() {}, delivered() {} }),
  door: null,
})
