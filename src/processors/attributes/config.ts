/** Configuration of `attributes`. Keys and checks are upstream's. */
import { z } from 'zod'
import { attributeActions } from '../../config/fields/attribute-actions.ts'
import { attributeMatches, libraryMatches, regexpCache, texts } from '../../config/fields/match.ts'
import { integer, optionalSection, section } from '../../config/fields.ts'
import type { ConfigProblem, ConfigSpec } from '../../core/factory.ts'
import { checkActions } from '../../rules/apply/check-actions.ts'
import { checkSides } from './sides.ts'

const MAX_SEVERITY = 24

const properties = (text: string) =>
  optionalSection({
    match_type: z
      .enum(['strict', 'regexp'])
      .optional()
      .describe('How texts are matched: equal, or by regular expression.'),
    regexp: regexpCache(),
    services: texts('Traces: service names of the resource.'),
    span_names: texts('Traces: names of the span.'),
    span_kinds: texts('Traces: kinds of the span, such as SPAN_KIND_SERVER.'),
    log_bodies: texts('Logs: bodies of the record as text.'),
    log_severity_texts: texts('Logs: severity texts of the record.'),
    log_severity_number: optionalSection({
      min: integer(0, { max: MAX_SEVERITY }).describe('Least severity, 1 to 24.'),
      match_undefined: z.boolean().default(false).describe('Whether records without one match.'),
    }).describe('Logs: severity numbers of the record.'),
    metric_names: texts('Metrics: names of the metric.'),
    attributes: attributeMatches('Traces, logs: attributes of the span or record; all must match.'),
    resources: attributeMatches('Attributes of the resource; all must match.'),
    libraries: libraryMatches('Traces, logs: instrumentation scopes.'),
  }).describe(text)

const schema = section({
  actions: attributeActions('What is done with the attributes, one action after the other.'),
  include: properties('Only what matches is changed.'),
  exclude: properties('What matches is not changed.'),
})

export type AttributesConfig = z.output<typeof schema>
export type Properties = NonNullable<AttributesConfig['include']>

export const config: ConfigSpec<AttributesConfig> = { schema, check }

function check(config: AttributesConfig): ConfigProblem[] {
  return [...checkActions(config.actions, ['actions']), ...checkSides(config)]
}
