/** The OTTL language core: texts that must be refused quickly, printing, and compiled results against a plain interpreter. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import type { BooleanNode, MathOp, ValueNode } from '../../src/rules/ast.ts'
import { compileCondition, compileStatement, compileValue } from '../../src/rules/compile.ts'
import type { ContextSpec } from '../../src/rules/context.ts'
import { RuleError } from '../../src/rules/format-error.ts'
import { defineFunction, type FunctionSpec } from '../../src/rules/function.ts'
import { SyntaxFault } from '../../src/rules/lexer.ts'
import { parseCondition, parseStatement, parseValue } from '../../src/rules/parser.ts'
import { printCondition, printStatement, printValue } from '../../src/rules/print.ts'
import { EvaluationError } from '../../src/rules/value.ts'

const at = { start: 0, end: 0 }
const CONTEXT: ContextSpec = {
  name: 'span',
  resolve: segments =>
    segments.length === 1 && segments[0].name === 'name'
      ? { get: () => 'bear', set: () => {} }
      : undefined,
  paths: ['name'],
  enums: new Map([['ONE', 1n]]),
  functions: [],
}
const example = { expr: '', result: '' }
const FUNCTIONS: readonly FunctionSpec[] = [
  defineFunction({
    name: 'Join',
    kind: 'converter',
    params: [
      { name: 'LeftPart', type: 'string' },
      { name: 'RightPart', type: 'stringLike', optional: true },
    ],
    summary: 'test',
    example,
    make:
      ([left, right]) =>
      scope =>
        `${left(scope)}|${right?.(scope) ?? ''}`,
  }),
  defineFunction({
    name: 'Apply',
    kind: 'converter',
    params: [
      { name: 'Value', type: 'any' },
      { name: 'Body', type: 'lambda' },
    ],
    summary: 'test',
    example,
    make:
      ([value, body]) =>
      scope =>
        body.call(scope, [value(scope)]),
  }),
]
const OPTIONS = { context: CONTEXT, functions: FUNCTIONS }

function evaluate(text: string): unknown {
  return compileValue(text, OPTIONS).get(null)
}

test('binds positional, named and optional arguments, and converts them', () => {
  assert.equal(evaluate('Join("a", 1)'), 'a|1')
  assert.equal(evaluate('Join(right_part = [1, "x"], leftPart = name)'), 'bear|[1,"x"]')
  assert.equal(evaluate('Join("a")'), 'a|')
})

test('a lambda sees its parameter and those of the lambdas around it', () => {
  assert.equal(evaluate('Apply(2, (x) => Apply(x * 10, (y) => x + y))'), 22n)
  assert.equal(evaluate('Apply({"a": [5]}, (x) => x["a"][0] == 5)'), true)
})

test('a sign next to a number is an operator after an operand', () => {
  assert.equal(evaluate('1-1'), 0n)
  assert.equal(evaluate('7 -2*3'), 1n)
  assert.equal(evaluate('1 - -5'), 6n)
})

test('names the nearest name, the position and a caret for what does not exist', () => {
  for (const [text, nearest, start] of [
    ['Jion("a")', 'Join', 0],
    ['Join(nmae)', 'name', 5],
    ['[1, ONEE]', 'ONE', 4],
    ['Join("a", right_prt = 1)', 'right_part', 22],
  ] as const) {
    assert.throws(
      () => compileValue(text, OPTIONS),
      error =>
        error instanceof RuleError &&
        error.code === 'MILLRACE_RULES_UNKNOWN_NAME' &&
        error.at.start === start &&
        error.message.includes(`did you mean ${nearest}?`) &&
        error.message.includes('^'),
      text,
    )
  }
})

test('refuses at load what an argument can never be', () => {
  for (const text of [
    'Join()',
    'Join("a", 1, 2)',
    'Join(nil)',
    'Join(1)',
    'Join(left_part="a", "b")',
    'Apply(1, 2)',
  ]) {
    assert.throws(() => compileValue(text, OPTIONS), { code: 'MILLRACE_RULES_ARGUMENTS' }, text)
  }
})

test('a missing key of a computed value is an error of the evaluation', () => {
  for (const text of [
    'Apply({}, (x) => x["a"])',
    'Apply([], (x) => x[0])',
    'Apply(1, (x) => x[0])',
    '1 / 0',
  ]) {
    assert.throws(() => evaluate(text), EvaluationError, text)
  }
})

const leaf: fc.Arbitrary<ValueNode> = fc.oneof(
  fc
    .bigInt({ min: -(2n ** 63n) + 1n, max: 2n ** 63n - 1n })
    .map(value => ({ kind: 'int' as const, value, at })),
  fc
    .double({ noNaN: true, noDefaultInfinity: true })
    .map(value => ({ kind: 'float' as const, value, at })),
)
const number: fc.Arbitrary<ValueNode> = fc.letrec<{ node: ValueNode }>(tie => ({
  node: fc.oneof(
    { depthSize: 'small', withCrossShrink: true },
    leaf,
    fc
      .tuple(fc.constantFrom<MathOp>('+', '-', '*', '/'), tie('node'), tie('node'))
      .map(([op, left, right]) => ({ kind: 'math' as const, op, left, right, at })),
  ),
})).node
const value: fc.Arbitrary<ValueNode> = fc.oneof(
  number,
  fc.string({ unit: 'grapheme' }).map(text => ({ kind: 'string' as const, value: text, at })),
  fc.boolean().map(flag => ({ kind: 'bool' as const, value: flag, at })),
  fc.array(number, { maxLength: 3 }).map(values => ({ kind: 'list' as const, values, at })),
  fc.constant({ kind: 'nil' as const, at }),
  fc.constant({ kind: 'path' as const, context: '', fields: [{ name: 'name', keys: [] }], at }),
)
const several = (node: fc.Arbitrary<BooleanNode>) => fc.array(node, { minLength: 2, maxLength: 3 })
const condition: fc.Arbitrary<BooleanNode> = fc.letrec<{ node: BooleanNode }>(tie => ({
  node: fc.oneof(
    { depthSize: 'small', withCrossShrink: true },
    fc.boolean().map(flag => ({ kind: 'constant' as const, value: flag, at })),
    fc
      .tuple(fc.constantFrom('==', '!=', '<', '<=', '>', '>='), value, value)
      .map(([op, left, right]) => ({ kind: 'comparison', op, left, right, at }) as BooleanNode),
    several(tie('node')).map(terms => ({ kind: 'or' as const, terms, at })),
    several(tie('node')).map(factors => ({ kind: 'and' as const, factors, at })),
    tie('node').map(operand => ({ kind: 'not' as const, operand, at })),
  ),
})).node

/** Without positions, for comparing trees. */
function bare(node: unknown): unknown {
  return JSON.parse(
    JSON.stringify(node, (key, item) => {
      if (key === 'at') return undefined
      return typeof item === 'bigint' ? `${item}n` : Object.is(item, -0) ? '-0' : item
    }),
  )
}

