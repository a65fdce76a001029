/** Frames as other implementations may send them: in pieces, padded, with priorities, windows of every size. */
import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { GrpcClient } from '../../../src/net/grpc-client.ts'
import { type GrpcTarget, parseGrpcTarget } from '../../../src/net/grpc-client-target.ts'
import { FakeClock } from '../../../src/testing/fakes.ts'
import { hpack, METHOD, message, RawClient, startGrpc, until } from '../grpc-fixture.ts'
import { startHttp2Backend } from '../http2-backend.ts'

const HEADERS = 1
const RST_STREAM = 3
const WINDOW_UPDATE = 8
const BLOCK = hpack({
  ':method': 'POST',
  ':scheme': 'http',
  ':path': METHOD,
  'content-type': 'application/grpc',
  te: 'trailers',
})

function frame(type: number, flags: number, stream: number, payload: Uint8Array): Buffer {
  const head = Buffer.alloc(9)
  head.writeUIntBE(payload.length, 0, 3)
  head[3] = type
  head[4] = flags
  head.writeUInt32BE(stream, 5)
  return Buffer.concat([head, payload])
}

/** Every way in which a call may come: plain, padded with priority, in CONTINUATION frames, with trailers. */
function fourCalls(): Buffer {
  const body = message(Buffer.from('hello'))
  const third = Math.floor(BLOCK.length / 3)
  return Buffer.concat([
    Buffer.from('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n'),
    frame(4, 0, 0, Buffer.alloc(0)),
    frame(HEADERS, 4, 1, BLOCK),
    frame(0, 1, 1, body),
    frame(0xbe, 0, 0, Buffer.from('of an unknown type')),
    frame(
      HEADERS,
      4 | 8 | 0x20,
      3,
      Buffer.concat([Buffer.from([2, 0, 0, 0, 1, 16]), BLOCK, Buffer.alloc(2)]),
    ),
    frame(0, 8, 3, Buffer.concat([Buffer.from([3]), body.subarray(0, 4), Buffer.alloc(3)])),
    frame(0, 8, 3, Buffer.from([4, 0, 0, 0, 0])),
    frame(0, 1, 3, body.subarray(4)),
    frame(HEADERS, 0, 5, BLOCK.subarray(0, third)),
    frame(9, 0, 5, BLOCK.subarray(third, 2 * third)),
    frame(9, 4, 5, BLOCK.subarray(2 * third)),
    frame(0, 0, 5, body),
    frame(0, 1, 5, Buffer.alloc(0)),
    frame(HEADERS, 4, 7, BLOCK),
    frame(0, 0, 7, body),
    frame(HEADERS, 5, 7, hpack({ 'x-checksum': '1' })),
  ])
}

function answered(raw: RawClient): number {
  return raw.frames.filter(({ type, flags }) => type === HEADERS && (flags & 1) !== 0).length
}

