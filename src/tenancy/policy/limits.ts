/** What a tenant may do, as numbers; 0 is no limit, unless another meaning is given. */
import type { Signal } from '../../core/signal.ts'
import type { TenantSampling } from '../../core/tenancy.ts'
import type { AddressList } from '../../net/address-list.ts'

export const RATE_ALGORITHMS = ['token_bucket', 'leaky_bucket', 'sliding_window'] as const

export type RateAlgorithm = (typeof RATE_ALGORITHMS)[number]

export interface RateLimit {
  /** Amount in a second, > 0. */
  readonly rate: number
  /** Amount that may come at once; the sliding window has none. */
  readonly burst: number
  readonly algorithm: RateAlgorithm
  /** Of the sliding window. */
  readonly windowMs: number
}

export interface AddressLists {
  /** Null: everybody who is not denied. */
  readonly allow: AddressList | null
  readonly deny: AddressList | null
}

export interface TenantLimits {
  readonly items: RateLimit | null
  readonly bytes: RateLimit | null
  readonly concurrentRequests: number
  readonly connections: number
  /** Bytes of bodies that are in memory at one time. */
  readonly memoryBytes: number
  readonly dailyItems: number
  readonly dailyBytes: number
  readonly diskBytes: number
  readonly weight: number
  /** Null: all. */
  readonly signals: readonly Signal[] | null
  readonly addresses: AddressLists | null
  readonly sampling: TenantSampling | null
}

export const NO_LIMITS: TenantLimits = Object.freeze({
  items: null,
  bytes: null,
  concurrentRequests: 0,
  connections: 0,
  memoryBytes: 0,
  dailyItems: 0,
  dailyBytes: 0,
  diskBytes: 0,
  weight: 1,
  signals: null,
  addresses: null,
  sampling: null,
})
