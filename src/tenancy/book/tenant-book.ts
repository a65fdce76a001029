/**
 * The process's book of tenants: whose share is how large, and an account for each that comes to a door. Accounts
 * outlive a policy, so that neither a reload nor a replaced extension gives anybody a fresh quota.
 */
import type { TenantId } from '../../core/batch.ts'
import type { Clock } from '../../core/clock.ts'
import {
  EQUAL_SHARE,
  type Tenancy,
  type TenantAccount,
  type TenantDoor,
  type TenantShare,
  type TurnedAway,
  type UsageBook,
} from '../../core/tenancy.ts'
import type { TenantLimitView, TenantView } from '../../core/tenant-control.ts'
import { admitsAddress } from '../policy/address-list.ts'
import type { TenantPolicy } from '../policy/policy.ts'
import { Account } from '../quota/account.ts'
import type { KeptVolume } from '../quota/daily-volume.ts'
import { viewLimits } from './limit-views.ts'

/** Accounts that are looked at to find one that can make room. */
const LOOKS_FOR_ROOM = 64
const NO_ROOM_RETRY_MS = 5000

export interface TenantBookOptions {
  readonly clock: Clock
  readonly usage: UsageBook
}

export class TenantBook implements Tenancy, TenantDoor {
  readonly usage: UsageBook
  readonly #clock: Clock
  /** Those that came last are at the end, roughly. */
  readonly #accounts = new Map<TenantId, Account>()
  /** Those that will install a policy, as far as they are known beforehand. */
  readonly #expected = new Set<object>()
  #owner: object | null = null
  #policy: TenantPolicy | null = null
  #shares = new Map<TenantId, TenantShare>()
  #version = 0

  constructor({ clock, usage }: TenantBookOptions) {
    this.#clock = clock
    this.usage = usage
  }

  get version(): number {
    return this.#version
  }

  get door(): TenantDoor | null {
    return this.#policy === null ? null : this
  }

  /** `owner` will install a policy: until then that of one who goes stays in force, so that a reload leaves no gap. */
  expect(owner: object): void {
    this.#expected.add(owner)
  }

  /** From now on this policy. False: there is one of another owner, who has not left. */
  install(owner: object, policy: TenantPolicy): boolean {
    if (this.#owner !== null && this.#owner !== owner) return false
    this.#expected.delete(owner)
    this.#owner = owner
    this.#replace(policy)
    return true
  }

  /** Safe at any time. */
  leave(owner: object): void {
    this.#expected.delete(owner)
    if (this.#owner === owner) this.#owner = null
    const isOrphan = this.#owner === null && this.#expected.size === 0
    if (isOrphan && this.#policy !== null) this.#replace(null)
  }

  shareOf(tenant: TenantId): TenantShare {
    if (this.#policy === null) return EQUAL_SHARE
    let share = this.#shares.get(tenant)
    if (share === undefined) {
      share = this.#policy.resolveOrDefaults(tenant).limits
      if (this.#shares.size < this.#policy.source.maxTenants) this.#shares.set(tenant, share)
    }
    return share
  }

  admits(address: string): boolean {
    const lists = this.#policy?.source.addresses ?? null
    return lists === null || admitsAddress(lists, address)
  }

  // hot: bench/flow/side-by-side.ts
  account(tenant: TenantId): TenantAccount | TurnedAway {
    const account = this.#accounts.get(tenant)
    const known = account?.version === this.#version ? account : this.#resolve(tenant, account)
    if (known.kind === 'account') known.lastSeenMs = this.#clock.now()
    return known
  }

  /** Of tenants with a daily limit. */
  volumes(): KeptVolume[] {
    return [...this.#accounts.values()]
      .filter(account => account.hasVolume)
      .map(({ tenant, volume: { day, items, bytes } }) => ({ tenant, day, items, bytes }))
  }

  restoreVolumes(volumes: readonly KeptVolume[]): void {
    for (const kept of volumes) {
      const account = this.#resolve(kept.tenant, this.#accounts.get(kept.tenant))
      if (account.kind === 'account') account.volume.restore(kept)
    }
  }

  view(): readonly TenantView[] {
    const policy = this.#policy
    if (policy === null) return []
    const tenants = new Set([...this.#accounts.keys(), ...policy.named])
    return [...tenants].sort().map(tenant => {
      const { limits, origin } = policy.resolveOrDefaults(tenant)
      const account = this.#accounts.get(tenant)
      return {
        tenant,
        policy: origin,
        weight: limits.weight,
        diskBytes: limits.diskBytes,
        connections: account?.connections ?? 0,
        requests: account?.requests ?? 0,
        limits: viewLimits(limits, account, this.#clock) as readonly TenantLimitView[],
        lastSeenMs: account?.lastSeenMs ?? 0,
      }
    })
  }

  #replace(policy: TenantPolicy | null): void {
    this.#policy = policy
    this.#shares = new Map()
    this.#version++
  }

  /** New, or seen last under another policy. */
  #resolve(tenant: TenantId, account: Account | undefined): Account | TurnedAway {
    const resolved = this.#policy?.resolve(tenant) ?? null
    if (resolved === null) return unknownTenant(tenant)
    const { limits, origin } = resolved
    if (account !== undefined) {
      account.relimit(limits, origin, this.#version)
      return account
    }
    if (this.#accounts.size >= this.#policy!.source.maxTenants && !this.#makeRoom()) {
      return tooManyTenants(this.#policy!.source.maxTenants)
    }
    const made = new Account(tenant, limits, origin, this.#version, this.#clock)
    this.#accounts.set(tenant, made)
    return made
  }

  #makeRoom(): boolean {
    let looks = LOOKS_FOR_ROOM
    for (const [tenant, account] of this.#accounts) {
      this.#accounts.delete(tenant)
      if (account.isIdle) return true
      this.#accounts.set(tenant, account)
      if (--looks === 0) break
    }
    return false
  }
}

function unknownTenant(tenant: TenantId): TurnedAway {
  return {
    kind: 'turned_away',
    code: 'permission_denied',
    reason: 'unknown_tenant',
    message: `the tenant ${tenant} is not known here`,
    retryAfterMs: 0,
  }
}

function tooManyTenants(most: number): TurnedAway {
  return {
    kind: 'turned_away',
    code: 'busy',
    reason: 'too_many_tenants',
    message: `${most} tenants are active, and no more are served at one time`,
    retryAfterMs: NO_ROOM_RETRY_MS,
  }
}
