/** What a gRPC client bears from servers that break the rules, use them up, or leave at the wrong moment. */
import assert from 'node:assert/strict'
import { createServer as createH2Server } from 'node:http2'
import { type AddressInfo, connect, createServer, type Socket } from 'node:net'
import { type TestContext, test } from 'node:test'
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { type Clock, SYSTEM_CLOCK } from '../../../src/core/clock.ts'
import { GrpcClient, type GrpcClientOptions } from '../../../src/net/grpc-client.ts'
import type { GrpcRequest } from '../../../src/net/grpc-client-call.ts'
import { ClientSession } from '../../../src/net/grpc-client-session.ts'
import { type GrpcTarget, parseGrpcTarget } from '../../../src/net/grpc-client-target.ts'
import { GRPC } from '../../../src/net/status.ts'
import { FakeClock } from '../../../src/testing/fakes.ts'
import { hpack, METHOD, until } from '../grpc-fixture.ts'
import { answerOk, startHttp2Backend } from '../http2-backend.ts'

const DATA = 0
const HEADERS = 1
const SETTINGS = 4
const PING = 6
const GOAWAY = 7
const WINDOW_UPDATE = 8

const OK_HEAD = hpack({ ':status': '200', 'content-type': 'application/grpc' })
const OK_ONLY = hpack({ ':status': '200', 'content-type': 'application/grpc', 'grpc-status': '0' })

function frame(type: number, flags: number, stream: number, payload: Uint8Array): Buffer {
  const head = Buffer.alloc(9)
  head.writeUIntBE(payload.length, 0, 3)
  head[3] = type
  head[4] = flags
  head.writeUInt32BE(stream, 5)
  return Buffer.concat([head, payload])
}

const GREETING = frame(SETTINGS, 0, 0, Buffer.alloc(0))
const ok = (stream: number) => frame(HEADERS, 5, stream, OK_ONLY)
const goaway = (last: number, error = 0) =>
  frame(GOAWAY, 0, 0, Buffer.from([0, 0, 0, last, 0, 0, 0, error]))

/** Calls `serve` for each connection, and `onFrame` for each frame of the client where that is set. */
async function startRawServer(
  t: TestContext,
  serve: (
    socket: Socket,
    count: number,
  ) => ((type: number, stream: number, flags: number) => void) | undefined,
) {
  const sockets: Socket[] = []
  const server = createServer({ allowHalfOpen: true }, socket => {
    sockets.push(socket)
    socket.on('error', () => {})
    const onFrame = serve(socket, sockets.length)
    if (onFrame === undefined) return
    let rest = Buffer.alloc(0)
    let skip = 24
    socket.on('data', chunk => {
      rest = Buffer.concat([rest, chunk])
      if (skip > 0) {
        rest = rest.subarray(skip)
        skip = 0
      }
      while (rest.length >= 9) {
        const length = rest.readUIntBE(0, 3)
        if (rest.length < 9 + length) break
        onFrame(rest[3], rest.readUInt32BE(5), rest[4])
        rest = rest.subarray(9 + length)
      }
    })
  })
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
  t.after(() => {
    for (const socket of sockets) socket.destroy()
    server.close()
  })
  return { port: (server.address() as AddressInfo).port, sockets }
}

function startClient(t: TestContext, port: number, options: Partial<GrpcClientOptions> = {}) {
  const client = new GrpcClient({
    target: parseGrpcTarget(`127.0.0.1:${port}`) as GrpcTarget,
    clock: SYSTEM_CLOCK,
    balancer: 'round_robin',
    keepalive: { timeMs: 0, timeoutMs: 0, withoutCalls: false },
    tls: null,
    userAgent: 'test',
    metadata: {},
    waitForReady: false,
    ...options,
  })
  t.after(() => client.close())
  return client
}

function callOf(body: Uint8Array, abort: AbortSignal | null = null) {
  return {
    path: METHOD,
    chunks: [body],
    byteLength: body.length,
    encoding: '',
    timeoutMs: 0,
    abort,
  }
}

function requestOf(body: Uint8Array, abort: AbortSignal | null = null): GrpcRequest {
  const head = hpack({
    ':method': 'POST',
    ':scheme': 'http',
    ':path': METHOD,
    ':authority': 'test',
    'content-type': 'application/grpc',
    te: 'trailers',
  })
  const fixed = { head, compressed: false, maxResponseBytes: 1 << 20 }
  return { ...fixed, chunks: [body], byteLength: body.length, abort }
}

setFlagsFromString('--expose-gc')
const collectGarbage = runInNewContext('gc') as () => void

