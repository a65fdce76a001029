/** Binds the arguments of a call to a function's parameters, by position or by name. */
import { findNearest } from '../util/nearest.ts'
import type { Call, Span, ValueNode } from './ast.ts'
import type { RuleErrorCode } from './format-error.ts'
import type { FunctionSpec, Param } from './function.ts'

export type Fail = (code: RuleErrorCode, message: string, at: Span) => never

export interface BoundArgument {
  readonly param: Param
  /** Undefined when an optional argument is absent. */
  readonly value: ValueNode | undefined
}

export function bindArguments(call: Call, spec: FunctionSpec, fail: Fail): BoundArgument[] {
  const { params } = spec
  const values: (ValueNode | undefined)[] = params.map(() => undefined)
  const wrong: Fail = (_, message, at) =>
    fail('MILLRACE_RULES_ARGUMENTS', `${spec.name}: ${message}`, at)
  const code = 'MILLRACE_RULES_ARGUMENTS'
  let named = false
  for (const [i, { name, value }] of call.args.entries()) {
    if (name === '' && named) wrong(code, 'unnamed argument used after a named one', value.at)
    if (name === '' && i >= params.length) wrong(code, countMessage(call, params), value.at)
    named ||= name !== ''
    const position = name === '' ? i : positionOf(name, params)
    if (position < 0) {
      const nearest = findNearest(
        toCamelCase(name),
        params.map(param => param.name),
      )
      const hint = nearest === undefined ? '' : `; did you mean ${toSnakeCase(nearest)}?`
      fail('MILLRACE_RULES_UNKNOWN_NAME', `${spec.name} has no parameter ${name}${hint}`, value.at)
    }
    if (values[position] !== undefined) {
      wrong(code, `${params[position].name} is given twice`, value.at)
    }
    values[position] = value
  }
  for (const [i, param] of params.entries()) {
    if (values[i] !== undefined || param.optional === true) continue
    wrong(code, `${countMessage(call, params)}; ${param.name} is missing`, call.at)
  }
  return params.map((param, i) => ({ param, value: values[i] }))
}

function positionOf(name: string, params: readonly Param[]): number {
  const wanted = toCamelCase(name)
  return params.findIndex(param => param.name === wanted)
}

/** `pair_delimiter` and `pairDelimiter` are `PairDelimiter`. */
function toCamelCase(name: string): string {
  return name
    .replace(/_+$/, '')
    .replace(/(?:^|_+|(?<=\d))([a-zA-Z0-9])/g, (_, letter: string) => letter.toUpperCase())
}

function toSnakeCase(name: string): string {
  return name.replace(/([a-z0-9])([A-Z])/g, '$1_$2').toLowerCase()
}

function countMessage(call: Call, params: readonly Param[]): string {
  const required = params.filter(param => param.optional !== true).length
  const expected = required === params.length ? `${required}` : `${required} to ${params.length}`
  return `incorrect number of arguments, expected ${expected}, got ${call.args.length}`
}
