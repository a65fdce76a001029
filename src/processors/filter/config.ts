/** Configuration of `filter`. Keys, defaults and checks are upstream's; profiles and `expr` are left out. */
import { z } from 'zod'
import { attributeMatches, libraryMatches, regexpCache, texts } from '../../config/fields/match.ts'
import {
  optionalSection,
  section,
  textField,
  textList,
  type Wrong,
  wrong,
} from '../../config/fields.ts'
import type { ConfigProblem, ConfigSpec } from '../../core/factory.ts'
import { SIGNALS } from '../../core/signal.ts'
import { checkStyles } from './check.ts'
import { compileStages } from './stages.ts'

const errorMode = () => z.enum(['ignore', 'silent', 'propagate'])

const conditions = (what: string) =>
  z.array(z.string()).optional().describe(`Any of these conditions drops ${what}.`)

const matchType = () =>
  z.enum(['strict', 'regexp']).describe('How texts are matched: equal, or by regular expression.')

/** `expr` is another language altogether; its metrics are better chosen by conditions. */
const metricMatchType = () =>
  textField(readMetricMatchType, { enum: ['strict', 'regexp', 'expr'] }).describe(
    'How names are matched: equal, or by regular expression; `expr` only without expressions.',
  )

function readMetricMatchType(text: string): 'strict' | 'regexp' | 'expr' | Wrong {
  if (text === 'strict' || text === 'regexp' || text === 'expr') return text
  return wrong('is not a valid choice', 'strict or regexp')
}

const spanProperties = (text: string) =>
  optionalSection({
    match_type: matchType(),
    regexp: regexpCache(),
    services: texts('Service names of the resource.'),
    span_names: texts('Names of the span.'),
    span_kinds: texts('Kinds of the span, such as SPAN_KIND_SERVER.'),
    attributes: attributeMatches('Attributes of the span; all must match.'),
    resources: attributeMatches('Attributes of the resource; all must match.'),
    libraries: libraryMatches('Instrumentation scopes.'),
  }).describe(text)

const metricProperties = (text: string) =>
  optionalSection({
    match_type: metricMatchType(),
    regexp: regexpCache(),
    metric_names: texts('Names of the metric.'),
    expressions: texts('Not supported; write conditions under `metric_conditions`.'),
    resource_attributes: attributeMatches('Attributes of the resource; all must match.'),
  }).describe(text)

const logProperties = (text: string) =>
  optionalSection({
    match_type: matchType().optional(),
    resource_attributes: attributeMatches('Attributes of the resource; all must match.'),
    record_attributes: attributeMatches('Attributes of the record; all must match.'),
    severity_texts: texts('Severity texts of the record.'),
    severity_number: optionalSection({
      min: z.string().default('').describe('Least severity: INFO, WARN2, 9, ...'),
      match_undefined: z.boolean().default(false).describe('Whether records without one match.'),
    }).describe('Severity numbers of the record.'),
    bodies: texts('Bodies of the record as text.'),
  }).describe(text)

const contextConditions = (signal: string) =>
  z
    .array(
      z.union([
        z.string(),
        z.strictObject({
          context: z
            .preprocess(
              value => (typeof value === 'string' ? value.toLowerCase() : value),
              z.enum(['', 'resource', 'scope', 'span', 'spanevent', 'metric', 'datapoint', 'log']),
            )
            .optional()
            .describe('Context of the conditions; their paths say it if it is left out.'),
          conditions: textList().describe('Any of them drops.'),
          error_mode: errorMode().optional().describe('For these conditions.'),
        }),
      ]),
    )
    .optional()
    .describe(`Conditions on ${signal}, or groups of them; any that holds drops what it stands on.`)

const schema = section({
  error_mode: errorMode()
    .default('ignore')
    .describe('What an error means: logged and passed over, passed over, or the batch is refused.'),
  trace_conditions: contextConditions('traces'),
  metric_conditions: contextConditions('metrics'),
  log_conditions: contextConditions('logs'),
  traces: section({
    resource: conditions('the resource with all that is in it'),
    span: conditions('the span'),
    spanevent: conditions('the event of the span'),
  }).describe('Older form of `trace_conditions`.'),
  metrics: section({
    resource: conditions('the resource with all that is in it'),
    metric: conditions('the metric'),
    datapoint: conditions('the data point'),
    include: metricProperties('Only what matches stays.'),
    exclude: metricProperties('What matches goes.'),
    regexp: regexpCache(),
  }).describe('Older form of `metric_conditions`.'),
  logs: section({
    resource: conditions('the resource with all that is in it'),
    log_record: conditions('the record'),
    include: logProperties('Only what matches stays.'),
    exclude: logProperties('What matches goes.'),
  }).describe('Older form of `log_conditions`.'),
  spans: section({
    include: spanProperties('Only what matches stays.'),
    exclude: spanProperties('What matches goes.'),
  }).describe('Oldest form of `trace_conditions`.'),
})

export type FilterConfig = z.output<typeof schema>
export type SpanProperties = NonNullable<FilterConfig['spans']['include']>
export type MetricProperties = NonNullable<FilterConfig['metrics']['include']>
export type LogProperties = NonNullable<FilterConfig['logs']['include']>

export const config: ConfigSpec<FilterConfig> = { schema, check }

function check(config: FilterConfig): ConfigProblem[] {
  const problems = checkStyles(config)
  if (problems.length > 0) return problems
  return SIGNALS.flatMap(signal => compileStages(config, signal).problems)
}
