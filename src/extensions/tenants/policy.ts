/** From the section and the tenant files to a policy, all problems at once. */
import { buildAddressLists } from '../../tenancy/policy/address-list.ts'
import { type PolicyEntry, TenantPolicy } from '../../tenancy/policy/policy.ts'
import { readTenantSteps } from '../../tenancy/policy/read-files.ts'
import { atOnce } from '../../util/in-slices.ts'
import type { TenantsConfig } from './config.ts'

export interface ReadPolicy {
  /** Null when there are problems. */
  readonly policy: TenantPolicy | null
  readonly entries: readonly PolicyEntry[]
  readonly files: readonly string[]
  /** One line each. */
  readonly problems: readonly string[]
}

/** In steps, see `inSlices`. */
export function* readPolicySteps(config: TenantsConfig): Generator<void, ReadPolicy> {
  const own = Object.entries(config.tenants).map(
    ([pattern, written]): PolicyEntry => ({ pattern, written, origin: 'tenants' }),
  )
  const read = yield* readTenantSteps(config.files, own)
  const entries = [...own, ...read.entries]
  const { files, problems } = read
  if (problems.length > 0) return { policy: null, entries, files, problems }
  const policy = new TenantPolicy({
    defaults: config.defaults,
    entries,
    unknown: config.unknown,
    maxTenants: config.max_tenants,
    addresses: buildAddressLists(config.addresses),
  })
  return { policy, entries, files, problems }
}

export function readPolicy(config: TenantsConfig): ReadPolicy {
  return atOnce(readPolicySteps(config))
}

export function checkTenantFiles(config: TenantsConfig): readonly string[] {
  return readPolicy(config).problems
}
