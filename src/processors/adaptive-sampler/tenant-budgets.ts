/**
 * Which of the budgets a tenant spends: its own from the book of tenants where there is one, then that of the
 * configuration, then the common one. Asked by the numbers that the assembly gives tenants.
 */
import type { TenantId } from '../../core/batch.ts'
import type { Tenancy, TenantSampling } from '../../core/tenancy.ts'
import type { Decider } from '../../sampler/decide/decider.ts'
import type { Budget, Ceiling } from '../../sampler/decide/options.ts'

export interface TenantBudgetParts {
  readonly tenancy: Tenancy
  /** All number their budgets alike. */
  readonly deciders: readonly Decider[]
  readonly nameOf: (tenant: number) => TenantId
  /** Where the book of tenants says nothing. */
  readonly budgetOf: (tenant: TenantId) => Budget
}

interface Known {
  readonly share: number
  readonly sampling: TenantSampling | null
}

export class TenantBudgets {
  readonly #parts: TenantBudgetParts
  #version: number
  /** By number of the assembly. */
  #shares: number[] = []
  readonly #own = new Map<TenantId, Known>()

  constructor(parts: TenantBudgetParts) {
    this.#parts = parts
    this.#version = parts.tenancy.version
  }

  /** The number to give as `tenant` of a decider's rows. */
  // hot: bench/flow/side-by-side.ts
  shareOf(tenant: number): number {
    const { version } = this.#parts.tenancy
    if (version !== this.#version) {
      this.#version = version
      this.#shares = []
    }
    const known = this.#shares[tenant]
    return known === undefined ? this.#find(tenant) : known
  }

  #find(tenant: number): number {
    const name = this.#parts.nameOf(tenant)
    const { sampling } = this.#parts.tenancy.shareOf(name)
    const share = sampling === null ? this.#common(name) : this.#ownShare(name, sampling)
    this.#shares[tenant] = share
    return share
  }

  #common(name: TenantId): number {
    const { deciders, budgetOf } = this.#parts
    const before = this.#own.get(name)
    // A budget that is taken back gives way to an equal of the one that it stood for.
    if (before === undefined) return deciders[0].tenant(name)
    if (before.sampling === null) return before.share
    this.#own.set(name, { share: before.share, sampling: null })
    for (const decider of deciders) decider.own(name, budgetOf(name), NO_CEILING)
    return before.share
  }

  /** What has not changed goes on with what it has saved or owes. */
  #ownShare(name: TenantId, sampling: TenantSampling): number {
    const before = this.#own.get(name)
    if (before !== undefined && isSame(before.sampling, sampling)) return before.share
    const { deciders, budgetOf } = this.#parts
    const budget = budgetOf(name)
    const { ratio = budget.ratio, spansPerSecond = 0, bytesPerSecond = 0 } = sampling
    const ceiling = {
      spansPerSecond: spansPerSecond / deciders.length,
      bytesPerSecond: bytesPerSecond / deciders.length,
    }
    let share = 0
    for (const decider of deciders) share = decider.own(name, { ...budget, ratio }, ceiling)
    this.#own.set(name, { share, sampling })
    return share
  }
}

const NO_CEILING: Ceiling = { spansPerSecond: 0, bytesPerSecond: 0 }

function isSame(a: TenantSampling | null, b: TenantSampling): boolean {
  return (
    a !== null &&
    a.ratio === b.ratio &&
    a.spansPerSecond === b.spansPerSecond &&
    a.bytesPerSecond === b.bytesPerSecond
  )
}