describe('HTTP/2 frames', () => {
  it('are read wherever the bytes are cut', async t => {
    const fixture = await startGrpc(t)
    const bytes = fourCalls()
    for (let cut = 1; cut < bytes.length; cut += 5) {
      const raw = await RawClient.connect(fixture.port, false)
      t.after(() => raw.socket.destroy())
      raw.socket.setNoDelay(true)
      await new Promise(resolve => raw.socket.write(bytes.subarray(0, cut), resolve))
      raw.socket.write(bytes.subarray(cut))
      await until(() => answered(raw) === 4, `four answers when cut at ${cut}`)
      raw.socket.destroy()
    }

    assert.ok(fixture.handler.messages.every(m => Buffer.from(m).toString() === 'hello'))
    assert.equal(fixture.handler.reserved, 0)
    assert.deepEqual(fixture.cuts, [])
  })

  it('are read byte by byte', async t => {
    const fixture = await startGrpc(t)
    const raw = await RawClient.connect(fixture.port, false)
    t.after(() => raw.socket.destroy())
    raw.socket.setNoDelay(true)

    for (const byte of fourCalls()) {
      await new Promise(resolve => raw.socket.write(Buffer.of(byte), resolve))
    }
    await until(() => answered(raw) === 4, 'four answers')

    assert.equal(fixture.handler.messages.length, 4)
  })

  it('carry no more of an answer than the windows allow, and the rest when they open', async t => {
    const fixture = await startGrpc(t)
    const raw = await fixture.raw()
    raw.settings(Buffer.from([0, 4, 0, 0, 0, 3]))
    raw.headers(1)
    raw.data(1, message(Buffer.from('hello')), true)
    const data = () =>
      Buffer.concat(raw.frames.filter(f => f.type === 0 && f.stream === 1).map(f => f.payload))
    await until(() => data().length === 3, 'three bytes came')

    for (let open = 4; open <= 10; open++) {
      raw.frame(WINDOW_UPDATE, 0, 1, Buffer.from([0, 0, 0, 1]))
      await until(() => data().length === open, `${open} bytes came`)
    }
    await until(() => answered(raw) === 1, 'the trailers came')

    assert.deepEqual(data(), message(Buffer.from('hello')))
  })

  it('of a message larger than any window arrive, because windows are opened again', async t => {
    const fixture = await startGrpc(t, { maxMessageBytes: 40 << 20 })
    const client = clientOf(fixture.port)
    t.after(() => client.close())
    const large = Buffer.alloc(20 << 20, 7)
    fixture.handler.answer = call => call.reply(null)

    for (let i = 0; i < 5; i++) {
      const reply = await client.unary(callOf(large))
      assert.equal(reply.code, 0, reply.message)
    }

    assert.ok(
      fixture.handler.messages.every(m => m.length === large.length && m[large.length - 1] === 7),
    )
  })

  it('of many calls share small windows of the server until all is sent', async t => {
    const backend = await startHttp2Backend(t, { settings: { initialWindowSize: 777 } })
    const client = clientOf(backend.port)
    t.after(() => client.close())
    const bodies = Array.from({ length: 12 }, (_, i) => Buffer.alloc(40_000 + i, i))

    const replies = await Promise.all(bodies.map(body => client.unary(callOf(body))))

    assert.ok(replies.every(({ code, chunksFree }) => code === 0 && chunksFree))
    const got = backend.calls.map(({ message }) => message).sort((a, b) => a[0] - b[0])
    assert.deepEqual(got, bodies)
  })

  it('are not answered beyond the limits that the client set for itself', async t => {
    const fixture = await startGrpc(t, { maxConcurrentStreams: 2 })
    fixture.handler.answer = () => {}
    const raw = await fixture.raw()
    for (const stream of [1, 3, 5]) {
      raw.headers(stream)
      raw.data(stream, message(Buffer.from('hello')), true)
    }

    await until(() => raw.frames.some(f => f.type === RST_STREAM), 'one was refused')

    const refused = raw.frames.find(f => f.type === RST_STREAM)
    assert.equal(refused?.stream, 5)
    assert.equal(refused?.payload.readUInt32BE(), 7)
  })
})

/** What each of these does to the connection: the error code of its GOAWAY. */
const FAULTS: readonly [string, number, (raw: RawClient) => void][] = [
  ['DATA without a stream', 1, raw => raw.data(0, Buffer.from('x'))],
  ['DATA on a stream that nobody opened', 1, raw => raw.data(9, Buffer.from('x'))],
  ['a stream with an even number', 1, raw => raw.headers(2)],
  [
    'a stream number below the last',
    1,
    raw => {
      raw.headers(9)
      raw.headers(7)
    },
  ],
  [
    'padding longer than its frame',
    1,
    raw => {
      raw.headers(1)
      raw.frame(0, 8, 1, Buffer.from([9, 0]))
    },
  ],
  [
    'a frame within a header block',
    1,
    raw => {
      raw.openHeaders(1)
      raw.ping()
    },
  ],
  ['CONTINUATION without HEADERS', 1, raw => raw.continuation(1, BLOCK)],
  ['PUSH_PROMISE from a client', 1, raw => raw.frame(5, 4, 1, Buffer.alloc(8))],
  ['SETTINGS of seven bytes', 6, raw => raw.settings(Buffer.alloc(7))],
  [
    'a window beyond 2^31-1 by SETTINGS',
    3,
    raw => raw.settings(Buffer.from([0, 4, 255, 255, 255, 255])),
  ],
  ['a frame size that is not allowed', 1, raw => raw.settings(Buffer.from([0, 5, 0, 0, 0, 1]))],
  [
    'a window that grows beyond 2^31-1',
    3,
    raw => raw.frame(8, 0, 0, Buffer.from([127, 255, 255, 255])),
  ],
  ['a window that grows by nothing', 1, raw => raw.frame(8, 0, 0, Buffer.alloc(4))],
  ['PING of nine bytes', 6, raw => raw.frame(6, 0, 0, Buffer.alloc(9))],
  ['a header block that cannot be read', 9, raw => raw.frame(1, 4, 1, Buffer.from([0x80]))],
  [
    'a frame above the maximum size',
    6,
    raw => raw.socket.write(Buffer.from([0x20, 0, 0, 0, 0, 0, 0, 0, 1])),
  ],
]

