/** Limits of a tenant as they are written, the same in the extension's section and in tenant files. */
import { z } from 'zod'
import {
  byteSize,
  duration,
  requiredByteSize,
  requiredInteger,
  textField,
  type Wrong,
  wrong,
} from '../../config/fields.ts'
import { SIGNALS } from '../../core/signal.ts'
import { isGlob } from '../../util/glob.ts'
import { isTenantId, TENANT_ID_RULE } from '../identity/tenant-id.ts'
import { readNetwork } from './address-list.ts'
import { RATE_ALGORITHMS } from './limits.ts'

const MAX_NETWORKS = 10_000
const MAX_WEIGHT = 10_000
const MAX_PATTERN = 128

const algorithm = z
  .enum(RATE_ALGORITHMS)
  .default('token_bucket')
  .describe(
    '`token_bucket` lets a burst through after a quiet time, `leaky_bucket` spreads what comes evenly, `sliding_window` counts the last `window`.',
  )

const window = duration('1s', { minMs: 100, maxMs: 3_600_000 }).describe(
  'What `sliding_window` looks back at.',
)

/** A rate alone, or an object with more to say about it. `expected` is for those who wrote another thing alone. */
function rateField<S extends z.ZodType>(
  rate: S,
  burst: z.ZodType<number>,
  expected: string,
  text: string,
) {
  const shape = {
    rate: rate.describe('Amount in a second, in the long run.'),
    burst: burst.describe(
      'What may come at once; 0 is one second of the rate, for `leaky_bucket` nothing.',
    ),
    algorithm,
    window,
  }
  const whole = (value: unknown, context: z.core.$RefinementCtx) => {
    if (typeof value !== 'number' && typeof value !== 'string') return value
    if (rate.safeParse(value).success) return { rate: value }
    // Told here: nobody wrote the `rate` that would be blamed.
    context.addIssue({ code: 'custom', message: 'is no rate', params: { expected } })
    return z.NEVER
  }
  return z.preprocess(whole, z.strictObject(shape)).optional().describe(text)
}

const positive = () => z.number().positive()

const positiveBytes = () => requiredByteSize().refine(bytes => bytes > 0, 'may not be 0')

/** Absent stays absent, unlike in a `section`. */
function part<S extends z.ZodRawShape>(shape: S) {
  return z.preprocess(value => value ?? {}, z.strictObject(shape))
}

const networks = (text: string) =>
  z
    .array(textField(readNetwork, { type: 'string' }))
    .max(MAX_NETWORKS)
    .optional()
    .describe(text)

/** The value of the key `addresses`. */
export function addressesField(text: string) {
  return part({
    allow: networks('Only these addresses and networks (CIDR); empty is all.'),
    deny: networks('Never these, whatever `allow` says.'),
  })
    .optional()
    .describe(text)
}

const sampling = z
  .strictObject({
    ratio: z.number().gt(0).max(1).optional().describe('Share of the spans to keep.'),
    spans_per_second: positive().optional().describe('Spans to keep in a second.'),
    bytes_per_second: positiveBytes().optional().describe('Bytes to keep in a second.'),
  })
  .optional()
  .describe('Budget of its own at `adaptive_sampler`, in place of what is configured there.')

/** What may be said of a tenant. Absent keys come from the next entry that fits, and from `defaults` in the end. */
export const tenantFields = {
  items_per_second: rateField(
    positive(),
    positive().or(z.literal(0)).default(0),
    'a number above 0',
    'Spans, data points and log records together, in a second.',
  ),
  bytes_per_second: rateField(
    positiveBytes(),
    byteSize(0),
    'a size above 0, such as 8MiB',
    'Bytes of requests as protobuf, in a second.',
  ),
  concurrent_requests: requiredInteger()
    .optional()
    .describe('Requests at one time; 0 is no limit.'),
  connections: requiredInteger().optional().describe('Connections at one time; 0 is no limit.'),
  memory: requiredByteSize()
    .optional()
    .describe(
      'Bytes of its requests in memory at one time, within what all may have; 0 is no limit.',
    ),
  daily: part({
    items: requiredInteger()
      .optional()
      .describe('Items from midnight to midnight, UTC; 0 is no limit.'),
    bytes: requiredByteSize()
      .optional()
      .describe('Bytes as protobuf from midnight to midnight, UTC; 0 is no limit.'),
  })
    .optional()
    .describe('Volume in a day.'),
  disk: requiredByteSize()
    .optional()
    .describe('Bytes in queues on disk; 0 is what the storage allows.'),
  weight: z
    .number()
    .positive()
    .max(MAX_WEIGHT)
    .optional()
    .describe('Turns at exporters relative to other tenants that wait; 1 if nothing says so.'),
  signals: z
    .array(z.enum(SIGNALS as unknown as [string, ...string[]]))
    .optional()
    .describe('What it may send; absent is everything that its credentials allow.'),
  addresses: addressesField('Where it may send from.'),
  sampling,
} as const

export const tenantSection = z.preprocess(value => value ?? {}, z.strictObject(tenantFields))

export type WrittenLimits = z.output<z.ZodObject<typeof tenantFields>>

/** An id or a glob. */
export const tenantPattern = textField(readPattern, { type: 'string' })

export const tenantTable = z.record(tenantPattern, tenantSection)

function readPattern(text: string): string | Wrong {
  if (isTenantId(text)) return text
  const isGood = text.length <= MAX_PATTERN && isGlob(text) && /^[A-Za-z0-9._@:*?-]+$/.test(text)
  return isGood ? text : wrong('is neither a tenant nor a glob', `${TENANT_ID_RULE}, with * and ?`)
}
