/** The zipkin receiver from end to end: what clients post is what the next stage gets, and how each is answered. */
import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { request } from 'node:https'
import { describe, it } from 'node:test'
import { fileURLToPath } from 'node:url'
import { gzipSync } from 'node:zlib'
import { busy, refused } from '../../../src/core/outcome.ts'
import { compress, supportedEncodings } from '../../../src/net/compression.ts'
import { startBook } from '../../tenancy/kit.ts'
import { binary, encodeZipkinProto, i64, list, struct } from '../../translate/zipkin/kit.ts'
import { HeaderPorter } from '../kit.ts'
import { startZipkinReceiver } from './running.ts'

const V1 = '/api/v1/spans'
const V2 = '/api/v2/spans'
const SPAN = {
  traceId: '5af7183fb1d4cf5f',
  id: '352bff9a74ca9ad2',
  name: 'get /api',
  kind: 'SERVER',
  timestamp: 1_556_604_172_355_737,
  duration: 1431,
  localEndpoint: { serviceName: 'backend', ipv4: '192.168.99.1', port: 3306 },
  tags: { 'http.path': '/api', 'http.status_code': '200' },
}
const SPAN_V1 = {
  traceId: '5af7183fb1d4cf5f',
  id: '352bff9a74ca9ad2',
  name: 'get /api',
  annotations: [
    { timestamp: 1_556_604_172_355_737, value: 'sr', endpoint: { serviceName: 'backend' } },
    { timestamp: 1_556_604_172_357_168, value: 'ss', endpoint: { serviceName: 'backend' } },
  ],
}
const PROTO_SPAN = {
  traceId: Buffer.from('5af7183fb1d4cf5f', 'hex'),
  id: Buffer.from('352bff9a74ca9ad2', 'hex'),
  kind: 2,
  name: 'get /api',
  localEndpoint: { serviceName: 'backend' },
}
const THRIFT = list([
  struct([
    [1, i64('0x5af7183fb1d4cf5f')],
    [3, binary('get /api')],
    [4, i64('0x352bff9a74ca9ad2')],
    [6, list([])],
    [8, list([])],
  ]),
])[1]

const accepted = 'otelcol_receiver_accepted_spans'
const turnedAway = 'millrace_receiver_refused_requests'

