/** The HTTP client's own promises: connections, abort, and whether request bytes are still in use. */
import assert from 'node:assert/strict'
import { createServer, type ServerResponse } from 'node:http'
import { type AddressInfo, createServer as createTcpServer } from 'node:net'
import { type TestContext, test } from 'node:test'
import { SYSTEM_CLOCK } from '../../src/core/clock.ts'
import { HttpClient, type HttpPost } from '../../src/net/http-client.ts'

function startClient(t: TestContext, port: number, maxConnections = 10): HttpClient {
  const client = new HttpClient({
    origin: new URL(`http://127.0.0.1:${port}`),
    clock: SYSTEM_CLOCK,
    tls: null,
    maxConnections,
    idleTimeoutMs: 0,
    keepAlive: true,
  })
  t.after(() => client.close())
  return client
}

function post(client: HttpClient, body: Uint8Array[], options: Partial<HttpPost> = {}) {
  const byteLength = body.reduce((sum, chunk) => sum + chunk.length, 0)
  return client.post({
    path: '/x',
    headers: { 'content-length': String(byteLength) },
    chunks: body,
    byteLength,
    maxSuccessBytes: 1000,
    maxErrorBytes: 100,
    abort: AbortSignal.timeout(5000),
    ...options,
  })
}

async function startServer(
  t: TestContext,
  answer: (response: ServerResponse, body: Buffer) => void,
): Promise<{ port: number; connections: () => number }> {
  let connections = 0
  const server = createServer(async (request, response) => {
    const chunks: Buffer[] = []
    for await (const chunk of request) chunks.push(chunk)
    answer(response, Buffer.concat(chunks))
  })
  server.on('connection', () => connections++)
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
  t.after(() => {
    server.closeAllConnections()
    server.close()
  })
  return { port: (server.address() as AddressInfo).port, connections: () => connections }
}

test('sends several chunks as one body of known length', async t => {
  let seen: Buffer = Buffer.alloc(0)
  const { port } = await startServer(t, (response, body) => {
    seen = body
    response.end()
  })
  const chunks = [Buffer.from('one '), Buffer.alloc(200_000, 'x'), Buffer.from(' two')]

  const reply = await post(startClient(t, port), chunks)

  assert.deepEqual(seen, Buffer.concat(chunks))
  assert.equal(reply.chunksFree, true)
})

test('opens no more connections than allowed, and uses them again', async t => {
  const { port, connections } = await startServer(t, response => {
    setTimeout(() => response.end(), 5)
  })
  const client = startClient(t, port, 3)

  const replies = await Promise.all(
    Array.from({ length: 12 }, () => post(client, [Buffer.from('x')])),
  )

  assert.ok(replies.every(reply => 'status' in reply && reply.status === 200))
  assert.equal(connections(), 3)
})

test('an aborted request says so at once, and that its bytes may still be read', async t => {
  const abort = new AbortController()
  // The first bytes have come, the rest is not read.
  const tooLate = () => abort.abort(new Error('too late'))
  const server = createTcpServer(socket => socket.on('error', () => {}).once('readable', tooLate))
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
  t.after(() => server.close())
  const client = startClient(t, (server.address() as AddressInfo).port)
  const reply = post(client, [Buffer.alloc(20 << 20)], { abort: abort.signal })

  assert.deepEqual(await reply, { failure: 'too late', chunksFree: false })
})

test('an abort before the connection is there leaves the bytes alone', async t => {
  const { port } = await startServer(t, response => response.end())

  const reply = await post(startClient(t, port), [Buffer.from('x')], { abort: AbortSignal.abort() })

  assert.equal(reply.chunksFree, true)
  assert.ok('failure' in reply)
})

test('cuts a body at the limit and goes on with other requests', async t => {
  let n = 0
  const { port } = await startServer(t, response => {
    response.end(Buffer.alloc(n++ === 0 ? 100_000 : 10))
  })
  const client = startClient(t, port)

  const first = await post(client, [Buffer.from('x')])
  const second = await post(client, [Buffer.from('x')])

  assert.ok('isCut' in first && first.isCut)
  assert.ok('body' in second && second.body.length === 10)
})
