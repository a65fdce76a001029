/** What an operator recognises a request by, and the record beside a letter. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { contentsOf, mentionsTrace } from '../../../src/tenancy/letters/contents.ts'
import {
  decodeMeta,
  encodeMeta,
  type LetterMeta,
  MAX_MESSAGE_CHARS,
} from '../../../src/tenancy/letters/letter-meta.ts'
import { makeRequest } from '../../../src/testing/builders.ts'
import { request } from '../../sampler/assembly/spans.ts'

const id = (hex: string): string => hex.padStart(32, '0')

test('names the first few services and traces of a request', () => {
  const spans = Array.from({ length: 20 }, (_, i) => ({
    trace: (Math.floor(i / 2) + 1).toString(16),
    service: `s${Math.floor(i / 2)}`,
  }))

  const { services, traceIds } = contentsOf('traces', request(spans))

  assert.deepEqual(services, ['s0', 's1', 's2', 's3', 's4'])
  assert.deepEqual(traceIds, ['1', '2', '3', '4', '5'].map(id))
})

test('says nothing about what is no OTLP, and of traces nothing about metrics', () => {
  assert.deepEqual(contentsOf('traces', Buffer.from('poison')), { services: [], traceIds: [] })
  assert.deepEqual(contentsOf('metrics', makeRequest('metrics', 3)).traceIds, [])
  assert.deepEqual(contentsOf('logs', makeRequest('logs', 3)).traceIds, [])
})

test('never throws, whatever the bytes are', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 200 }), fc.nat(), (noise, at) => {
      contentsOf('traces', noise)
      const bytes = Buffer.from(request([{ trace: 'a', service: 'shop', attributes: { k: 'v' } }]))
      bytes[at % bytes.length] ^= 1 << (at % 8)
      contentsOf('traces', bytes)
    }),
  )
})

test('finds a trace also in what is no OTLP', () => {
  const bytes = Buffer.concat([Buffer.from('poison'), Buffer.from(id('abc'), 'hex')])

  assert.equal(mentionsTrace(bytes, id('abc')), true)
  assert.equal(mentionsTrace(bytes, id('abd')), false)
})

const META: fc.Arbitrary<LetterMeta> = fc.record(
  {
    exporter: fc.string(),
    signal: fc.constantFrom('traces' as const, 'metrics' as const, 'logs' as const),
    reason: fc.string(),
    message: fc.string({ unit: 'binary' }),
    services: fc.array(fc.string()),
    traceIds: fc.array(fc.string()),
    context: fc.record(
      {
        peer: fc.string(),
        metadata: fc
          .array(fc.tuple(fc.string(), fc.array(fc.string())))
          .map(pairs => new Map<string, readonly string[]>(pairs)),
      },
      { noNullPrototype: true },
    ),
  },
  { noNullPrototype: true },
)

test('the record beside a letter reads back as it was written', () => {
  fc.assert(
    fc.property(META, meta => {
      assert.deepEqual(decodeMeta(encodeMeta(meta)), meta)
    }),
  )
})

test('a record with any bit changed, or cut off, is not believed', () => {
  fc.assert(
    fc.property(META, fc.nat(), (meta, at) => {
      const bytes = encodeMeta(meta)
      assert.equal(decodeMeta(bytes.subarray(0, at % bytes.length)), null)
      bytes[at % bytes.length] ^= 1 << (at % 8)
      assert.equal(decodeMeta(bytes), null)
    }),
  )
})

test('what a destination says is cut to a bound', () => {
  const [meta] = fc.sample(META, 1)

  const read = decodeMeta(encodeMeta({ ...meta, message: 'x'.repeat(100_000) }))

  assert.equal(read?.message.length, MAX_MESSAGE_CHARS)
})
