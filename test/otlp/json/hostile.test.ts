/** Texts that senders get wrong or make to hurt: each is answered with bytes or a fault, in bounded time and memory. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { decodeJson } from '../../../src/otlp/json/decode.ts'
import { encodeJson } from '../../../src/otlp/json/encode.ts'
import { isJsonFault, type JsonFault } from '../../../src/otlp/json/fault.ts'
import { MAX_EXPANSION } from '../../../src/otlp/json/message-writer.ts'
import { indexRequestReference } from '../../../src/otlp/kernel/reference.ts'
import { isWireFault, MAX_DEPTH } from '../../../src/otlp/request-index.ts'
import { REQUEST_MESSAGE } from '../../../src/otlp/schema.ts'
import { SIGNALS } from '../../../src/otlp/signal.ts'
import { decode, encode } from '../oracle.ts'
import { arbitraryModel, toJson } from './models.ts'

const span = (fields: string) =>
  `{"resourceSpans":[{"scopeSpans":[{"spans":[{"name":"x",${fields}}]}]}]}`
const value = (json: string) => span(`"attributes":[{"key":"k","value":${json}}]`)

const REFUSED: readonly (readonly [string, string | Uint8Array, JsonFault['fault']])[] = [
  ['an empty text', '', 'syntax'],
  ['white space alone', ' \n', 'syntax'],
  ['a byte order mark', '\ufeff{}', 'syntax'],
  ['UTF-16', Buffer.from('{}', 'utf16le'), 'syntax'],
  ['UTF-16 with its mark', Buffer.from('\ufeff{}', 'utf16le'), 'syntax'],
  ['a list at the top', '[{}]', 'syntax'],
  ['a string at the top', '"{}"', 'syntax'],
  ['null at the top', 'null', 'syntax'],
  ['trailing garbage', '{} x', 'syntax'],
  ['two objects', '{}{}', 'syntax'],
  ['a NUL after the object', '{}\0', 'syntax'],
  ['a comment', '{/* */}', 'syntax'],
  ['a line comment', '// x\n{}', 'syntax'],
  ['a trailing comma in an object', '{"a":1,}', 'syntax'],
  ['a trailing comma in a list', '{"resourceSpans":[{},]}', 'type'],
  ['a missing comma', '{"a":1 "b":2}', 'syntax'],
  ['a missing colon', '{"a" 1}', 'syntax'],
  ['a missing value', '{"a":}', 'syntax'],
  ['a key without quotes', '{a:1}', 'syntax'],
  ['a single-quoted key', "{'a':1}", 'syntax'],
  ['a truncated text', '{"resourceSpans":[{"scopeSpans":[{}', 'syntax'],
  ['a truncated unknown value', '{"a":[[[{}', 'syntax'],
  ['an unclosed string', '{"a":"b}', 'syntax'],
  ['a raw control character', '{"a\u0001":1}', 'syntax'],
  ['a vertical tab as white space', '{\u000b}', 'syntax'],
  ['a non-breaking space as white space', '{\u00a0}', 'syntax'],
  ['a bad literal in an unknown key', '{"a":nil}', 'syntax'],
  ['a bad number in an unknown key', '{"a":-}', 'syntax'],
  ['a leading zero in an unknown key', '{"a":01}', 'syntax'],
  ['a mismatched bracket in an unknown key', '{"a":[1}]}', 'syntax'],
  ['an object for a list', '{"resourceSpans":{}}', 'type'],
  ['a list for an object', '{"resourceSpans":[[]]}', 'type'],
  ['a number for an object', '{"resourceSpans":[1]}', 'type'],
  ['a list for a scalar', span('"kind":[1]'), 'type'],
  ['null for an element of a list of numbers', bounds('[null]'), 'type'],
  ['overlong UTF-8', latin1('{"a":"\xc0\x80"}'), 'utf8'],
  ['an encoded surrogate', latin1('{"a":"\xed\xa0\x80"}'), 'utf8'],
  ['UTF-8 beyond U+10FFFF', latin1('{"a":"\xf4\x90\x80\x80"}'), 'utf8'],
  ['a lone continuation byte', latin1('{"a":"\x80"}'), 'utf8'],
  ['a cut-off sequence', latin1('{"a":"\xe2\x82"}'), 'utf8'],
  ['invalid UTF-8 in a value', latin1(value('{"stringValue":"\xff"}')), 'utf8'],
]

for (const [what, text, fault] of REFUSED) {
  test(`refuses ${what}`, () => {
    const bytes = Buffer.from(text as string)
    const answer = decodeJson(bytes.includes('resourceMetrics') ? 'metrics' : 'traces', bytes)

    assert.ok(isJsonFault(answer), 'accepted')
    assert.equal(answer.fault, fault, answer.message)
    assert.match(answer.message, /expected/)
    assert.ok(answer.offset >= 0 && answer.offset <= text.length)
  })
}

