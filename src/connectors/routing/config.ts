/** Configuration of `routing`: a table of conditions and the pipelines that they lead to. Keys and checks are upstream's. */
import { z } from 'zod'
import { section } from '../../config/fields.ts'
import type { ConfigProblem, ConfigSpec } from '../../core/factory.ts'
import { RuleError } from '../../rules/format-error.ts'
import { compileMatcher } from './matcher.ts'

/** More rows than anybody writes; each costs time for every item. */
const MAX_ROWS = 10_000

const pipelines = z.array(z.string())

const row = z.strictObject({
  context: z
    .enum(['', 'request', 'resource', 'span', 'metric', 'datapoint', 'log'])
    .default('')
    .describe('What the condition is asked about; empty is resource.'),
  statement: z
    .string()
    .default('')
    .describe('`route() where CONDITION`, or an editor of the resource in place of route().'),
  condition: z
    .string()
    .default('')
    .describe(
      'OTTL condition; for context request `request["key"] == "value"` or with `!=`, about metadata.',
    ),
  pipelines: pipelines.default([]).describe('Pipelines that get what matches.'),
  action: z
    .enum(['', 'move', 'copy'])
    .default('')
    .describe('`move` ends the search for what matched; `copy` lets the rows after it see it too.'),
})

const schema = section({
  default_pipelines: pipelines
    .default([])
    .describe('Pipelines for what no row matched; without any it is dropped, and counted.'),
  error_mode: z
    .enum(['propagate', 'ignore', 'silent'])
    .default('propagate')
    .describe('What a failing condition means: the batch is refused, or the row does not match.'),
  match_once: z
    .boolean()
    .optional()
    .describe(
      'False sends an item to every row that matches. Absent it is true, except for tables of the older form, in which ' +
        'no row has a context or an action.',
    ),
  table: z.array(row).max(MAX_ROWS).default([]).describe('Rows, asked in this order.'),
})

export type RoutingConfig = z.output<typeof schema>
export type Row = RoutingConfig['table'][number]

export const config: ConfigSpec<RoutingConfig> = { schema, check }

function check({ table }: RoutingConfig): ConfigProblem[] {
  if (table.length === 0) {
    return [
      {
        path: ['table'],
        message: 'is empty: invalid routing table',
        expected: 'at least one row with a condition and pipelines',
      },
    ]
  }
  return table.flatMap((row, i) =>
    checkRow(row).map(p => ({ ...p, path: ['table', i, ...p.path] })),
  )
}

function checkRow(row: Row): ConfigProblem[] {
  const problems: ConfigProblem[] = []
  const { statement, condition } = row
  if (row.pipelines.length === 0) {
    const message = 'is empty: no pipelines defined for this row'
    problems.push({ path: ['pipelines'], message, expected: 'ids of pipelines' })
  }
  if ((statement === '') === (condition === '')) {
    const message = statement === '' ? 'is missing, and so is statement' : 'stands beside statement'
    problems.push({ path: ['condition'], message, expected: 'either condition or statement' })
  } else if (row.context === 'request' && condition === '') {
    const message = 'is not possible with context request'
    problems.push({ path: ['statement'], message, expected: 'condition' })
  } else {
    const problem = checkExpression(row)
    if (problem !== undefined) problems.push(problem)
  }
  return problems
}

function checkExpression(row: Row): ConfigProblem | undefined {
  try {
    compileMatcher(row)
    return undefined
  } catch (error) {
    if (!(error instanceof RuleError)) throw error
    return { path: [row.condition === '' ? 'statement' : 'condition'], message: error.message }
  }
}

/** Whether the first row that matches decides. */
export function matchesOnce({ match_once, table }: RoutingConfig): boolean {
  if (match_once !== undefined) return match_once
  return table.some(({ context, action }) => context !== '' || action !== '')
}