const HELLO = Buffer.from('hello')
const PENDING = Symbol('pending')
const soon = <T>(work: Promise<T>, ms = 2000): Promise<T | typeof PENDING> =>
  Promise.race([work, new Promise<typeof PENDING>(r => setTimeout(r, ms, PENDING))])

/** A session on a socket, with an owner that does not care. */
async function openSession(t: TestContext, port: number): Promise<ClientSession> {
  const socket = connect(port, '127.0.0.1')
  t.after(() => socket.destroy())
  let ready = false
  const session = new ClientSession(socket, {
    sessionReady: () => {
      ready = true
    },
    sessionLeaving: () => {},
    sessionClosed: () => {},
  })
  await until(() => ready, 'the session is ready')
  return session
}

test('writes header blocks for a server that takes the table away', async t => {
  const backend = await startHttp2Backend(t, { settings: { headerTableSize: 0 } })
  const client = startClient(t, backend.port)

  for (let i = 0; i < 3; i++) {
    const reply = await client.unary(callOf(HELLO, AbortSignal.timeout(3000)))
    assert.equal(reply.code, GRPC.OK, reply.message)
  }
})

test('settles calls that wait for a stream when one signal ends them all', async t => {
  const backend = await startHttp2Backend(t, { settings: { maxConcurrentStreams: 1 } })
  const client = startClient(t, backend.port)
  await client.unary(callOf(HELLO))
  backend.answer = () => {}
  const controller = new AbortController()
  const calls = [1, 2, 3].map(() => client.unary(callOf(HELLO, controller.signal)))
  await until(() => backend.calls.length === 2, 'one call is there')

  controller.abort(new Error('enough'))
  const replies = await soon(Promise.all(calls))

  assert.notEqual(replies, PENDING)
  for (const reply of replies as Awaited<(typeof calls)[0]>[]) {
    assert.equal(reply.code, GRPC.DEADLINE_EXCEEDED)
  }
})

test('settles calls that wait for a connection when the client is closed', async t => {
  const { port, sockets } = await startRawServer(t, () => () => {})
  const client = startClient(t, port)
  const call = client.unary(callOf(HELLO))
  await until(() => sockets.length === 1, 'it is connecting')

  client.close()

  assert.notEqual(await soon(call), PENDING)
})

test('settles calls of an address that is no longer there when the client is closed', async t => {
  let busy = 0
  const { port, sockets } = await startRawServer(t, (socket, count) => {
    socket.write(GREETING)
    return type => {
      if (type === DATA) busy = count
    }
  })
  const clock = new FakeClock()
  let address = '127.0.0.1'
  const client = startClient(t, port, {
    clock,
    target: parseGrpcTarget(`dns:///backend:${port}`) as GrpcTarget,
    lookup: async () => [address],
    connectionsPerAddress: 2,
  })
  const call = client.unary(callOf(HELLO))
  await until(() => busy > 0 && sockets.length === 2, 'the call is there')
  sockets[2 - busy].destroy()
  await until(() => sockets[2 - busy].closed, 'the other connection is gone')
  await new Promise(resolve => setTimeout(resolve, 50))
  address = '127.0.0.2'
  await clock.advance(31_000)
  const gone = await client.unary(callOf(HELLO, AbortSignal.timeout(1000)))
  assert.equal(gone.code, GRPC.UNAVAILABLE)

  client.close()

  assert.notEqual(await soon(call), PENDING)
})

test('leaves no timer behind when it is closed while it connects', async t => {
  const { port, sockets } = await startRawServer(t, () => () => {})
  const clock = new FakeClock()
  const client = startClient(t, port, { clock })
  const call = client.unary(callOf(HELLO))
  await until(() => sockets.length === 1, 'it is connecting')

  client.close()
  await soon(call)

  assert.equal(clock.pending, 0)
})

test('leaves no timer behind when a call gives up before the next attempt to connect', async t => {
  const { port } = await startRawServer(t, socket => {
    socket.destroy()
    return undefined
  })
  const clock = new FakeClock()
  const client = startClient(t, port, { clock, waitForReady: true })
  const controller = new AbortController()
  const call = client.unary(callOf(HELLO, controller.signal))
  await new Promise(resolve => setTimeout(resolve, 100))
  assert.equal(clock.pending, 1)

  controller.abort(new Error('enough'))

  assert.equal((await call).code, GRPC.DEADLINE_EXCEEDED)
  assert.equal(clock.pending, 0)
})

