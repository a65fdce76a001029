/** Functions of types, text, matching, ids and networks at their edges, with what the reference gives. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { compileValue } from '../../../src/rules/compile.ts'
import type { ContextSpec } from '../../../src/rules/context.ts'
import { formatFloat } from '../../../src/rules/functions/go-float.ts'
import { sprintf } from '../../../src/rules/functions/go-format.ts'
import { standardFunctions } from '../../../src/rules/functions/index.ts'
import { EvaluationError, TraceId, type Value } from '../../../src/rules/value.ts'
import { printExample } from './print-example.ts'

const VALUES: Readonly<Record<string, Value>> = {
  none: null,
  text: 'text',
  whole: 7n,
  half: 0.5,
  list: ['a', 1n, null],
  map: new Map<string, Value>([['k', 1n]]),
  huge: 'x'.repeat(1_000_000),
  cut: '\ud800',
  paren: '(',
}
const CONTEXT: ContextSpec = {
  name: 'log',
  resolve: ([{ name }]) =>
    Object.hasOwn(VALUES, name) ? { get: () => VALUES[name], set: () => {} } : undefined,
  paths: Object.keys(VALUES),
  enums: new Map(),
  functions: [],
}

function compile(expr: string) {
  return compileValue(expr, { context: CONTEXT, functions: standardFunctions })
}

/** Expression, then the result as examples write it. */
const GIVEN: readonly (readonly [string, string])[] = [
  ['Bool(none)', 'nil'],
  ['Int("9223372036854775808")', 'nil'],
  ['Int(-1.9)', '-1'],
  ['Hex(none)', '""'],
  ['Hex(-1)', '"ffffffffffffffff"'],
  ['ParseInt("-9223372036854775808", 10)', '-9223372036854775808'],
  ['ParseInt("0x_1F", 0)', '31'],
  ['ParseInt("017", 0)', '15'],
  ['ParseInt("Z", 36)', '35'],
  ['IsBool(none)', 'false'],
  ['IsDouble(whole)', 'false'],
  ['IsInt(whole)', 'true'],
  ['IsMap(map)', 'true'],
  ['IsList(map)', 'false'],
  ['IsEmpty(TraceID(0x00000000000000000000000000000000))', 'true'],
  ['IsEmpty(0x0000)', 'false'],
  ['IsEmpty(0.0)', 'true'],
  ['IsEmpty(none)', 'true'],
  ['Concat([none, half, list, map, 0x01], "-")', '"<nil>-0.5-[\\"a\\",1,null]-{\\"k\\":1}-01"'],
  ['Concat([], "x")', '""'],
  ['Split("héllo", "")', '["h", "é", "l", "l", "o"]'],
  ['Split("", "")', '[]'],
  ['Split("", ",")', '[""]'],
  ['Substring("héllo", 1, 2, true)', '"é"'],
  ['Substring("héllo", 1, 1, true)', '""'],
  ['Substring("héllo", 1, 1)', '"\ufffd"'],
  ['Trim("éaé", "é")', '"a"'],
  ['Trim("😀a😀", "😀")', '"a"'],
  ['Trim("a", "")', '"a"'],
  ['Index("héllo", "l")', '3'],
  ['Index(list, 1)', '1'],
  ['Index(list, 1.0)', '1'],
  ['Index(list, none)', '2'],
  ['Index(list, "z")', '-1'],
  ['Len("héllo")', '6'],
  ['Len(0x0102)', '2'],
  ['ToUpperCase("straßeéǆᾳ")', '"STRAßEÉǄᾼ"'],
  ['ToLowerCase("İSTANBUL ΟΔΟΣ")', '"istanbul οδοσ"'],
  ['ToSnakeCase(" fooBar HTTPServer2x é ")', '"foo_bar_http_server_2_x_é"'],
  ['ToCamelCase("foo_bar-baz qux.é1a HTTPServer")', '"FooBarBazQux1AHttpserver"'],
  ['IsMatch(none, ".*")', 'false'],
  ['IsMatch(map, "\\"k\\":1")', 'true'],
  ['ExtractPatterns("a=1", "(?P<k>a)|(?P<z>x)")', '{"k": "a", "z": ""}'],
  ['ExtractPatterns("a", "(?P<n>b)")', '{}'],
  ['SpanID(1)', '0x0000000000000001'],
  ['TraceID(text) == 1', 'parse'],
  ['IsInCIDR("::ffff:10.0.0.1", ["10.0.0.0/8"])', 'true'],
  ['IsInCIDR("10.0.0.1", ["::ffff:10.0.0.0/104"])', 'true'],
  ['IsInCIDR("10.0.0.01", ["10.0.0.0/8"])', 'false'],
  ['IsInCIDR("fe80::1%eth0", ["fe80::/10"])', 'false'],
  ['IsInCIDR("fe80::1", ["fe80::/10"])', 'true'],
  ['IsInCIDR("2001:db8::1", ["::/0"])', 'true'],
  ['IsInCIDR("1.2.3.4", ["::/0"])', 'false'],
  ['IsInCIDR("1.2.3.4", [])', 'false'],
  ['IsValidLuhn(17893729974)', 'true'],
  ['IsValidLuhn(" ")', 'false'],
  ['Log("inf")', 'Infinity'],
]

