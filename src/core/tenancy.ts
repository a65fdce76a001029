/**
 * What stages behind the door know about tenants: their share of what is common, and the book of who used what. Limits
 * at the door itself (rates, requests, connections) are the tenancy engine's own.
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

/** Counted in plain numbers; a tenant that never was seen is opened by the first count. */
export interface UsageBook {
  /** A request came in whole: its bytes as protobuf. */
  received(tenant: TenantId, signal: Signal, requestBytes: number): void
  /** A request was turned away before its items were known. */
  turnedAway(tenant: TenantId, reason: string): void
  /** A destination took so many bytes, before compression. */
  delivered(tenant: TenantId, signal: Signal, exporter: string, bytes: number): void
}

/** Process-wide, from the first moment on; with one tenant and no configuration it costs nothing. */
export interface Tenancy {
  /** Grows whenever a share may have changed: whoever keeps a share asks again then. */
  readonly version: number
  shareOf(tenant: TenantId): TenantShare
  readonly usage: UsageBook
}

export const EQUAL_SHARE: TenantShare = Object.freeze({ weight: 1, diskBytes: 0, sampling: null })

/** No tenants are configured. */
export const OPEN_TENANCY: Tenancy = Object.freeze({
  version: 0,
  shareOf: () => EQUAL_SHARE,
  usage: Object.freeze({ received() {}, turnedAway() {}, delivered() {} }),
})
