/** Configuration of `tenants`: who is who, what each may do, and where files about it are. */
import { z } from 'zod'
import { duration, integer, section, textList } from '../../config/fields.ts'
import type { ConfigSpec } from '../../core/factory.ts'
import { identityFields } from '../../tenancy/identity/fields.ts'
import { addressesField, tenantSection, tenantTable } from '../../tenancy/policy/fields.ts'
import { pricesField } from '../../tenancy/usage/prices.ts'

const MAX_TENANTS = 100_000

const schema = section({
  identity: section(identityFields).describe('How senders show who they are.'),
  defaults: tenantSection
    .prefault({} as never)
    .describe('Limits of every tenant, where its entries have nothing to say.'),
  tenants: z
    .preprocess(value => value ?? {}, tenantTable)
    .prefault({} as never)
    .describe('Limits by tenant or glob; those with the most letters go first.'),
  files: textList().describe(
    'Files with further tenants; `*` and `?` may stand in the last part of a path.',
  ),
  watch_interval: duration('0s').describe(
    'How often the files are looked at; 0 listens for changes.',
  ),
  unknown: z
    .enum(['default', 'refuse'])
    .default('default')
    .describe('Tenants that no entry fits: served by the defaults, or turned away.'),
  max_tenants: integer(10_000, { min: 1, max: MAX_TENANTS }).describe(
    'Tenants that are remembered at one time; those that were quiet for longest make room.',
  ),
  addresses: addressesField('Where anybody may send from, before credentials are looked at.'),
  state_directory: z
    .string()
    .min(1)
    .optional()
    .describe('Folder that keeps the volume of the day over restarts; absent forgets it.'),
  audit_file: z
    .string()
    .min(1)
    .optional()
    .describe('File that changes of keys and of tenant files are written to, hash-chained.'),
  prices: pricesField().describe('What usage costs, for reports.'),
})

export type TenantsConfig = z.output<typeof schema>

export const config: ConfigSpec<TenantsConfig> = { schema }
