/** The gRPC client against servers that behave and servers that do not, on real sockets. */
import assert from 'node:assert/strict'
import { once } from 'node:events'
import { mkdtemp, rm } from 'node:fs/promises'
import { constants } from 'node:http2'
import { type AddressInfo, createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { SYSTEM_CLOCK } from '../../src/core/clock.ts'
import { type CallOptions, GrpcClient, type GrpcClientOptions } from '../../src/net/grpc-client.ts'
import { type GrpcTarget, parseGrpcTarget } from '../../src/net/grpc-client-target.ts'
import { GRPC } from '../../src/net/status.ts'
import { FakeClock } from '../../src/testing/fakes.ts'
import {
  answerOk,
  answerStatus,
  framed,
  type Http2Backend,
  startHttp2Backend,
} from './http2-backend.ts'

const PATH = '/test.Service/Call'

function startClient(
  t: TestContext,
  endpoint: number | string,
  options: Partial<GrpcClientOptions> = {},
): GrpcClient {
  const text = typeof endpoint === 'number' ? `127.0.0.1:${endpoint}` : endpoint
  const client = new GrpcClient({
    target: parseGrpcTarget(text) as GrpcTarget,
    clock: SYSTEM_CLOCK,
    balancer: 'round_robin',
    keepalive: { timeMs: 0, timeoutMs: 0, withoutCalls: false },
    tls: null,
    userAgent: 'test/1',
    metadata: {},
    waitForReady: false,
    ...options,
  })
  t.after(() => client.close())
  return client
}

function call(client: GrpcClient, text = 'hello', options: Partial<CallOptions> = {}) {
  const chunks = options.chunks ?? [Buffer.from(text)]
  const byteLength = chunks.reduce((sum, chunk) => sum + chunk.length, 0)
  const fixed = { path: PATH, encoding: '', timeoutMs: 5000, abort: AbortSignal.timeout(5000) }
  return client.unary({ ...fixed, ...options, chunks, byteLength })
}

test('sends the chunks as one message with its headers and reads the answer', async t => {
  const backend = await startHttp2Backend(t)
  backend.answer = c => answerOk(c, Buffer.from('yes'))
  const client = startClient(t, backend.port, { metadata: { 'x-key': 'v', 'trace-bin': 'raw' } })

  const chunks = [Buffer.from('one '), Buffer.from('two '), Buffer.alloc(100_000, 'x')]
  const reply = await call(client, '', { chunks, encoding: 'gzip' })

  assert.equal(reply.code, GRPC.OK)
  assert.equal(Buffer.from(reply.body!).toString(), 'yes')
  assert.equal(reply.chunksFree, true)
  const [{ headers, message, flag }] = backend.calls
  assert.deepEqual(message, Buffer.concat(chunks))
  assert.equal(flag, 1)
  assert.equal(headers[':path'], PATH)
  assert.equal(headers[':authority'], `127.0.0.1:${backend.port}`)
  assert.equal(headers['content-type'], 'application/grpc')
  assert.equal(headers.te, 'trailers')
  assert.equal(headers['grpc-encoding'], 'gzip')
  assert.equal(headers['grpc-timeout'], '5000m')
  assert.equal(headers['user-agent'], 'test/1')
  assert.equal(headers['x-key'], 'v')
  assert.equal(headers['trace-bin'], Buffer.from('raw').toString('base64'))
})

test('keeps one connection for many calls at a time', async t => {
  const backend = await startHttp2Backend(t)
  const client = startClient(t, backend.port)

  const replies = await Promise.all(Array.from({ length: 50 }, (_, i) => call(client, `${i}`)))

  assert.ok(replies.every(reply => reply.code === GRPC.OK))
  assert.equal(backend.sessions.length, 1)
})

test('reads the status of a trailers-only answer, its message and its details', async t => {
  const backend = await startHttp2Backend(t)
  backend.answer = c =>
    answerStatus(c, GRPC.INVALID_ARGUMENT, {
      'grpc-message': 'caf%C3%A9 100%25',
      'grpc-status-details-bin': 'AQID',
    })

  const reply = await call(startClient(t, backend.port))

  assert.equal(reply.code, GRPC.INVALID_ARGUMENT)
  assert.equal(reply.message, 'café 100%')
  assert.deepEqual([...reply.details!], [1, 2, 3])
})

for (const [httpStatus, code] of [
  [400, GRPC.INTERNAL],
  [401, GRPC.UNAUTHENTICATED],
  [403, GRPC.PERMISSION_DENIED],
  [404, GRPC.UNIMPLEMENTED],
  [429, GRPC.UNAVAILABLE],
  [502, GRPC.UNAVAILABLE],
  [503, GRPC.UNAVAILABLE],
  [504, GRPC.UNAVAILABLE],
  [500, GRPC.UNKNOWN],
] as const) {
  test(`takes HTTP ${httpStatus} without a gRPC status as code ${code}`, async t => {
    const backend = await startHttp2Backend(t)
    backend.answer = ({ stream }) => stream.respond({ ':status': httpStatus }, { endStream: true })

    assert.equal((await call(startClient(t, backend.port))).code, code)
  })
}

test('reads no more of a response than allowed', async t => {
  const backend = await startHttp2Backend(t)
  backend.answer = c => answerOk(c, Buffer.alloc(100_000))

  const reply = await call(startClient(t, backend.port, { maxResponseBytes: 1000 }))

  assert.equal(reply.oversize, true)
  assert.equal(reply.body, null)
})

test('cancels the stream when the signal is aborted', async t => {
  const backend = await startHttp2Backend(t)
  const abort = new AbortController()
  const reset = new Promise<number>(resolve => {
    backend.answer = ({ stream }) => {
      stream.on('close', () => resolve(stream.rstCode!))
      abort.abort(new Error('too late'))
    }
  })

  const reply = await call(startClient(t, backend.port), 'x', { abort: abort.signal })

  assert.equal(reply.code, GRPC.DEADLINE_EXCEEDED)
  assert.equal(reply.message, 'too late')
  assert.equal(await reset, constants.NGHTTP2_CANCEL)
})

test('says that chunks are not free when a call ends before they are written', async t => {
  const backend = await startHttp2Backend(t)
  const abort = new AbortController()
  backend.onHeaders = () => abort.abort(new Error('too late'))
  const chunks = [Buffer.alloc(4 << 20)]

  const reply = await call(startClient(t, backend.port), '', { chunks, abort: abort.signal })

  assert.equal(reply.chunksFree, false)
})

test('a server that answers before it has read the request is heard', async t => {
  const backend = await startHttp2Backend(t)
  backend.onHeaders = stream => answerStatus({ stream }, GRPC.UNAUTHENTICATED)
  const chunks = [Buffer.alloc(1 << 20)]
  const abort = AbortSignal.timeout(5000)

  const reply = await call(startClient(t, backend.port), '', { chunks, abort })

  assert.equal(reply.code, GRPC.UNAUTHENTICATED)
})

test('fails at once when nobody listens, and connects again later', async t => {
  const gone = await startHttp2Backend(t)
  const { port } = gone
  await gone.close()
  const client = startClient(t, port)

  const reply = await call(client)
  assert.equal(reply.code, GRPC.UNAVAILABLE)
  assert.match(reply.message, /ECONNREFUSED/)
  const failedFast = await call(client)
  assert.equal(failedFast.code, GRPC.UNAVAILABLE)
  await startHttp2Backend(t, {}, port)
  const waiting = startClient(t, port, { waitForReady: true })

  assert.equal((await call(waiting)).code, GRPC.OK)
})

test('waits for a server that comes up later with wait_for_ready', async t => {
  const gone = await startHttp2Backend(t)
  const { port } = gone
  await gone.close()
  const client = startClient(t, port, { waitForReady: true })
  const reply = call(client, 'x', { abort: AbortSignal.timeout(20_000) })

  await startHttp2Backend(t, {}, port)

  assert.equal((await reply).code, GRPC.OK)
})

test('finishes calls in flight after a GOAWAY and opens a new connection for the next', async t => {
  const backend = await startHttp2Backend(t)
  let release = (): void => {}
  backend.answer = c => {
    release = () => answerOk(c)
    c.stream.session!.goaway(constants.NGHTTP2_NO_ERROR)
    backend.answer = answerOk
  }
  const client = startClient(t, backend.port)
  const first = call(client, 'first')
  await until(() => backend.calls.length === 1)
  await new Promise(resolve => setTimeout(resolve, 50))

  const second = await call(client, 'second')
  release()

  assert.equal(second.code, GRPC.OK)
  assert.equal((await first).code, GRPC.OK)
  assert.equal(backend.sessions.length, 2)
})

test('sends a call again that the server refused without looking at it', async t => {
  const backend = await startHttp2Backend(t)
  let refusals = 1
  backend.onHeaders = stream => {
    if (refusals-- > 0) {
      stream.close(constants.NGHTTP2_REFUSED_STREAM)
      return
    }
    stream.resume()
    answerOk({ stream })
  }

  assert.equal((await call(startClient(t, backend.port))).code, GRPC.OK)
})

test('a connection that breaks in the middle is UNAVAILABLE', async t => {
  const backend = await startHttp2Backend(t)
  backend.answer = () => backend.sockets[0].destroy()

  const reply = await call(startClient(t, backend.port))

  assert.equal(reply.code, GRPC.UNAVAILABLE)
})

test('a reset of the stream gets the code that gRPC gives it', async t => {
  const backend = await startHttp2Backend(t)
  backend.answer = ({ stream }) => stream.close(constants.NGHTTP2_ENHANCE_YOUR_CALM)

  const reply = await call(startClient(t, backend.port))

  assert.equal(reply.code, GRPC.RESOURCE_EXHAUSTED)
})

test('something that is not HTTP/2 is UNAVAILABLE', async t => {
  const server = createServer(socket => socket.on('error', () => {}).end('SSH-2.0-none\r\n'))
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
  t.after(() => server.close())

  const reply = await call(startClient(t, (server.address() as AddressInfo).port))

  assert.equal(reply.code, GRPC.UNAVAILABLE)
})

test('gives up a connection whose keepalive ping is not answered', async t => {
  // Answers the preface with SETTINGS and never anything else.
  const server = createServer(socket => {
    socket.on('error', () => {})
    socket.resume()
    socket.write(Buffer.from([0, 0, 0, 4, 0, 0, 0, 0, 0]))
  })
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
  t.after(() => server.close())
  const keepalive = { timeMs: 30, timeoutMs: 30, withoutCalls: false }

  const reply = await call(startClient(t, (server.address() as AddressInfo).port, { keepalive }))

  assert.equal(reply.code, GRPC.UNAVAILABLE)
  assert.match(reply.message, /keepalive/)
})

test('pings while a call waits, and goes on when they are answered', async t => {
  const backend = await startHttp2Backend(t)
  let pings = 0
  backend.server.on('session', session => session.on('ping', () => pings++))
  backend.answer = c => {
    void until(() => pings >= 2).then(() => answerOk(c))
  }
  const keepalive = { timeMs: 20, timeoutMs: 2000, withoutCalls: false }

  const reply = await call(startClient(t, backend.port, { keepalive }))

  assert.equal(reply.code, GRPC.OK)
})

test('takes turns over all addresses with round_robin, and stays with the first with pick_first', async t => {
  const one = await startHttp2Backend(t)
  const lookup = async () => ['127.0.0.1', '127.0.0.1', '::1']
  const both = await startTwin(t, one)
  if (both === null) return t.skip('no IPv6 here')
  const target = `localhost:${one.port}`
  const turns = startClient(t, target, { lookup })
  await call(turns)
  await until(() => one.sessions.length + both.sessions.length === 2)
  await new Promise(resolve => setTimeout(resolve, 50))
  for (let i = 0; i < 10; i++) await call(turns)
  assert.ok(one.calls.length >= 5 && both.calls.length >= 5, `${one.calls.length}`)

  const before = both.calls.length
  const first = startClient(t, target, { lookup, balancer: 'pick_first' })
  for (let i = 0; i < 6; i++) await call(first)

  assert.equal(both.calls.length, before)
})

test('goes to the other address when one is down', async t => {
  const backend = await startHttp2Backend(t)
  const lookup = async () => ['127.0.0.2', '127.0.0.1']
  for (const balancer of ['round_robin', 'pick_first'] as const) {
    const client = startClient(t, `backend.test:${backend.port}`, { lookup, balancer })
    assert.equal((await call(client)).code, GRPC.OK)
  }
})

test('a name that cannot be looked up is UNAVAILABLE', async t => {
  const lookup = () => Promise.reject(new Error('ENOTFOUND'))

  const reply = await call(startClient(t, 'nowhere.test:1', { lookup }))

  assert.equal(reply.code, GRPC.UNAVAILABLE)
  assert.match(reply.message, /nowhere\.test/)
})

test('a name without an address is looked up again', async t => {
  const backend = await startHttp2Backend(t)
  let found: string[] = []
  const client = startClient(t, `backend.test:${backend.port}`, { lookup: async () => found })

  const before = await call(client)
  found = ['127.0.0.1']

  assert.equal(before.code, GRPC.UNAVAILABLE)
  assert.match(before.message, /backend\.test/)
  assert.equal((await call(client)).code, GRPC.OK)
})

test('keeps within the concurrent streams that the server allows', async t => {
  const backend = await startHttp2Backend(t, { settings: { maxConcurrentStreams: 2 } })
  let open = 0
  let most = 0
  backend.answer = c => {
    most = Math.max(most, ++open)
    setTimeout(() => {
      open--
      answerOk(c)
    }, 5)
  }
  const client = startClient(t, backend.port)

  const replies = await Promise.all(Array.from({ length: 12 }, () => call(client)))

  assert.ok(replies.every(reply => reply.code === GRPC.OK))
  assert.equal(most, 2)
})

test('speaks to a unix socket', async t => {
  const backend = await startHttp2Backend(t)
  const folder = await mkdtemp(join(tmpdir(), 'millrace-'))
  t.after(() => rm(folder, { recursive: true }))
  const path = join(folder, 'socket')
  const front = createServer(socket => backend.server.emit('connection', socket))
  await new Promise<void>(resolve => front.listen(path, resolve))
  t.after(() => front.close())

  assert.equal((await call(startClient(t, `unix://${path}`))).code, GRPC.OK)
  assert.equal(backend.calls[0].headers[':authority'], 'localhost')
})

test('calls after close answer, they do not throw', async t => {
  const backend = await startHttp2Backend(t)
  const client = startClient(t, backend.port)
  await call(client)
  client.close()

  assert.equal((await call(client)).code, GRPC.UNAVAILABLE)
})

test('answers of several frames and a split prefix are put together', async t => {
  const backend = await startHttp2Backend(t)
  backend.answer = ({ stream }) => {
    const bytes = framed(Buffer.alloc(50_000, 'r'))
    stream.respond(
      { ':status': 200, 'content-type': 'application/grpc' },
      { waitForTrailers: true },
    )
    stream.on('wantTrailers', () => stream.sendTrailers({ 'grpc-status': '0' }))
    stream.write(bytes.subarray(0, 3))
    setImmediate(() => stream.end(bytes.subarray(3)))
  }

  const reply = await call(startClient(t, backend.port))

  assert.equal(reply.body!.length, 50_000)
})

test('endpoints are read in all their forms', () => {
  const forms: [string, string | null, string, number | string][] = [
    ['localhost:4317', null, 'localhost', 4317],
    ['http://backend:80', 'http', 'backend', 80],
    ['https://backend', 'https', 'backend', 443],
    ['HTTPS://backend:1/', 'https', 'backend', 1],
    ['[::1]:4317', null, '::1', 4317],
    ['dns:///backend:1', null, 'backend', 1],
    ['dns://8.8.8.8/backend:1', null, 'backend', 1],
    ['passthrough:///backend:1', null, 'backend', 1],
    [':4317', null, 'localhost', 4317],
  ]
  for (const [text, scheme, host, port] of forms) {
    const target = parseGrpcTarget(text) as GrpcTarget
    assert.deepEqual([target.scheme, target.host, target.port], [scheme, host, port], text)
  }
  assert.equal((parseGrpcTarget('unix:///tmp/s') as GrpcTarget).path, '/tmp/s')
  assert.equal((parseGrpcTarget('unix:rel') as GrpcTarget).path, 'rel')
  for (const text of ['', 'https://', 'unix://', 'backend', 'backend:port']) {
    assert.equal(typeof parseGrpcTarget(text), 'string', text)
  }
})

/** A second backend on the IPv6 loopback with the same port; null where there is none. */
async function startTwin(t: TestContext, one: Http2Backend): Promise<Http2Backend | null> {
  const twin = await startHttp2Backend(t)
  const second = createServer(socket => twin.server.emit('connection', socket))
  second.listen(one.port, '::1')
  const [event] = await Promise.race([
    once(second, 'listening').then(() => ['listening']),
    once(second, 'error').then(() => ['error']),
  ]).catch(() => ['error'])
  t.after(() => second.close())
  return event === 'listening' ? twin : null
}

async function until(isTrue: () => boolean): Promise<void> {
  for (let i = 0; i < 1000 && !isTrue(); i++) await new Promise(resolve => setTimeout(resolve, 5))
  assert.ok(isTrue())
}

test('a server that is said to be back is connected to at once, not when the backoff ends', async t => {
  const first = await startHttp2Backend(t)
  await first.close()
  const clock = new FakeClock()
  const client = startClient(t, first.port, { clock })
  const down = await call(client)
  const server = createServer(socket => socket.destroy())
  let connections = 0
  server.on('connection', () => connections++)
  await new Promise<void>(resolve => server.listen(first.port, '127.0.0.1', resolve))
  t.after(() => server.close())

  await call(client)
  const before = connections
  client.hurry()
  await call(client)

  assert.equal(down.code, GRPC.UNAVAILABLE)
  assert.deepEqual([before, connections], [0, 1])
})