describe('zipkin receiver', () => {
  for (const [title, path, body, type, transport] of [
    ['v2 JSON', V2, JSON.stringify([SPAN]), 'application/json', 'http_v2_json'],
    ['v2 protobuf', V2, encodeZipkinProto([PROTO_SPAN]), 'application/x-protobuf', 'http_v2_proto'],
    ['v1 JSON', V1, JSON.stringify([SPAN_V1]), 'application/json', 'http_v1_json'],
    ['v1 Thrift', V1, THRIFT, 'application/x-thrift', 'http_v1_thrift'],
  ] as const) {
    it(`takes ${title} and answers 202 with an empty body`, async t => {
      const zipkin = await startZipkinReceiver(t)

      const answer = await zipkin.send(path, body, { 'content-type': type })

      assert.equal(answer.status, 202, answer.body.toString())
      assert.equal(answer.body.length, 0)
      const [span, ...more] = zipkin.spans()
      assert.equal(more.length, 0)
      assert.equal(span.traceId, '00000000000000005af7183fb1d4cf5f')
      assert.equal(span.spanId, '352bff9a74ca9ad2')
      assert.equal(span.name, 'get /api')
      assert.equal(zipkin.count(accepted, { receiver: 'zipkin', transport }), 1)
      assert.equal(zipkin.count(accepted), 1)
    })
  }

  it('takes every encoding that is there', async t => {
    const zipkin = await startZipkinReceiver(t)
    const text = Buffer.from(JSON.stringify(Array.from({ length: 200 }, () => SPAN)))
    const present = (await supportedEncodings()).filter(({ codec }) => codec !== undefined)

    for (const { encoding } of present) {
      const packed = await compress(encoding, [text], text.length)
      const headers = { 'content-type': 'application/json', 'content-encoding': encoding }
      assert.equal((await zipkin.send(V2, packed, headers)).status, 202, encoding)
    }

    assert.ok(present.length >= 4)
    assert.equal(zipkin.next.items, 200 * present.length)
  })

  it('takes JSON whatever clients call it, but nothing binary of the other version', async t => {
    const zipkin = await startZipkinReceiver(t)
    const send = async (path: string, type: string): Promise<number> =>
      (await zipkin.send(path, JSON.stringify([SPAN_V1]), { 'content-type': type })).status

    assert.equal(await send(V1, 'application/json; charset=utf-8'), 202)
    assert.equal(await send(V1, 'application/x-www-form-urlencoded'), 202)
    assert.equal(await send(V2, 'text/plain'), 202)
    assert.equal(await send(V1, 'application/x-protobuf'), 415)
    assert.equal(await send(V2, 'application/x-thrift'), 415)
  })

  it('finds the paths of both versions behind what a proxy puts in front, and no others', async t => {
    const zipkin = await startZipkinReceiver(t)

    assert.equal((await zipkin.send('/zipkin/api/v2/spans?x=1', [SPAN])).status, 202)
    assert.equal((await zipkin.send('/api/v1/spans/', [SPAN_V1])).status, 202)
    assert.equal((await zipkin.send('/api/v2/traces', [SPAN])).status, 404)
    assert.equal((await fetch(zipkin.url + V2)).status, 405)
  })

  it('answers an empty list and an empty body with 202 and passes nothing on', async t => {
    const zipkin = await startZipkinReceiver(t)

    assert.equal((await zipkin.send(V2, '[]')).status, 202)
    assert.equal((await zipkin.send(V2, '')).status, 202)
    assert.equal((await zipkin.send(V1, '')).status, 202)

    assert.equal(zipkin.next.batches.length, 0)
  })

  it('makes types of tags only when told to', async t => {
    const plain = await startZipkinReceiver(t)
    const typed = await startZipkinReceiver(t, { config: { parse_string_tags: true } })
    const span = { ...SPAN, tags: { n: '42', b: 'true', f: '1.5', s: 'x' } }
    const proto = { ...PROTO_SPAN, tags: { n: '42' } }

    await plain.send(V2, [span])
    await typed.send(V2, [span])
    await typed.send(V2, encodeZipkinProto([proto]), { 'content-type': 'application/x-protobuf' })

    const [{ attributes }] = plain.spans()
    assert.deepEqual([attributes.n, attributes.b, attributes.f], ['42', 'true', '1.5'])
    const [json, protobuf] = typed.spans()
    assert.deepEqual([json.attributes.n, json.attributes.b], [42n, true])
    assert.deepEqual([json.attributes.f, json.attributes.s], [1.5, 'x'])
    assert.equal(protobuf.attributes.n, 42n)
  })

  it('tells in plain text where a body is not valid, and counts it under its format', async t => {
    const zipkin = await startZipkinReceiver(t)

    const broken = await zipkin.send(V2, '[{"traceId":"1","id":"2"},{"traceId":"xyz"}]')
    const thrift = await zipkin.send(V1, 'nonsense', { 'content-type': 'application/x-thrift' })

    assert.equal(broken.status, 400)
    assert.match(broken.headers.get('content-type') ?? '', /^text\/plain/)
    assert.match(broken.body.toString(), /not valid Zipkin v2 JSON: .*traceId.* \(byte \d+\)/)
    assert.equal(thrift.status, 400)
    assert.equal(zipkin.count(turnedAway, { transport: 'http_v2_json', reason: 'malformed' }), 1)
    assert.equal(zipkin.count(turnedAway, { transport: 'http_v1_thrift', reason: 'malformed' }), 1)
    assert.equal(zipkin.next.batches.length, 0, 'all of a request or nothing')
  })

  it('answers busy with 503 and when to come back, refusals for good with their status', async t => {
    const zipkin = await startZipkinReceiver(t)
    zipkin.next.answer = () => busy(7000)
    const later = await zipkin.send(V2, [SPAN])
    zipkin.next.answer = () => busy(7000, 'quota')
    const quota = await zipkin.send(V2, [SPAN])
    zipkin.next.answer = batch => refused(batch.items, 'bad_data', 'no such thing')
    const never = await zipkin.send(V2, [SPAN])

    assert.deepEqual([later.status, later.headers.get('retry-after')], [503, '7'])
    assert.deepEqual([quota.status, quota.headers.get('retry-after')], [429, '7'])
    assert.equal(never.status, 400)
    assert.match(never.body.toString(), /no such thing/)
    assert.equal(zipkin.count('otelcol_receiver_refused_spans', { transport: 'http_v2_json' }), 3)
    assert.equal(zipkin.count(accepted), 0)
  })

  it('says which spans were not taken when some of them were', async t => {
    const zipkin = await startZipkinReceiver(t)
    zipkin.next.answer = batch => {
      zipkin.services.ledger.sent(batch.tenant, batch.signal, 1)
      batch.release()
      return refused(1, 'bad_data', 'too old')
    }

    const answer = await zipkin.send(V2, [SPAN, SPAN])

    assert.equal(answer.status, 202)
    assert.equal(answer.body.toString(), '1 spans were not taken: too old\n')
    assert.equal(zipkin.count(accepted), 1)
  })

  it('refuses bodies that are too large, as they come and inflated', async t => {
    const zipkin = await startZipkinReceiver(t, { config: { max_request_body_size: 1000 } })
    const text = Buffer.from(JSON.stringify(Array.from({ length: 100 }, () => SPAN)))
    const gzip = { 'content-type': 'application/json', 'content-encoding': 'gzip' }

    assert.equal((await zipkin.send(V2, text)).status, 413)
    assert.equal((await zipkin.send(V2, gzipSync(text), gzip)).status, 413)
  })

  it('answers busy while memory for the body or for translating it is short', async t => {
    const zipkin = await startZipkinReceiver(t, { memoryBytes: 100_000 })
    const text = (spans: number) => JSON.stringify(Array.from({ length: spans }, () => SPAN))

    const body = await zipkin.send(V2, text(1000))
    const work = await zipkin.send(V2, text(200))
    const fits = await zipkin.send(V2, text(50))

    assert.deepEqual([body.status, work.status, fits.status], [503, 503, 202])
    assert.equal(zipkin.count(turnedAway, { reason: 'busy' }), 2)
  })

  it('asks the authenticator before it reads, and gives each batch its tenant', async t => {
    const { book } = startBook(null)
    const zipkin = await startZipkinReceiver(t, {
      config: { auth: { authenticator: 'porter' }, include_metadata: true },
      extensions: new Map([['porter', new HeaderPorter()]]),
      tenancy: book,
    })
    const headers = { 'content-type': 'application/json', 'x-tenant': 'a' }

    const known = await zipkin.send(V2, [SPAN], headers)
    const unknown = await zipkin.send(V2, [SPAN])

    assert.deepEqual([known.status, unknown.status], [202, 401])
    assert.match(unknown.body.toString(), /say who you are/)
    assert.equal(zipkin.next.batches[0].tenant, 'a')
    assert.deepEqual(zipkin.next.batches[0].context.metadata.get('x-tenant'), ['a'])
    assert.equal(zipkin.count(turnedAway, { reason: 'unauthenticated' }), 1)
  })

  it('holds the limits of tenants', async t => {
    const { book, usage } = startBook({ tenants: { a: { items_per_second: 10 } } })
    const zipkin = await startZipkinReceiver(t, {
      config: { auth: { authenticator: 'porter' } },
      extensions: new Map([['porter', new HeaderPorter()]]),
      tenancy: book,
    })
    const headers = { 'content-type': 'application/json', 'x-tenant': 'a' }
    const many = Array.from({ length: 500 }, () => SPAN)

    const first = await zipkin.send(V2, many, headers)
    const second = await zipkin.send(V2, many, headers)

    assert.deepEqual([first.status, second.status], [202, 429])
    assert.match(second.headers.get('retry-after') ?? '', /^\d+$/)
    assert.ok(
      usage.turnedAway_.some(line => line.startsWith('a rate_')),
      `${usage.turnedAway_}`,
    )
  })

  it('speaks TLS and lets web pages send', async t => {
    const file = (name: string) =>
      fileURLToPath(new URL(`../../fixtures/tls/${name}`, import.meta.url))
    const zipkin = await startZipkinReceiver(t, {
      config: {
        tls: { cert_file: file('server.crt'), key_file: file('server.key') },
        cors: { allowed_origins: ['https://shop.example'] },
      },
    })

    const answer = await new Promise<{ status?: number; origin?: string }>((resolve, reject) => {
      const call = request(
        {
          host: '127.0.0.1',
          port: zipkin.receiver.port,
          path: V2,
          method: 'POST',
          ca: readFileSync(file('ca.crt')),
          servername: 'localhost',
          headers: { 'content-type': 'application/json', origin: 'https://shop.example' },
        },
        response => {
          response.resume()
          const origin = response.headers['access-control-allow-origin']
          response.on('end', () => resolve({ status: response.statusCode, origin }))
        },
      )
      call.on('error', reject)
      call.end(JSON.stringify([SPAN]))
    })

    assert.deepEqual(answer, { status: 202, origin: 'https://shop.example' })
    assert.equal(zipkin.next.items, 1)
  })
})
