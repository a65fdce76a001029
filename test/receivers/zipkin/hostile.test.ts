/** The zipkin receiver against bodies that nobody meant: each is answered, nothing is taken in part, no byte is left reserved. */
import assert from 'node:assert/strict'
import test from 'node:test'
import { gzipSync } from 'node:zlib'
import fc from 'fast-check'
import { startZipkinReceiver } from './running.ts'

const SPANS = JSON.stringify([
  { traceId: '1a', id: '2b', name: 'n', tags: { a: 'b', error: 'true' }, timestamp: 5 },
  { traceId: '1a', id: '3c', parentId: '2b', annotations: [{ timestamp: 7, value: 'v' }] },
])

const target = fc.constantFrom(
  { path: '/api/v2/spans', type: 'application/json' },
  { path: '/api/v2/spans', type: 'application/x-protobuf' },
  { path: '/api/v1/spans', type: 'application/json' },
  { path: '/api/v1/spans', type: 'application/x-thrift' },
)
const mutated = fc
  .tuple(fc.nat(SPANS.length - 1), fc.nat(255), fc.nat(SPANS.length))
  .map(([at, byte, end]) => {
    const bytes = Buffer.from(SPANS)
    bytes[at] = byte
    return bytes.subarray(0, end < 10 ? bytes.length : end)
  })

test('answers every body with 202 or 400, in whatever format it is said to be', async t => {
  const zipkin = await startZipkinReceiver(t)

  await fc.assert(
    fc.asyncProperty(
      target,
      fc.oneof(mutated, fc.uint8Array({ maxLength: 200 })),
      fc.boolean(),
      async ({ path, type }, body, isPacked) => {
        const headers = { 'content-type': type, ...(isPacked && { 'content-encoding': 'gzip' }) }
        const before = zipkin.next.items
        const answer = await zipkin.send(path, isPacked ? gzipSync(body) : body, headers)

        assert.ok([202, 400].includes(answer.status), `${answer.status} ${answer.body}`)
        if (answer.status === 400) assert.equal(zipkin.next.items, before)
      },
    ),
    { numRuns: 300 },
  )
})

test('answers a bomb of JSON that is not JSON, with what it took to read on its books', async t => {
  const zipkin = await startZipkinReceiver(t, { config: { max_request_body_size: '8MiB' } })
  const deep = gzipSync('['.repeat(1 << 20))
  const long = gzipSync(Buffer.alloc(9 << 20, 0x20))
  const headers = { 'content-type': 'application/json', 'content-encoding': 'gzip' }

  assert.equal((await zipkin.send('/api/v2/spans', deep, headers)).status, 400)
  assert.equal((await zipkin.send('/api/v2/spans', long, headers)).status, 413)
})

test('keeps times of zero and refuses those that OTLP cannot hold, with the place', async t => {
  const zipkin = await startZipkinReceiver(t)
  const span = (timestamp: string) =>
    `[{"traceId":"1","id":"2","timestamp":${timestamp},"duration":1}]`

  const zero = await zipkin.send('/api/v2/spans', span('0'))
  const future = await zipkin.send('/api/v2/spans', span('9000000000000000'))
  const beyond = await zipkin.send('/api/v2/spans', span('99999999999999999'))

  assert.deepEqual([zero.status, future.status, beyond.status], [202, 202, 400])
  assert.match(beyond.body.toString(), /\(byte \d+\)/)
})

test('takes ids of 64 and 128 bits, and tags that stand twice', async t => {
  const zipkin = await startZipkinReceiver(t)
  const short = '{"traceId":"00f067aa0ba902b7","id":"1"}'
  const long = '{"traceId":"4bf92f3577b34da6a3ce929d0e0e4736","id":"1","tags":{"a":"1","a":"2"}}'

  assert.equal((await zipkin.send('/api/v2/spans', `[${short},${long}]`)).status, 202)

  const [first, second] = zipkin.spans()
  assert.equal(first.traceId, '000000000000000000f067aa0ba902b7')
  assert.equal(second.traceId, '4bf92f3577b34da6a3ce929d0e0e4736')
  assert.deepEqual(second.attributes.a, '2')
})
