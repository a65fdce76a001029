/** Configuration of `spanmetrics`. Keys, defaults and checks are upstream's, with a bound on what is kept and a choice of weights added. */
import { z } from 'zod'
import {
  duration,
  idle,
  integer,
  optionalSection,
  requiredDuration,
  requiredInteger,
  section,
  textField,
  textList,
  wrong,
} from '../../config/fields.ts'
import type { ConfigProblem, ConfigSpec } from '../../core/factory.ts'
import { LARGEST_MAX_SIZE, MIN_SIZE } from '../../util/exponential-histogram.ts'
import { checkDimensions } from './check-dimensions.ts'

/** More than anybody writes; each costs time for every span. */
const MAX_DIMENSIONS = 100
const MAX_BUCKETS = 1000
const MAX_EXEMPLARS = 1000

const UNITS = ['ms', 's'] as const
export type Unit = (typeof UNITS)[number]

const dimension = z.strictObject({
  name: z.string().optional().describe('Attribute of the span, else of its resource.'),
  default: z
    .union([z.string(), z.number(), z.boolean()])
    .transform(String)
    .optional()
    .describe('Stands for an absent attribute; without it the dimension is left out then.'),
  glob: z
    .string()
    .optional()
    .describe('Instead of `name`: all attributes whose key matches, `.` being a separator.'),
})

export type DimensionConfig = z.output<typeof dimension>

function dimensions(): z.ZodType<DimensionConfig[]> {
  const list = z.array(dimension).max(MAX_DIMENSIONS)
  return z
    .preprocess(value => (value === null ? [] : value), list)
    .default([]) as unknown as z.ZodType<DimensionConfig[]>
}

function readUnit(text: string): Unit | ReturnType<typeof wrong> {
  const found = UNITS.find(unit => unit === text.toLowerCase())
  return found ?? wrong('is not a unit of durations', UNITS.join(' or '))
}

const histogram = section({
  disable: z.boolean().default(false).describe('Makes no histogram of durations.'),
  unit: textField<Unit>(readUnit, { type: 'string', enum: [...UNITS] })
    .prefault('ms')
    .describe('Unit of durations, `ms` or `s`.'),
  explicit: optionalSection({
    buckets: z
      .array(requiredDuration())
      .max(MAX_BUCKETS)
      .optional()
      .describe('Upper bounds in ascending order; absent is 16 of them from 2ms to 15s.'),
  }).describe('Fixed buckets, which are the default.'),
  exponential: optionalSection({
    max_size: requiredInteger({ max: LARGEST_MAX_SIZE })
      .default(0)
      .describe('Most buckets of a histogram; 0 is 160.'),
  }).describe('Buckets that adapt to the durations.'),
  dimensions: dimensions().describe('Dimensions of the durations only.'),
})

