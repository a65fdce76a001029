/** The jaeger receiver against bytes that nobody meant: every packet ends somewhere, and no byte is left reserved. */
import assert from 'node:assert/strict'
import test from 'node:test'
import fc from 'fast-check'
import { makeBatch, makeMessage } from '../../translate/jaeger/thrift-maker.ts'
import { until } from '../kit.ts'
import { makeModel, POST_SPANS, startJaegerReceiver } from './running.ts'

const TAGS = [
  { key: 'a', vType: 'STRING', vStr: 'b' },
  { key: 'a', vType: 'BOOL', vBool: true },
]

/** Of one of these, with a byte changed and perhaps cut, or random. */
function bytesLike(...samples: Buffer[]): fc.Arbitrary<Uint8Array> {
  const mutated = fc
    .tuple(fc.constantFrom(...samples), fc.nat(), fc.nat(255), fc.nat())
    .map(([sample, at, byte, end]) => {
      const bytes = Buffer.from(sample)
      bytes[at % bytes.length] = byte
      return bytes.subarray(0, end % 3 === 0 ? end % bytes.length : bytes.length)
    })
  return fc.oneof(mutated, fc.uint8Array({ maxLength: 100 }))
}

test('every packet is taken or counted with the reason', async t => {
  const jaeger = await startJaegerReceiver(t)
  const model = makeModel(2, TAGS)
  const packet = bytesLike(makeMessage(model, 'compact'), makeMessage(model, 'binary'))
  let sent = 0

  await fc.assert(
    fc.asyncProperty(
      fc.constantFrom('compact' as const, 'binary' as const),
      packet,
      async (protocol, bytes) => {
        await jaeger.packet(protocol, bytes)
        sent++
        if (sent % 20 === 0) await until(() => jaeger.count('millrace_receiver_packets') === sent)
      },
    ),
    { numRuns: 400 },
  )
  await until(() => jaeger.count('millrace_receiver_packets') === sent)

  const malformed = jaeger.count('millrace_receiver_dropped_packets', { reason: 'malformed' })
  assert.equal(jaeger.count('millrace_receiver_dropped_packets'), malformed)
  assert.ok(malformed > 0 && malformed < sent)
  await jaeger.packet('compact', makeMessage(model, 'compact'))
  await until(() => jaeger.count('millrace_receiver_packets') === sent + 1)
})

test('answers every body and every message', async t => {
  const jaeger = await startJaegerReceiver(t)
  const model = makeModel(2, TAGS)
  const thrift = bytesLike(makeBatch(model, 'binary'), makeBatch(model, 'compact'))
  const type = fc.constantFrom(
    'application/x-thrift',
    'application/vnd.apache.thrift.compact',
    'application/vnd.apache.thrift.binary',
  )

  await fc.assert(
    fc.asyncProperty(type, thrift, async (contentType, bytes) => {
      const http = await jaeger.post(bytes, { 'content-type': contentType })
      const grpc = await jaeger.call(POST_SPANS, bytes)

      assert.ok([202, 400].includes(http.status), `${http.status} ${http.body}`)
      assert.ok([0, 3].includes(grpc.code), `${grpc.code} ${grpc.message}`)
    }),
    { numRuns: 150 },
  )
})

test('a packet that claims more than it has costs no more than it is', async t => {
  const jaeger = await startJaegerReceiver(t)
  const head = Buffer.from([0x82, 0x81, 1, 9, ...Buffer.from('emitBatch')])
  // A batch in field 1, whose list of spans says that it has 2^31 - 1 of them.
  const list = Buffer.from([0x1c, 0x1c, 0x18, 1, 0x61, 0, 0x19, 0xfc, 0xff, 0xff, 0xff, 0xff, 7])

  await jaeger.packet('compact', Buffer.concat([head, list]))
  await until(() => jaeger.count('millrace_receiver_dropped_packets') === 1)

  assert.equal(jaeger.services.memory.reservedBytes, 0)
})
