/** What a gRPC server bears from clients that break off, send no more, or do with little work what costs it much. */
import assert from 'node:assert/strict'
import { connect as connectH2 } from 'node:http2'
import { connect } from 'node:net'
import { test } from 'node:test'
import { connect as connectTls } from 'node:tls'
import { fileURLToPath } from 'node:url'
import { SILENT_LOGGER } from '../../../src/core/logger.ts'
import type { FrameWriter } from '../../../src/net/http2/frame-writer.ts'
import { SendFlow } from '../../../src/net/http2/send-flow.ts'
import { Http2Stream } from '../../../src/net/http2/stream.ts'
import { serverTls } from '../../../src/net/tls.ts'
import { FakeClock } from '../../../src/testing/fakes.ts'
import { call, hpack, METHOD, message, startGrpc, until } from '../grpc-fixture.ts'

const HELLO = Buffer.from('hello')
const RST_STREAM = 3

test('answers clients that take the header table away', async t => {
  const fixture = await startGrpc(t)
  const session = connectH2(`http://127.0.0.1:${fixture.port}`, {
    settings: { headerTableSize: 0 },
  })
  session.on('error', () => {})
  t.after(() => session.destroy())
  if (session.remoteSettings.maxFrameSize === undefined) {
    await new Promise(resolve => session.once('remoteSettings', resolve))
  }
  fixture.handler.answer = c => c.reply(null)

  for (let i = 0; i < 3; i++) {
    const result = await call(session, [message(HELLO)])
    assert.equal(result.code, 0)
  }
})

test('gives the room of half a message back when the client ends the connection', async t => {
  const fixture = await startGrpc(t)
  const raw = await fixture.raw()
  raw.headers(1)
  raw.data(1, message(HELLO, 0, 1000))
  await until(() => fixture.handler.reserved > 0, 'room was reserved')

  raw.socket.end()

  await until(() => fixture.handler.reserved === 0, 'room was given back', 2000)
  await until(() => fixture.server.connections === 0, 'the connection is gone', 2000)
})

test('still answers what is whole when the client ends the connection', async t => {
  const fixture = await startGrpc(t)
  fixture.handler.answer = () => {}
  const raw = await fixture.raw()
  raw.headers(1)
  raw.data(1, message(HELLO), true)
  raw.headers(3)
  raw.data(3, message(HELLO, 0, 1000))
  await until(() => fixture.handler.calls.length === 1, 'the call came')
  raw.socket.end()
  await until(() => fixture.handler.reserved === 0, 'room was given back', 2000)

  fixture.handler.calls[0].reply(null)

  await until(() => raw.frames.some(f => f.type === 1 && f.stream === 1), 'the answer came')
})

test('does not take clients for attackers that stop sending what was refused', async t => {
  const fixture = await startGrpc(t)
  fixture.handler.limit = 0
  const raw = await fixture.raw()

  for (let stream = 1; stream < 1400; stream += 2) {
    raw.headers(stream)
    raw.data(stream, message(HELLO, 0, 1000))
    if (stream % 100 === 1) {
      await until(() => raw.frames.some(f => f.stream === stream), 'it was refused')
    }
    if (stream > 100) raw.reset(stream - 100)
  }
  await until(() => raw.frames.some(f => f.stream === 1399), 'the last was refused')

  assert.deepEqual(fixture.cuts, [])
})

test('resets a stream once, in however many pieces more of it comes', async t => {
  const fixture = await startGrpc(t, { maxMessageBytes: 1000 })
  const raw = await fixture.raw()
  raw.headers(1)
  const head = Buffer.from([0x08, 0, 0, 0, 0, 0, 0, 0, 1])
  await new Promise(resolve => raw.socket.write(head, resolve))
  raw.socket.write(message(HELLO, 0, 600_000))
  await until(() => raw.frames.some(f => f.stream === 1), 'it was refused')

  const piece = Buffer.alloc(2000)
  for (let i = 0; i < 100; i++) {
    await new Promise(resolve => raw.socket.write(piece, resolve))
    await new Promise(resolve => setImmediate(resolve))
  }
  raw.socket.write(Buffer.alloc(0x08_0000 - 10 - 200_000))
  raw.headers(3)
  await until(() => raw.frames.some(f => f.type === RST_STREAM), 'it was reset')
  raw.data(3, message(HELLO), true)
  await until(() => raw.frames.some(f => f.stream === 3), 'the next was answered')

  assert.equal(raw.frames.filter(f => f.type === RST_STREAM).length, 1)
})

test('keeps no more than a few MiB of the headers of calls that never go on', async t => {
  const fixture = await startGrpc(t)
  const raw = await fixture.raw()

  for (let stream = 1; stream < 1000; stream += 2) {
    raw.headers(stream, false, { [`x-${stream}`]: 'v'.repeat(16_000 - 200) })
  }
  await until(() => raw.frames.some(f => f.stream === 999), 'the last was refused')
  const refused = raw.frames.filter(f => f.type === RST_STREAM)

  assert.ok(refused.length > 200 && refused.length < 400, `${refused.length} refused`)
  assert.ok(refused.every(f => f.payload.readUInt32BE() === 7))
  for (let stream = 1; stream < 101; stream += 2) raw.reset(stream)
  raw.headers(1001)
  raw.data(1001, message(HELLO), true)
  await until(() => raw.frames.some(f => f.stream === 1001), 'there is room again')
  assert.ok(raw.frames.some(f => f.type === 0 && f.stream === 1001))
})

