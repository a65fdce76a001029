/** The server for operators' pages: what it answers, what it refuses, and that closing leaves nothing open. */
import assert from 'node:assert/strict'
import { once } from 'node:events'
import { mkdtemp, rm } from 'node:fs/promises'
import { request } from 'node:http'
import { connect } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { SILENT_LOGGER } from '../../src/core/logger.ts'
import { json, plain, type StatusRoute, StatusServer } from '../../src/net/status-server.ts'
import { FakeClock } from '../../src/testing/fakes.ts'

async function startServer(
  t: TestContext,
  routes: Readonly<Record<string, StatusRoute>>,
  endpoint = 'localhost:0',
) {
  const server = new StatusServer({
    endpoint,
    routes: new Map(Object.entries(routes)),
    log: SILENT_LOGGER,
    clock: new FakeClock(),
  })
  await server.start()
  t.after(() => server.close())
  return { server, url: `http://127.0.0.1:${server.port}` }
}

test('answers GET and HEAD by exact path and by the longest path above', async t => {
  const { url } = await startServer(t, {
    '/a': ({ query }) => json(200, { x: query.get('x') }),
    '/b/': () => plain(200, 'b'),
    '/b/c/': () => plain(200, 'c'),
  })

  const bodies = await Promise.all(
    ['/a?x=1', '/b/', '/b/other', '/b/c/d'].map(async path => (await fetch(url + path)).text()),
  )
  const head = await fetch(`${url}/b/`, { method: 'HEAD' })

  assert.deepEqual(bodies, ['{"x":"1"}', 'b\n', 'b\n', 'c\n'])
  assert.equal(head.headers.get('content-length'), '2')
  assert.equal(await head.text(), '')
  assert.equal((await fetch(`${url}/a/b`)).status, 404)
})

test('refuses other methods and requests with a body, and ends their connection', async t => {
  const { server, url } = await startServer(t, { '/': () => plain(200, 'never') })

  const post = await fetch(url, { method: 'POST', body: 'x' })
  const sent = request({ port: server.port, method: 'GET', headers: { 'content-length': 3 } })
  sent.end('abc')
  const [withBody] = await once(sent, 'response')

  assert.equal(post.status, 405)
  assert.equal(post.headers.get('allow'), 'GET, HEAD')
  assert.equal(withBody.statusCode, 413)
  assert.equal(withBody.headers.connection, 'close')
  withBody.resume()
})

test('refuses headers beyond 8 KiB', async t => {
  const { url } = await startServer(t, { '/': () => plain(200, 'never') })

  const { status } = await fetch(url, { headers: { 'x-long': 'a'.repeat(9000) } })

  assert.equal(status, 431)
})

test('answers 500 without details when a page fails, and goes on', async t => {
  const { url } = await startServer(t, {
    '/bad': () => Promise.reject(new Error('inner secret')),
    '/good': () => plain(200, 'good'),
  })

  const bad = await fetch(`${url}/bad`)

  assert.equal(bad.status, 500)
  assert.doesNotMatch(await bad.text(), /inner secret/)
  assert.equal((await fetch(`${url}/good`)).status, 200)
})

test('tells a page that its client has gone', async t => {
  let gone = () => {}
  const isGone = new Promise<void>(resolve => (gone = resolve))
  const { server } = await startServer(t, {
    '/slow': ({ signal }) => {
      signal.addEventListener('abort', () => gone())
      socket.destroy()
      return new Promise(() => {})
    },
  })

  const socket = connect(server.port, '127.0.0.1')
  socket.write('GET /slow HTTP/1.1\r\nhost: x\r\n\r\n')

  await isGone
})

test('closes with requests under way and idle connections', async t => {
  let began = () => {}
  const isUnderWay = new Promise<void>(resolve => (began = resolve))
  const { server, url } = await startServer(t, {
    '/slow': ({ signal }) => {
      began()
      return new Promise(resolve => {
        signal.addEventListener('abort', () => resolve(plain(200, 'late')))
      })
    },
  })
  const slow = fetch(`${url}/slow`).catch(() => 'cut')
  const idle = connect(server.port, '127.0.0.1')
  await Promise.all([isUnderWay, once(idle, 'connect')])
  idle.resume()

  await Promise.all([server.close(), server.close(), once(idle, 'close')])

  assert.equal(await slow, 'cut')
})

test('says which address cannot be had', async t => {
  const { server } = await startServer(t, {})

  const start = startServer(t, {}, `localhost:${server.port}`)

  await assert.rejects(start, { code: 'MILLRACE_START_FAILED', message: /EADDRINUSE/ })
})

test('listens on a unix socket', async t => {
  const directory = await mkdtemp(join(tmpdir(), 'millrace-status-'))
  t.after(() => rm(directory, { recursive: true }))
  const socketPath = join(directory, 'status.sock')
  await startServer(t, { '/': () => plain(200, 'here') }, `unix:${socketPath}`)

  const sent = request({ socketPath, path: '/' }).end()
  const [response] = await once(sent, 'response')
  response.resume()

  assert.equal(response.statusCode, 200)
})
