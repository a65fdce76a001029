/** Checks of real servers on loopback: who is well, who is not, and who never answers. */
import assert from 'node:assert/strict'
import { createServer as createHttpServer } from 'node:http'
import { type AddressInfo, createServer, type Server, type Socket } from 'node:net'
import { type TestContext, test } from 'node:test'
import { Server as GrpcServer, ServerCredentials, status } from '@grpc/grpc-js'
import { SYSTEM_CLOCK } from '../../src/core/clock.ts'
import { grpcProbe, httpProbe, type ProbePlace, tcpProbe } from '../../src/net/health-probe.ts'
import { AbortSource } from '../../src/util/abort.ts'
import { answerOk, startHttp2Backend } from './http2-backend.ts'

const NEVER = new AbortSource()

function place(port: number): ProbePlace {
  return { path: null, host: '127.0.0.1', port, authority: `127.0.0.1:${port}`, tls: null }
}

async function listen(t: TestContext, server: Server): Promise<number> {
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
  t.after(() => server.close())
  return (server.address() as AddressInfo).port
}

/** Takes connections and says nothing. */
async function startSilent(t: TestContext): Promise<number> {
  const sockets = new Set<Socket>()
  t.after(() => {
    for (const socket of sockets) socket.destroy()
  })
  return listen(
    t,
    createServer(socket => sockets.add(socket)),
  )
}

async function closedPort(): Promise<number> {
  const server = createServer()
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as AddressInfo
  await new Promise(resolve => server.close(resolve))
  return port
}

/** A health service of other people's parts; `answer` is a status byte, or a gRPC code as an error. */
async function startHealth(
  t: TestContext,
  answer: (service: string) => number | { code: number },
): Promise<number> {
  const server = new GrpcServer()
  const same = (bytes: Buffer): Buffer => bytes
  const path = '/grpc.health.v1.Health/Check'
  const codec = {
    requestSerialize: same,
    requestDeserialize: same,
    responseSerialize: same,
    responseDeserialize: same,
  }
  server.addService({ Check: { path, requestStream: false, responseStream: false, ...codec } }, {
    Check: (
      call: { request: Buffer },
      done: (error: { code: number } | null, response?: Buffer) => void,
    ): void => {
      const service = call.request.length === 0 ? '' : call.request.subarray(2).toString()
      const said = answer(service)
      if (typeof said === 'object') done(said)
      else done(null, said === 0 ? Buffer.alloc(0) : Buffer.from([0x08, said]))
    },
  } as never)
  t.after(() => server.forceShutdown())
  return new Promise((resolve, reject) =>
    server.bindAsync('127.0.0.1:0', ServerCredentials.createInsecure(), (error, port) =>
      error ? reject(error) : resolve(port),
    ),
  )
}

test('tcp: who takes connections is well, who refuses them is not', async t => {
  const probe = tcpProbe(place(await startSilent(t)))
  const dead = tcpProbe(place(await closedPort()))

  assert.equal(await probe.check(NEVER), null)
  assert.match((await dead.check(NEVER))!, /ECONNREFUSED/)
})

test('http: any 2xx passes unless statuses are named', async t => {
  const seen: string[] = []
  const server = createHttpServer((request, response) => {
    seen.push(`${request.method} ${request.url} ${request.headers.host}`)
    response.writeHead(request.url === '/well' ? 204 : 503).end('body')
  })
  const port = await listen(t, server)
  const well = httpProbe(place(port), { path: '/well', expected: [] })
  const sick = httpProbe(place(port), { path: '/sick', expected: [] })
  const odd = httpProbe(place(port), { path: '/sick', expected: [200, 503] })

  assert.deepEqual(
    [await well.check(NEVER), await sick.check(NEVER), await odd.check(NEVER)],
    [null, 'HTTP 503', null],
  )
  assert.equal(seen[0], `GET /well 127.0.0.1:${port}`)
})

test('grpc: SERVING is well, everything else that is said is not', async t => {
  const port = await startHealth(
    t,
    service => ({ '': 1, down: 2, odd: 0 })[service] ?? { code: status.NOT_FOUND },
  )
  const said: (string | null)[] = []
  for (const service of ['', 'down', 'odd', 'nobody']) {
    const probe = grpcProbe(place(port), service, SYSTEM_CLOCK)
    t.after(() => probe.close())
    said.push(await probe.check(NEVER))
  }

  assert.deepEqual(said.slice(0, 3), [null, 'NOT_SERVING', 'UNKNOWN'])
  assert.match(said[3]!, /^NOT_FOUND/)
})

test('headers go with each check', async t => {
  const seen: unknown[] = []
  const server = createHttpServer((request, response) => {
    seen.push(request.headers.authorization)
    response.writeHead(200).end()
  })
  const http = httpProbe(place(await listen(t, server)), {
    path: '/',
    expected: [],
    headers: { authorization: 'Bearer x' },
  })
  const backend = await startHttp2Backend(t)
  backend.answer = call => {
    seen.push(call.headers.authorization)
    answerOk(call, Buffer.from([0x08, 1]))
  }
  const headers = { authorization: 'Bearer y' }
  const grpc = grpcProbe(place(backend.port), '', SYSTEM_CLOCK, headers)
  t.after(() => grpc.close())

  assert.deepEqual([await http.check(NEVER), await grpc.check(NEVER)], [null, null])
  assert.deepEqual(seen, ['Bearer x', 'Bearer y'])
})

test('grpc: a server without the health service is well', async t => {
  const port = await startHealth(t, () => ({ code: status.UNIMPLEMENTED }))
  const probe = grpcProbe(place(port), '', SYSTEM_CLOCK)
  t.after(() => probe.close())

  assert.equal(await probe.check(NEVER), null)
})

test('grpc: a server that comes back is seen by the next check', async t => {
  const port = await closedPort()
  const probe = grpcProbe(place(port), '', SYSTEM_CLOCK)
  t.after(() => probe.close())
  const before: (string | null)[] = []
  for (let i = 0; i < 5; i++) before.push(await probe.check(NEVER))

  const server = createServer(socket => socket.destroy())
  await new Promise<void>(resolve => server.listen(port, '127.0.0.1', resolve))
  t.after(() => server.close())
  const then = await probe.check(NEVER)

  for (const fault of before) assert.match(fault!, /ECONNREFUSED/)
  assert.doesNotMatch(then ?? '', /ECONNREFUSED/)
})

for (const protocol of ['http', 'grpc'] as const) {
  test(`${protocol}: a server that never answers fails when the check is over`, async t => {
    const at = place(await startSilent(t))
    const probe =
      protocol === 'http'
        ? httpProbe(at, { path: '/', expected: [] })
        : grpcProbe(at, '', SYSTEM_CLOCK)
    t.after(() => probe.close())
    const abort = new AbortSource()
    setTimeout(() => abort.abort(new Error('no answer within 50 ms')), 50)

    assert.match((await probe.check(abort))!, /no answer within 50 ms|not connected in time/)
  })
}

test('a check that is over before it begins opens nothing', async t => {
  const abort = new AbortSource()
  abort.abort(new Error('stopped'))

  assert.equal(await tcpProbe(place(await startSilent(t))).check(abort), 'stopped')
})
