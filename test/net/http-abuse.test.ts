/** What hostile clients do to an HTTP server: answered or cut, counted, nothing kept, other clients served meanwhile. */
import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { until } from './grpc-fixture.ts'
import { type HttpFixture, POST, startHttp } from './http-fixture.ts'

async function assertServes({ url, handler }: HttpFixture): Promise<void> {
  const headers = { 'content-type': 'application/json' }
  const answer = await fetch(`${url}/v1/traces`, { method: 'POST', headers, body: 'still here' })
  assert.equal(await answer.text(), 'still here')
  assert.equal(handler.reserved, 0)
}

describe('HTTP server under abuse', () => {
  it('refuses floods of headers', async t => {
    const fixture = await startHttp(t)
    const client = await fixture.raw()

    client.send(`${POST}X-Flood: ${'y'.repeat(64 << 10)}\r\n\r\n`)
    await client.closed

    assert.deepEqual(client.statuses, [431])
    assert.deepEqual(fixture.cuts, ['header_flood'])
    await assertServes(fixture)
  })

  it('refuses a request with more headers than are looked at, rather than overlook the last', async t => {
    const fixture = await startHttp(t)
    const client = await fixture.raw()
    const flood = Array.from({ length: 300 }, (_, i) => `X-${i}: y\r\n`).join('')

    client.send(`${POST}${flood}Content-Length: 0\r\nX-Scope-Orgid: shop\r\n\r\n`)
    await client.closed

    assert.deepEqual(client.statuses, [431])
    assert.deepEqual(fixture.cuts, ['header_flood'])
    await assertServes(fixture)
  })

  it('refuses what the parser refuses', async t => {
    const fixture = await startHttp(t)
    for (const text of [
      'nonsense\r\n\r\n',
      `${POST}Content-Length: 5\r\nContent-Length: 6\r\n\r\nhello`,
      `${POST}Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n`,
      `${POST}Content-Length: -5\r\n\r\n`,
      `${POST}Transfer-Encoding: chunked\r\n\r\nzz\r\n`,
    ]) {
      const client = await fixture.raw()
      client.send(text)
      await client.closed
      assert.deepEqual(client.statuses.slice(-1), [400], text)
    }
    await assertServes(fixture)
  })

  it('refuses chunk extensions that go on and on', async t => {
    const fixture = await startHttp(t)
    const client = await fixture.raw()

    client.send(`${POST}Transfer-Encoding: chunked\r\n\r\n1;${'e'.repeat(40_000)}\r\nx\r\n`)
    await client.closed

    await assertServes(fixture)
  })

  it('cuts headers that come too slowly', async t => {
    const fixture = await startHttp(t, { headerTimeoutMs: 150 })
    const client = await fixture.raw()
    client.send('POST /v1/traces HTTP/1.1\r\nHost: t')

    await client.closed

    assert.deepEqual(client.statuses, [408])
    assert.deepEqual(fixture.cuts, ['slow_header'])
    await assertServes(fixture)
  })

  it('cuts bodies that stop coming, or come drop by drop', async t => {
    const fixture = await startHttp(t)
    const stops = await fixture.raw()
    stops.send(`${POST}Content-Length: 1000\r\n\r\nbegin`)
    await until(() => fixture.handler.reserved > 0, 'room was reserved')
    await fixture.clock.advance(8000)
    await stops.closed
    const drips = await fixture.raw()
    drips.send(`${POST}Content-Length: 1000\r\n\r\n`)
    for (let i = 0; i < 12 && fixture.cuts.length < 2; i++) {
      drips.send('x')
      await new Promise(resolve => setTimeout(resolve, 5))
      await fixture.clock.advance(1000)
    }
    await drips.closed

    assert.deepEqual(fixture.cuts, ['slow_body', 'slow_body'])
    await assertServes(fixture)
  })

  it('keeps to a configured read timeout', async t => {
    const fixture = await startHttp(t, { readTimeoutMs: 2000 })
    const client = await fixture.raw()
    client.send(`${POST}Content-Length: 1000\r\n\r\nbegin`)
    await until(() => fixture.handler.reserved > 0, 'room was reserved')

    await fixture.clock.advance(5000)
    await client.closed

    assert.deepEqual(fixture.cuts, ['slow_body'])
  })

  it('cuts refused bodies that are held open', async t => {
    const fixture = await startHttp(t)
    const client = await fixture.raw()
    client.send(`${POST.replace('json', 'xml')}Content-Length: 1000\r\n\r\n`)
    await until(() => client.statuses.length === 1, 'it was refused')

    await fixture.clock.advance(8000)
    await client.closed

    assert.deepEqual(fixture.cuts, ['response_timeout'])
    await until(() => fixture.server.connections === 0, 'it is gone')
  })

  it('gives room back when connections break in the middle of a body', async t => {
    const fixture = await startHttp(t)
    for (let i = 0; i < 20; i++) {
      const client = await fixture.raw()
      client.send(`${POST}Content-Length: 1000\r\n\r\n${'x'.repeat(i * 40)}`)
      await new Promise(resolve => setTimeout(resolve, 2))
      client.socket.resetAndDestroy()
    }

    await until(() => fixture.handler.reserved === 0, 'room was given back')
    await assertServes(fixture)
  })

  it('does not let claimed lengths eat up the room of others', async t => {
    const fixture = await startHttp(t, { maxBodyBytes: 64 << 20 })
    for (let i = 0; i < 10; i++) {
      const client = await fixture.raw()
      client.send(`${POST}Content-Length: ${64 << 20}\r\n\r\nx`)
    }
    await until(() => fixture.handler.reserved > 0, 'room was reserved')

    assert.ok(fixture.handler.peak <= 10 << 20, 'a first stretch each, not 64 MiB')
  })

  it('takes upgrades and tunnels for what they are', async t => {
    const fixture = await startHttp(t)
    for (const text of [
      'GET /v1/traces HTTP/1.1\r\nHost: t\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n',
      'CONNECT example.com:443 HTTP/1.1\r\nHost: t\r\n\r\n',
      'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n',
    ]) {
      const client = await fixture.raw()
      client.send(text)
      await client.closed
    }
    await assertServes(fixture)
  })
})
