/** Configuration of `count`: for each kind of thing the metrics that count it. Keys, defaults and checks are upstream's. */
import { z } from 'zod'
import { idle, section } from '../../config/fields.ts'
import type { ConfigProblem, ConfigSpec } from '../../core/factory.ts'
import { compileSections } from './sections.ts'

/** More than anybody writes; each costs time for every item. */
const MAX_METRICS = 1000
const MAX_ATTRIBUTES = 100

const attribute = z.strictObject({
  key: z.string().describe('Looked up in the item, then in its scope, then in its resource.'),
  default_value: z
    .union([z.string(), z.number()])
    .optional()
    .describe(
      'Stands for an attribute that is absent. Without it, or with "" or 0, such items are not counted.',
    ),
})

const metric = section({
  description: z.string().default('').describe('Description of the metric.'),
  conditions: z
    .array(z.string())
    .default([])
    .describe('OTTL conditions; what matches one of them is counted. Without any everything is.'),
  attributes: z
    .array(attribute)
    .max(MAX_ATTRIBUTES)
    .default([])
    .describe('One count for each set of values of these attributes.'),
})

export type MetricConfig = z.output<typeof metric>
type Metrics = Readonly<Record<string, MetricConfig>>

const map = z
  .record(z.string(), metric)
  .refine(metrics => Object.keys(metrics).length <= MAX_METRICS, `more than ${MAX_METRICS} metrics`)

/** The default is for an absent key only: one that is there and empty counts nothing. */
function metrics(name: string, description: string): z.ZodType<Metrics> {
  return z
    .preprocess(value => (value === null ? {} : value), map)
    .prefault({ [name]: { description } }) as unknown as z.ZodType<Metrics>
}

const schema = section({
  spans: metrics('trace.span.count', 'The number of spans observed.').describe(
    'Metrics that count spans, by name.',
  ),
  spanevents: metrics('trace.span.event.count', 'The number of span events observed.').describe(
    'Metrics that count events of spans, by name.',
  ),
  metrics: metrics('metric.count', 'The number of metrics observed.').describe(
    'Metrics that count metrics, by name; they have no attributes.',
  ),
  datapoints: metrics('metric.datapoint.count', 'The number of data points observed.').describe(
    'Metrics that count data points, by name.',
  ),
  logs: metrics('log.record.count', 'The number of log records observed.').describe(
    'Metrics that count log records, by name.',
  ),
  profiles: idle(z.record(z.string(), z.unknown()).optional()).describe(
    'Accepted for configurations written for upstream; there are no profiles here.',
  ),
})

export type CountConfig = z.output<typeof schema>

export const config: ConfigSpec<CountConfig> = { schema, check }

function check(config: CountConfig): ConfigProblem[] {
  return compileSections(config).flatMap(({ key, problems }) => [
    ...Object.entries(config[key]).flatMap(([name, each]) =>
      checkMetric(key, name, each).map(problem => ({
        ...problem,
        path: [key, name, ...problem.path],
      })),
    ),
    ...problems,
  ])
}

function checkMetric(key: string, name: string, { attributes }: MetricConfig): ConfigProblem[] {
  const problems: ConfigProblem[] = []
  if (name === '') problems.push({ path: [], message: 'has no name: metric name missing' })
  if (key === 'metrics' && attributes.length > 0) {
    problems.push({
      path: ['attributes'],
      message: 'is not supported for metrics, which have none',
    })
  }
  const seen = new Set<string>()
  for (const [i, attribute] of attributes.entries()) {
    const path = ['attributes', i, 'key']
    if (attribute.key === '') problems.push({ path, message: 'is empty: attribute key missing' })
    // Nothing has as many different keys as are asked for, so upstream counts nothing.
    if (seen.has(attribute.key)) problems.push({ path, message: 'stands here twice' })
    seen.add(attribute.key)
  }
  return problems
}
