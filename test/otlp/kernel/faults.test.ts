/** Which bytes are refused, with which fault and at which offset; every case runs in both twins. */
import assert from 'node:assert/strict'
import test from 'node:test'
import { indexRequest } from '../../../src/otlp/kernel/kernel.ts'
import { indexRequestReference } from '../../../src/otlp/kernel/reference.ts'
import { isWireFault, MAX_DEPTH, type WireFault } from '../../../src/otlp/request-index.ts'
import type { Signal } from '../../../src/otlp/signal.ts'

type Judged = 'ok' | readonly [fault: WireFault['fault'], offset: number]

/** A name is a request around these bytes: TracesRequest itself, a span, an attribute's value, a data point. */
const PLACES = {
  request: { signal: 'traces', wrap: (hex: string) => hex },
  span: { signal: 'traces', wrap: (hex: string) => wrap('0a', wrap('12', wrap('12', hex))) },
  value: {
    signal: 'traces',
    wrap: (hex: string) => wrap('0a', wrap('12', wrap('12', wrap('4a', wrap('12', hex))))),
  },
  histogramPoint: {
    signal: 'metrics',
    wrap: (hex: string) => wrap('0a', wrap('12', wrap('12', wrap('4a', wrap('0a', hex))))),
  },
} as const satisfies Record<string, { signal: Signal; wrap: (hex: string) => string }>

const CASES: readonly (readonly [title: string, keyof typeof PLACES, hex: string, Judged])[] = [
  ['an empty request', 'request', '', 'ok'],
  ['a known field whose length is missing', 'request', '0a', ['truncated', 1]],
  ['a length that runs past the end', 'request', '0a05', ['truncated', 0]],
  ['a length near 2^32', 'request', '0affffffff0f', ['truncated', 0]],
  ['a length near 2^64', 'request', '0affffffffffffffffff01', ['truncated', 0]],
  ['a tag that is cut off', 'request', '8a', ['truncated', 0]],
  ['a fixed64 that is cut off', 'span', '3901020304', ['truncated', 6]],
  ['a fixed32 that is cut off', 'span', '850101', ['truncated', 6]],
  ['a varint that is cut off', 'span', '3080', ['truncated', 7]],
  ['a varint of 10 bytes', 'span', '3080808080808080808001', 'ok'],
  ['a varint of 65 bits', 'span', '3080808080808080808002', ['varint_overrun', 7]],
  ['a varint of 11 bytes', 'span', '308080808080808080808000', ['varint_overrun', 7]],
  ['a tag of more than 32 bits', 'request', '808080801000', ['varint_overrun', 0]],
  ['a tag of one byte that is written in two', 'span', 'b00001', 'ok'],
  ['field number 0', 'request', '0200', ['field_zero', 0]],
  ['field number 0 within a group', 'request', '530054', ['field_zero', 1]],
  ['a known field as a varint', 'request', '0801', ['wire_type', 0]],
  ['a known field as a group', 'request', '0b0c', ['wire_type', 0]],
  ['a scalar with a length that is no list', 'span', '320101', ['wire_type', 6]],
  ['wire type 6', 'request', '56', ['wire_type', 0]],
  ['wire type 7', 'request', '57', ['wire_type', 0]],
  ['unknown fields of all wire types', 'request', '50015101020304050607085202ffff5501020304', 'ok'],
  ['the largest field number', 'request', 'f8ffffff0f01', 'ok'],
  ['an unknown group', 'request', '53500154', 'ok'],
  ['a group in a group', 'request', '535b5c54', 'ok'],
  ['an end without its group', 'request', '54', ['group', 0]],
  ['a group without its end', 'request', '535001', ['group', 0]],
  ['a group with the end of another', 'request', '535c', ['group', 1]],
  ['a list of fixed64, packed', 'histogramPoint', `3210${'00'.repeat(16)}`, 'ok'],
  [
    'a list of fixed64, not packed',
    'histogramPoint',
    `31${'00'.repeat(8)}31${'00'.repeat(8)}`,
    'ok',
  ],
  ['a packed list with a broken element', 'histogramPoint', '3203000000', ['truncated', 10]],
  ['an id of any length', 'span', '0a03ffffff1200', 'ok'],
  ['bytes that are no text, in a bytes value', 'value', '3a02ffff', 'ok'],
  ['a name that is no text', 'span', '2a02c328', ['utf8', 8]],
  ['text of two, three and four bytes', 'value', '0a09c3a9e282acf09f9982', 'ok'],
  ['an overlong form of two bytes', 'value', '0a02c080', ['utf8', 12]],
  ['an overlong form of three bytes', 'value', '0a03e08080', ['utf8', 12]],
  ['an overlong form of four bytes', 'value', '0a04f0808080', ['utf8', 12]],
  ['half a surrogate pair', 'value', '0a0461eda080', ['utf8', 13]],
  ['the last character', 'value', '0a04f48fbfbf', 'ok'],
  ['a character above U+10FFFF', 'value', '0a04f4908080', ['utf8', 12]],
  ['a first byte that no character has', 'value', '0a04f8808080', ['utf8', 12]],
  ['a character that is cut off', 'value', '0a0261e2', ['utf8', 13]],
  ['a continuation byte alone', 'value', '0a0180', ['utf8', 12]],
  ['a broken character behind much ASCII', 'value', `0a29${'61'.repeat(40)}80`, ['utf8', 52]],
]