test('edges give what the reference gives', () => {
  for (const [expr, result] of GIVEN) {
    if (result === 'parse') assert.throws(() => compile(expr), expr)
    else assert.equal(printExample(compile(expr).get(null)), result, expr)
  }
})

test('literals that can never work are refused at load', () => {
  const refused = [
    'IsBool(1)',
    'IsString(nil)',
    'Hex({"a": 1})',
    'Bool([])',
    'TraceID("x")',
    'TraceID(nil)',
    'SpanID("010203040506070z")',
    'IsMatch("a", "(")',
    'IsMatch("a", "(?=a)")',
    'IsInCIDR("1.2.3.4", ["1.2.3.4"])',
    'IsInCIDR("1.2.3.4", ["1.2.3.4/33"])',
    'ConvertCase("a", "title")',
    'Split(nil, ",")',
    'Concat("a", "b")',
  ]
  for (const expr of refused) assert.throws(() => compile(expr), { name: 'RuleError' }, expr)
})

test('values that do not fit are an evaluation error', () => {
  const failing = [
    'Substring(text, 3, 2)',
    'Substring(text, 9223372036854775807, 9223372036854775807)',
    'Substring(text, 0, 0)',
    'Substring(text, -1, 1)',
    'Len(none)',
    'Len(whole)',
    'Len(TraceID(0x0102030405060708090a0b0c0d0e0f10))',
    'Index(map, 1)',
    'Index(text, 1)',
    'TraceID(text)',
    'IsMatch(text, paren)',
    'ExtractPatterns(text, "no name")',
    'IsInCIDR("1.2.3.4", [text])',
    'IsValidLuhn("12a")',
    'IsValidLuhn(none)',
    'Log(-1)',
    'Log(none)',
    'ParseInt("", 10)',
    'ParseInt("1_000", 10)',
    'ParseInt("9223372036854775808", 10)',
    'ParseInt("1", 37)',
    'ParseInt(huge, 10)',
    'Hex(map)',
  ]
  for (const expr of failing) {
    const { get } = compile(expr)
    assert.throws(() => get(null), EvaluationError, expr)
  }
})

test('huge and broken texts are answered in bounded time', () => {
  const began = performance.now()
  assert.equal(compile('Len(huge)').get(null), 1_000_000n)
  assert.equal((compile('Split(huge, "")').get(null) as Value[]).length, 1_000_000)
  assert.equal(compile('Trim(huge, "x")').get(null), '')
  assert.equal(compile('ToCamelCase(huge)').get(null), `X${'x'.repeat(999_999)}`)
  assert.equal(compile('Len(cut)').get(null), 3n)
  assert.equal(compile('IsMatch(cut, ".")').get(null), true)
  assert.ok(performance.now() - began < 5_000)
})

test('ids are never equal to bytes, and keep their kind', () => {
  const id = compile('TraceID("0102030405060708090a0b0c0d0e0f10")').get(null)
  assert.ok(id instanceof TraceId)
  assert.equal(
    compile('String(TraceID("0102030405060708090a0b0c0d0e0f10"))').get(null),
    `[${[...id]}]`,
  )
})

