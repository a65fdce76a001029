/** Hostile input at the receiver: refused, counted, nothing kept, and the next client is served. */
import assert from 'node:assert/strict'
import { describe, it, type TestContext } from 'node:test'
import { gzipSync } from 'node:zlib'
import fc from 'fast-check'
import { HTTP_EXPORT_PATH, SIGNALS } from '../../../src/core/signal.ts'
import { compress, supportedEncodings } from '../../../src/net/compression.ts'
import { decodeStatus, decodeStatusJson } from '../../../src/net/rpc-status.ts'
import { sampleRequest } from '../../harness/samples.ts'
import {
  GrpcClient,
  JSON_TYPE,
  PROTO,
  post,
  type ReceiverOptions,
  startReceiver,
} from './running.ts'

const MIB = 1 << 20

async function start(t: TestContext, options: ReceiverOptions = {}) {
  const running = await startReceiver(options)
  const grpc = new GrpcClient(running.grpcPort)
  t.after(async () => {
    grpc.close()
    await running.close()
  })
  /** Ends what was taken so far. */
  const letGo = () => {
    for (const batch of running.next.batches) {
      running.services.ledger.sent(batch.tenant, batch.signal, batch.items)
    }
    running.next.releaseAll()
    assert.equal(running.services.memory.reservedBytes, 0, 'bytes still reserved')
  }
  const serves = async () => {
    letGo()
    const { bytes } = sampleRequest('traces', 1)
    assert.equal((await grpc.export('traces', bytes)).code, 0)
    assert.equal((await post(`${running.url}/v1/traces`, bytes)).status, 200)
    letGo()
  }
  return { ...running, grpc, serves, letGo }
}

/** `times` messages around each other, in field `tag`. */
function nest(tag: number, times: number, core: Buffer = Buffer.alloc(0)): Buffer {
  let out: Buffer = core
  for (let i = 0; i < times; i++) out = Buffer.concat([Buffer.of(tag), varint(out.length), out])
  return out
}

function varint(value: number): Buffer {
  const out: number[] = []
  let rest = value
  for (; rest >= 128; rest = Math.floor(rest / 128)) out.push((rest & 127) | 128)
  out.push(rest)
  return Buffer.from(out)
}

/** An attribute value of arrays in arrays, inside a span. */
function deepValue(depth: number): Buffer {
  let value = Buffer.of(0x10, 1)
  const parts: Buffer[] = [value]
  let length = 2
  // AnyValue { array_value(5) { values(1) AnyValue } }, written from the inside out.
  for (let i = 0; i < depth; i++) {
    const inner = Buffer.concat([Buffer.of(0x0a), varint(length)])
    length += inner.length
    const outer = Buffer.concat([Buffer.of(0x2a), varint(length)])
    length += outer.length
    parts.push(inner, outer)
  }
  value = Buffer.concat(parts.reverse())
  const keyValue = Buffer.concat([Buffer.of(0x12), varint(value.length), value])
  const span = Buffer.concat([Buffer.of(0x4a), varint(keyValue.length), keyValue])
  const field = Buffer.concat([Buffer.of(0x12), varint(span.length), span])
  return nest(0x0a, 1, nest(0x12, 1, field))
}