test('does not cut a busy connection that happens to be within a frame at every look', async t => {
  const fixture = await startGrpc(t)
  const raw = await fixture.raw()
  const end = 2 * 12 + 1
  for (let stream = 1; stream <= end; stream += 2) {
    const block = hpack({
      ':method': 'POST',
      ':scheme': 'http',
      ':path': METHOD,
      'content-type': 'application/grpc',
    })
    const head = Buffer.from([0, 0, block.length, 1, 4, 0, 0, 0, stream])
    if (stream > 1) {
      raw.socket.write(block)
      raw.data(stream - 2, message(HELLO), true)
      await until(() => fixture.handler.calls.length === (stream - 1) / 2, 'a call came')
    }
    if (stream < end) await new Promise(resolve => raw.socket.write(head, resolve))
    await new Promise(resolve => setTimeout(resolve, 20))
    await fixture.clock.advance(1000)
  }

  assert.deepEqual(fixture.cuts, [])
})

test('takes no connection whose handshake ends after the server has stopped', async t => {
  const file = (name: string) =>
    fileURLToPath(new URL(`../../fixtures/tls/${name}`, import.meta.url))
  const settings = { cert_file: file('server.crt'), key_file: file('server.key') }
  const tls = await serverTls(settings, { clock: new FakeClock(), log: SILENT_LOGGER })
  t.after(() => tls.stop())
  const fixture = await startGrpc(t, { tls })
  const plain = connect(fixture.port, '127.0.0.1')
  t.after(() => plain.destroy())
  await new Promise(resolve => plain.once('connect', resolve))
  await new Promise(resolve => setTimeout(resolve, 50))
  await fixture.server.stop(new AbortController().signal)

  const socket = connectTls({ socket: plain, ALPNProtocols: ['h2'], rejectUnauthorized: false })
  socket.on('error', () => {})
  const closed = new Promise(resolve => socket.once('close', () => resolve('closed')))
  const late = new Promise(resolve => setTimeout(resolve, 1500, 'still open'))

  assert.equal(await Promise.race([closed, late]), 'closed')
  assert.equal(fixture.server.connections, 0)
})

test('never names a higher last stream in a later GOAWAY', async t => {
  const fixture = await startGrpc(t)
  fixture.handler.answer = () => {}
  const raw = await fixture.raw()
  raw.headers(1)
  raw.data(1, message(HELLO), true)
  await until(() => fixture.handler.calls.length === 1, 'the call came')
  const stopped = fixture.server.stop(AbortSignal.timeout(3000))
  raw.frame(6, 1, 0, Buffer.from('millrace'))
  const goaways = () => raw.frames.filter(f => f.type === 7).map(f => f.payload.readUInt32BE())
  await until(() => goaways().length === 2, 'it refuses new calls')

  raw.headers(3)
  raw.data(3, message(HELLO), true)
  raw.data(0, HELLO)
  await stopped

  assert.deepEqual(goaways(), [0x7fff_ffff, 1, 1])
})

/** Counts how often its window is looked at. */
class WatchedStream extends Http2Stream {
  static looks = 0
  onData(): void {}
  onEnd(): void {}
  onClosed(): void {}
}

test('looks at no stream that its own window holds back when the connection window opens', () => {
  const writer = { backlog: 0, room: 1 << 20, frameHeader() {}, bytes() {} }
  const peer = { initialWindowBytes: 0, maxFrameBytes: 16_384, maxStreams: 1000, tableBytes: 0 }
  const flow = new SendFlow(writer as unknown as FrameWriter, peer, () => {})
  for (let id = 1; id < 2000; id += 2) {
    const stream = new WatchedStream(id, 0, 0)
    Object.defineProperty(stream, 'sendWindow', {
      get: () => {
        WatchedStream.looks++
        return 0
      },
    })
    const fixed = { chunks: [HELLO], index: 0, offset: 0, trailers: null, onWritten: null }
    stream.outbox = { ...fixed, left: HELLO.length }
    flow.send(stream)
  }
  WatchedStream.looks = 0

  for (let i = 0; i < 100; i++) flow.open(1)

  assert.ok(WatchedStream.looks < 1000, `${WatchedStream.looks} looks`)
})

test('sends what waited for windows in whatever order they open', async t => {
  const fixture = await startGrpc(t)
  const raw = await fixture.raw()
  raw.settings(Buffer.from([0, 4, 0, 0, 0, 0]))
  const body = Buffer.alloc(40_000, 3)
  for (const stream of [1, 3, 5, 7]) {
    raw.headers(stream)
    raw.data(stream, message(body), true)
  }
  const bytesOf = (stream: number) =>
    raw.frames
      .filter(f => f.type === 0 && f.stream === stream)
      .reduce((sum, f) => sum + f.payload.length, 0)
  const total = () => [1, 3, 5, 7].reduce((sum, stream) => sum + bytesOf(stream), 0)
  await until(() => raw.frames.filter(f => f.type === 1).length === 4, 'four answers begin')
  assert.equal(total(), 0)

  raw.frame(8, 0, 3, Buffer.from([0, 0, 0, 10]))
  await until(() => bytesOf(3) === 10, 'ten bytes of one')
  raw.settings(Buffer.from([0, 4, 0, 0, 100, 0]))
  await until(() => total() === 65_535, 'all of the connection window')
  raw.settings(Buffer.from([0, 4, 0, 0, 0, 5]))
  raw.frame(8, 0, 0, Buffer.from([0, 2, 0, 0]))
  raw.frame(8, 0, 7, Buffer.from([0, 1, 0, 0]))
  await until(() => bytesOf(7) === 40_005, 'the last is whole')
  raw.settings(Buffer.from([0, 4, 0, 1, 0, 0]))
  await until(() => total() === 4 * 40_005, 'all are whole')

  const ends = raw.frames.filter(f => f.type === 1 && (f.flags & 1) !== 0)
  assert.deepEqual(ends.map(f => f.stream).sort(), [1, 3, 5, 7])
})