test('says where the fault is and what was expected', () => {
  const text = '{"resourceSpans":[{},{"scopeSpans":[{"spans":[{"traceId":"xyz"}]}]}]}'

  assert.deepEqual(decodeJson('traces', Buffer.from(text)), {
    fault: 'value',
    offset: text.indexOf('xyz'),
    message:
      'resourceSpans[1].scopeSpans[0].spans[0].traceId: expected an id in hexadecimal with an even number of digits',
  })
})

const ODD: readonly (readonly [string, string, unknown])[] = [
  ['keys of the object prototype', span('"__proto__":{"kind":2},"constructor":1,"kind":3'), 3],
  ['integer-like keys', span('"0":1,"4294967295":2,"kind":3'), 3],
  ['a key that comes twice', span('"kind":2,"kind":3'), 3],
  ['a default that overrides', span('"kind":2,"kind":0'), 0],
  ['null after a value', span('"kind":3,"kind":null'), 3],
  ['escapes in keys', span('"\\u006bind":3'), 3],
  ['much white space', span(`"kind"${' \t\r\n'.repeat(9999)}:${' '.repeat(9999)}3`), 3],
  ['keys that are prefixes or longer', span('"kin":1,"kindd":2,"":4,"kind":3'), 3],
  ['unknown values of every type', span('"a":[{"b":[1e5,"x",true,false,null,{},[]]}],"kind":3'), 3],
]

for (const [what, text, kind] of ODD) {
  test(`reads past ${what}`, () => {
    const bytes = accepted(text)

    assert.equal(bytes.resourceSpans[0].scopeSpans[0].spans[0].kind, kind)
  })
}

test('keeps names of the object prototype as attribute keys and values', () => {
  const names = ['__proto__', 'constructor', 'toString', '1', '']
  const list = names.map(name => `{"key":"${name}","value":{"stringValue":"${name}"}}`)

  const { attributes } = accepted(span(`"attributes":[${list}]`)).resourceSpans[0].scopeSpans[0]
    .spans[0]

  assert.deepEqual(
    attributes.map((a: { key?: string }) => a.key ?? ''),
    names,
  )
})

test('joins lists and merges objects whose keys come twice', () => {
  const text =
    '{"resource_spans":[{"resource":{"attributes":[{"key":"a"}]},"resource":{"attributes":[{"key":"b"}]}}],"resourceSpans":[{}]}'

  const bytes = decodeJson('traces', Buffer.from(text)) as Uint8Array

  assert.equal(
    Buffer.from(encodeJson('traces', bytes)).toString(),
    '{"resourceSpans":[{"resource":{"attributes":[{"key":"a"},{"key":"b"}]}},{}]}',
  )
})

test('keeps the place of null in a list of values', () => {
  const text = value('{"arrayValue":{"values":[{"intValue":1},null,{"intValue":"2"}]}}')

  const { attributes } = accepted(text).resourceSpans[0].scopeSpans[0].spans[0]

  assert.deepEqual(attributes[0].value.arrayValue.values, [
    { intValue: '1' },
    {},
    { intValue: '2' },
  ])
})

for (const depth of [1, 40, 46, 47, 48, 49, 50, 100, 10_000, 100_000]) {
  test(`agrees with the validator about ${depth} lists inside each other`, () => {
    const text = value(`${'{"arrayValue":{"values":['.repeat(depth)}{}${']}}'.repeat(depth)}`)

    const answer = decodeJson('traces', Buffer.from(text))

    const deepest = 5 + 2 * depth
    assert.equal(
      isJsonFault(answer) ? answer.fault : 'accepted',
      deepest > MAX_DEPTH ? 'depth' : 'accepted',
    )
    if (!isJsonFault(answer)) assert.ok(!isWireFault(indexRequestReference('traces', answer)))
  })
}

test('refuses unknown values that nest without end', () => {
  const answer = decodeJson('traces', Buffer.from(`{"a":${'['.repeat(1e6)}${']'.repeat(1e6)}}`))

  assert.equal(isJsonFault(answer) && answer.fault, 'depth')
})

test('copies a string of many megabytes, escapes and all', () => {
  const text = value(`{"stringValue":"${'x'.repeat(16e6)}\\n${'é'.repeat(2e6)}"}`)

  const bytes = decodeJson('traces', Buffer.from(text)) as Uint8Array

  assert.ok(bytes.length > 20e6 && bytes.length < text.length + 2e6)
})

