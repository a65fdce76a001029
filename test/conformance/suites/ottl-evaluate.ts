/** Checks of the kinds of OTTL cases that compute something, in the small contexts that the reference's tests have. */
import assert from 'node:assert/strict'
import type { CompareOp } from '../../../src/rules/ast.ts'
import { compare } from '../../../src/rules/compare.ts'
import { compileCondition, compileValue } from '../../../src/rules/compile.ts'
import type { ContextSpec } from '../../../src/rules/context.ts'
import type { FunctionSpec, Getter, Param } from '../../../src/rules/function.ts'
import { inferContext } from '../../../src/rules/infer.ts'
import { parseStatement } from '../../../src/rules/parser.ts'
import { type ErrorMode, testSequence } from '../../../src/rules/sequence.ts'
import { Duration, EvaluationError, Time, type Value } from '../../../src/rules/value.ts'
import { assertSameValue, type OttlCase, readValue } from './ottl-values.ts'

export const evaluationChecks: Readonly<Record<string, (c: OttlCase) => void>> = {
  compare: checkCompare,
  comparison: checkComparison,
  'condition/bool': checkCondition,
  'value/math': checkValue,
  'condition-sequence': checkSequence,
  'infer-context': checkInference,
}

export function testContext(
  values: Readonly<Record<string, Value>>,
  enums: Readonly<Record<string, number>> = {},
): ContextSpec {
  return {
    name: 'log',
    resolve: segments => {
      const name = segments.map(segment => segment.name).join('.')
      if (!Object.hasOwn(values, name)) return undefined
      return { get: () => values[name], set: () => assert.fail('not to be set') }
    },
    paths: Object.keys(values),
    enums: new Map(Object.entries(enums).map(([name, value]) => [name, BigInt(value)])),
    functions: [],
  }
}

export function converter(
  name: string,
  params: readonly Param[],
  make: FunctionSpec['make'],
): FunctionSpec {
  const example = { expr: `${name}()`, result: '' }
  return { name, kind: 'converter', params, summary: name, example, make }
}

const TEXT: Param = { name: 'Text', type: 'string' }
const FORMAT: Param = { name: 'Format', type: 'literalString' }

export const TEST_CONVERTERS: readonly FunctionSpec[] = [
  converter('True', [], () => () => true),
  converter('False', [], () => () => false),
  converter('One', [], () => () => 1n),
  converter('Two', [], () => () => 2n),
  converter('ThreePointOne', [], () => () => 3.1),
  converter('Sum', [{ name: 'Items', type: 'int', list: true }], ([items]) => {
    const getters = items as Getter[]
    return scope => getters.reduce((sum, get) => sum + (get(scope) as bigint), 0n)
  }),
  converter('Time', [TEXT, FORMAT], ([text, format]) => {
    return scope => parseTime(text(scope), format)
  }),
  converter('Duration', [TEXT], ([text]) => {
    return scope => parseDuration(text(scope))
  }),
]

const TIME_PARTS: Readonly<Record<string, string>> = {
  Y: '(?<Y>\\d{4})',
  m: '(?<m>\\d\\d)',
  d: '(?<d>\\d\\d)',
  H: '(?<H>\\d\\d)',
  M: '(?<M>\\d\\d)',
  S: '(?<S>\\d\\d)',
  A: '[A-Z][a-z]+',
  B: '(?<B>[A-Z][a-z]+)',
}

function parseTime(text: string, format: string): Time {
  const pattern = format.replace(/%([A-Za-z])/g, (_, letter: string) => TIME_PARTS[letter])
  const parts = new RegExp(`^${pattern}$`).exec(text)?.groups
  assert.ok(parts, `${text} is not ${format}`)
  const month =
    parts.B === undefined ? Number(parts.m) : new Date(`${parts.B} 1, 2000`).getMonth() + 1
  const clock = [parts.H, parts.M, parts.S].map(part => Number(part ?? 0)) as [
    number,
    number,
    number,
  ]
  return new Time(
    BigInt(Date.UTC(Number(parts.Y), month - 1, Number(parts.d), ...clock)) * 1_000_000n,
  )
}

const UNITS: Readonly<Record<string, bigint>> = {
  h: 3_600_000_000_000n,
  m: 60_000_000_000n,
  s: 1_000_000_000n,
  ms: 1_000_000n,
  us: 1_000n,
  ns: 1n,
}

function parseDuration(text: string): Duration {
  const parts = [...text.matchAll(/(\d+)([a-z]+)/g)]
  return new Duration(parts.reduce((sum, [, count, unit]) => sum + BigInt(count) * UNITS[unit], 0n))
}

const MATH_CONTEXT = testContext({ one: 1n, two: 2n, 'three.one': 3.1 })

function checkCompare(c: OttlCase): void {
  const [left, right] = [readValue(c.left), readValue(c.right)]
  for (const [op, holds] of Object.entries(c.expect)) {
    assert.equal(compare(left, op as CompareOp, right), holds, op)
  }
}

/** Both sides are given as values; written as paths they go the whole way through the compiler. */
function checkComparison(c: OttlCase): void {
  const values: Record<string, Value> = {}
  for (const [name, value] of Object.entries(c.pathValues ?? {})) values[name] = readValue(value)
  // biome-ignore lint/suspicious/noExplicitAny: JSON of the case file
  const side = (json: any, name: string): string => {
    if (json?.path !== undefined) return json.path
    if (json?.enum !== undefined) return json.enum
    values[name] = readValue(json)
    return name
  }
  const text = `${side(c.left, 'left')} ${c.op} ${side(c.right, 'right')}`
  const context = testContext(values, c.enums)
  assert.equal(compileCondition(text, { context, functions: [] }).test(null), c.expect.value)
}

function checkCondition(c: OttlCase): void {
  const options = { context: testContext({ name: 'bear' }), functions: TEST_CONVERTERS }
  assert.equal(compileCondition(c.expr, options).test(null), c.expect.value)
}

function checkValue(c: OttlCase): void {
  const evaluate = () =>
    compileValue(c.expr, { context: MATH_CONTEXT, functions: TEST_CONVERTERS }).get(null)
  if (c.expect.error === true) {
    const contains: string = c.expect.messageContains ?? ''
    assert.throws(evaluate, (error: Error) => error.message.includes(contains))
  } else assertSameValue(evaluate(), readValue(c.expect.value))
}

function checkSequence(c: OttlCase): void {
  const conditions = (c.results ?? []).map(result => ({
    test: () => {
      if (result === 'error') throw new EvaluationError('as the case wants')
      return result === 'true'
    },
  }))
  const options = { errorMode: c.errorMode as ErrorMode, onError: () => {} }
  const run = () => testSequence(conditions, c.join as 'and' | 'or', null, options)
  if (c.expect.error === true) assert.throws(run, EvaluationError)
  else assert.equal(run(), c.expect.value)
}

function checkInference(c: OttlCase): void {
  const nodes = (c.statements ?? []).map(parseStatement)
  assert.equal(inferContext(nodes, c.priority ?? []), c.expect.context)
}
