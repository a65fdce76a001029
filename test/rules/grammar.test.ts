/** The newer grammar in detail, each text as the reference reads it. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { compileCondition, compileValue } from '../../src/rules/compile.ts'
import type { ContextSpec } from '../../src/rules/context.ts'
import { standardFunctions } from '../../src/rules/functions/index.ts'
import { EvaluationError, type Value } from '../../src/rules/value.ts'

const PATHS = new Map<string, Value>([
  ['three', 3n],
  ['half', 0.5],
  ['name', 'bear'],
  ['lowest', -(2n ** 63n)],
])
const context: ContextSpec = {
  name: 'span',
  resolve: segments => {
    const value = PATHS.get(segments.map(segment => segment.name).join('.'))
    return value === undefined ? undefined : { get: () => value, set: () => {} }
  },
  paths: [...PATHS.keys()],
  enums: new Map([['ONE', 1n]]),
  functions: [],
}
const OPTIONS = { context, functions: standardFunctions }

function evaluate(text: string): Value {
  return compileValue(text, OPTIONS).get(null)
}

test('a sign may stand before a number, a path, a call and a parenthesis', () => {
  assert.equal(evaluate('-three'), -3n)
  assert.equal(evaluate('-half * 2'), -1)
  assert.equal(evaluate('- 5'), -5n)
  assert.equal(evaluate('-(1 + three)'), -4n)
  assert.equal(evaluate('-Len("abc") - -1'), -2n)
  assert.equal(evaluate('+three'), 3n)
  assert.equal(evaluate('1 - - 5'), 6n)
  assert.equal(evaluate('-(-5)'), 5n)
  assert.ok(Object.is(evaluate('-0.0'), -0))
  assert.equal(evaluate('-lowest'), -(2n ** 63n))
  assert.throws(() => evaluate('-name'), EvaluationError)
})

test('refuses two signs and a sign before what is no number', () => {
  for (const text of ['--1', '- -1', '-"a"', '-ONE', '-nil', '+[1]', '-true', '1 + - -2']) {
    assert.throws(() => evaluate(text), { code: 'MILLRACE_RULES_SYNTAX' }, text)
  }
})

test('a leading zero makes an octal number, and a point ends a float', () => {
  assert.equal(evaluate('010'), 8n)
  assert.equal(evaluate('1.'), 1)
  assert.equal(evaluate('1.e2'), 100)
  for (const text of ['08', '1.0e999', '9223372036854775808', '-9223372036854775808', '1e5']) {
    assert.throws(() => evaluate(text), { code: 'MILLRACE_RULES_SYNTAX' }, text)
  }
})

test('values of lists and maps may stand side by side', () => {
  assert.deepEqual(evaluate('[1 2, 3]'), [1n, 2n, 3n])
  assert.deepEqual(evaluate('[,1]'), [1n])
  assert.deepEqual(evaluate('[1 -1]'), [0n])
  assert.deepEqual(evaluate('{"a": 1 "b": 2,}'), new Map([['a', 1n], ['b', 2n]])) // biome-ignore format: one line
  for (const text of ['[1,]', '[1,,2]', '{"a": 1,,}', '{,}']) {
    assert.throws(() => evaluate(text), { code: 'MILLRACE_RULES_SYNTAX' }, text)
  }
})

test('a text may hold a line break', () => {
  assert.equal(evaluate('"a\nb"'), 'a\nb')
  assert.throws(() => evaluate('"a\\\nb"'), { code: 'MILLRACE_RULES_SYNTAX' })
})

test('a key that begins with a number or a text is nothing more', () => {
  assert.equal(evaluate('Split("a,b", ",")[1]'), 'b')
  assert.equal(evaluate('Split("a,b", ",")[three - 2]'), 'b')
  assert.throws(() => evaluate('Split("a,b", ",")[1 + 0]'), { code: 'MILLRACE_RULES_SYNTAX' })
  assert.throws(() => evaluate('Split("a,b", ",")[-1]'), EvaluationError)
  assert.throws(() => evaluate('Split("a,b", ",")[0.0]'), EvaluationError)
})

test('refuses lambdas that give lambdas, name a parameter twice, or read a parameter with a dot', () => {
  for (const text of [
    'MapEach([1], (i, v) => (a) => a)',
    'MapEach([1], (v, v) => v)',
    'MapEach([1], (i, v) => v.name)',
    'MapEach([1], (i) => i)',
    'MapEach([1], (,) => 1)',
  ]) {
    assert.throws(() => evaluate(text), { name: 'RuleError' }, text)
  }
  assert.deepEqual(evaluate('MapEach([1, 2], (_, _) => three)'), [3n, 3n])
})

test('a literal that decides a condition decides it, even beside what would fail', () => {
  const holds = (text: string): boolean => compileCondition(text, OPTIONS).test(null)
  assert.equal(holds('1 / 0 == 1 and false'), false)
  assert.equal(holds('1 / 0 == 1 or 1 == 1'), true)
  assert.equal(holds('not (1 / 0 == 1 and "a" != "a")'), true)
  assert.throws(() => holds('1 / 0 == 1 and true'), EvaluationError)
})

test('comparisons with a literal hold as those with a computed value', () => {
  const literals = ['1', '3', '3.0', '0.5', '-1.5', '"bear"', '"b"', 'true', 'nil', '0x01', '[1]']
  for (const path of ['three', 'half', 'name', 'lowest']) {
    for (const op of ['==', '!=', '<', '<=', '>', '>=']) {
      for (const literal of literals) {
        const literalRight = compileCondition(`${path} ${op} ${literal}`, OPTIONS).test(null)
        const computed = `${path} ${op} When(() => true, ${literal}, nil)`
        assert.equal(literalRight, compileCondition(computed, OPTIONS).test(null), computed)
        const literalLeft = compileCondition(`${literal} ${op} ${path}`, OPTIONS).test(null)
        const mirrored = `When(() => true, ${literal}, nil) ${op} ${path}`
        assert.equal(literalLeft, compileCondition(mirrored, OPTIONS).test(null), mirrored)
      }
    }
  }
})