describe('otlp receiver against hostile input', () => {
  it('refuses malformed protobuf of every kind with the byte of the fault', async t => {
    const { grpc, url, serves, services } = await start(t)
    const cases = {
      'varint of 11 bytes': '08ffffffffffffffffffff01',
      'length beyond the end': '0a05',
      'negative length': '0affffffffffffffffff01',
      'field number 0': '0000',
      'wire type 6': '0e00',
      'wrong wire type': '0801',
      'group that does not end': '7b',
      'group that did not begin': '7c',
      'text that is not UTF-8': '0a0712051a03616263ff',
    }
    let refused = 0
    for (const signal of SIGNALS) {
      for (const [name, hex] of Object.entries(cases)) {
        const bytes = Buffer.from(hex, 'hex')
        const overGrpc = await grpc.export(signal, bytes)
        const overHttp = await post(url + HTTP_EXPORT_PATH[signal], bytes)
        assert.equal(overGrpc.code, 3, `${signal}: ${name}`)
        assert.match(overGrpc.message, /byte \d+/)
        assert.equal(overHttp.status, 400)
        assert.equal(decodeStatus(overHttp.body)?.message, overGrpc.message)
        refused += 2
      }
    }
    assert.equal(services.meter.total('millrace_receiver_refused_requests'), refused)
    await serves()
  })

  it('refuses values nested too deeply, in protobuf and JSON', async t => {
    const { grpc, url, serves } = await start(t)
    for (const depth of [100, 1000, 10_000, 100_000]) {
      assert.equal((await grpc.export('traces', deepValue(depth))).code, 3, String(depth))
    }
    assert.equal((await grpc.export('traces', deepValue(10))).code, 0)
    const open = '{"arrayValue":{"values":['
    const json = (depth: number) =>
      `{"resourceSpans":[{"resource":{"attributes":[{"key":"a","value":${open.repeat(depth)}` +
      `{"intValue":1}${']}}'.repeat(depth)}}]}}]}`
    for (const depth of [200, 10_000]) {
      assert.equal((await post(`${url}/v1/traces`, json(depth), JSON_TYPE)).status, 400)
    }
    assert.equal((await post(`${url}/v1/traces`, '['.repeat(100_000), JSON_TYPE)).status, 400)
    await serves()
  })

  it('stops bombs of every encoding at the limit, in memory as well', async t => {
    const { url, serves } = await start(t, {
      http: { max_request_body_size: 4 * MIB },
      memoryBytes: 16 * MIB,
    })
    const zeros = Buffer.alloc(64 * MIB)
    const bombs = new Map<string, Uint8Array>()
    for (const { encoding, codec } of await supportedEncodings()) {
      if (codec !== undefined) bombs.set(encoding, await compress(encoding, [zeros], zeros.length))
    }
    const before = process.memoryUsage().rss

    for (const [encoding, bomb] of bombs) {
      const headers = { ...PROTO, 'content-encoding': encoding }
      const answer = await post(`${url}/v1/traces`, bomb, headers)
      assert.equal(answer.status, 413, encoding)
      assert.equal(answer.headers.get('retry-after'), null)
    }

    assert.ok(process.memoryUsage().rss - before < 100 * MIB)
    await serves()
  })

  it('stops bombs over gRPC', async t => {
    const { grpcPort, serves } = await start(t, { grpc: { max_recv_msg_size_mib: 4 } })
    const client = new GrpcClient(grpcPort, { 'grpc.default_compression_algorithm': 2 })
    t.after(() => client.close())

    assert.equal((await client.export('traces', Buffer.alloc(64 * MIB))).code, 8)

    await serves()
  })

  it('takes gzip whose length field lies, for what it is', async t => {
    const { url, serves, next } = await start(t)
    const { bytes } = sampleRequest('traces', 1, 3000)
    for (const claim of [0, 1, 0xffffffff]) {
      const packed = Buffer.from(gzipSync(bytes))
      packed.writeUInt32LE(claim, packed.length - 4)
      const answer = await post(`${url}/v1/traces`, packed, {
        ...PROTO,
        'content-encoding': 'gzip',
      })
      assert.equal(answer.status, 400)
      assert.equal(decodeStatus(answer.body)?.message, 'gzip: invalid checksum')
    }
    const many = Buffer.concat([gzipSync(bytes), gzipSync(Buffer.alloc(0))])
    const answer = await post(`${url}/v1/traces`, many, { ...PROTO, 'content-encoding': 'gzip' })
    assert.equal(answer.status, 200)
    assert.equal(next.items, 3000)
    assert.equal(next.batches[0].parts[0].payload.bytes.length, bytes.length)
    await serves()
  })

  it('names broken bodies as the Go collector does', async t => {
    const { url, serves } = await start(t)
    const body = '{"key": "value"}'
    const encoded = (encoding: string, type: Record<string, string>) =>
      post(`${url}/v1/traces`, body, { ...type, 'content-encoding': encoding })

    const json = await encoded('gzip', JSON_TYPE)
    const proto = await encoded('gzip', PROTO)

    assert.equal(json.status, 400)
    assert.deepEqual(JSON.parse(json.body.toString()), { code: 3, message: 'gzip: invalid header' })
    assert.equal(json.headers.get('content-type'), 'application/json')
    assert.equal(decodeStatus(proto.body)?.message, 'gzip: invalid header')
    assert.equal(proto.headers.get('content-type'), 'application/x-protobuf')
    if ((await supportedEncodings()).some(s => s.encoding === 'zstd' && s.codec !== undefined)) {
      const zstd = await encoded('zstd', PROTO)
      assert.equal(decodeStatus(zstd.body)?.message, 'invalid input: magic number mismatch')
    }
    await serves()
  })

  it('refuses JSON that is none, in JSON', async t => {
    const { url, serves } = await start(t)
    const bodies = [
      '1234',
      '',
      'null junk',
      '{"resourceSpans":[]} trailing',
      '// comment\n{}',
      Buffer.from('{}', 'utf16le'),
      Buffer.from([0x7b, 0x22, 0xff, 0x22, 0x3a, 0x31, 0x7d]),
      '{"resourceSpans": [{"scopeSpans": [{"spans": [{"startTimeUnixNano": 1e400}]}]}]}',
      '{"resourceSpans": [{"scopeSpans": [{"spans": [{"traceId": "not hex"}]}]}]}',
    ]
    for (const body of bodies) {
      const answer = await post(`${url}/v1/traces`, body, JSON_TYPE)
      assert.equal(answer.status, 400, String(body))
      assert.equal(decodeStatusJson(answer.body.toString())?.code, 3)
    }
    const odd = '{"__proto__": {"a": 1}, "constructor": [], "toString": null, "resourceSpans": []}'
    assert.equal((await post(`${url}/v1/traces`, odd, JSON_TYPE)).status, 200)
    assert.equal(({} as { a?: number }).a, undefined)
    await serves()
  })

  it('reserves memory for indexes that are larger than their requests', async t => {
    const { grpc, next, services } = await start(t)
    const empty = Buffer.alloc(2 * 200_000)
    for (let i = 0; i < empty.length; i += 2) empty[i] = 0x12
    const request = nest(0x0a, 1, nest(0x12, 1, empty))

    assert.equal((await grpc.export('traces', request)).code, 0)

    assert.equal(next.items, 200_000)
    assert.ok(services.memory.reservedBytes > request.length + 16 * 200_000)
  })

  it('answers random bytes with nothing but success or a coded refusal', async t => {
    const { grpc, url, letGo } = await start(t)
    await fc.assert(
      fc.asyncProperty(
        fc.uint8Array({ maxLength: 300 }),
        fc.constantFrom(...SIGNALS),
        fc.constantFrom('', 'gzip', 'zstd', 'snappy', 'lz4', 'deflate'),
        fc.boolean(),
        async (bytes, signal, encoding, json) => {
          const headers: Record<string, string> = { ...(json ? JSON_TYPE : PROTO) }
          if (encoding !== '') headers['content-encoding'] = encoding
          const overHttp = await post(url + HTTP_EXPORT_PATH[signal], bytes, headers)
          const overGrpc = await grpc.export(signal, bytes)
          assert.ok([200, 400, 413].includes(overHttp.status), String(overHttp.status))
          assert.ok([0, 3].includes(overGrpc.code), String(overGrpc.code))
        },
      ),
      { numRuns: 150 },
    )
    letGo()
  })

  it('serves others while one client sends garbage without end', async t => {
    const { url, grpc, letGo, next } = await start(t)
    const garbage = Buffer.alloc(200_000, 0xff)
    let stop = false
    const nuisance = (async () => {
      while (!stop)
        await post(`${url}/v1/traces`, garbage, { ...PROTO, 'content-encoding': 'gzip' })
    })()
    for (let i = 0; i < 50; i++) {
      assert.equal((await grpc.export('logs', sampleRequest('logs', i).bytes)).code, 0)
    }
    stop = true
    await nuisance

    assert.equal(next.items, 250)
    letGo()
  })
})
