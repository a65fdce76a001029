/** What hostile clients do to a gRPC server: cut and counted, nothing kept, other clients served meanwhile. */
import assert from 'node:assert/strict'
import { connect } from 'node:net'
import { describe, it } from 'node:test'
import {
  call,
  type GrpcFixture,
  hpack,
  message,
  RawClient,
  startGrpc,
  until,
} from './grpc-fixture.ts'

const HELLO = Buffer.from('hello')
const ENHANCE_YOUR_CALM = 11

async function assertServes({ connect: open, handler }: GrpcFixture): Promise<void> {
  assert.equal((await call(open(), [message(HELLO)])).code, 0)
  assert.equal(handler.reserved, 0)
}

function errorCode(raw: RawClient): number | undefined {
  return raw.goaway()?.payload.readUInt32BE(4)
}

describe('gRPC server under abuse', () => {
  it('cuts connections that open calls and reset them', async t => {
    const fixture = await startGrpc(t)
    const raw = await fixture.raw()

    for (let stream = 1; stream < 20_000 && raw.socket.writable; stream += 2) {
      raw.headers(stream)
      raw.reset(stream)
      if (stream % 500 === 1) await assertServes(fixture)
    }
    await raw.closed

    assert.ok(errorCode(raw) !== undefined || fixture.cuts.includes('rapid_reset'))
    await assertServes(fixture)
  })

  it('cuts connections that flood it with settings', async t => {
    const fixture = await startGrpc(t)
    const raw = await fixture.raw()

    for (let i = 0; i < 300; i++) raw.settings()
    await raw.closed

    assert.equal(errorCode(raw), ENHANCE_YOUR_CALM)
    assert.deepEqual(fixture.cuts, ['settings_flood'])
    await assertServes(fixture)
  })

  it('cuts clients that ping more often than the policy allows', async t => {
    const fixture = await startGrpc(t)
    const raw = await fixture.raw()

    for (let i = 0; i < 5; i++) raw.ping()
    await raw.closed

    assert.equal(errorCode(raw), ENHANCE_YOUR_CALM)
    assert.equal(raw.goaway()?.payload.subarray(8).toString(), 'too_many_pings')
    assert.deepEqual(fixture.cuts, ['ping_flood'])
  })

  it('lets clients ping as often as the policy allows', async t => {
    const fixture = await startGrpc(t, { minClientPingMs: 10_000, permitPingWithoutStream: true })
    const raw = await fixture.raw()

    for (let i = 0; i < 6; i++) {
      raw.ping()
      await until(() => raw.frames.filter(f => f.type === 6).length === i + 1, 'ping was answered')
      await fixture.clock.advance(10_000)
    }

    assert.deepEqual(fixture.cuts, [])
  })

  it('survives floods of CONTINUATION frames', async t => {
    const fixture = await startGrpc(t)
    const raw = await fixture.raw()
    const before = process.memoryUsage().rss
    raw.openHeaders(1)

    for (let i = 0; i < 3000 && raw.socket.writable; i++) {
      raw.continuation(1, hpack({ 'x-flood': 'y'.repeat(4000) }))
      if (i % 100 === 0) await new Promise(resolve => setImmediate(resolve))
    }
    raw.socket.end()
    await raw.closed

    assert.ok(process.memoryUsage().rss - before < 64 << 20)
    await assertServes(fixture)
  })

  it('survives many headers in one block', async t => {
    const fixture = await startGrpc(t)
    const raw = await fixture.raw()
    const many = Object.fromEntries(Array.from({ length: 900 }, (_, i) => [`x-${i}`, 'v']))

    raw.headers(1, true, many)
    await until(() => raw.frames.some(f => f.type === 3 || f.type === 7), 'it was refused')

    assert.equal(fixture.handler.calls.length, 0)
    await assertServes(fixture)
  })

  it('cuts a message that stops coming', async t => {
    const fixture = await startGrpc(t)
    const raw = await fixture.raw()
    raw.headers(1)
    raw.data(1, message(HELLO, 0, 1000))
    await until(() => fixture.handler.reserved > 0, 'room was reserved')

    await fixture.clock.advance(8000)

    await until(() => fixture.handler.reserved === 0, 'room was given back')
    assert.deepEqual(fixture.cuts, ['slow_body'])
    await assertServes(fixture)
  })

  it('cuts a message that comes drop by drop', async t => {
    const fixture = await startGrpc(t)
    const raw = await fixture.raw()
    raw.headers(1)
    raw.data(1, message(Buffer.alloc(0), 0, 1000))

    for (let i = 0; i < 12 && fixture.cuts.length === 0; i++) {
      raw.data(1, Buffer.of(i))
      await new Promise(resolve => setTimeout(resolve, 5))
      await fixture.clock.advance(1000)
    }

    assert.deepEqual(fixture.cuts, ['slow_body'])
    await until(() => fixture.handler.reserved === 0, 'room was given back')
  })

  it('cuts clients whose window never lets an answer through', async t => {
    const fixture = await startGrpc(t)
    const raw = await fixture.raw()
    raw.settings(Buffer.from([0, 4, 0, 0, 0, 0]))
    raw.headers(1)
    raw.data(1, message(HELLO), true)
    await until(() => fixture.handler.calls.length === 1, 'the call was handed over')

    await fixture.clock.advance(10_000)
    await raw.closed

    assert.deepEqual(fixture.cuts, ['response_timeout'])
    await assertServes(fixture)
  })

  it('cuts connections that say nothing', async t => {
    const fixture = await startGrpc(t)
    const silent = connect(fixture.port, '127.0.0.1')
    t.after(() => silent.destroy())
    await until(() => fixture.server.connections === 1, 'it was accepted')

    await fixture.clock.advance(12_000)
    await until(() => fixture.server.connections === 0, 'it was cut')

    assert.deepEqual(fixture.cuts, ['no_preface'])
  })

  it('bounds the heads of open calls over all connections, and still serves who has few', async t => {
    const fixture = await startGrpc(t)
    const large = { 'x-large': 'x'.repeat(60 << 10) }
    const crowd = await Promise.all(Array.from({ length: 9 }, () => fixture.raw()))
    for (const raw of crowd) for (let i = 0; i < 66; i++) raw.headers(1 + 2 * i, false, large)
    const refused = () =>
      crowd.flatMap(raw => raw.frames.filter(frame => frame.type === 3)).map(f => f.payload[3])
    await until(() => refused().length >= 40, 'some calls are refused')
    await assertServes(fixture)

    for (const raw of crowd) raw.socket.destroy()
    await until(() => fixture.server.connections === 1, 'they have gone')
    const raw = await fixture.raw()
    for (let i = 0; i < 60; i++) raw.headers(1 + 2 * i, false, large)
    raw.ping()
    await until(() => raw.frames.some(frame => frame.type === 6), 'all are read')

    assert.ok(refused().every(code => code === 7))
    assert.deepEqual(
      raw.frames.filter(frame => frame.type === 3),
      [],
    )
  })

  it('gives connections that say nothing no more than their socket, and ends them some at a time', async t => {
    const count = 150
    const fixture = await startGrpc(t)
    let heard = 0
    const silent = Array.from({ length: count }, () => connect(fixture.port, '127.0.0.1'))
    for (const socket of silent) socket.on('data', chunk => (heard += chunk.length))
    t.after(() => silent.forEach(socket => void socket.destroy()))
    await until(() => fixture.server.connections === count, 'all were accepted')

    await fixture.clock.advance(10_000)
    await until(() => fixture.server.connections < count, 'some were cut')
    const left = fixture.server.connections
    await assertServes(fixture)
    await fixture.clock.advance(3000)
    await until(() => fixture.cuts.length === count, 'all were cut')

    assert.ok(left > 0, 'not all at once')
    assert.equal(heard, 0)
    assert.deepEqual(fixture.cuts, new Array(count).fill('no_preface'))
  })

  it('says that a silent connection was ended because there are too many', async t => {
    const guests = { maxConnections: 1, maxPerAddress: 0 }
    const fixture = await startGrpc(t, { guests })
    const silent = connect(fixture.port, '127.0.0.1')
    const closed = new Promise(resolve => silent.once('close', resolve))
    await until(() => fixture.server.connections === 1, 'it was accepted')

    await assertServes(fixture)
    await closed

    assert.deepEqual(fixture.cuts, ['too_many_connections'])
  })

  it('takes HTTP/1 and random bytes for what they are', async t => {
    const fixture = await startGrpc(t)
    for (const text of [
      'GET / HTTP/1.1\r\nHost: x\r\n\r\n',
      '\x16\x03\x01\x02\x00\x01\x00',
      'x'.repeat(99),
    ]) {
      const raw = await RawClient.connect(fixture.port, false)
      raw.socket.write(text)
      await raw.closed
    }

    await assertServes(fixture)
  })

  it('survives frames of random content, and does not keep the connections', async t => {
    const fixture = await startGrpc(t)
    let seed = 7
    const next = (n: number) => (seed = (seed * 48_271) % 0x7fffffff) % n
    for (let i = 0; i < 60; i++) {
      const raw = await fixture.raw()
      raw.headers(1)
      for (let j = 0; j < 8; j++) {
        const payload = Buffer.from(Array.from({ length: next(40) }, () => next(256)))
        raw.frame(next(12), next(256), next(6), payload)
      }
    }

    await assertServes(fixture)
    for (let i = 0; i < 5; i++) await fixture.clock.advance(10_000)
    await until(() => fixture.server.connections <= 1, 'the broken ones are gone')
  })

  it('ends connections that the client has half closed', async t => {
    const fixture = await startGrpc(t)
    const raw = await fixture.raw()
    await until(() => raw.frames.length > 0, 'it was greeted')

    raw.socket.end()
    await raw.closed

    await until(() => fixture.server.connections === 0, 'it is gone here too')
  })

  it('survives connections that break at any byte of a call', async t => {
    const fixture = await startGrpc(t)
    const block = hpack({ ':method': 'POST', ':scheme': 'http', ':path': '/test.Echo/Call' })
    const bytes = Buffer.concat([
      Buffer.from('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n'),
      Buffer.from([0, 0, 0, 4, 0, 0, 0, 0, 0]),
      Buffer.from([0, 0, block.length, 1, 4, 0, 0, 0, 1]),
      block,
      Buffer.from([0, 0, 10, 0, 0, 0, 0, 0, 1]),
      message(HELLO),
    ])
    for (let cut = 1; cut < bytes.length; cut += 3) {
      const socket = connect(fixture.port, '127.0.0.1')
      socket.on('error', () => {})
      await new Promise(resolve => socket.once('connect', resolve))
      await new Promise(resolve => socket.write(bytes.subarray(0, cut), resolve))
      socket.resetAndDestroy()
    }

    await assertServes(fixture)
    await until(() => fixture.handler.reserved === 0, 'room was given back')
  })

  it('does not let claimed lengths eat up the room of others', async t => {
    const fixture = await startGrpc(t)
    const raw = await fixture.raw()
    for (let stream = 1; stream < 20; stream += 2) {
      raw.headers(stream)
      raw.data(stream, message(HELLO, 0, 8 << 20))
    }
    await until(() => fixture.handler.reserved > 0, 'room was reserved')

    assert.ok(fixture.handler.peak <= 10 << 20, 'a first stretch each, not 8 MiB')
  })

  it('asks idle connections to go, and old ones', async t => {
    const idle = await startGrpc(t, { maxConnectionIdleMs: 5000 })
    const old = await startGrpc(t, { maxConnectionAgeMs: 9000, maxConnectionAgeGraceMs: 1000 })
    const [one, two] = [await idle.raw(), await old.raw()]
    old.handler.answer = () => {}
    two.headers(1)
    two.data(1, message(HELLO), true)
    await until(() => old.handler.calls.length === 1, 'the call was handed over')

    await idle.clock.advance(7000)
    await one.closed
    await old.clock.advance(10_000)
    await until(() => two.goaway() !== undefined, 'it was asked to go')
    await old.clock.advance(3000)
    await two.closed

    assert.equal(errorCode(one), 0)
    assert.equal(errorCode(two), 0)
  })

  it('pings quiet clients and cuts those that do not answer', async t => {
    const fixture = await startGrpc(t, { pingAfterMs: 5000, pingTimeoutMs: 3000 })
    const raw = await fixture.raw()
    await until(() => raw.frames.length > 0, 'it was greeted')

    await fixture.clock.advance(6000)
    await until(() => raw.frames.some(f => f.type === 6), 'it was pinged')
    await fixture.clock.advance(5000)
    await raw.closed

    assert.deepEqual(fixture.cuts, ['keepalive'])
  })
})
