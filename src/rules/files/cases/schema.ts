/** The written form of `*.cases.yaml`: one item in a short notation, and what the rules are expected to do with it. */
import { z } from 'zod'
import { type JsonSchema, jsonSchemaOf } from '../../../config/schema-walk.ts'

/** Of one file. */
export const MAX_CASES = 5000
const MAX_POINTS = 1000

const attributes = z
  .record(z.string(), z.unknown())
  .describe('Attributes; whole numbers become integers, those with a point doubles.')
/** Digits alone are a number to YAML; the written text counts. */
const id = z.union([z.string(), z.number()])
const time = z.union([z.string(), z.number()]).describe('RFC 3339, or nanoseconds since 1970.')
const duration = z.string().describe('Go duration such as 250ms.')
const traceId = id.describe('32 hexadecimal digits.')
const spanId = id.describe('16 hexadecimal digits.')
const count = z.int().min(0).max(0xffff_ffff)

const scope = z
  .strictObject({
    name: z.string().optional(),
    version: z.string().optional(),
    attributes: attributes.optional(),
    schema_url: z.string().optional(),
  })
  .describe('Instrumentation scope.')

const status = z.union([
  z.enum(['UNSET', 'OK', 'ERROR']),
  z.strictObject({ code: z.enum(['UNSET', 'OK', 'ERROR']), message: z.string().optional() }),
])

export const SPAN_KINDS = [
  'UNSPECIFIED',
  'INTERNAL',
  'SERVER',
  'CLIENT',
  'PRODUCER',
  'CONSUMER',
] as const

const event = z.strictObject({
  name: z.string().optional(),
  time: time.optional(),
  attributes: attributes.optional(),
})
const link = z.strictObject({
  trace_id: traceId.optional(),
  span_id: spanId.optional(),
  trace_state: z.string().optional(),
  attributes: attributes.optional(),
})

const span = z.strictObject({
  name: z.string().optional(),
  kind: z.enum(SPAN_KINDS).optional(),
  status: status.optional(),
  attributes: attributes.optional(),
  trace_id: traceId.optional(),
  span_id: spanId.optional(),
  parent_span_id: spanId.optional(),
  trace_state: z.string().optional(),
  flags: count.optional(),
  start: time.optional(),
  duration: duration.optional(),
  events: z.array(event).max(MAX_POINTS).optional(),
  links: z.array(link).max(MAX_POINTS).optional(),
})

const log = z.strictObject({
  body: z.unknown().optional(),
  severity: z
    .union([z.string(), z.int().min(0).max(24)])
    .optional()
    .describe('TRACE, DEBUG, INFO, WARN, ERROR, FATAL, with 2, 3 or 4 behind it; or the number.'),
  severity_text: z.string().optional(),
  event_name: z.string().optional(),
  attributes: attributes.optional(),
  trace_id: traceId.optional(),
  span_id: spanId.optional(),
  flags: count.optional(),
  time: time.optional(),
})

const point = {
  value: z.number().optional(),
  attributes: attributes.optional(),
  time: time.optional(),
  start: time.optional(),
  flags: count.optional(),
  count: count.optional(),
  sum: z.number().optional(),
  min: z.number().optional(),
  max: z.number().optional(),
  bounds: z.array(z.number()).optional(),
  buckets: z.array(count).optional(),
  scale: z.int().min(-1000).max(1000).optional(),
  zero_count: count.optional(),
  quantiles: z.record(z.string(), z.number()).optional(),
}

export const METRIC_TYPES = [
  'gauge',
  'sum',
  'histogram',
  'exponential_histogram',
  'summary',
] as const

const metric = z.strictObject({
  name: z.string().optional(),
  description: z.string().optional(),
  unit: z.string().optional(),
  type: z.enum(METRIC_TYPES).optional().describe('gauge if not said.'),
  temporality: z.enum(['delta', 'cumulative']).optional(),
  monotonic: z.boolean().optional(),
  points: z
    .array(z.strictObject(point))
    .min(1)
    .max(MAX_POINTS)
    .optional()
    .describe('Data points; a single one may be written into the metric itself.'),
  ...point,
})

export const ITEM_SHAPE = {
  tenant: z.string().min(1).optional().describe('Who sent it; `default` if not said.'),
  resource: attributes.optional().describe('Attributes of the resource.'),
  scope: scope.optional(),
  span: span.optional(),
  log: log.optional(),
  metric: metric.optional(),
} as const

const names = z.array(z.string())

const expect = z
  .strictObject({
    dropped_by: z.string().optional().describe('The rule that drops it.'),
    routed_to: z
      .union([names, z.literal('default')])
      .optional()
      .describe('Exporters that it goes to, in any order; `default` where no rule routes it.'),
    mirrored_to: names.optional().describe('Exporters that get a copy, in any order.'),
    importance: z.int().optional().describe('The hint that the sampler gets.'),
    hits: names.optional().describe('All rules that matched, in order.'),
    attributes: attributes.optional().describe('Attributes afterwards; null = there is none.'),
    resource: attributes.optional().describe('Attributes of the resource afterwards.'),
    scope: scope.optional().describe('The scope afterwards, as far as written here.'),
    span: span.optional().describe('The span afterwards, as far as written here.'),
    log: log.optional().describe('The log record afterwards, as far as written here.'),
    metric: metric.optional().describe('The metric afterwards, as far as written here.'),
    unchanged: z.boolean().optional().describe('Whether it stays byte for byte as it was.'),
    error: z
      .union([z.boolean(), z.string()])
      .optional()
      .describe('Whether an expression fails, or a part of the message; false if not said.'),
  })
  .describe('What is not named here is not looked at, save that nothing else drops it.')

export const CASE_SCHEMA = z.strictObject({
  name: z.string().min(1).describe('What the case shows.'),
  ...ITEM_SHAPE,
  expect,
})

export const ITEM_SCHEMA = z.strictObject(ITEM_SHAPE)

export const CASES_SCHEMA = z.strictObject({
  cases: z.array(z.unknown()).max(MAX_CASES).describe('One item each.'),
})

export type WrittenCase = z.output<typeof CASE_SCHEMA>
export type Expectation = WrittenCase['expect']

/** For editors. */
export function casesJsonSchema(): JsonSchema {
  return {
    $schema: 'https://json-schema.org/draft/2020-12/schema',
    title: 'Millrace rule cases',
    ...jsonSchemaOf(z.strictObject({ cases: z.array(CASE_SCHEMA).max(MAX_CASES) })),
  }
}
