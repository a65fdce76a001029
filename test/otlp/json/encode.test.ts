/** Protobuf that no encoder of ours would write: fields out of order, twice, unpacked, unknown. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { encodeJson } from '../../../src/otlp/json/encode.ts'
import type { Signal } from '../../../src/otlp/signal.ts'
import { Writer } from '../../../src/otlp/wire-writer.ts'

test('joins the elements of a list that other fields interrupt', () => {
  const span = request(w =>
    w.begin(9).string(1, 'a').end().string(5, 'name').begin(9).string(1, 'b').end(),
  )

  assert.deepEqual(firstSpan(span), { name: 'name', attributes: [{ key: 'a' }, { key: 'b' }] })
})

test('takes the last of a scalar that comes twice, even when it is the default', () => {
  const span = request(w => w.string(5, 'a').varint(6, 2).string(5, 'b').varint(6, 0))

  assert.deepEqual(firstSpan(span), { name: 'b' })
})

test('merges a message that comes twice', () => {
  const span = request(w =>
    w
      .begin(15)
      .string(2, 'old')
      .end()
      .begin(15)
      .varint(3, 2)
      .end()
      .begin(15)
      .string(2, 'new')
      .end(),
  )

  assert.deepEqual(firstSpan(span), { status: { message: 'new', code: 2 } })
})

test('lets the last member of a oneof drive out the others', () => {
  const point = (w: Writer, value: number) => w.begin(1).varint(8, value).end()
  const bytes = request(w => {
    point(w.begin(5), 1).end()
    point(w.begin(7), 2).end()
    point(w.begin(5), 3).end()
    point(w.begin(5), 4).end()
  })

  assert.deepEqual(firstMetric(bytes), { gauge: { dataPoints: [{ flags: 3 }, { flags: 4 }] } })
})

test('keeps optional fields side by side, zeros included', () => {
  const bytes = request(w =>
    w.begin(9).begin(1).double(5, 0).double(11, 0).double(12, -0).double(5, 7).end().end(),
  )

  assert.deepEqual(firstMetric(bytes), { histogram: { dataPoints: [{ sum: 7, min: 0, max: -0 }] } })
})

test('reads lists of numbers packed, unpacked and mixed', () => {
  const packed = new Uint8Array(16)
  packed[0] = 1
  packed[8] = 2
  const bytes = request(w =>
    w.begin(9).begin(1).fixed64(6, 5n).bytes(6, packed).fixed64(6, 6n).double(7, 0.5).end().end(),
  )

  assert.deepEqual(firstMetric(bytes), {
    histogram: { dataPoints: [{ bucketCounts: ['5', '1', '2', '6'], explicitBounds: [0.5] }] },
  })
})

test('drops fields that it does not know, groups included', () => {
  const group = Uint8Array.of(0xa3, 0x06, 0x08, 0x01, 0xa4, 0x06)
  const span = request(w =>
    w.string(5, 'a').raw(group).string(1000, 'x').fixed32(30, 1).varint(6, 1),
  )

  assert.deepEqual(firstSpan(span), { name: 'a', kind: 1 })
})

test('looks at a deeply nested message out of order once per level, not twice', () => {
  let value = new Writer().varint(3, 1).finish()
  for (let depth = 0; depth < 45; depth++) {
    const list = new Writer().bytes(1, value).finish()
    value = new Writer().bytes(5, list).string(1, 'x').bytes(5, list).finish()
    if (value.length > 1_000_000) break
  }
  const span = request(w => w.begin(9).bytes(2, value).end())

  const started = performance.now()
  encodeJson('traces', span)

  assert.ok(performance.now() - started < 2000)
})

test('escapes what JSON strings must not hold and nothing else', () => {
  const name = '"\\/\b\f\n\r\t\u0000\u001f\u007f\u2028é😀'
  const text = Buffer.from(
    encodeJson(
      'traces',
      request(w => w.string(5, name)),
    ),
  ).toString()

  assert.match(text, /"name":"\\"\\\\\/\\b\\f\\n\\r\\t\\u0000\\u001f\u007f\u2028é😀"/)
  assert.equal(JSON.parse(text).resourceSpans[0].scopeSpans[0].spans[0].name, name)
})

test('keeps its text when the buffer grows in the middle of a string', () => {
  const name = '\u0001'.repeat(500_000) + 'x'.repeat(500_000)
  const text = Buffer.from(
    encodeJson(
      'traces',
      request(w => w.string(5, name)),
    ),
  ).toString()

  assert.equal(JSON.parse(text).resourceSpans[0].scopeSpans[0].spans[0].name, name)
})

test('writes an empty request as an empty object', () => {
  assert.equal(Buffer.from(encodeJson('logs', new Uint8Array(0))).toString(), '{}')
})

/** Request, resource group, scope group and item have the same field numbers in every signal. */
function request(write: (w: Writer) => unknown): Uint8Array {
  const writer = new Writer().begin(1).begin(2).begin(2)
  write(writer)
  return writer.end().end().end().finish()
}

function parse(signal: Signal, bytes: Uint8Array) {
  return JSON.parse(Buffer.from(encodeJson(signal, bytes)).toString())
}

function firstSpan(bytes: Uint8Array): unknown {
  return parse('traces', bytes).resourceSpans[0].scopeSpans[0].spans[0]
}

function firstMetric(bytes: Uint8Array): unknown {
  return parse('metrics', bytes).resourceMetrics[0].scopeMetrics[0].metrics[0]
}

test('reads tags that are longer than they need be', () => {
  // Span.name with its tag 2a written in two bytes, aa 00.
  const span = Buffer.concat([Buffer.from('aa0001', 'hex'), Buffer.from('x')])
  const request = Buffer.concat([Buffer.from([0x0a, 8, 0x12, 6, 0x12, span.length]), span])

  const json = Buffer.from(encodeJson('traces', request)).toString()

  assert.equal(json, '{"resourceSpans":[{"scopeSpans":[{"spans":[{"name":"x"}]}]}]}')
})
