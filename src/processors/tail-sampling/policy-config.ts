/** How a policy is written: one section for each type, apart from the processor's own keys. Keys and defaults are upstream's. */
import { z } from 'zod'
import { integer, textList } from '../../config/fields.ts'

const MIN_INT32 = -(2 ** 31)
const MAX_INT32 = 2 ** 31 - 1

/** Policies that hold no others. */
export const LEAF_TYPES = [
  'always_sample',
  'latency',
  'numeric_attribute',
  'probabilistic',
  'status_code',
  'string_attribute',
  'rate_limiting',
  'bytes_limiting',
  'span_count',
  'trace_state',
  'boolean_attribute',
  'ottl_condition',
  'trace_flags',
] as const

/** Absent stays absent; YAML null means all defaults. */
function part<S extends z.ZodRawShape>(shape: S, text: string) {
  return z
    .preprocess(value => (value === null ? {} : value), z.strictObject(shape).optional())
    .optional()
    .describe(text)
}

/** The schema's reading of a YAML integer that may not fit a double; beyond 2^53 the nearest double counts. */
function int64(text: string) {
  return z.number().refine(Number.isInteger, 'is not a whole number').default(0).describe(text)
}

const invertMatch = () =>
  z
    .boolean()
    .default(false)
    .describe('Samples traces in which no value matches. A `drop` or `not` policy says it better.')

const leafShape = {
  latency: part(
    {
      threshold_ms: int64('Traces that took longer than so many milliseconds.'),
      upper_threshold_ms: int64('And at most so many; 0 is without limit.'),
    },
    'From the earliest start to the latest end.',
  ),
  numeric_attribute: part(
    {
      key: z.string().default('').describe('Attribute of a span or a resource.'),
      min_value: int64('Least value; 0 is without limit.'),
      max_value: int64('Greatest value; 0 is without limit.'),
      invert_match: invertMatch(),
    },
    'An integer attribute within bounds.',
  ),
  probabilistic: part(
    {
      hash_salt: z
        .string()
        .default('')
        .describe('Mixed into the hash; stages one after another need different salts.'),
      sampling_percentage: z.number().default(0).describe('Share of the traces; 100 is all.'),
    },
    'A share of the traces, the same ones in every collector with the same salt.',
  ),
  status_code: part(
    { status_codes: textList().describe('OK, ERROR, UNSET.') },
    'A span with one of these status codes.',
  ),
  string_attribute: part(
    {
      key: z.string().default('').describe('Attribute of a span or a resource.'),
      values: textList().describe('Texts, or regular expressions.'),
      enabled_regex_matching: z.boolean().default(false).describe('Values are expressions.'),
      cache_max_size: integer(0, { min: MIN_INT32 }).describe(
        'Results of expressions that are remembered; 0 is 128.',
      ),
      invert_match: invertMatch(),
    },
    'A text attribute with one of these values.',
  ),
  rate_limiting: part(
    {
      spans_per_second: int64('Spans that are let through each second, in whole traces.'),
      burst_capacity: int64('Spans at once; 0 is twice as many as in a second.'),
    },
    'Traces until so many spans a second are reached.',
  ),
  bytes_limiting: part(
    {
      bytes_per_second: int64('Bytes that are let through each second, in whole traces.'),
      burst_capacity: int64('Bytes at once; 0 is twice as many as in a second.'),
    },
    'Traces until so many bytes a second are reached.',
  ),
  span_count: part(
    {
      min_spans: integer(0, { min: MIN_INT32, max: MAX_INT32 }).describe('Least spans.'),
      max_spans: integer(0, { min: MIN_INT32, max: MAX_INT32 }).describe(
        'Most spans; 0 is without limit.',
      ),
    },
    'Traces with so many spans.',
  ),
  trace_state: part(
    {
      key: z.string().default('').describe('Key in the trace state.'),
      values: textList().describe('Values of it.'),
    },
    'A span whose trace state has one of these values.',
  ),
  boolean_attribute: part(
    {
      key: z.string().default('').describe('Attribute of a span or a resource.'),
      value: z.boolean().default(false).describe('Value that it must have.'),
      invert_match: invertMatch(),
    },
    'A boolean attribute with this value.',
  ),
  ottl_condition: part(
    {
      error_mode: z
        .enum(['ignore', 'silent', 'propagate'])
        .optional()
        .describe('What an error means; `propagate` makes the policy fail for the trace.'),
      span: textList().describe('Conditions on spans; any that holds samples.'),
      spanevent: textList().describe('Conditions on events of spans.'),
    },
    'Conditions in OTTL, any of which holds for a span or an event.',
  ),
}

const name = () => z.string().default('').describe('Stands in metrics and logs.')

function typeOf<const T extends readonly string[]>(types: T) {
  return z.enum(types).describe('Which of the sections counts.')
}

const leaf = { name: name(), ...leafShape }

const notPart = part(
  {
    not_sub_policy: z
      .strictObject({ ...leaf, type: typeOf(LEAF_TYPES) })
      .optional()
      .describe('The policy whose decision is turned round.'),
  },
  'Samples what another policy does not.',
)

const andMember = z.strictObject({
  ...leaf,
  type: typeOf([...LEAF_TYPES, 'not']),
  not: notPart,
})

const members = (text: string) =>
  z
    .preprocess(value => (value === null ? [] : value), z.array(andMember))
    .default([])
    .describe(text)

const andPart = part(
  { and_sub_policy: members('All of them must sample.') },
  'Samples what all of several policies sample.',
)

const compositeMember = z.strictObject({
  ...leaf,
  type: typeOf([...LEAF_TYPES, 'and']),
  and: andPart,
})

const compositePart = part(
  {
    max_total_spans_per_second: int64('Spans that are let through each second.'),
    policy_order: textList().describe('Accepted; policies are asked in the order of the list.'),
    composite_sub_policy: z
      .preprocess(value => (value === null ? [] : value), z.array(compositeMember))
      .default([])
      .describe('Asked in turn; the first that samples decides, within its rate.'),
    rate_allocation: z
      .preprocess(
        value => (value === null ? [] : value),
        z.array(
          z.strictObject({
            policy: z.string().default('').describe('Name of a sub-policy.'),
            percent: int64('Its share of the spans; 0 is an equal share.'),
          }),
        ),
      )
      .default([])
      .describe('Shares of the sub-policies. One that is not named gets nothing, as upstream.'),
  },
  'Several policies with a rate for each.',
)

export const policySchema = z.strictObject({
  ...leaf,
  type: typeOf([...LEAF_TYPES, 'composite', 'and', 'not', 'drop']),
  and: andPart,
  not: notPart,
  drop: part(
    { drop_sub_policy: members('When all of them sample, the trace is dropped.') },
    'Drops traces, whatever other policies say.',
  ),
  composite: compositePart,
})

export type PolicyConfig = z.output<typeof policySchema>
export type CompositeConfig = NonNullable<PolicyConfig['composite']>
export type CompositeMemberConfig = CompositeConfig['composite_sub_policy'][number]
export type AndMemberConfig = z.output<typeof andMember>
export type LeafConfig = Omit<AndMemberConfig, 'type' | 'not'> & {
  readonly type: (typeof LEAF_TYPES)[number]
}
