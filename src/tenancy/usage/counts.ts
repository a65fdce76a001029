/** The counters of one tenant beside the ledger's: requests and bytes. Plain numbers; the road adds to them. */
import type { TenantId } from '../../core/batch.ts'
import type { Signal } from '../../core/signal.ts'
import { MAX_TENANTS, OTHER_TENANTS } from '../../telemetry/ledger.ts'

/** Reasons are words of the program; this is for the day on which one is not. */
const MAX_REASONS = 64
const OTHER_REASONS = 'other'

export interface SignalCounts {
  requests: number
  bytesIn: number
  /** As many as there are exporters. */
  readonly delivered: { readonly exporter: string; bytes: number }[]
}

export interface TenantCounts {
  readonly tenant: TenantId
  /** Grows with every count. */
  changes: number
  readonly bySignal: Record<Signal, SignalCounts | null>
  readonly turnedAway: { readonly reason: string; requests: number }[]
}

export class UsageCounts {
  readonly #maxTenants: number
  readonly #tenants = new Map<TenantId, TenantCounts>()
  #last: TenantCounts | null = null

  constructor(maxTenants = MAX_TENANTS) {
    this.#maxTenants = maxTenants
  }

  /** Opened on first use; beyond the bound all share one. */
  of(tenant: TenantId): TenantCounts {
    const last = this.#last
    if (last !== null && last.tenant === tenant) return last
    const counts = this.#find(tenant)
    this.#last = counts
    return counts
  }

  /** In the order in which they were opened; only ever grows. */
  all(): IterableIterator<TenantCounts> {
    return this.#tenants.values()
  }

  #find(tenant: TenantId): TenantCounts {
    const found = this.#tenants.get(tenant)
    if (found !== undefined) return found
    if (this.#tenants.size >= this.#maxTenants && tenant !== OTHER_TENANTS) {
      return this.#find(OTHER_TENANTS)
    }
    const bySignal = { traces: null, metrics: null, logs: null }
    const counts: TenantCounts = { tenant, changes: 0, bySignal, turnedAway: [] }
    this.#tenants.set(tenant, counts)
    return counts
  }
}

export function countsOf({ bySignal }: TenantCounts, signal: Signal): SignalCounts {
  return (bySignal[signal] ??= { requests: 0, bytesIn: 0, delivered: [] })
}

export function countDelivered({ delivered }: SignalCounts, exporter: string, bytes: number): void {
  for (const each of delivered) {
    if (each.exporter !== exporter) continue
    each.bytes += bytes
    return
  }
  delivered.push({ exporter, bytes })
}

export function countTurnedAway({ turnedAway }: TenantCounts, reason: string): void {
  for (const each of turnedAway) {
    if (each.reason !== reason) continue
    each.requests++
    return
  }
  if (turnedAway.length < MAX_REASONS) turnedAway.push({ reason, requests: 1 })
  else countOther(turnedAway)
}

function countOther(turnedAway: TenantCounts['turnedAway']): void {
  const other = turnedAway.find(({ reason }) => reason === OTHER_REASONS)
  if (other === undefined) turnedAway.push({ reason: OTHER_REASONS, requests: 1 })
  else other.requests++
}