test('does not connect again and again to a server that says GOAWAY with its greeting', async t => {
  const { port, sockets } = await startRawServer(t, socket => {
    socket.end(Buffer.concat([GREETING, goaway(0)]))
    return () => {}
  })
  const client = startClient(t, port, { waitForReady: true })

  const reply = await client.unary(callOf(HELLO, AbortSignal.timeout(700)))

  assert.notEqual(reply.code, GRPC.OK)
  assert.ok(sockets.length <= 4, `${sockets.length} connections`)
})

test('connects again at once when a server that has answered breaks the protocol', async t => {
  const { port, sockets } = await startRawServer(t, (socket, count) => {
    socket.write(GREETING)
    return (type, stream) => {
      if (type !== DATA) return
      if (count === 1 && stream === 3) socket.write(frame(DATA, 0, 0, HELLO))
      else socket.write(ok(stream))
    }
  })
  const client = startClient(t, port)
  assert.equal((await client.unary(callOf(HELLO))).code, GRPC.OK)
  const broken = client.unary(callOf(HELLO))
  await until(() => sockets[0].readableEnded, 'the client has left')

  const next = await client.unary(callOf(HELLO))

  assert.equal(next.code, GRPC.OK, next.message)
  assert.equal((await broken).code, GRPC.UNAVAILABLE)
})

test('does not take a status that is no number for success', async t => {
  for (const status of ['', ' ', '0x0', '-0', '00', '0.0']) {
    const block = hpack({ ':status': '200', 'grpc-status': status })
    const { port } = await startRawServer(t, socket => {
      socket.write(GREETING)
      return (type, stream) => {
        if (type === DATA) socket.write(frame(HEADERS, 5, stream, block))
      }
    })

    const reply = await startClient(t, port).unary(callOf(HELLO))

    assert.equal(reply.code, GRPC.UNKNOWN, `grpc-status '${status}'`)
  }
})

test('keeps of a response that comes byte by byte not much more than its bytes', async t => {
  const count = 200_000
  let hasAll = false
  const { port } = await startRawServer(t, socket => {
    socket.write(GREETING)
    return (type, stream) => {
      if (type === PING) hasAll = true
      if (type !== DATA) return
      const prefix = Buffer.from([0, 0, 0, 0, 0])
      prefix.writeUInt32BE(count, 1)
      const one = frame(DATA, 0, stream, Buffer.of(7))
      const bytes = Buffer.concat(Array.from({ length: count }, () => one))
      socket.write(frame(HEADERS, 4, stream, OK_HEAD))
      socket.write(Buffer.concat([frame(DATA, 0, stream, prefix), bytes]))
      socket.write(frame(PING, 0, 0, Buffer.alloc(8)))
    }
  })
  const session = await openSession(t, port)
  collectGarbage()
  const before = process.memoryUsage().heapUsed

  const call = session.call(requestOf(HELLO))
  await until(() => hasAll, 'all of it came')
  await new Promise(resolve => setTimeout(resolve, 50))
  collectGarbage()
  const kept = process.memoryUsage().heapUsed - before

  assert.ok(kept < 8 << 20, `${kept >> 20} MiB`)
  session.abandon('enough')
  await call
})

test('gives up a server that reads nothing and pings between answers to calls long gone', async t => {
  const pings = Buffer.concat(
    Array.from({ length: 5000 }, () => frame(PING, 0, 0, Buffer.alloc(8))),
  )
  const { port } = await startRawServer(t, socket => {
    socket.write(GREETING)
    let flooding = false
    return (type, stream) => {
      if (type !== DATA || flooding) return
      flooding = true
      socket.write(ok(stream))
      socket.pause()
      let rounds = 0
      const flood = () => {
        if (!socket.writable || rounds++ > 200) return
        socket.write(Buffer.concat([pings, ok(1)]), flood)
      }
      flood()
    }
  })
  const session = await openSession(t, port)
  await session.call(requestOf(HELLO))

  await until(() => session.isOver, 'it was given up')
})

test('queues a bounded number of bytes for a server that answers without reading', async t => {
  const { port } = await startRawServer(t, socket => {
    socket.pause()
    const wide = Buffer.from([0, 4, 0x7f, 0xff, 0xff, 0xff])
    socket.write(frame(SETTINGS, 0, 0, wide))
    socket.write(frame(WINDOW_UPDATE, 0, 0, Buffer.from([0x70, 0, 0, 0])))
    return undefined
  })
  const session = await openSession(t, port)
  const body = Buffer.alloc(1 << 20)

  for (let i = 0; i < 64; i++) void session.call(requestOf(body))
  await new Promise(resolve => setImmediate(resolve))

  assert.ok(session.socket.writableLength < 16 << 20, `${session.socket.writableLength} bytes`)
})