/** Layout, arguments, result: all asked of Go. */
const FORMATS: readonly (readonly [string, readonly Value[], string])[] = [
  ['%', [], '%!(NOVERB)'],
  ['%d', [], '%!d(MISSING)'],
  ['x', [1n, 'a', null], 'x%!(EXTRA int64=1, string=a, <nil>)'],
  ['%[2]d %[1]d', [1n, 2n], '2 1'],
  ['%[3]d', [1n], '%!d(BADINDEX)'],
  ['%*d|%-*d|', [5n, 2n, 4n, 3n], '    2|3   |'],
  ['%*d', ['a', 2n], '%!(BADWIDTH)2'],
  ['%.*f', [2n, 1.2345], '1.23'],
  ['%08.3f|%+d|%x|%X', [-1.2345, 5n, 'hi', 255n], '-001.234|+5|6869|FF'],
  ['%v %v %v', [1_000_000, 123_456_789.5, 0.00001], '1e+06 1.234567895e+08 1e-05'],
  ['%.0f %.0f %.0f %.1f', [0.5, 1.5, 2.5, 0.25], '0 2 2 0.2'],
  ['%.20f', [0.1], '0.10000000000000000555'],
  [
    '%.3e %.3g %x %b',
    [123_456, 1_234_567, 1.5, 1],
    '1.235e+05 1.23e+06 0x1.8p+00 4503599627370496p-52',
  ],
  ['%q %+q %#q', ['a\t"é', 'é', 'raw'], '"a\\t\\"é" "\\u00e9" `raw`'],
  [
    '%v %+v %#v',
    [['a', null], ['b'], ['c', 1n, null]],
    '[a <nil>] [b] []interface {}{"c", 1, interface {}(nil)}',
  ],
  ['%d %s %t', ['a', 1n, 1.5], '%!d(string=a) %!s(int64=1) %!t(float64=1.5)'],
  ['%s %x %v', [Uint8Array.of(104, 105), Uint8Array.of(1, 255), Uint8Array.of(1)], 'hi 01ff [1]'],
  ['%q', [Uint8Array.of(65, 255)], '"A\\xff"'],
  ['%c %U %#U', [8364n, 8364n, 8364n], "€ U+20AC U+20AC '€'"],
  ['%+v %f %F', [Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY], 'NaN +Inf -Inf'],
  ['%6.2s|', ['日本語'], '    日本|'],
  ['%d%%', [50n], '50%'],
]

test('Format lays out as Go does', () => {
  for (const [layout, args, result] of FORMATS) assert.equal(sprintf(layout, args), result, layout)
})

test('Format never throws for a layout, other than for what grows beyond bounds', () => {
  const value = fc.oneof(
    fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }),
    fc.double(),
    fc.string(),
    fc.boolean(),
    fc.constant(null),
    fc.array(fc.string(), { maxLength: 3 }),
  )
  const layout = fc
    .array(fc.constantFrom(...'%%%%#0+- *.[]123vdsqxXboOcUeEfFgGtTpwzé'), { maxLength: 12 })
    .map(parts => parts.join(''))
  fc.assert(
    fc.property(layout, fc.array(value, { maxLength: 3 }), (text, args) => {
      assert.equal(typeof sprintf(text, args), 'string')
    }),
    { numRuns: 500 },
  )
  const longest = '%1000000d'.repeat(100)
  assert.throws(() => sprintf(longest, new Array<Value>(100).fill(1n)), EvaluationError)
})

test('floats written with 17 digits read back the same, and with few are nearest', () => {
  fc.assert(
    fc.property(fc.double({ noNaN: true, min: 1e-300, max: 1e300 }), value => {
      assert.equal(Number(formatFloat(value, 'e', 16)), value)
      assert.equal(Number(formatFloat(value, 'g', -1)), value)
      const places = formatFloat(value, 'e', 3)
      assert.ok(Math.abs(Number(places) - value) <= Math.abs(value) * 5.001e-4)
    }),
    { numRuns: 500 },
  )
})