describe('HTTP/2 connections', () => {
  for (const [what, error, send] of FAULTS) {
    it(`end with error ${error} on ${what}`, async t => {
      const fixture = await startGrpc(t)
      const raw = await fixture.raw()

      send(raw)
      await raw.closed

      assert.equal(raw.goaway()?.payload.readUInt32BE(4), error)
      await until(() => fixture.server.connections === 0, 'it is gone')
      assert.deepEqual(fixture.cuts, ['protocol_error'])
    })
  }

  it('are cut when the client makes the server reset its streams', async t => {
    const fixture = await startGrpc(t)
    const raw = await fixture.raw()

    for (let stream = 1; stream < 4000 && raw.socket.writable; stream += 2) {
      raw.headers(stream)
      raw.frame(WINDOW_UPDATE, 0, stream, Buffer.alloc(4))
      if (stream % 200 === 1) await new Promise(resolve => setImmediate(resolve))
    }
    await raw.closed

    assert.deepEqual(fixture.cuts, ['rapid_reset'])
  })

  for (const [what, bytes] of [
    ['a header block', frame(HEADERS, 0, 1, BLOCK)],
    ['a frame', frame(HEADERS, 4, 1, BLOCK).subarray(0, 20)],
    ["a frame's header", Buffer.from([0, 0])],
  ] as const) {
    it(`are cut when the rest of ${what} does not come`, async t => {
      const fixture = await startGrpc(t)
      const raw = await fixture.raw()
      await until(() => raw.frames.length > 1, 'it was greeted')
      await new Promise(resolve => raw.socket.write(bytes, resolve))
      await until(() => fixture.server.connections === 1, 'it is there')

      await fixture.clock.advance(7000)
      await raw.closed

      assert.deepEqual(fixture.cuts, ['slow_body'])
    })
  }

  it('carry metadata larger than one frame', async t => {
    const fixture = await startGrpc(t)
    const client = clientOf(fixture.port, { 'x-large': 'v'.repeat(40_000) })
    t.after(() => client.close())

    const reply = await client.unary(callOf(Buffer.from('hello')))

    assert.equal(reply.code, 0, reply.message)
    assert.equal(fixture.handler.calls[0].metadata().get('x-large')?.[0].length, 40_000)
  })

  it('are cut when frames that carry nothing do not end', async t => {
    const fixture = await startGrpc(t)
    const raw = await fixture.raw()
    const nothing = frame(2, 0, 1, Buffer.from([0, 0, 0, 0, 16]))

    for (let i = 0; i < 40 && raw.socket.writable; i++) {
      const flood = Buffer.concat(Array.from({ length: 500 }, () => nothing))
      await new Promise(resolve => raw.socket.write(flood, resolve))
    }
    await raw.closed

    assert.equal(raw.goaway()?.payload.readUInt32BE(4), 11)
  })
})

function clientOf(port: number, metadata: Record<string, string> = {}): GrpcClient {
  return new GrpcClient({
    target: parseGrpcTarget(`127.0.0.1:${port}`) as GrpcTarget,
    clock: new FakeClock(),
    balancer: 'round_robin',
    keepalive: { timeMs: 0, timeoutMs: 0, withoutCalls: false },
    tls: null,
    userAgent: 'test',
    metadata,
    waitForReady: false,
  })
}

function callOf(body: Uint8Array) {
  return {
    path: METHOD,
    chunks: [body],
    byteLength: body.length,
    encoding: '',
    timeoutMs: 0,
    abort: null,
  }
}