test('keeps the output within its bound where every byte of text tells most', () => {
  const text = bounds(`[${'0,'.repeat(1e6)}0]`)

  const bytes = decodeJson('metrics', Buffer.from(text)) as Uint8Array

  assert.ok(bytes.length > 8e6 && bytes.length <= text.length * MAX_EXPANSION)
})

test('closes many short messages of growing size without losing a byte', () => {
  const sizes = [0, 1, 100, 118, 119, 120, 121, 122, 127, 128, 300, 16_370, 16_384, 70_000, 5]
  const list = sizes.map(n => `{"key":"k","value":{"stringValue":"${'y'.repeat(n)}"}}`)

  const { attributes } = accepted(span(`"attributes":[${list}]`)).resourceSpans[0].scopeSpans[0]
    .spans[0]

  assert.deepEqual(
    attributes.map((a: { value: { stringValue: string } }) => a.value.stringValue.length),
    sizes,
  )
})

test('never throws for random bytes', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 300 }), fc.constantFrom(...SIGNALS), (bytes, signal) => {
      checkAnswer(signal, Buffer.concat([Buffer.from('{'), bytes, Buffer.from('}')]))
    }),
    { numRuns: 2000 },
  )
})

for (const signal of SIGNALS) {
  test(`accepts only JSON of mutated ${signal}, and makes only valid requests of it`, () => {
    const mutation = fc.tuple(fc.double({ min: 0, max: 1, noNaN: true }), fc.nat(3), fc.nat(255))
    fc.assert(
      fc.property(
        arbitraryModel(REQUEST_MESSAGE[signal], 5),
        fc.array(mutation, { minLength: 1, maxLength: 4 }),
        (model, mutations) => {
          const json = toJson(REQUEST_MESSAGE[signal], model)
          checkAnswer(signal, mutations.reduce(mutated, Buffer.from(JSON.stringify(json))))
        },
      ),
      { numRuns: 1500 },
    )
  })
}

for (const signal of SIGNALS) {
  test(`writes readable JSON of whatever ${signal} bytes the validator accepts`, () => {
    const mutation = fc.tuple(fc.double({ min: 0, max: 1, noNaN: true }), fc.nat(2), fc.nat(255))
    const name = REQUEST_MESSAGE[signal]
    fc.assert(
      fc.property(arbitraryModel(name, 5), fc.array(mutation, { maxLength: 3 }), (model, list) => {
        const bytes = list.reduce(mutated, Buffer.from(encode(name, model)))
        if (isWireFault(indexRequestReference(signal, bytes))) return
        const text = Buffer.from(encodeJson(signal, bytes))
        JSON.parse(text.toString())
        assert.ok(!isJsonFault(decodeJson(signal, text)))
      }),
      { numRuns: 1500 },
    )
  })
}

const TOKENS = [
  '{',
  '}',
  '[',
  ']',
  ',',
  ':',
  '"',
  '\\',
  '0',
  '-',
  'e',
  '.',
  'null',
  '\ud800',
  '\\ud800',
  '{}',
]

function mutated(text: Buffer, [place, how, byte]: readonly [number, number, number]): Buffer {
  const at = Math.floor(place * text.length)
  const head = text.subarray(0, at)
  if (how === 0) return Buffer.concat([head, Buffer.of(byte), text.subarray(at + 1)])
  if (how === 1) return Buffer.concat([head, text.subarray(at + 1 + (byte % 8))])
  if (how === 2) return Buffer.concat([head, text.subarray(Math.max(0, at - byte))])
  return Buffer.concat([head, Buffer.from(TOKENS[byte % TOKENS.length]), text.subarray(at)])
}

function checkAnswer(signal: (typeof SIGNALS)[number], text: Buffer): void {
  const answer = decodeJson(signal, text)
  if (isJsonFault(answer)) return
  JSON.parse(new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(text))
  assert.ok(answer.length <= text.length * MAX_EXPANSION)
  assert.ok(!isWireFault(indexRequestReference(signal, answer)), 'made an invalid request')
  const again = decodeJson(signal, encodeJson(signal, answer))
  assert.ok(!isJsonFault(again), 'cannot read its own text')
}

function accepted(text: string) {
  const answer = decodeJson('traces', Buffer.from(text))
  if (isJsonFault(answer)) assert.fail(answer.message)
  return decode(REQUEST_MESSAGE.traces, answer)
}

function bounds(list: string): string {
  return `{"resourceMetrics":[{"scopeMetrics":[{"metrics":[{"histogram":{"dataPoints":[{"explicitBounds":${list}}]}}]}]}]}`
}

function latin1(text: string): Uint8Array {
  return Buffer.from(text, 'latin1')
}
