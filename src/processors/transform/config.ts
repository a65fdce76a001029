/** Configuration of `transform`. Keys, defaults and checks are upstream's; profiles are left out. */
import { z } from 'zod'
import { section, textList } from '../../config/fields.ts'
import type { ConfigProblem, ConfigSpec } from '../../core/factory.ts'
import { SIGNALS } from '../../core/signal.ts'
import { compileGroups } from './groups.ts'

const errorMode = () => z.enum(['ignore', 'silent', 'propagate'])

const CONTEXTS = [
  ...(['', 'resource', 'scope', 'span', 'spanevent', 'metric', 'datapoint'] as const),
  ...(['exemplar', 'log'] as const),
]

const statements = (signal: string) =>
  z
    .array(
      z.union([
        z.string(),
        z.strictObject({
          context: z
            .preprocess(
              value => (typeof value === 'string' ? value.toLowerCase() : value),
              z.enum(CONTEXTS),
            )
            .optional()
            .describe('Context of the group; its paths say it if it is left out.'),
          conditions: textList().describe(
            'The statements run where any of these holds; everywhere without one.',
          ),
          statements: textList().describe('Run one after another.'),
          error_mode: errorMode().optional().describe('For this group.'),
        }),
      ]),
    )
    .optional()
    .describe(`Statements on ${signal}, or groups of them, in this order.`)

const schema = section({
  error_mode: errorMode()
    .default('ignore')
    .describe('What an error means: logged and passed over, passed over, or the batch is refused.'),
  trace_statements: statements('traces'),
  metric_statements: statements('metrics'),
  log_statements: statements('logs'),
  flatten_data: z
    .boolean()
    .default(false)
    .describe('Not supported; upstream has it behind a gate of its own.'),
})

export type TransformConfig = z.output<typeof schema>
export type StatementList = NonNullable<TransformConfig['trace_statements']>

export const config: ConfigSpec<TransformConfig> = { schema, check }

function check(config: TransformConfig): ConfigProblem[] {
  const problems: ConfigProblem[] = []
  if (config.flatten_data) {
    problems.push({ path: ['flatten_data'], message: 'is not supported', expected: 'false' })
  }
  return [...problems, ...SIGNALS.flatMap(signal => compileGroups(config, signal).problems)]
}
