/** The HTTP server as its clients see it: routes, methods, media types, bodies, limits, and how it ends. */
import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { decodeStatus, decodeStatusJson } from '../../src/net/rpc-status.ts'
import { until } from './grpc-fixture.ts'
import { POST, startHttp } from './http-fixture.ts'

const PROTO = { 'content-type': 'application/x-protobuf' }
const JSON_TYPE = { 'content-type': 'application/json' }

function post(url: string, body: string | Buffer, headers: Record<string, string>) {
  return fetch(url, { method: 'POST', body, headers })
}

describe('HTTP server', () => {
  it('hands a body over and answers in its media type', async t => {
    const { url, handler } = await startHttp(t)

    for (const type of [
      'application/json',
      'application/x-protobuf',
      'APPLICATION/JSON',
      'application/json; charset=utf-8',
      ' application/x-protobuf;v=1',
    ]) {
      const answer = await post(`${url}/v1/traces`, 'body', { 'content-type': type })

      assert.equal(answer.status, 200)
      assert.equal(await answer.text(), 'body')
      const expected = /json/i.test(type) ? 'application/json' : 'application/x-protobuf'
      assert.equal(answer.headers.get('content-type'), expected)
    }
    assert.equal(handler.reserved, 0)
    assert.match(handler.exchanges[0].context.peer, /^127\.0\.0\.1:\d+$/)
  })

  it('takes chunked bodies of any length, and empty ones', async t => {
    const { url, handler } = await startHttp(t)
    for (const size of [0, 1, 5000, 300_000]) {
      const stream = new Blob([Buffer.alloc(size, 'x')]).stream()

      const answer = await fetch(`${url}/v1/traces`, {
        method: 'POST',
        headers: PROTO,
        body: stream,
        duplex: 'half',
      } as RequestInit)

      assert.equal((await answer.arrayBuffer()).byteLength, size)
    }
    assert.equal(await (await post(`${url}/v1/traces`, '', JSON_TYPE)).text(), '')
    assert.equal(handler.reserved, 0)
  })

  it('knows only exact paths, whatever stands around them', async t => {
    const { url, raw } = await startHttp(t)
    for (const path of [
      '/',
      '/v1/traces/',
      '//v1/traces',
      '/v1/Traces',
      '/v1/logs',
      '/constructor',
    ]) {
      const answer = await post(url + path, '{}', JSON_TYPE)
      assert.equal(answer.status, 404, path)
      assert.equal(decodeStatusJson(await answer.text())?.code, 12)
    }
    assert.equal((await post(`${url}/v1/traces?a=/v1/logs`, '{}', JSON_TYPE)).status, 200)

    const absolute = await raw()
    absolute.send(
      `${POST.replace('/v1/traces', 'http://elsewhere:1/v1/traces?x')}Content-Length: 2\r\n\r\n{}`,
    )
    await until(() => absolute.statuses.length === 1, 'it was answered')
    assert.deepEqual(absolute.statuses, [200])
  })

  it('takes POST only, and says so as the Go collector does', async t => {
    const { url } = await startHttp(t)
    for (const method of ['GET', 'PUT', 'PATCH', 'DELETE', 'OPTIONS']) {
      const answer = await fetch(`${url}/v1/traces`, {
        method,
        headers: { ...JSON_TYPE, 'x-http-method-override': 'POST' },
      })
      assert.equal(answer.status, 405)
      assert.equal(answer.headers.get('allow'), 'POST')
      assert.equal(answer.headers.get('content-type'), 'text/plain')
      assert.equal(await answer.text(), '405 method not allowed, supported: [POST]')
    }
    assert.equal((await fetch(`${url}/v1/traces`, { method: 'HEAD' })).status, 405)
  })

  it('refuses other media types, and says so as the Go collector does', async t => {
    const { url } = await startHttp(t)
    for (const type of ['invalid', 'text/plain', 'application/jsonx']) {
      const answer = await post(`${url}/v1/traces`, '1234', { 'content-type': type })
      assert.equal(answer.status, 415)
      assert.equal(answer.headers.get('content-type'), 'text/plain')
      assert.equal(
        await answer.text(),
        '415 unsupported media type, supported: [application/json, application/x-protobuf]',
      )
    }
    const none = await post(`${url}/v1/traces`, Buffer.from('1234'), {})
    assert.equal(none.status, 415)
  })

  it('takes the formats that a handler has, and answers as they say', async t => {
    const { url, handler } = await startHttp(t)
    const thrift = { answersIn: 'text' } as const
    handler.formats = {
      find: type => (type === 'application/x-thrift' ? thrift : undefined),
      supported: '[application/x-thrift]',
      fallback: thrift,
    }
    const send = (type: string, encoding = 'identity') =>
      post(`${url}/v1/traces`, 'body', { 'content-type': type, 'content-encoding': encoding })

    const fine = await send('application/x-thrift')
    const other = await send('application/json')
    const packed = await send('application/json', 'nope')

    assert.equal(fine.status, 200)
    assert.equal(fine.headers.get('content-type'), 'text/plain; charset=utf-8')
    assert.equal(handler.exchanges[0].format, thrift)
    assert.equal(other.status, 415)
    assert.match(await other.text(), /supported: \[application\/x-thrift\]$/)
    assert.equal(packed.status, 400)
    assert.equal(await packed.text(), 'unsupported Content-Encoding: nope\n')
  })

  it('refuses encodings that it does not know in the media type of the request', async t => {
    const { url, handler } = await startHttp(t)
    const json = await post(`${url}/v1/traces`, '{}', {
      ...JSON_TYPE,
      'content-encoding': 'nosuch',
    })
    const proto = await post(`${url}/v1/traces`, 'x', {
      ...PROTO,
      'content-encoding': 'gzip, gzip',
    })
    const none = await post(`${url}/v1/traces`, Buffer.of(1), { 'content-encoding': 'invalid' })
    await post(`${url}/v1/traces`, 'x', { ...PROTO, 'content-encoding': 'GZip' })
    await post(`${url}/v1/traces`, 'x', { ...PROTO, 'content-encoding': 'identity' })

    assert.equal(json.status, 400)
    assert.equal(
      decodeStatusJson(await json.text())?.message,
      'unsupported Content-Encoding: nosuch',
    )
    assert.equal(proto.status, 400)
    assert.match(
      String(decodeStatus(Buffer.from(await proto.arrayBuffer()))?.message),
      /gzip, gzip/,
    )
    assert.equal(none.headers.get('content-type'), 'application/json')
    assert.deepEqual(
      handler.exchanges.map(e => e.encoding),
      ['gzip', ''],
    )
  })

  it('answers 413 for bodies over the limit, told or found out, and reserves nothing for lies', async t => {
    const { url, raw, handler } = await startHttp(t)
    const large = Buffer.alloc((1 << 20) + 1)

    const told = await post(`${url}/v1/traces`, large, PROTO)
    const found = await fetch(`${url}/v1/traces`, {
      method: 'POST',
      headers: PROTO,
      body: new Blob([large]).stream(),
      duplex: 'half',
    } as RequestInit)
    const liar = await raw()
    liar.send(`${POST}Content-Length: 99999999999\r\n\r\n`)
    await until(() => liar.statuses.length === 1, 'it was answered')

    assert.equal(told.status, 413)
    assert.equal(decodeStatus(Buffer.from(await told.arrayBuffer()))?.code, 8)
    assert.equal(told.headers.get('retry-after'), null)
    assert.equal(found.status, 413)
    assert.deepEqual(liar.statuses, [413])
    assert.equal(handler.reserved, 0)
  })

  it('passes the refusal of the memory budget on, with Retry-After', async t => {
    const { url, handler } = await startHttp(t)
    handler.limit = 1

    const answer = await post(`${url}/v1/traces`, '{"a": 1}', JSON_TYPE)

    assert.equal(answer.status, 503)
    assert.equal(answer.headers.get('retry-after'), '2')
    assert.equal(decodeStatusJson(await answer.text())?.retryDelayMs, 1200)
  })

  it('goes on serving a connection after an early answer', async t => {
    const { raw } = await startHttp(t)
    const client = await raw()
    const body = 'x'.repeat(70_000)

    client.send(`${POST.replace('json', 'xml')}Content-Length: ${body.length}\r\n\r\n${body}`)
    client.send(`${POST}Content-Length: 2\r\n\r\n{}`)

    await until(() => client.statuses.length === 2, 'both were answered')
    assert.deepEqual(client.statuses, [415, 200])
  })

  it('cuts a refused body that never ends', async t => {
    const { raw, server } = await startHttp(t)
    const client = await raw()
    client.send(`${POST.replace('json', 'xml')}Transfer-Encoding: chunked\r\n\r\n`)

    const chunk = `10000\r\n${'x'.repeat(0x10000)}\r\n`
    for (let i = 0; i < 100 && client.socket.writable; i++) {
      client.send(chunk)
      await new Promise(resolve => setImmediate(resolve))
    }
    await client.closed

    await until(() => server.connections === 0, 'it is gone')
  })

  it('answers pipelined requests in order', async t => {
    const { raw } = await startHttp(t)
    const client = await raw()

    client.send(
      Array.from({ length: 5 }, (_, i) => `${POST}Content-Length: 1\r\n\r\n${i}`).join(''),
    )

    await until(() => client.statuses.length === 5, 'all were answered')
    assert.deepEqual(
      client.text.match(/\r\n\r\n(\d)/g)?.map(s => s.trim()),
      ['0', '1', '2', '3', '4'],
    )
  })

  it('says 100 before it reads, unless it will not read', async t => {
    const { raw } = await startHttp(t)
    const [good, large] = [await raw(), await raw()]
    good.send(`${POST}Expect: 100-continue\r\nContent-Length: 2\r\n\r\n`)
    large.send(`${POST}Expect: 100-continue\r\nContent-Length: 9999999\r\n\r\n`)
    await until(() => good.statuses.length === 1, 'it was told to go on')
    good.send('{}')

    await until(
      () => good.statuses.length === 2 && large.statuses.length === 1,
      'both are answered',
    )
    assert.deepEqual(good.statuses, [100, 200])
    assert.deepEqual(large.statuses, [413])
  })

  it('adds configured headers to every answer', async t => {
    const { url } = await startHttp(t, {
      responseHeaders: { 'x-served-by': 'me' },
      keepAlive: false,
    })

    for (const path of ['/v1/traces', '/nothing']) {
      const answer = await post(url + path, '{}', JSON_TYPE)
      assert.equal(answer.headers.get('x-served-by'), 'me')
      assert.equal(answer.headers.get('connection'), 'close')
    }
  })

  it('finishes what it has begun when it stops, and refuses new connections', async t => {
    const { url, server, handler, raw } = await startHttp(t)
    await raw()
    handler.answer = exchange => setTimeout(() => exchange.answer(200, 'late'), 40)
    const last = post(`${url}/v1/traces`, '{}', JSON_TYPE)
    await until(() => handler.exchanges.length === 1, 'it was handed over')

    await server.stop(AbortSignal.timeout(300))

    assert.equal(await (await last).text(), 'late')
    assert.equal(server.connections, 0)
    await assert.rejects(post(`${url}/v1/traces`, '{}', JSON_TYPE))
  })

  it('cuts what has not ended when the deadline to stop comes', async t => {
    const { url, server, handler } = await startHttp(t)
    handler.answer = () => {}
    const never = post(`${url}/v1/traces`, '{}', JSON_TYPE)
    never.catch(() => {})
    await until(() => handler.exchanges.length === 1, 'it was handed over')

    await server.stop(AbortSignal.timeout(30))

    await assert.rejects(never)
    handler.exchanges[0].answer(200, 'too late')
    assert.equal(server.connections, 0)
  })
})
