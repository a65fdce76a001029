/** Who may put how much on the disk: one limit for all files, one for each tenant's entries, and what stays free for others. */
import type { TenantId } from '../../core/batch.ts'
import type { Clock } from '../../core/clock.ts'
import type { Tenancy } from '../../core/tenancy.ts'

/** The system is asked again how much is free after so long. */
const FREE_POLL_MS = 1000
/** Shares that are remembered. */
const MAX_SHARES = 10_000

export interface BudgetOptions {
  /** Of all files; 0 = no limit. */
  readonly maxBytes: number
  /** Of a tenant's entries; 0 = no limit. */
  readonly maxBytesPerTenant: number
  readonly minFreeBytes: number
}

/** Which limit stands in the way. */
export type Shortage = 'total' | 'tenant' | 'disk'

export class DiskBudget {
  readonly #options: () => BudgetOptions
  readonly #tenancy: Tenancy
  readonly #clock: Clock
  readonly #askFree: () => Promise<number>
  readonly #byTenant = new Map<TenantId, number>()
  /** What the tenancy said last, until its version changes. */
  readonly #shares = new Map<TenantId, number>()
  #sharesVersion = -1
  #fileBytes = 0
  #liveBytes = 0
  #freeBytes = Number.POSITIVE_INFINITY
  #askedMs = Number.NEGATIVE_INFINITY

  constructor(
    options: () => BudgetOptions,
    tenancy: Tenancy,
    clock: Clock,
    askFree: () => Promise<number>,
  ) {
    this.#options = options
    this.#tenancy = tenancy
    this.#clock = clock
    this.#askFree = askFree
  }

  get fileBytes(): number {
    return this.#fileBytes
  }

  get liveBytes(): number {
    return this.#liveBytes
  }

  usedBy(tenant: TenantId): number {
    return this.#byTenant.get(tenant) ?? 0
  }

  /** 0 = no limit. */
  limitOf(tenant: TenantId): number {
    const own = this.#shareOf(tenant)
    const all = this.#options().maxBytesPerTenant
    return own === 0 || all === 0 ? Math.max(own, all) : Math.min(own, all)
  }

  /** What a tenant's entries can come to; 0 = no limit. */
  mostOf(tenant: TenantId): number {
    const { maxBytes } = this.#options()
    const limit = this.limitOf(tenant)
    return limit === 0 || maxBytes === 0 ? Math.max(limit, maxBytes) : Math.min(limit, maxBytes)
  }

  #shareOf(tenant: TenantId): number {
    const { version } = this.#tenancy
    if (version !== this.#sharesVersion || this.#shares.size >= MAX_SHARES) {
      this.#shares.clear()
      this.#sharesVersion = version
    }
    let share = this.#shares.get(tenant)
    if (share === undefined) {
      share = this.#tenancy.shareOf(tenant).diskBytes
      this.#shares.set(tenant, share)
    }
    return share
  }

  /** What is in the way of `bytes` more; null when nothing is. */
  shortage(tenant: TenantId, bytes: number): Shortage | null {
    const { maxBytes, minFreeBytes } = this.#options()
    const limit = this.limitOf(tenant)
    if (limit > 0 && this.usedBy(tenant) + bytes > limit) return 'tenant'
    if (maxBytes > 0 && this.#fileBytes + bytes > maxBytes) return 'total'
    if (minFreeBytes > 0 && this.#knownFree() - bytes < minFreeBytes) return 'disk'
    return null
  }

  /** An entry begins: counted before it is written, so that those that come at once do not take the same room. */
  reserve(tenant: TenantId, bytes: number): void {
    this.recovered(tenant, bytes)
    this.addFileBytes(bytes)
  }

  /** An entry was found; its file is counted by itself. */
  recovered(tenant: TenantId, bytes: number): void {
    this.#byTenant.set(tenant, this.usedBy(tenant) + bytes)
    this.#liveBytes += bytes
  }

  /** It was not written after all. */
  cancel(tenant: TenantId, bytes: number): void {
    this.free(tenant, bytes)
    this.addFileBytes(-bytes)
  }

  /** An entry has ended; its file may still be there. */
  free(tenant: TenantId, bytes: number): void {
    const left = this.usedBy(tenant) - bytes
    if (left === 0) this.#byTenant.delete(tenant)
    else this.#byTenant.set(tenant, left)
    this.#liveBytes -= bytes
  }

  /** Files grew or went for other reasons than entries. */
  addFileBytes(bytes: number): void {
    this.#fileBytes += bytes
    this.#freeBytes -= bytes
  }

  /** Asks the system now. A system that does not say is taken for one with room. */
  async refreshFree(): Promise<void> {
    this.#askedMs = this.#clock.monotonic()
    this.#freeBytes = await this.#askFree().catch(() => Number.POSITIVE_INFINITY)
  }

  #knownFree(): number {
    if (this.#clock.monotonic() - this.#askedMs >= FREE_POLL_MS) void this.refreshFree()
    return this.#freeBytes
  }
}
