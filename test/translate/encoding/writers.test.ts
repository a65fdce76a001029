/** What each encoding makes of a request is what its reader understands again. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { corpusRequest } from '../../../bench/corpus/requests.ts'
import type { EncodePart } from '../../../src/otlp/encode-part.ts'
import { indexRequest } from '../../../src/otlp/kernel/kernel.ts'
import { isWireFault } from '../../../src/otlp/request-index.ts'
import { Selection } from '../../../src/otlp/selection.ts'
import type { Signal } from '../../../src/otlp/signal.ts'
import { Writer } from '../../../src/otlp/wire-writer.ts'
import { readerOf } from '../../../src/translate/encoding/readers.ts'
import { writableEncodings, writerOf } from '../../../src/translate/encoding/writers.ts'

const ITEMS = 60

function partOf(signal: Signal, bytes: Uint8Array, keep?: number): EncodePart {
  const index = indexRequest(signal, bytes)
  assert.ok(!isWireFault(index))
  const selection = keep === undefined ? null : Selection.range(index.items, 0, keep)
  return { payload: { bytes }, index, selection, edits: null, items: keep ?? index.items }
}

function itemsOf(signal: Signal, request: unknown): number {
  assert.ok(request instanceof Uint8Array)
  const index = indexRequest(signal, request)
  assert.ok(!isWireFault(index))
  return index.items
}

for (const signal of ['traces', 'metrics', 'logs'] as const) {
  for (const encoding of writableEncodings(signal)) {
    test(`${encoding} of ${signal} is read back item by item, without those left out`, () => {
      const part = partOf(signal, corpusRequest(signal, { items: ITEMS }), 40)

      const { messages, refused, empty } = writerOf(encoding, signal)!.write([part])

      const read = readerOf(encoding, signal)!
      const found = messages.map(({ chunks, byteLength, items }) => {
        const value = Buffer.concat(chunks)
        assert.equal(value.length, byteLength)
        assert.equal(itemsOf(signal, read(value, 0)), items)
        return items
      })
      assert.equal(found.reduce((sum, items) => sum + items, 0) + refused + empty, 40)
      assert.deepEqual([refused, empty], [0, 0])
    })
  }
}

test('otlp_proto hands on the payload itself', () => {
  const part = partOf('traces', corpusRequest('traces', { items: 500 }))

  const { messages } = writerOf('otlp_proto', 'traces')!.write([part])

  assert.deepEqual(messages[0].chunks, [part.payload.bytes])
})

test('jaeger encodings name the trace id as the key', () => {
  const part = partOf('traces', corpusRequest('traces', { items: 5 }))

  for (const encoding of ['jaeger_proto', 'jaeger_json']) {
    const { messages } = writerOf(encoding, 'traces')!.write([part])
    assert.ok(messages.every(({ key }) => /^[0-9a-f]{32}$/.test(key ?? '')))
  }
})

test('zipkin encodings count the spans that they cannot say', () => {
  const withoutIds = new Writer()
  withoutIds.begin(1).begin(2).begin(2).string(5, 'no ids').end().end().end()
  const part = partOf('traces', withoutIds.finish())

  for (const encoding of ['zipkin_json', 'zipkin_proto']) {
    const { messages, refused } = writerOf(encoding, 'traces')!.write([part])
    assert.deepEqual([messages.length, refused], [0, 1])
  }
})

test('raw is the body as it is when it is bytes, and JSON otherwise', () => {
  const request = new Writer()
  request.begin(1).begin(2)
  const body = (write: (writer: Writer) => void): void => {
    request.begin(2).begin(5)
    write(request)
    request.end().end()
  }
  body(writer => writer.bytes(7, Uint8Array.of(1, 2, 3)))
  body(writer => writer.string(1, 'a "text"'))
  body(writer => writer.varint(3, 7))
  body(writer => writer.bool(2, true))
  body(writer => {
    writer.begin(6)
    writer.begin(1).string(1, 'b').begin(2).double(4, 0.5).end().end()
    writer.begin(1).string(1, 'a').begin(2).bytes(7, Uint8Array.of(255)).end().end()
    writer.end()
  })
  body(() => {})
  request.end().end()
  const part = partOf('logs', request.finish())

  const { messages, empty } = writerOf('raw', 'logs')!.write([part])

  assert.deepEqual(
    messages.map(({ chunks }) => Buffer.concat(chunks).toString('latin1')),
    ['\x01\x02\x03', '"a \\"text\\""', '7', 'true', '{"a":"/w==","b":0.5}'],
  )
  assert.equal(empty, 1)
})

test('knows no encoding of another signal, nor names that every object has', () => {
  assert.equal(writerOf('jaeger_proto', 'logs'), null)
  assert.equal(writerOf('raw', 'traces'), null)
  assert.equal(writerOf('toString', 'traces'), null)
})
