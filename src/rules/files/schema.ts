/** The written form of a rule file: one declaration for checks, types and the JSON Schema that editors use. */
import { z } from 'zod'
import { type JsonSchema, jsonSchemaOf } from '../../config/schema-walk.ts'
import type { ErrorMode } from '../sequence.ts'

/** Contexts that a rule can be written for, and the signal whose items they are or belong to. */
export const RULE_CONTEXTS = {
  span: 'traces',
  spanevent: 'traces',
  log: 'logs',
  datapoint: 'metrics',
  metric: 'metrics',
} as const

export type RuleContext = keyof typeof RULE_CONTEXTS

/** Of one rule file. A thousand rules load in well under a second. */
export const MAX_RULES = 5000
export const MAX_EDITS = 200
export const MAX_DESTINATIONS = 64
const MAX_TENANTS = 1000
const MAX_NAME = 120
/** Weights are shares of their sum; larger ones say nothing more. */
const MAX_WEIGHT = 1_000_000
const MAX_IMPORTANCE = 1000
const MAX_DESCRIPTION = 2000

const CONTEXT_NAMES = Object.keys(RULE_CONTEXTS) as [RuleContext, ...RuleContext[]]
const ERROR_MODES = ['propagate', 'ignore', 'silent'] as const satisfies readonly ErrorMode[]

const on = z
  .enum(CONTEXT_NAMES)
  .describe('What the rule looks at: span, spanevent, log, datapoint or metric.')

const errorMode = z
  .enum(ERROR_MODES)
  .describe(
    'What an expression that fails means: `ignore` goes on with the next rule and logs it, `silent` does not log it, `propagate` refuses the whole batch.',
  )

const destination = z.string().min(1).describe('Id of an exporter, type or type/name.')

const routeList = z
  .array(destination)
  .min(1)
  .max(MAX_DESTINATIONS)
  .describe('Sends the item to all of these exporters instead of those of the pipeline.')

const split = z
  .record(z.string().min(1), z.number().min(0).max(MAX_WEIGHT))
  .describe('Weight of each exporter; an item goes to one of them.')

const by = z
  .enum(['trace_id', 'resource'])
  .optional()
  .describe(
    'What goes one way together: all of a trace (items without a trace go by their resource), or all of a resource.',
  )

const routeSplit = z
  .strictObject({ split, by })
  .describe('Divides the items among exporters by weight; what belongs together stays together.')

const edits = z
  .array(z.string().min(1))
  .min(1)
  .max(MAX_EDITS)
  .describe('OTTL statements, run one after another.')

function actionMap<R extends z.ZodType>(route: R) {
  return z.strictObject({
    edit: edits.optional(),
    route: route.optional(),
    mirror: destination.optional().describe('Sends a copy there; what becomes of it is no matter.'),
    percent: z
      .number()
      .gt(0)
      .max(100)
      .optional()
      .describe('Share of the traces that is mirrored; 100 if not said.'),
    importance: z
      .int()
      .min(-MAX_IMPORTANCE)
      .max(MAX_IMPORTANCE)
      .optional()
      .describe('A hint to the sampler: what matters more is kept rather.'),
  })
}

const dropWord = z.literal('drop').describe('Lets the item go; counted under the name of the rule.')

function rule<A extends z.ZodType>(action: A) {
  return z.strictObject({
    name: z
      .string()
      .min(1)
      .max(MAX_NAME)
      .regex(/^\P{Cc}+$/u)
      .describe('Unique; stands in metrics, in the ledger, in decisions and explanations.'),
    description: z.string().max(MAX_DESCRIPTION).optional().describe('For people.'),
    on: on.optional(),
    tenants: z
      .array(z.string().min(1))
      .min(1)
      .max(MAX_TENANTS)
      .optional()
      .describe('Only for these tenants; `*` stands for any characters, `?` for one.'),
    when: z
      .string()
      .min(1)
      .optional()
      .describe('OTTL condition; without one the rule matches every item.'),
    do: action,
    continue: z
      .boolean()
      .optional()
      .describe('Goes on with the next rule although this one routes the item.'),
    error_mode: errorMode.optional(),
  })
}

/** One schema for each form that `do` can have, so that a fault is told for the form that was meant. */
export const RULE_SCHEMAS = {
  word: rule(dropWord),
  edits: rule(edits),
  list: rule(actionMap(routeList)),
  split: rule(actionMap(routeSplit)),
} as const

export type RuleForm = keyof typeof RULE_SCHEMAS
export type WrittenRule = z.output<(typeof RULE_SCHEMAS)[RuleForm]>

const action = z
  .union([dropWord, edits, actionMap(z.union([routeList, routeSplit]))])
  .describe('`drop`, a list of OTTL statements, or a map of actions.')

function file<R extends z.ZodType>(rules: R) {
  return z.strictObject({
    version: z.literal(1).describe('Version of this format.'),
    defaults: z
      .strictObject({ on: on.default('span'), error_mode: errorMode.optional() })
      .prefault({})
      .describe('For rules that do not say otherwise.'),
    rules: z.array(rules).max(MAX_RULES).describe('From top to bottom for each item.'),
  })
}

/** The file around the rules, which are judged one by one. */
export const FILE_SCHEMA = file(z.unknown())

export type WrittenFile = z.output<typeof FILE_SCHEMA>

/** Which form the writer of this `do` had in mind. */
export function formOf(written: unknown): RuleForm {
  const { do: action } = (written ?? {}) as { do?: unknown }
  if (Array.isArray(action)) return 'edits'
  if (typeof action !== 'object' || action === null) return 'word'
  const { route } = action as { route?: unknown }
  return typeof route === 'object' && route !== null && !Array.isArray(route) ? 'split' : 'list'
}

/** For editors. */
export function rulesJsonSchema(): JsonSchema {
  return {
    $schema: 'https://json-schema.org/draft/2020-12/schema',
    title: 'Millrace rule file',
    ...jsonSchemaOf(file(rule(action))),
  }
}
