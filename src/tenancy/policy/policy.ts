/**
 * Which limits hold for a tenant: its own entry first, then the globs that fit, those with the most letters first, then
 * the defaults. Each key comes from the first of them that has it.
 */
import type { TenantId } from '../../core/batch.ts'
import type { Signal } from '../../core/signal.ts'
import { isGlob, matchesGlob } from '../../util/glob.ts'
import { buildAddressLists, type WrittenAddresses } from './address-list.ts'
import type { WrittenLimits } from './fields.ts'
import { type AddressLists, NO_LIMITS, type RateLimit, type TenantLimits } from './limits.ts'

export interface PolicyEntry {
  /** Id or glob. */
  readonly pattern: string
  readonly written: WrittenLimits
  /** Where it stands: `shop.yaml:3`, or `tenants`. */
  readonly origin: string
}

export interface PolicySource {
  readonly defaults: WrittenLimits
  readonly entries: readonly PolicyEntry[]
  /** Those that no entry fits: turned away, or served by the defaults. */
  readonly unknown: 'refuse' | 'default'
  readonly maxTenants: number
  /** For everybody. */
  readonly addresses: AddressLists | null
}

export interface ResolvedLimits {
  readonly limits: TenantLimits
  /** Of the most specific entry, or `defaults`. */
  readonly origin: string
}

export class TenantPolicy {
  readonly source: PolicySource
  readonly #exact = new Map<string, PolicyEntry>()
  readonly #globs: readonly PolicyEntry[]
  /** Tenants with the same entries have the same limits: one object for all of them. */
  readonly #resolved = new Map<string, ResolvedLimits>()

  constructor(source: PolicySource) {
    this.source = source
    for (const entry of source.entries) {
      if (!isGlob(entry.pattern)) this.#exact.set(entry.pattern, entry)
    }
    this.#globs = source.entries
      .filter(entry => isGlob(entry.pattern))
      .sort((a, b) => countLetters(b.pattern) - countLetters(a.pattern))
  }

  /** Tenants that are named in full. */
  get named(): Iterable<TenantId> {
    return this.#exact.keys()
  }

  /** Null: the tenant is unknown and may not come in. */
  resolve(tenant: TenantId): ResolvedLimits | null {
    const exact = this.#exact.get(tenant)
    const globs = this.#globs.filter(entry => matchesGlob(entry.pattern, tenant))
    const entries = exact === undefined ? globs : [exact, ...globs]
    if (entries.length === 0 && this.source.unknown === 'refuse') return null
    const key = entries.map(entry => entry.pattern).join('\n')
    let resolved = this.#resolved.get(key)
    if (resolved === undefined) {
      resolved = { limits: this.#merge(entries), origin: entries[0]?.origin ?? 'defaults' }
      if (this.#resolved.size < this.source.maxTenants) this.#resolved.set(key, resolved)
    }
    return resolved
  }

  /** Also for tenants that may not come in: their data may be here from before. */
  resolveOrDefaults(tenant: TenantId): ResolvedLimits {
    return this.resolve(tenant) ?? { limits: this.#merge([]), origin: 'defaults' }
  }

  #merge(entries: readonly PolicyEntry[]): TenantLimits {
    const all = [this.source.defaults, ...entries.toReversed().map(entry => entry.written)]
    const written: WrittenLimits = mergePresent(all)
    const daily: NonNullable<WrittenLimits['daily']> = mergePresent(all.map(each => each.daily))
    const addresses: WrittenAddresses = mergePresent(all.map(each => each.addresses))
    const { sampling } = written
    return {
      items: buildRate(written.items_per_second),
      bytes: buildRate(written.bytes_per_second),
      concurrentRequests: written.concurrent_requests ?? 0,
      connections: written.connections ?? 0,
      memoryBytes: written.memory ?? 0,
      dailyItems: daily.items ?? 0,
      dailyBytes: daily.bytes ?? 0,
      diskBytes: written.disk ?? 0,
      weight: written.weight ?? NO_LIMITS.weight,
      signals: (written.signals as Signal[] | undefined) ?? null,
      addresses: buildAddressLists(addresses),
      sampling:
        sampling === undefined
          ? null
          : {
              ratio: sampling.ratio,
              spansPerSecond: sampling.spans_per_second,
              bytesPerSecond: sampling.bytes_per_second,
            },
    }
  }
}

/** Each key comes from the last of them that has it. */
function mergePresent<T extends object>(all: readonly (T | undefined)[]): T {
  const present = all.flatMap(each => Object.entries(each ?? {}))
  return Object.fromEntries(present.filter(([, value]) => value !== undefined)) as T
}

function countLetters(pattern: string): number {
  return pattern.replace(/[*?]/g, '').length
}

function buildRate(written: WrittenLimits['items_per_second']): RateLimit | null {
  if (written === undefined) return null
  const { rate, burst, algorithm, window } = written
  const least = algorithm === 'leaky_bucket' ? 0 : rate
  return { rate, burst: burst > 0 ? burst : least, algorithm, windowMs: window }
}
