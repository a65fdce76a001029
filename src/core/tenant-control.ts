/** What operators may ask about tenants: who there is, who used what and when; the admin socket stands on it. */
import type { Signal } from './signal.ts'

/** One tenant as the gate sees it now. */
export interface TenantView {
  readonly tenant: string
  /** Where its limits stand: `tenants.d/shop.yaml:12`, or `defaults`. */
  readonly policy: string
  readonly weight: number
  /** 0 is bounded by the storage alone. */
  readonly diskBytes: number
  /** Connections and requests that are open now. */
  readonly connections: number
  readonly requests: number
  /** Every limit that is set, in the order of the configuration. */
  readonly limits: readonly TenantLimitView[]
  /** When it last sent anything, 0 for never. */
  readonly lastSeenMs: number
}

export interface TenantLimitView {
  /** The configuration's key: `items_per_second`. */
  readonly name: string
  readonly limit: number
  /** How much of it is taken now, in the unit of the limit. */
  readonly used: number
}

/** Offered by whoever keeps the limits of tenants. */
export interface TenantControl {
  /** In order of their ids; only tenants that were seen or are named in the configuration. */
  view(): readonly TenantView[]
}

/** A component that keeps limits of tenants has this property. */
export interface HasTenantControl {
  readonly tenantControl: TenantControl
}

/** What one tenant did with one signal over a time. */
export interface UsageRow {
  readonly tenant: string
  readonly signal: Signal
  readonly accepted: number
  readonly copied: number
  readonly sent: number
  /** On disk when an exporter stopped; whoever opened the storage next counts them as accepted again. */
  readonly kept: number
  /** Now, whatever the time that was asked for. */
  readonly held: number
  readonly dropped: readonly UsageDrop[]
  /** Items whose sender was told no. */
  readonly refused: readonly UsageReason[]
  /** Whole requests and their bytes as protobuf. */
  readonly requests: number
  readonly bytesIn: number
  readonly bytesOut: number
  /** Bytes that each exporter delivered, before compression. */
  readonly delivered: readonly { readonly exporter: string; readonly bytes: number }[]
  /** By the price table; 0 without one. */
  readonly cost: number
}

export interface UsageDrop {
  readonly stage: string
  readonly reason: string
  readonly intentional: boolean
  readonly items: number
  /** End of the last minute in which it happened; 0 where that is not known any more. */
  readonly lastMs: number
}

export interface UsageReason {
  readonly reason: string
  readonly items: number
  readonly lastMs: number
}

/** Requests that were turned away before anything of them was known. */
export interface UsageTurnedAway {
  readonly tenant: string
  readonly reason: string
  readonly requests: number
  readonly lastMs: number
}

export interface UsageReport {
  /** What the counts cover; the beginning is later than asked for where the history does not reach back. */
  readonly fromMs: number
  readonly toMs: number
  /** Everything since the process started, so that the identity of the ledger holds for the rows. */
  readonly sinceStart: boolean
  /** Of the costs; empty without a price table. */
  readonly currency: string
  readonly rows: readonly UsageRow[]
  readonly turnedAway: readonly UsageTurnedAway[]
}

/** Counts of one minute; minutes in which nothing happened are left out. */
export interface UsageMinute {
  /** End of the minute. */
  readonly atMs: number
  readonly accepted: number
  readonly refused: number
  readonly sent: number
  /** What was let go on purpose, and what was lost. */
  readonly filtered: number
  readonly lost: number
  readonly bytesIn: number
  readonly bytesOut: number
  readonly turnedAway: number
}

export interface UsageQuestion {
  readonly tenant?: string
  /** Absent: since the process started. */
  readonly sinceMs?: number
}

/** Offered by the process: it always keeps the book. */
export interface UsageControl {
  report(question: UsageQuestion): UsageReport
  /** Of one tenant, all signals together, oldest first. */
  minutes(tenant: string, sinceMs: number): readonly UsageMinute[]
}
