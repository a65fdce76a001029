/** The book of every item: counts by tenant and signal, and the check that nothing is missing. See `core/ledger.ts`. */
import type { TenantId } from '../core/batch.ts'
import type { LedgerRowView } from '../core/component.ts'
import type { Drop, HolderVisit, Ledger } from '../core/ledger.ts'
import type { Signal } from '../core/signal.ts'

/**
 * Tenants with accounts of their own, whoever lets them in; about 1 KiB each. An account stays as long as the process,
 * so that its counters never go back.
 */
export const MAX_TENANTS = 10_000
/** All tenants beyond that share these accounts. No tenant can be called so. */
export const OTHER_TENANTS: TenantId = '(others)'

interface DropCount extends Drop {
  items: number
}

interface Account {
  readonly tenant: TenantId
  readonly signal: Signal
  /** Grows with every booking. */
  changes: number
  accepted: number
  copied: number
  sent: number
  kept: number
  readonly dropped: Map<string, DropCount>
  readonly refused: Map<string, number>
}

type TenantAccounts = Record<Signal, Account | null>

/** What is booked for one tenant and signal, without what is held. The same object for as long as the process runs. */
export interface AccountView {
  readonly tenant: TenantId
  readonly signal: Signal
  /** Unchanged means that nothing was booked since. */
  readonly changes: number
  readonly accepted: number
  readonly copied: number
  readonly sent: number
  readonly kept: number
  readonly dropped: ReadonlyMap<string, Drop & { readonly items: number }>
  readonly refused: ReadonlyMap<string, number>
}

export class AccountingLedger implements Ledger {
  readonly #maxTenants: number
  readonly #tenants = new Map<TenantId, TenantAccounts>()
  readonly #accounts: Account[] = []
  readonly #holders = new Set<(each: HolderVisit) => void>()
  #last: Account | null = null

  constructor(maxTenants = MAX_TENANTS) {
    this.#maxTenants = maxTenants
  }

  accepted(tenant: TenantId, signal: Signal, items: number): void {
    const account = this.#account(tenant, signal)
    account.changes++
    account.accepted += items
  }

  unaccepted(tenant: TenantId, signal: Signal, items: number, reason: string): void {
    const account = this.#account(tenant, signal)
    account.changes++
    account.accepted -= items
    account.refused.set(reason, (account.refused.get(reason) ?? 0) + items)
  }

  copied(tenant: TenantId, signal: Signal, items: number): void {
    const account = this.#account(tenant, signal)
    account.changes++
    account.copied += items
  }

  sent(tenant: TenantId, signal: Signal, items: number): void {
    const account = this.#account(tenant, signal)
    account.changes++
    account.sent += items
  }

  dropped(tenant: TenantId, signal: Signal, items: number, drop: Drop): void {
    const account = this.#account(tenant, signal)
    account.changes++
    const { dropped } = account
    const key = `${drop.stage}\n${drop.reason}\n${drop.intentional}`
    const count = dropped.get(key)
    if (count === undefined) dropped.set(key, { ...drop, items })
    else count.items += items
  }

  kept(tenant: TenantId, signal: Signal, items: number): void {
    const account = this.#account(tenant, signal)
    account.changes++
    account.kept += items
  }

  addHolder(visit: (each: HolderVisit) => void): () => void {
    this.#holders.add(visit)
    return () => this.#holders.delete(visit)
  }

  /** One row for each tenant and signal that was ever seen, `held` counted now. */
  rows(): LedgerRowView[] {
    const held = this.countHeld()
    return this.#accounts.map(account => rowView(account, held.get(account) ?? 0))
  }

  /** In the order in which they were opened; only ever grows. */
  accounts(): readonly AccountView[] {
    return this.#accounts
  }

  /** Asks every holder now. */
  countHeld(): ReadonlyMap<AccountView, number> {
    const held = new Map<AccountView, number>()
    for (const visit of this.#holders) {
      visit((tenant, signal, items) => {
        const account = this.#account(tenant, signal)
        held.set(account, (held.get(account) ?? 0) + items)
      })
    }
    return held
  }

  /** Items told no, by reason; they were never accepted and stand outside the identity. */
  refusals(): { tenant: TenantId; signal: Signal; reason: string; items: number }[] {
    return this.#accounts.flatMap(({ tenant, signal, refused }) =>
      [...refused].map(([reason, items]) => ({ tenant, signal, reason, items })),
    )
  }

  /** Most calls are about the same account as the one before. */
  #account(tenant: TenantId, signal: Signal): Account {
    const last = this.#last
    if (last !== null && last.signal === signal && last.tenant === tenant) return last
    const account = this.#findAccount(tenant, signal)
    this.#last = account
    return account
  }

  #findAccount(tenant: TenantId, signal: Signal): Account {
    let accounts = this.#tenants.get(tenant)
    if (accounts === undefined) {
      if (this.#tenants.size >= this.#maxTenants && tenant !== OTHER_TENANTS) {
        return this.#findAccount(OTHER_TENANTS, signal)
      }
      this.#tenants.set(tenant, (accounts = { traces: null, metrics: null, logs: null }))
    }
    return (accounts[signal] ??= this.#open(tenant, signal))
  }

  #open(tenant: TenantId, signal: Signal): Account {
    const account: Account = {
      ...{ tenant, signal, changes: 0, accepted: 0, copied: 0, sent: 0, kept: 0 },
      dropped: new Map(),
      refused: new Map(),
    }
    this.#accounts.push(account)
    return account
  }
}

function rowView(account: Account, held: number): LedgerRowView {
  const { tenant, signal, accepted, copied, sent, kept } = account
  const dropped = [...account.dropped.values()].map(drop => ({ ...drop }))
  const lost = dropped.reduce((sum, drop) => sum + drop.items, 0)
  const balanced = accepted + copied === sent + lost + kept + held
  return { tenant, signal, accepted, copied, sent, kept, held, dropped, balanced }
}
