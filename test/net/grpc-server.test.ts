/** The gRPC server as its clients see it: what it takes, how it refuses, how it ends. */
import assert from 'node:assert/strict'
import { mkdtemp, rm } from 'node:fs/promises'
import { connect as connectH2 } from 'node:http2'
import { createConnection } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, it } from 'node:test'
import { gzipSync } from 'node:zlib'
import type { UnaryCall } from '../../src/net/grpc-transport.ts'
import { decodeStatusDetails } from '../../src/net/rpc-status.ts'
import { type CallResult, call, HEADERS, message, startGrpc, until } from './grpc-fixture.ts'

const HELLO = Buffer.from('hello, this is one message')

function assertRefused(result: CallResult, code: number, text: RegExp): void {
  assert.equal(result.headers[':status'], 200)
  assert.equal(result.code, code, result.message)
  assert.match(decodeURIComponent(result.message), text)
  assert.equal(result.body.length, 0)
}

describe('gRPC server', () => {
  it('answers a unary call with message and trailers', async t => {
    const { connect, handler } = await startGrpc(t)

    const result = await call(connect(), [message(HELLO)])

    assert.equal(result.code, 0)
    assert.equal(result.headers['content-type'], 'application/grpc')
    assert.deepEqual(result.body, message(HELLO))
    assert.equal(handler.reserved, 0)
  })

  it('reads prefix and message however they are cut into frames', async t => {
    const { connect, handler } = await startGrpc(t)
    const session = connect()
    const whole = message(HELLO)

    for (let cut = 1; cut < 12; cut++) {
      const pieces = [whole.subarray(0, cut), whole.subarray(cut)]
      assert.deepEqual((await call(session, pieces)).body, whole)
    }
    const bytes = [...whole].map(byte => Buffer.of(byte))
    assert.deepEqual((await call(session, bytes)).body, whole)
    assert.equal(handler.reserved, 0)
  })

  it('reserves room for large messages as they come, and frees what they grew out of', async t => {
    const { connect, handler } = await startGrpc(t)
    const large = Buffer.alloc(6 << 20, 'large')

    const result = await call(connect(), [message(large)])

    assert.equal(Buffer.compare(result.body.subarray(5), large), 0)
    assert.equal(handler.reserved, 0)
    assert.ok(handler.peak <= large.length + (4 << 20))
  })

  it('refuses messages over the limit without reserving anything', async t => {
    const { connect, handler } = await startGrpc(t)

    const result = await call(connect(), [message(HELLO, 0, (8 << 20) + 1)], {}, false)

    assertRefused(result, 8, /larger than max/)
    assert.equal(result.headers['grpc-status-details-bin'], undefined)
    assert.equal(handler.peak, 0)
  })

  it('passes the refusal of the memory budget on, with the delay', async t => {
    const { connect, handler } = await startGrpc(t)
    handler.limit = 10

    const result = await call(connect(), [message(HELLO)])

    assertRefused(result, 14, /no room/)
    const details = decodeStatusDetails(String(result.headers['grpc-status-details-bin']))
    assert.equal(details?.retryDelayMs, 700)
  })

  it('goes on serving a connection on which refused bodies keep coming', async t => {
    const { connect, handler } = await startGrpc(t)
    const session = connect()
    handler.limit = 10
    for (let i = 0; i < 40; i++) {
      assert.equal((await call(session, [message(Buffer.alloc(4 << 20))])).code, 14)
    }
    handler.limit = Number.POSITIVE_INFINITY

    const result = await call(session, [message(HELLO)])

    assert.equal(result.code, 0)
    assert.equal(handler.reserved, 0)
  })

  it('lets no more than a window of a refused body come', async t => {
    const { port, handler } = await startGrpc(t, { maxMessageBytes: 64 << 20 })
    const session = connectH2(`http://127.0.0.1:${port}`, { maxSessionMemory: 100 })
    session.on('error', () => {})
    t.after(() => session.destroy())
    handler.limit = 10
    const stream = session.request(HEADERS)
    stream.on('error', () => {})
    let code: unknown
    stream.once('response', headers => {
      code = headers['grpc-status']
    })
    stream.end(message(Buffer.alloc(40 << 20)))
    stream.resume()
    await until(() => code !== undefined, 'the refusal came')
    // What has been granted is still sent.
    let sentBytes = -1
    while (sentBytes !== session.socket.bytesWritten) {
      sentBytes = session.socket.bytesWritten
      await new Promise(resolve => setTimeout(resolve, 100))
    }

    assert.equal(code, '14')
    assert.ok(sentBytes < 16 << 20, `${sentBytes} bytes`)
  })

  it('refuses two messages, none, half of one, and unknown flags', async t => {
    const { connect, handler } = await startGrpc(t)
    const session = connect()
    const two = Buffer.concat([message(HELLO), message(HELLO)])

    assertRefused(await call(session, [two]), 12, /exactly one message/)
    assertRefused(await call(session, [message(HELLO), message(HELLO)]), 12, /exactly one message/)
    assertRefused(await call(session, []), 12, /exactly one message/)
    assertRefused(await call(session, [message(HELLO, 0, 99)]), 13, /middle of the message/)
    assertRefused(await call(session, [Buffer.of(0, 0)]), 13, /middle of the message/)
    assertRefused(await call(session, [message(HELLO, 2)]), 13, /unknown flag/)
    assertRefused(await call(session, [message(HELLO, 0, 0xffffffff)]), 8, /larger than max/)
    assert.equal(handler.messages.length, 0)
    assert.equal(handler.reserved, 0)
  })

  it('hands compressed messages over with their encoding, and plain ones without', async t => {
    const { connect, handler } = await startGrpc(t)
    const session = connect()
    const gzip = { 'grpc-encoding': 'gzip' }

    await call(session, [message(gzipSync(HELLO), 1)], gzip)
    await call(session, [message(HELLO, 0)], gzip)
    const flagged = await call(session, [message(HELLO, 1)])

    assert.deepEqual(
      handler.calls.map(c => c.encoding),
      ['gzip', ''],
    )
    assertRefused(flagged, 13, /without grpc-encoding/)
  })

  it('says which encodings it takes when it does not know one', async t => {
    const { connect } = await startGrpc(t)

    const result = await call(connect(), [message(HELLO)], { 'grpc-encoding': 'br' })

    assertRefused(result, 12, /grpc-encoding br/)
    assert.equal(result.headers['grpc-accept-encoding'], 'identity,gzip')
  })

  it('answers UNIMPLEMENTED for unknown services and methods', async t => {
    const { connect } = await startGrpc(t)
    const session = connect()

    assertRefused(await call(session, [], { ':path': '/nobody.Knows/It' }), 12, /unknown service/)
    assertRefused(await call(session, [], { ':path': '/test.Echo/Nope' }), 12, /unknown method/)
    assertRefused(await call(session, [], { ':path': '/constructor' }), 12, /unknown service/)
  })

  it('checks method and content type as HTTP does, and takes the usual variants', async t => {
    const { connect } = await startGrpc(t)
    const session = connect()
    const withType = (type: string) => call(session, [message(HELLO)], { 'content-type': type })

    assert.equal((await call(session, [], { ':method': 'GET' })).headers[':status'], 405)
    for (const type of ['application/json', 'application/grpcx', 'application/grpc+json', '']) {
      assert.equal((await withType(type)).headers[':status'], 415, type)
    }
    for (const type of [
      'application/grpc+proto',
      'application/grpc;charset=utf-8',
      'Application/gRPC',
    ]) {
      assert.equal((await withType(type)).code, 0, type)
    }
    assert.equal((await call(session, [message(HELLO)], { te: undefined })).code, 0)
  })

  it('refuses a malformed grpc-timeout', async t => {
    const { connect } = await startGrpc(t)
    const session = connect()

    assertRefused(await call(session, [], { 'grpc-timeout': '5 seconds' }), 13, /grpc-timeout/)
    assert.equal((await call(session, [message(HELLO)], { 'grpc-timeout': '5S' })).code, 0)
  })

  it('offers metadata with repeated and binary values, leaving out what is not base64', async t => {
    const { connect, handler } = await startGrpc(t)
    const metadata: ReadonlyMap<string, readonly string[]>[] = []
    handler.answer = c => {
      metadata.push(c.metadata())
      c.reply(null)
    }

    await call(connect(), [message(HELLO)], {
      'x-many': ['a', 'b'],
      'x-trace-bin': Buffer.from([0, 255]).toString('base64'),
      'x-bad-bin': '!!!',
    })

    assert.deepEqual(metadata[0].get('x-many'), ['a', 'b'])
    assert.deepEqual(metadata[0].get('x-trace-bin'), ['\u0000\u00ff'])
    assert.equal(metadata[0].has('x-bad-bin'), false)
    assert.equal(metadata[0].has(':path'), false)
    assert.match(handler.calls[0].context.peer, /^127\.0\.0\.1:\d+$/)
  })

  it('takes metadata of 16 KiB and resets streams whose headers exceed 64 KiB', async t => {
    const { connect } = await startGrpc(t)
    const session = connect()

    assert.equal((await call(session, [message(HELLO)], { 'x-big': 'x'.repeat(16 << 10) })).code, 0)
    const flood = await call(session, [message(HELLO)], { 'x-big': 'x'.repeat(80 << 10) })
    assert.notEqual(flood.code, 0)
    assert.equal((await call(connect(), [message(HELLO)])).code, 0)
  })

  it('frees what was read when the client resets in the middle of a message', async t => {
    const { connect, handler } = await startGrpc(t)
    const session = connect()
    const stream = session.request(HEADERS)
    stream.on('error', () => {})
    stream.write(message(HELLO, 0, 5000))
    await until(() => handler.reserved > 0, 'room was reserved')

    stream.close(8)

    await until(() => handler.reserved === 0, 'room was given back')
    assert.equal((await call(session, [message(HELLO)])).code, 0)
  })

  it('does not mind an answer to a client that has gone', async t => {
    const { connect, handler } = await startGrpc(t)
    const waiting: UnaryCall[] = []
    handler.answer = c => void waiting.push(c)
    const session = connect()
    void call(session, [message(HELLO)])
    await until(() => waiting.length === 1, 'the call was handed over')
    session.destroy()
    await new Promise(resolve => setTimeout(resolve, 20))

    waiting[0].reply(HELLO)
    waiting[0].fail({ code: 13, message: 'twice' })

    handler.answer = c => c.reply(null)
    assert.equal((await call(connect(), [message(HELLO)])).code, 0)
  })

  it('advertises its stream limit and keeps to it', async t => {
    const { connect } = await startGrpc(t, { maxConcurrentStreams: 7 })
    const session = connect()
    await new Promise(resolve => session.once('remoteSettings', resolve))

    assert.equal(session.remoteSettings.maxConcurrentStreams, 7)
    assert.equal(session.remoteSettings.initialWindowSize, 8 << 20)
    assert.equal(session.remoteSettings.maxHeaderListSize, 64 << 10)
  })

  it('says GOAWAY when it stops and finishes the calls that are there', async t => {
    const { connect, server, handler } = await startGrpc(t)
    const session = connect()
    let goaway = false
    session.on('goaway', () => (goaway = true))
    handler.answer = c => setTimeout(() => c.reply(HELLO), 50)
    const last = call(session, [message(HELLO)])
    await until(() => handler.calls.length === 1, 'the call was handed over')

    await server.stop(AbortSignal.timeout(5000))

    assert.deepEqual((await last).body, message(HELLO))
    assert.ok(goaway)
    assert.equal(server.connections, 0)
  })

  it('cuts what has not ended when the deadline to stop comes', async t => {
    const { connect, server, handler } = await startGrpc(t)
    handler.answer = () => {}
    const session = connect()
    const never = call(session, [message(HELLO)])
    await until(() => handler.calls.length === 1, 'the call was handed over')

    await server.stop(AbortSignal.timeout(30))

    assert.notEqual((await never).code, 0)
    assert.equal(server.connections, 0)
    await server.stop(AbortSignal.abort())
  })

  it('listens on a unix socket and takes over one that a dead process left', async t => {
    const folder = await mkdtemp(join(tmpdir(), 'millrace-'))
    t.after(() => rm(folder, { recursive: true }))
    const path = join(folder, 'grpc.sock')
    const first = await startGrpc(t, { listen: { path } })
    const session = connectH2('http://unix', { createConnection: () => createConnection(path) })
    t.after(() => session.destroy())

    assert.equal((await call(session, [message(HELLO)])).code, 0)
    assert.equal(first.port, 0)
    await assert.rejects(startGrpc(t, { listen: { path } }), { code: 'MILLRACE_START_FAILED' })
  })

  it('fails to start with the code for it when the address is taken', async t => {
    const { port } = await startGrpc(t)

    await assert.rejects(startGrpc(t, { listen: { host: '127.0.0.1', port } }), {
      code: 'MILLRACE_START_FAILED',
    })
  })
})
