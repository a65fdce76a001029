/**
 * Cases of single functions: through the compiler where the case has an expression, else with the arguments given
 * straight to the function. Editors change a cell in memory; the contexts over bytes have cases of their own.
 */
import assert from 'node:assert/strict'
import { compileStatement, compileValue } from '../../../src/rules/compile.ts'
import { constantGetter } from '../../../src/rules/constant.ts'
import type { ContextSpec } from '../../../src/rules/context.ts'
import { convertedGetter, converterOf } from '../../../src/rules/convert.ts'
import type { FunctionSpec, Getter, Param, Target } from '../../../src/rules/function.ts'
import { standardFunctions } from '../../../src/rules/functions/index.ts'
import { EvaluationError, OtlpList, OtlpMessage, type Value } from '../../../src/rules/value.ts'
import { assertSameValue, type OttlCase, readValue } from './ottl-values.ts'

const BY_NAME = new Map(standardFunctions.map(spec => [spec.name, spec]))

export interface FunctionCase extends OttlCase {
  readonly function: string
  readonly target?: string
  // biome-ignore lint/suspicious/noExplicitAny: JSON of the case file
  readonly targetBefore?: any
  // biome-ignore lint/suspicious/noExplicitAny: by name or by position
  readonly args: any
  readonly argNames?: readonly string[]
}

/** Whether all functions that the expression names are built. */
export function hasFunctions(expr: string, own: readonly FunctionSpec[] = []): boolean {
  const bare = expr.replace(/"(?:\\.|[^"\\])*"/g, '""')
  const called = bare.match(/[A-Za-z_][A-Za-z0-9_]*(?=\()/g) ?? []
  const named = bare.match(/\b[A-Z][A-Za-z0-9]*[a-z][A-Za-z0-9]*\b(?!\()/g) ?? []
  const words = new Set(['and', 'or', 'not', 'where'])
  return [...called, ...named].every(
    name => words.has(name) || BY_NAME.has(name) || own.some(spec => spec.name === name),
  )
}

export function checkFunction(c: FunctionCase): void {
  if (c.expect.error === true) checkFailure(c)
  else checkResult(c)
}

/** Names the Go type of a test; a user of the reference sees another type there. */
const GO_GETTER = /error getting value in ottl\.Standard\w+Getter\[interface \{\}\]: /

function checkFailure(c: FunctionCase): void {
  const contains = (c.expect.messageContains ?? '').replace(GO_GETTER, '')
  const reported = messages(c)
  assert.ok(
    reported.some(message => message.includes(contains)),
    `no message has ${JSON.stringify(contains)}: ${reported.join(' | ')}`,
  )
}

/** An absent optional argument is written as nil in some expressions, which fails for another reason: then the arguments count too. */
function messages(c: FunctionCase): string[] {
  const failures: string[] = []
  const ways = c.expr === undefined || c.args === undefined ? [c.expr ?? null] : [c.expr, null]
  for (const expr of ways) {
    try {
      run(c, expr)
      if (failures.length === 0) assert.fail('nothing was thrown')
    } catch (error) {
      if (error instanceof assert.AssertionError) throw error
      failures.push((error as Error).message)
    }
  }
  return failures
}

function checkResult(c: FunctionCase): void {
  const { value, target } = run(c)
  const expected = readValue(c.expect.value ?? c.expect.targetAfter ?? null)
  assertSameValue('targetAfter' in c.expect ? target : value, expected)
}

/** Without an expression the arguments are used. */
function run(
  c: FunctionCase,
  expr: string | null = c.expr ?? null,
): { value: Value; target: Value } {
  const cell: Cell = { value: readValue(c.targetBefore ?? null) }
  const value = expr === null ? runArguments(c, cell) : runExpression(expr, c, cell)
  return { value, target: cell.value }
}

interface Cell {
  value: Value
}

function runExpression(expr: string, c: FunctionCase, cell: Cell): Value {
  const options = { context: cellContext(c.target ?? 'body', cell), functions: standardFunctions }
  if (BY_NAME.get(c.function)?.kind === 'editor') {
    compileStatement(expr, options).run(null)
    return null
  }
  return compileValue(expr, options).get(null)
}

function cellContext(name: string, cell: Cell): ContextSpec {
  return {
    name: 'log',
    resolve: ([first, ...rest]) =>
      first.name === name && rest.length === 0 ? cellTarget(cell) : undefined,
    paths: [name],
    enums: new Map(),
    functions: [],
  }
}

function cellTarget(cell: Cell): Target {
  return {
    get: () => cell.value,
    set: (_, value) => {
      cell.value = value
    },
  }
}

function runArguments(c: FunctionCase, cell: Cell): Value {
  const spec = BY_NAME.get(c.function)
  assert.ok(spec, `no function ${c.function}`)
  const args = spec.params.map((param, i) => {
    const at = c.argNames?.indexOf(param.name) ?? -1
    const json = Array.isArray(c.args) ? c.args[at < 0 ? i : at] : c.args[param.name]
    return argument(param, json, cell)
  })
  return spec.make(args)(null)
}

// biome-ignore lint/suspicious/noExplicitAny: JSON of the case file
function argument(param: Param, json: any, cell: Cell): unknown {
  if (param.optional === true && (json === null || json === undefined)) return undefined
  if (json?.opt !== undefined) {
    return json.opt === null ? undefined : argument(param, json.opt, cell)
  }
  if (param.list === true) {
    // biome-ignore lint/suspicious/noExplicitAny: JSON of the case file
    return json.map((item: any) => argument({ ...param, list: false }, item, cell))
  }
  if (json?.converter !== undefined) return converterByName(json.converter)
  if (param.type.startsWith('literal')) return readValue(json)
  if (param.type === 'target' || param.type === 'mapTarget') {
    if (json?.getterError === undefined) cell.value = readArgument(json)
    return json?.getterError === undefined
      ? checkedTarget(param, cell)
      : { get: failing(json.getterError), set: failing(json.getterError) }
  }
  const get = json?.getterError === undefined ? () => readArgument(json) : failing(json.getterError)
  const convert = converterOf(param.type)
  assert.ok(convert, `no reading of ${param.type} arguments`)
  // The reference's tests give patterns as literals, and values of any kind as what is computed.
  if (param.type === 'string' && typeof json === 'string') return constantGetter(json)
  if (param.type === 'map' && json?.getterError === undefined)
    return constantGetter(readArgument(json))
  return convertedGetter(get, convert)
}

function checkedTarget(param: Param, cell: Cell): Target {
  const target = cellTarget(cell)
  const toMap = converterOf('map')
  if (param.type === 'target' || toMap === undefined) return target
  return { ...target, get: convertedGetter(target.get, toMap) }
}

function failing(message: string): Getter {
  return () => {
    throw new EvaluationError(message)
  }
}

function converterByName(name: string): (get: Getter) => Getter {
  if (name === 'test:hash') return get => scope => `hash(${get(scope)})`
  const spec = BY_NAME.get(name)
  assert.ok(spec, `no function ${name}`)
  return get => spec.make([get])
}

// biome-ignore lint/suspicious/noExplicitAny: JSON of the case file
function readArgument(json: any): Value {
  if (json?.otlp !== undefined) {
    const items = Array.from(json.data as unknown[], () => new Uint8Array(0))
    return new OtlpList(json.otlp.replace('[]', ''), items)
  }
  if (json?.struct !== undefined) return new OtlpMessage('struct', new Uint8Array(0))
  if (json?.now === true) return readValue({ ns: `${Date.now()}000000` })
  return readValue(json)
}
