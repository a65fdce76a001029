/** Functions that read JSON, key-value pairs, CSV and severities, at their edges, with what the reference gives. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { readCsvRow } from '../../../src/rules/functions/csv-record.ts'
import { parseLenientJson } from '../../../src/rules/functions/lenient-json.ts'
import { give } from './given.ts'

const DEPTH = 1_000

test('JSON gives maps and lists with floats, and nothing else', () => {
  const parse = (text: string) => give('ParseJSON(text)', { text })
  assert.equal(
    parse('{"a": 1, "b": [true, null, "x"], "a": 2}'),
    '{"a": 2.0, "b": [true, nil, "x"]}',
  )
  assert.equal(parse('[9223372036854775807]'), '[9223372036854775808.0]')
  assert.equal(parse('{"__proto__": {"a": 1}}'), '{"__proto__": {"a": 1.0}}')
  assert.equal(parse('["\\ud83d"]'), '["\ufffd"]')
  for (const text of ['1', 'null', '"x"', '', '{"a":1,}', '{} {}', '[1e400]', "{'a':1}", '[NaN]']) {
    assert.equal(parse(text), 'error', text)
  }
})

test('JSON may have what the reference lets pass', () => {
  const parse = (text: string) => give('ParseJSON(text)', { text })
  assert.equal(parse('{"m":"line\nbreak\tand tab"}'), '{"m": "line\\nbreak\\tand tab"}')
  assert.equal(parse('[01, 1., -01]'), '[1.0, 1.0, -1.0]')
})

test('JSON that is nested too deep is an error', () => {
  const nested = (depth: number) => '['.repeat(depth) + ']'.repeat(depth)
  const parse = (text: string) => give('ParseJSON(text)', { text })
  assert.notEqual(parse(nested(DEPTH)), 'error')
  assert.equal(parse(nested(DEPTH + 1)), 'error')
  assert.equal(parse(`${nested(100_000)}\n[01`), 'error')
})

test('the lenient reading of JSON equals the strict one', () => {
  fc.assert(
    fc.property(fc.json(), text => {
      const plain = JSON.parse(JSON.stringify(parseLenientJson(text, DEPTH)))
      assert.deepEqual(plain, JSON.parse(text))
    }),
  )
})

test('key-value pairs are split outside of quotes', () => {
  const given: readonly (readonly [string, string])[] = [
    ['a=1  b=2 ', '{"a": "1", "b": "2"}'],
    [`a='x y' b="z 'w'"`, `{"a": "x y", "b": "z 'w'"}`],
    ['a=b=c', '{"a": "b=c"}'],
    ['=b', '{"": "b"}'],
    ['a="x\\"y"', '{"a": "x\\\\\\"y"}'],
    ['a=1 b', 'error'],
    ['a="x', 'error'],
    ['', 'error'],
    [' ', '{}'],
  ]
  for (const [text, expected] of given) {
    assert.equal(give('ParseKeyValue(text)', { text }), expected, text)
  }
  assert.equal(give('ParseKeyValue("a:1, b:2", ":", ", ")'), '{"a": "1", "b": "2"}')
  assert.equal(give('ParseKeyValue("a", "=", "=")'), 'refused')
  assert.equal(give('ParseKeyValue("a", "")'), 'refused')
})

test('a map is written as pairs, quoted where it must be', () => {
  assert.equal(
    give('ToKeyValueString({"b": "x y", "a": "q\\"r", "c": [1, true]}, "=", " ", true)'),
    '"a=q\\\\\\"r b=\\"x y\\" c=[1,true]"',
  )
  assert.equal(give('ToKeyValueString({})'), '""')
  assert.equal(give('ToKeyValueString({}, " ")'), 'refused')
})

test('CSV follows its mode', () => {
  const read = (row: string, mode: string) => give(`ParseCSV(row, "A,B", mode="${mode}")`, { row })
  assert.equal(read('1,"x ""y"", z"', 'strict'), '{"A": "1", "B": "x \\"y\\", z"}')
  assert.equal(read('1,a "b"', 'strict'), 'error')
  assert.equal(read('1,a "b"', 'lazyQuotes'), '{"A": "1", "B": "a \\"b\\""}')
  assert.equal(read('"1,"b"', 'ignoreQuotes'), '{"A": "\\"1", "B": "\\"b\\""}')
  assert.equal(read('1,2\n3', 'strict'), '{"A": "1", "B": "2\\n3"}')
  assert.equal(read('1', 'strict'), 'error')
  assert.equal(read('', 'strict'), 'error')
  assert.equal(give('ParseCSV("1", "A", ",,")'), 'refused')
  assert.equal(give('ParseCSV("1", "A", mode="x")'), 'refused')
  assert.equal(give('ParseCSV("1", "")'), 'error')
})

test('quoted fields of CSV are read back', () => {
  const field = fc.string({ unit: fc.constantFrom('a', '"', ',', ' ', '\n', 'é') })
  fc.assert(
    fc.property(fc.array(field, { minLength: 1 }), fields => {
      const row = fields.map(text => `"${text.replaceAll('"', '""')}"`).join(',')
      assert.deepEqual(readCsvRow(row, ',', false), fields)
    }),
  )
})

test('a severity is found by text, by range and by class of status', () => {
  const mapping =
    '{"error": [{"equals": ["err"]}, {"range": "5xx"}], "info": [{"range": {"min": 1, "max": 9}}]}'
  assert.equal(give(`ParseSeverity("err", ${mapping})`), '"error"')
  assert.equal(give(`ParseSeverity(503, ${mapping})`), '"error"')
  assert.equal(give(`ParseSeverity(9, ${mapping})`), '"info"')
  assert.equal(give(`ParseSeverity(10, ${mapping})`), 'error')
  assert.equal(give(`ParseSeverity(1.0, ${mapping})`), 'error')
  for (const wrong of ['{"e": "x"}', '{"e": [1]}', '{"e": [{"range": "6xx"}]}']) {
    assert.equal(give(`ParseSeverity("x", ${wrong})`), 'error', wrong)
  }
})