test('sends what had to wait for the socket once the server reads', async t => {
  const backend = await startHttp2Backend(t, { settings: { initialWindowSize: 0x7fff_ffff } })
  const session = await openSession(t, backend.port)
  backend.sessions[0].setLocalWindowSize(0x7000_0000)
  backend.sockets[0].pause()
  await until(() => session.peer.initialWindowBytes > 1 << 20, 'windows are wide')
  const body = Buffer.alloc(1 << 20, 5)

  const calls = Array.from({ length: 40 }, () => session.call(requestOf(body)))
  await new Promise(resolve => setTimeout(resolve, 50))
  backend.sockets[0].resume()
  const replies = await Promise.all(calls)

  assert.ok(replies.every(({ code }) => code === GRPC.OK))
  assert.ok(backend.calls.every(({ message }) => message.equals(body)))
})

test('does not call chunks free that are written but have not been handed to the socket', async t => {
  const backend = await startHttp2Backend(t)
  backend.answer = () => {}
  const session = await openSession(t, backend.port)
  const controller = new AbortController()

  const call = session.call(requestOf(Buffer.alloc(30_000), controller.signal))
  controller.abort(new Error('enough'))

  assert.equal((await call).chunksFree, false)
})

test('does not give up a connection whose ping is answered late, but in time', async t => {
  let pings = 0
  let called = false
  let answer = () => {}
  const { port } = await startRawServer(t, socket => {
    socket.write(GREETING)
    return (type, _, flags) => {
      if (type === DATA) called = true
      if (type !== PING || (flags & 1) !== 0) return
      pings++
      answer = () => void socket.write(frame(PING, 1, 0, Buffer.alloc(8)))
    }
  })
  const clock = new FakeClock()
  const keepalive = { timeMs: 10_000, timeoutMs: 25_000, withoutCalls: true }
  const client = startClient(t, port, { clock, keepalive })
  const call = client.unary(callOf(HELLO))
  await until(() => called, 'the call is there')
  await clock.advance(10_000)
  await until(() => pings === 1, 'a ping came')
  await clock.advance(11_000)
  answer()
  await new Promise(resolve => setTimeout(resolve, 50))

  await clock.advance(9_000)
  answer()
  await new Promise(resolve => setTimeout(resolve, 50))
  await clock.advance(8_000)

  assert.equal(await soon(call, 100), PENDING)
})

test('asks for no timer longer than timers can be, however often it is told to ping less', async t => {
  const { port, sockets } = await startRawServer(t, socket => {
    socket.write(GREETING)
    return (type, stream) => {
      if (type === DATA) socket.end(Buffer.concat([ok(stream), goaway(stream, 11)]))
    }
  })
  const longest: number[] = []
  const clock: Clock = {
    ...SYSTEM_CLOCK,
    after: (ms, f) => {
      longest.push(ms)
      return SYSTEM_CLOCK.after(ms, f)
    },
  }
  const keepalive = { timeMs: 2 ** 30, timeoutMs: 1000, withoutCalls: true }
  const client = startClient(t, port, { clock, keepalive })

  for (let i = 1; i <= 4; i++) {
    assert.equal((await client.unary(callOf(HELLO))).code, GRPC.OK)
    await until(() => sockets[i - 1].readableEnded, 'it has left')
  }

  assert.ok(Math.max(...longest) < 2 ** 31, String(Math.max(...longest)))
})

test('answers once and for all whatever the moment at which a call is aborted', async t => {
  const server = createH2Server({ settings: { initialWindowSize: 5000 } })
  server.on('stream', stream => {
    stream.on('error', () => {})
    stream.on('data', () => {})
    stream.on('end', () => stream.destroyed || answerOk({ stream }))
  })
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
  const client = startClient(t, (server.address() as AddressInfo).port)
  t.after(() => server.close())

  for (let round = 0; round < 60; round++) {
    const controller = new AbortController()
    const call = client.unary(callOf(Buffer.alloc(20_000), controller.signal))
    for (let tick = 0; tick < round; tick++) {
      if (tick < 10) await Promise.resolve()
      else await new Promise(resolve => setImmediate(resolve))
    }
    controller.abort(new Error('enough'))
    const reply = await soon(call)
    assert.notEqual(reply, PENDING)
  }
  assert.equal((await client.unary(callOf(HELLO))).code, GRPC.OK)
})