const schema = section({
  dimensions: dimensions().describe(
    'Attributes that tell series apart, besides service, name, kind and status.',
  ),
  calls_dimensions: dimensions().describe('Dimensions of the calls only.'),
  exclude_dimensions: textList().describe(
    'Of the dimensions that every series has, those to leave out.',
  ),
  dimensions_cache_size: idle(
    integer(0).describe('Accepted for compatibility; see aggregation_cardinality_limit.'),
  ),
  resource_metrics_cache_size: integer(1000, { min: 1 }).describe(
    'Resources whose series are kept; of more, those not seen for longest are let go when told.',
  ),
  resource_metrics_key_attributes: textList().describe(
    'Attributes that tell resources apart; empty is all of them.',
  ),
  aggregation_temporality: z
    .enum(['AGGREGATION_TEMPORALITY_CUMULATIVE', 'AGGREGATION_TEMPORALITY_DELTA'])
    .default('AGGREGATION_TEMPORALITY_CUMULATIVE')
    .describe('Whether values count from the start or from the last flush.'),
  histogram: histogram.describe('Histogram of the durations.'),
  metrics_flush_interval: duration('60s', { positive: true }).describe(
    'How often metrics are sent on.',
  ),
  metrics_expiration: duration('0s').describe(
    'A resource without spans for so long is forgotten; 0 keeps it.',
  ),
  series_expiration: duration('0s').describe(
    'A series without spans for so long is forgotten; 0 keeps it.',
  ),
  metric_timestamp_cache_size: integer(1000).describe(
    'Delta only: series whose last flush is remembered, so that the next begins where it ended.',
  ),
  namespace: z.string().default('traces.span.metrics').describe('Put before names of metrics.'),
  exemplars: section({
    enabled: z.boolean().default(false).describe('Names spans at the points that they are in.'),
    max_per_data_point: integer(5, { max: MAX_EXEMPLARS }).describe('Most spans at one point.'),
  }).describe('Spans as examples.'),
  events: section({
    enabled: z.boolean().default(false).describe("Counts spans' events as well."),
    dimensions: dimensions().describe('Attributes of events, at least one.'),
  }).describe('The metric `events`.'),
  include_instrumentation_scope: textList().describe(
    'Scopes whose name and version become dimensions of their spans.',
  ),
  aggregation_cardinality_limit: integer(0).describe(
    'Series of one metric of one resource; further ones share a series. 0 is no limit but `max_series`.',
  ),
  add_resource_attributes: idle(
    z
      .boolean()
      .default(false)
      .describe('Accepted for compatibility; resources always have their attributes.'),
  ),
  enable_metrics_sampling_method: z
    .boolean()
    .default(false)
    .describe('Adds `sampling.method`, which is `extrapolated` or `counted`.'),
  weighting: z
    .enum(['adjusted_count', 'none'])
    .default('adjusted_count')
    .describe(
      '`adjusted_count` counts a sampled span for as many as its `ot=th` says, `none` for one.',
    ),
  max_series: integer(100_000, { min: 1 }).describe(
    'Series that are kept for a tenant in all; further ones share a series. Not known upstream.',
  ),
})

export type SpanmetricsConfig = z.output<typeof schema>

export const config: ConfigSpec<SpanmetricsConfig> = { schema, check }

function check(config: SpanmetricsConfig): ConfigProblem[] {
  const { histogram, events } = config
  const problems: ConfigProblem[] = [
    ...checkDimensions(['dimensions'], config.dimensions),
    ...checkDimensions(['calls_dimensions'], config.calls_dimensions),
    ...checkDimensions(['histogram', 'dimensions'], histogram.dimensions),
    ...(events.enabled ? checkDimensions(['events', 'dimensions'], events.dimensions) : []),
  ]
  if (events.enabled && events.dimensions.length === 0) {
    problems.push({ path: ['events'], message: 'no dimensions configured for events' })
  }
  if (histogram.explicit !== undefined && histogram.exponential !== undefined) {
    const message = 'use either `explicit` or `exponential` buckets histogram'
    problems.push({ path: ['histogram'], message })
  }
  const buckets = histogram.explicit?.buckets ?? []
  if (buckets.some((bound, i) => i > 0 && bound <= buckets[i - 1])) {
    const path = ['histogram', 'explicit', 'buckets']
    problems.push({ path, message: 'do not ascend' })
  }
  const size = histogram.exponential?.max_size ?? 0
  if (size !== 0 && size < MIN_SIZE) {
    const path = ['histogram', 'exponential', 'max_size']
    problems.push({ path, message: 'is too small', expected: `0, or at least ${MIN_SIZE}` })
  }
  const isDelta = config.aggregation_temporality === 'AGGREGATION_TEMPORALITY_DELTA'
  if (isDelta && config.metric_timestamp_cache_size === 0) {
    const path = ['metric_timestamp_cache_size']
    problems.push({ path, message: 'invalid delta timestamp cache size', expected: 'more than 0' })
  }
  return problems
}
