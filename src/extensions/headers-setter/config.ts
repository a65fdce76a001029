/** Configuration of `headers_setter`. Keys, defaults and checks are upstream's. */
import { z } from 'zod'
import { extensionReference, secret, section } from '../../config/fields.ts'
import type { ConfigProblem, ConfigSpec } from '../../core/factory.ts'

const MAX_HEADERS = 100

const SOURCES = ['value', 'value_file', 'from_context', 'from_attribute'] as const

const headerRule = z.strictObject({
  key: z.string().default('').describe('Name of the header.'),
  action: z
    .enum(['insert', 'update', 'upsert', 'delete', ''])
    .default('')
    .describe('insert, update, upsert or delete; empty is upsert.'),
  value: secret().optional().describe('The value.'),
  value_file: z.string().optional().describe('File with the value; read again when it changes.'),
  from_context: z
    .string()
    .optional()
    .describe(
      'Metadata key of the request that came in; receivers need `include_metadata`, batch processors `metadata_keys`.',
    ),
  from_attribute: z
    .string()
    .optional()
    .describe('What is known of who sent it: `tenant`, or another name of the same.'),
  default_value: secret().optional().describe('The value where the source has none.'),
})

const schema = section({
  headers: z
    .preprocess(value => value ?? [], z.array(headerRule).max(MAX_HEADERS))
    .prefault([] as never)
    .describe('What is done to the headers of requests, in order.'),
  additional_auth: extensionReference()
    .optional()
    .describe('Another authenticator of exporters, whose headers come first.'),
})

export type HeadersSetterConfig = z.output<typeof schema>
export type HeaderRule = z.output<typeof headerRule>

export const config: ConfigSpec<HeadersSetterConfig> = { schema, check }

function check({ headers }: HeadersSetterConfig): ConfigProblem[] {
  if (headers.length === 0) return [{ path: ['headers'], message: 'is missing' }]
  return headers.flatMap((rule, i) =>
    checkRule(rule).map(problem => ({ path: ['headers', i], ...problem })),
  )
}

function checkRule(rule: HeaderRule): { message: string; expected?: string }[] {
  if (rule.key === '') return [{ message: 'has no key', expected: 'the name of a header' }]
  if (!/^[A-Za-z0-9][A-Za-z0-9_.-]{0,127}$/.test(rule.key)) {
    return [
      { message: 'has a key that gRPC and HTTP cannot carry', expected: 'letters, digits, "-"' },
    ]
  }
  if (rule.action === 'delete') return []
  const sources = SOURCES.filter(name => rule[name] !== undefined)
  if (sources.length === 1) return []
  const message = sources.length === 0 ? 'has no source' : `has ${sources.join(' and ')}`
  return [{ message, expected: `exactly one of ${SOURCES.join(', ')}` }]
}
