/** The book of every item: counts by tenant and signal, and the check that nothing is missing. See `core/ledger.ts`. */
import type { TenantId } from '../core/batch.ts'
import type { LedgerRowView } from '../core/component.ts'
import type { Drop, HolderVisit, Ledger } from '../core/ledger.ts'
import type { Signal } from '../core/signal.ts'

interface DropCount extends Drop {
  items: number
}

interface Account {
  readonly tenant: TenantId
  readonly signal: Signal
  accepted: number
  copied: number
  sent: number
  readonly dropped: Map<string, DropCount>
  readonly refused: Map<string, number>
}

export class AccountingLedger implements Ledger {
  readonly #accounts = new Map<string, Account>()
  readonly #holders = new Set<(each: HolderVisit) => void>()
  #last: Account | null = null

  accepted(tenant: TenantId, signal: Signal, items: number): void {
    this.#account(tenant, signal).accepted += items
  }

  unaccepted(tenant: TenantId, signal: Signal, items: number, reason: string): void {
    const account = this.#account(tenant, signal)
    account.accepted -= items
    account.refused.set(reason, (account.refused.get(reason) ?? 0) + items)
  }

  copied(tenant: TenantId, signal: Signal, items: number): void {
    this.#account(tenant, signal).copied += items
  }

  sent(tenant: TenantId, signal: Signal, items: number): void {
    this.#account(tenant, signal).sent += items
  }

  dropped(tenant: TenantId, signal: Signal, items: number, drop: Drop): void {
    const { dropped } = this.#account(tenant, signal)
    const key = `${drop.stage}\n${drop.reason}\n${drop.intentional}`
    const count = dropped.get(key)
    if (count === undefined) dropped.set(key, { ...drop, items })
    else count.items += items
  }

  addHolder(visit: (each: HolderVisit) => void): () => void {
    this.#holders.add(visit)
    return () => this.#holders.delete(visit)
  }

  /** One row for each tenant and signal that was ever seen, `held` counted now. */
  rows(): LedgerRowView[] {
    const held = this.#countHeld()
    return [...this.#accounts].map(([key, account]) => rowView(account, held.get(key) ?? 0))
  }

  /** Items told no, by reason; they were never accepted and stand outside the identity. */
  refusals(): { tenant: TenantId; signal: Signal; reason: string; items: number }[] {
    return [...this.#accounts.values()].flatMap(({ tenant, signal, refused }) =>
      [...refused].map(([reason, items]) => ({ tenant, signal, reason, items })),
    )
  }

  #countHeld(): Map<string, number> {
    const held = new Map<string, number>()
    for (const visit of this.#holders) {
      visit((tenant, signal, items) => {
        this.#account(tenant, signal)
        const key = accountKey(tenant, signal)
        held.set(key, (held.get(key) ?? 0) + items)
      })
    }
    return held
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
    const key = accountKey(tenant, signal)
    let account = this.#accounts.get(key)
    if (account === undefined) {
      account = {
        tenant,
        signal,
        accepted: 0,
        copied: 0,
        sent: 0,
        dropped: new Map(),
        refused: new Map(),
      }
      this.#accounts.set(key, account)
    }
    return account
  }
}

function accountKey(tenant: TenantId, signal: Signal): string {
  return `${signal}\n${tenant}`
}

function rowView(account: Account, held: number): LedgerRowView {
  const { tenant, signal, accepted, copied, sent } = account
  const dropped = [...account.dropped.values()].map(drop => ({ ...drop }))
  const lost = dropped.reduce((sum, drop) => sum + drop.items, 0)
  const balanced = accepted + copied === sent + lost + held
  return { tenant, signal, accepted, copied, sent, held, dropped, balanced }
}