for (const [title, place, hex, expected] of CASES) {
  const verb = expected === 'ok' ? 'takes' : 'refuses'
  test(`${verb} ${title}`, () => {
    const { signal, wrap: around } = PLACES[place]
    const bytes = Buffer.from(around(hex), 'hex')

    for (const index of [indexRequest, indexRequestReference]) {
      const result = index(signal, bytes)
      const judged = isWireFault(result) ? [result.fault, result.offset] : 'ok'
      assert.deepEqual(judged, expected)
    }
  })
}

test('takes values nested to the limit and refuses one level more', () => {
  const deepest = nestedValue(MAX_DEPTH)
  const deeper = nestedValue(MAX_DEPTH + 1)

  for (const index of [indexRequest, indexRequestReference]) {
    assert.ok(!isWireFault(index('traces', deepest)))
    const fault = index('traces', deeper)
    assert.ok(isWireFault(fault))
    assert.equal(fault.fault, 'depth')
  }
})

test('refuses values nested 10,000 deep at the level after the limit', () => {
  const bytes = nestedValue(10_000)

  const fault = indexRequest('traces', bytes)

  assert.ok(isWireFault(fault))
  assert.equal(fault.fault, 'depth')
  assert.deepEqual(indexRequestReference('traces', bytes), fault)
})

test('refuses unknown groups nested 10,000 deep', () => {
  const bytes = new Uint8Array(20_000).fill(0x53, 0, 10_000).fill(0x54, 10_000)

  for (const index of [indexRequest, indexRequestReference]) {
    assert.deepEqual(index('logs', bytes), { fault: 'depth', offset: MAX_DEPTH })
  }
})

/** A span with one attribute; messages nested `depth` deep below the request. */
function nestedValue(depth: number): Uint8Array {
  const tags = [0x0a, 0x12, 0x12, 0x4a, 0x12]
  // AnyValue.array_value and ArrayValue.values, by turns.
  while (tags.length < depth) tags.push(tags.length % 2 === 1 ? 0x2a : 0x0a)
  const bytes: number[] = []
  for (const tag of tags.reverse()) {
    const length: number[] = []
    let rest = bytes.length
    for (; rest > 0x7f; rest >>>= 7) length.push((rest & 0x7f) | 0x80)
    bytes.push(...[tag, ...length, rest].reverse())
  }
  return Uint8Array.from(bytes.reverse())
}

function wrap(tag: string, hex: string): string {
  return tag + (hex.length / 2).toString(16).padStart(2, '0') + hex
}