test('what is printed parses to an equal tree', () => {
  fc.assert(
    fc.property(value, node => assert.deepEqual(bare(parseValue(printValue(node))), bare(node))),
    { numRuns: 500 },
  )
  fc.assert(
    fc.property(condition, node =>
      assert.deepEqual(bare(parseCondition(printCondition(node))), bare(node)),
    ),
    { numRuns: 500 },
  )
  const text =
    'set(span.attributes["a"][0], F(k = (x, _) => x > 1, SHA256)[1]) where not (a == 0x0a or B())'
  assert.equal(printStatement(parseStatement(text)), text)
})

/** Plain recursion over the tree, for numbers only. */
function interpret(node: ValueNode): bigint | number {
  if (node.kind === 'int' || node.kind === 'float') return node.value
  if (node.kind !== 'math') throw new Error(node.kind)
  const [a, b] = [interpret(node.left), interpret(node.right)]
  if (node.op === '/' && Number(b) === 0) throw new Error('division by 0')
  if (typeof a === 'bigint' && typeof b === 'bigint') {
    const results = { '+': a + b, '-': a - b, '*': a * b, '/': b === 0n ? 0n : a / b }
    return BigInt.asIntN(64, results[node.op])
  }
  const [x, y] = [Number(a), Number(b)]
  return { '+': x + y, '-': x - y, '*': x * y, '/': x / y }[node.op]
}

function outcome(run: () => unknown): unknown {
  try {
    return { value: run() }
  } catch {
    return 'error'
  }
}

test('a compiled calculation gives what a plain interpreter gives', () => {
  fc.assert(
    fc.property(number, node => {
      assert.deepEqual(
        outcome(() => evaluate(printValue(node))),
        outcome(() => interpret(node)),
      )
    }),
    { numRuns: 500 },
  )
})

test('hostile texts end in a coded error with a position, soon', () => {
  const hostile = [
    '('.repeat(100_000),
    'A('.repeat(100_000),
    '['.repeat(100_000),
    'a['.repeat(100_000),
    '(x) => '.repeat(10_000),
    'A((x) => '.repeat(150),
    'A((x) => '.repeat(60),
    `${'not ('.repeat(190)}1`,
    `set(a, ${'1 + '.repeat(100_000)})`,
    `"${'\\'.repeat(100_001)}`,
    '9'.repeat(100_000),
    'a '.repeat(100_000),
  ]
  const started = performance.now()
  for (const text of hostile) {
    assert.throws(() => parseStatement(text), SyntaxFault)
    assert.throws(() => compileCondition(text, OPTIONS), { name: 'RuleError' })
  }
  assert.ok(performance.now() - started < 20_000)
})

test('10,000 random texts only ever end in a coded error', () => {
  const piece = fc.constantFrom(
    ...'( ) [ ] { } => == = < , . : _ " \\ 0x 1 -1 .5 1e a A Ab not and or true nil where set( name Join( "s" (x)=>'.split(
      ' ',
    ),
  )
  const text = fc.oneof(
    fc.array(piece, { maxLength: 25 }).map(parts => parts.join(' ')),
    fc.string({ unit: 'binary' }),
  )
  fc.assert(
    fc.property(text, source => {
      for (const compile of [compileStatement, compileCondition, compileValue]) {
        try {
          compile(source, OPTIONS)
        } catch (error) {
          if (!(error instanceof RuleError)) throw error
        }
      }
    }),
    { numRuns: 10_000 },
  )
})
