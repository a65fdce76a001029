import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { indexRequestReference } from '../../../src/otlp/kernel/reference.ts'
import { isTranslateFault } from '../../../src/translate/fault.ts'
import { readJaegerBatchJson, readJaegerSpanJson } from '../../../src/translate/jaeger/json.ts'
import {
  readJaegerBatch,
  readJaegerRequest,
  readJaegerSpan,
} from '../../../src/translate/jaeger/proto.ts'
import {
  readJaegerAgentBinary,
  readJaegerAgentCompact,
  readJaegerThriftBinary,
  readJaegerThriftCompact,
} from '../../../src/translate/jaeger/thrift.ts'
import { writeJaegerBatches, writeJaegerSpansJson } from '../../../src/translate/jaeger/write.ts'
import { good, plain } from './plain.ts'
import { type BatchModel, makeBatch, makeMessage, type TagModel } from './thrift-maker.ts'

const READERS = [
  readJaegerThriftBinary,
  readJaegerThriftCompact,
  readJaegerAgentBinary,
  readJaegerAgentCompact,
  readJaegerBatch,
  readJaegerRequest,
  readJaegerSpan,
  readJaegerBatchJson,
  readJaegerSpanJson,
]

const int64 = fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n })
const key = fc.oneof(
  fc.string({ maxLength: 8 }),
  fc.constantFrom(
    'span.kind',
    'error',
    'otel.status_code',
    'otel.scope.name',
    'event',
    'hostname',
    'http.status_code',
    'w3c.tracestate',
  ),
)
const tag: fc.Arbitrary<TagModel> = fc.oneof(
  fc.record({
    key,
    vType: fc.constant('STRING'),
    vStr: fc.string({ maxLength: 200, unit: 'binary' }),
  }),
  fc.record({ key, vType: fc.constant('BOOL'), vBool: fc.boolean() }),
  fc.record({ key, vType: fc.constant('LONG'), vLong: int64 }),
  fc.record({ key, vType: fc.constant('DOUBLE'), vDouble: fc.double() }),
  fc.record({ key, vType: fc.constant('BINARY'), vBinary: fc.uint8Array({ maxLength: 20 }) }),
)
const tags = fc.array(tag, { maxLength: 12 })
const micros = fc.bigInt({ min: 0n, max: 2n ** 52n })
const batch: fc.Arbitrary<BatchModel> = fc.record({
  process: fc.record({ serviceName: fc.string({ maxLength: 8 }), tags }),
  spans: fc.array(
    fc.record({
      traceIdLow: int64,
      traceIdHigh: int64,
      spanId: int64,
      parentSpanId: int64,
      operationName: fc.string({ maxLength: 200 }),
      references: fc.array(
        fc.record({
          refType: fc.constantFrom('CHILD_OF', 'FOLLOWS_FROM'),
          traceIdLow: int64,
          traceIdHigh: int64,
          spanId: int64,
        }),
        { maxLength: 3 },
      ),
      flags: fc.integer(),
      startTime: micros,
      duration: micros,
      tags,
      logs: fc.array(fc.record({ timestamp: micros, fields: tags }), { maxLength: 3 }),
    }),
    { maxLength: 4 },
  ),
})

/** The answer is a request that the collector itself accepts, or a fault inside the bytes. */
function judge(bytes: Uint8Array): void {
  for (const read of READERS) {
    const result = read(bytes)
    if (isTranslateFault(result)) {
      assert.ok(result.offset >= 0 && result.offset <= bytes.length)
      assert.notEqual(result.message, '')
      continue
    }
    const index = indexRequestReference('traces', result)
    assert.ok(!('fault' in index), JSON.stringify(index))
    plain(result)
    writeJaegerSpansJson(result)
  }
}

describe('Jaeger readers', () => {
  it('never throw on random bytes', () => {
    fc.assert(fc.property(fc.uint8Array({ maxLength: 300 }), judge), { numRuns: 1500 })
  })

  it('never throw on damaged batches, and answer valid requests or faults', () => {
    fc.assert(
      fc.property(
        batch,
        fc.constantFrom('binary', 'compact'),
        fc.boolean(),
        fc.array(fc.tuple(fc.nat(), fc.nat({ max: 255 })), { maxLength: 4 }),
        (model, protocol, isMessage, damages) => {
          const bytes = (isMessage ? makeMessage : makeBatch)(model, protocol)
          for (const [at, byte] of damages) bytes[at % bytes.length] = byte
          judge(bytes)
        },
      ),
      { numRuns: 300 },
    )
  })

  it('keep tags as a map would: of equal keys the last one', () => {
    const named = fc.tuple(
      fc.constantFrom('a', 'b', 'cc', 'ö', 'x'.repeat(130)),
      fc.string({ maxLength: 150 }),
    )
    fc.assert(
      fc.property(fc.array(named, { maxLength: 40 }), fc.boolean(), (pairs, isError) => {
        const list: TagModel[] = pairs.map(([k, vStr]) => ({ key: k, vType: 'STRING', vStr }))
        const error: TagModel = { key: 'error', vType: 'BOOL', vBool: true }
        const at = pairs.length >> 1
        const own = isError ? [...list.slice(0, at), error, ...list.slice(at)] : list
        const span = { traceIdLow: 1, tags: own, logs: [{ timestamp: 5, fields: list }] }
        const model = { process: { serviceName: 's', tags: list }, spans: [span] }
        const [read] = plain(good(readJaegerThriftCompact(makeBatch(model, 'compact'))))
        const expected = Object.fromEntries(pairs)
        assert.deepEqual(read?.attributes, expected)
        assert.deepEqual(read?.events, [{ time: '5000', name: '', attributes: expected }])
        assert.deepEqual(read?.resource, { 'service.name': 's', ...expected })
        assert.equal(read?.status.code, isError ? 2 : 0)
      }),
      { numRuns: 300 },
    )
  })

  it('read both protocols alike, and what is written of it comes back the same', () => {
    fc.assert(
      fc.property(batch, model => {
        const compact = good(readJaegerThriftCompact(makeBatch(model, 'compact')))
        const expected = plain(compact)
        assert.deepEqual(plain(good(readJaegerThriftBinary(makeBatch(model, 'binary')))), expected)
        const again = writeJaegerBatches(compact).map(bytes => good(readJaegerBatch(bytes)))
        const back = again.flatMap(plain)
        assert.equal(back.length, expected.length)
        // What came back has met the reader once; from then on nothing changes any more.
        const twice = again.flatMap(request =>
          writeJaegerBatches(request).map(b => good(readJaegerBatch(b))),
        )
        assert.deepEqual(twice.flatMap(plain).map(names), back.map(names))
        assert.deepEqual(back.map(names), expected.map(names))
      }),
      { numRuns: 200 },
    )
  })
})

/** What no tag can change on its way. */
function names(span: ReturnType<typeof plain>[number]): unknown {
  const { traceId, spanId, parent, name, start, end, flags, kind, state, scope } = span
  return { traceId, spanId, parent, name, start, end, flags, kind, state, scope }
}
