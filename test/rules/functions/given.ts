/** Runs expressions without any telemetry and writes down what they give. */
import { compileValue } from '../../../src/rules/compile.ts'
import type { ContextSpec } from '../../../src/rules/context.ts'
import { standardFunctions } from '../../../src/rules/functions/index.ts'
import { EvaluationError, type Value } from '../../../src/rules/value.ts'
import { printExample } from './print-example.ts'

export function contextOf(values: Readonly<Record<string, Value>>): ContextSpec {
  return {
    name: 'log',
    resolve: ([{ name }]) =>
      Object.hasOwn(values, name) ? { get: () => values[name], set: () => {} } : undefined,
    paths: Object.keys(values),
    enums: new Map(),
    functions: [],
  }
}

/** As examples write values; `error` for a failed evaluation, `refused` for an expression that does not load. */
export function give(expr: string, values: Readonly<Record<string, Value>> = {}): string {
  let get: (scope: unknown) => Value
  try {
    get = compileValue(expr, { context: contextOf(values), functions: standardFunctions }).get
  } catch {
    return 'refused'
  }
  try {
    return printExample(get(null))
  } catch (error) {
    if (error instanceof EvaluationError) return 'error'
    throw error
  }
}
