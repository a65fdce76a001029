/** Keeps the label `tenant` of metrics bounded: the first tenants have their name there, the rest share one. */
import type { TenantId } from '../core/batch.ts'

/** Tenants with series of their own; what each used stands in `millrace tenants usage` without a bound. */
export const MAX_LABELLED_TENANTS = 200
export const OTHER_LABEL = 'other'

export class TenantLabels {
  readonly #max: number
  readonly #known = new Set<TenantId>()

  constructor(max = MAX_LABELLED_TENANTS) {
    this.#max = max
  }

  /** Always the same for the same tenant. */
  of(tenant: TenantId): string {
    if (this.#known.has(tenant)) return tenant
    if (this.#known.size >= this.#max) return OTHER_LABEL
    this.#known.add(tenant)
    return tenant
  }
}
