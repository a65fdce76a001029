/** One row of the table as something that can be asked: about the request, or about what a cursor stands on. */
import type { RequestContext } from '../../core/batch.ts'
import type { BooleanNode } from '../../rules/ast.ts'
import { compileNode, compileStatement } from '../../rules/compile.ts'
import type { ContextName } from '../../rules/context.ts'
import { contextSpec } from '../../rules/contexts/index.ts'
import { RuleError, withPosition } from '../../rules/format-error.ts'
import { defineFunction } from '../../rules/function.ts'
import { standardFunctions } from '../../rules/functions/index.ts'
import { parseCondition, parseStatement } from '../../rules/parser.ts'
import type { Row } from './config.ts'

export type Matcher =
  | { readonly kind: 'request'; readonly test: (request: RequestContext) => boolean }
  | ScopeMatcher

export interface ScopeMatcher {
  readonly kind: 'scope'
  readonly context: ContextName
  /** For the slot scanner; undefined when every item matches, or the row edits. */
  readonly condition: { readonly text: string; readonly node: BooleanNode } | undefined
  /** Runs the statement's editor too. Throws EvaluationError. */
  readonly test: (scope: unknown) => boolean
  readonly edits: boolean
}

const route = defineFunction({
  name: 'route',
  kind: 'editor',
  params: [],
  summary: 'Does nothing: what stands after `where` decides.',
  example: { expr: 'route()', result: '{}' },
  make: () => () => null,
})

export const ROUTING_FUNCTIONS = [...standardFunctions, route]

/** Throws RuleError. */
export function compileMatcher({ context, condition, statement }: Row): Matcher {
  if (context === 'request') return { kind: 'request', test: compileRequestTest(condition) }
  const name: ContextName = context === '' ? 'resource' : context
  const options = { context: contextSpec(name), functions: ROUTING_FUNCTIONS }
  if (condition !== '') {
    const node = withPosition(condition, () => parseCondition(condition))
    const test = compileNode(condition, node, options)
    return {
      kind: 'scope',
      context: name,
      condition: { text: condition, node },
      test,
      edits: false,
    }
  }
  const { editor, where } = withPosition(statement, () => parseStatement(statement))
  const { run } = compileStatement(statement, options)
  const edits = editor.name !== 'route'
  const slots = edits || where === null ? undefined : { text: statement, node: where }
  return { kind: 'scope', context: name, condition: slots, test: run, edits }
}

const REQUEST = /^\s*request\["([^"]*)"\]\s*(==|!=)\s*"([^"]*)"\s*$/

/** A value of that name must be equal, or different; without one nothing matches. */
function compileRequestTest(text: string): (request: RequestContext) => boolean {
  const parts = REQUEST.exec(text)
  if (parts === null) {
    const message = 'Of a request only request["key"] == "value" and != can be asked.'
    throw new RuleError('MILLRACE_RULES_SYNTAX', message, text, { start: 0, end: text.length })
  }
  const [, key, op, wanted] = parts
  const name = key.toLowerCase()
  const isEqual = op === '=='
  return ({ metadata }) => (metadata.get(name) ?? []).some(value => (value === wanted) === isEqual)
}
