/** The receiver with a gate: who is let in by the head of a request, what others are told, and what is counted. */
import assert from 'node:assert/strict'
import { connect } from 'node:net'
import { describe, it, type TestContext } from 'node:test'
import { gzipSync } from 'node:zlib'
import { Metadata } from '@grpc/grpc-js'
import type { Component } from '../../../src/core/component.ts'
import type { AuthOutcome, Credentials, ServerAuthenticator } from '../../../src/core/identity.ts'
import type { TenantAccount } from '../../../src/core/tenancy.ts'
import { decodeStatus, decodeStatusDetails } from '../../../src/net/rpc-status.ts'
import { makeRequest } from '../../../src/testing/builders.ts'
import { settle } from '../../../src/testing/fakes.ts'
import { type BookFixture, startBook } from '../../tenancy/kit.ts'
import { GrpcClient, PROTO, post, type RunningReceiver, startReceiver } from './running.ts'

/** Believes the header `x-tenant`; holds its answers back while `hold` is set. */
class Porter implements Component {
  readonly serverAuthenticator: ServerAuthenticator = {
    authenticate: credentials => this.#authenticate(credentials),
  }
  isSlow = false
  readonly waiting: (() => void)[] = []
  asked = 0

  #authenticate(credentials: Credentials): AuthOutcome | Promise<AuthOutcome> {
    this.asked++
    const [tenant] = credentials.header('x-tenant')
    const outcome = tenant === undefined ? DENIED : granted(tenant)
    if (!this.isSlow) return outcome
    return new Promise(resolve => this.waiting.push(() => resolve(outcome)))
  }

  async start(): Promise<void> {}

  async stop(): Promise<void> {}
}

const DENIED: AuthOutcome = {
  kind: 'denied',
  code: 'unauthenticated',
  reason: 'no_credentials',
  message: 'say who you are',
}

function granted(tenant: string): AuthOutcome {
  const signals = tenant === 'logs-only' ? (['logs'] as const) : null
  return { kind: 'granted', identity: { tenant, method: 'header', subject: tenant, signals } }
}

interface Gated extends BookFixture {
  readonly running: RunningReceiver
  readonly porter: Porter
  readonly grpc: GrpcClient
  sendGrpc(
    tenant: string | null,
    items?: number,
  ): Promise<{ code: number; reason?: string; retryMs?: number }>
  sendHttp(
    tenant: string | null,
    items?: number,
  ): Promise<{ code: number; reason?: string; retryMs?: number; headers: Headers }>
}

async function startGated(
  t: TestContext,
  section: object | null,
  protocol: object = { auth: { authenticator: 'porter' } },
  memoryBytes?: number,
): Promise<Gated> {
  const fixture = startBook(section)
  const porter = new Porter()
  const running = await startReceiver({
    grpc: protocol,
    http: protocol,
    extensions: new Map([['porter', porter]]),
    tenancy: fixture.book,
    memoryBytes,
  })
  const grpc = new GrpcClient(running.grpcPort)
  t.after(async () => {
    grpc.close()
    await running.close()
  })
  return {
    ...fixture,
    running,
    porter,
    grpc,
    sendGrpc: async (tenant, items = 1) => {
      const metadata = new Metadata()
      if (tenant !== null) metadata.set('x-tenant', tenant)
      const answer = await grpc.export('traces', makeRequest('traces', items), metadata)
      const [details] = answer.metadata.get('grpc-status-details-bin')
      const status = details === undefined ? undefined : decodeStatus(Buffer.from(details))
      return { code: answer.code, reason: status?.reason, retryMs: status?.retryDelayMs }
    },
    sendHttp: async (tenant, items = 1) => {
      const headers: Record<string, string> =
        tenant === null ? PROTO : { ...PROTO, 'x-tenant': tenant }
      const answer = await post(`${running.url}/v1/traces`, makeRequest('traces', items), headers)
      const status = answer.status === 200 ? undefined : decodeStatus(answer.body)
      return {
        code: answer.status,
        reason: status?.reason,
        retryMs: status?.retryDelayMs,
        headers: answer.headers,
      }
    },
  }
}

function itemsOf({ running }: Gated): Record<string, number> {
  const items: Record<string, number> = {}
  for (const batch of running.next.batches)
    items[batch.tenant] = (items[batch.tenant] ?? 0) + batch.items
  return items
}

describe('a receiver with an authenticator', () => {
  it('gives each batch the tenant that sent it, over both transports', async t => {
    const gated = await startGated(t, null)

    await gated.sendGrpc('a', 2)
    await gated.sendHttp('b', 3)

    assert.deepEqual(itemsOf(gated), { a: 2, b: 3 })
  })

  it('answers UNAUTHENTICATED and 401 with a reason before it reads the body', async t => {
    const gated = await startGated(t, null)

    const [byGrpc, byHttp] = [await gated.sendGrpc(null), await gated.sendHttp(null)]

    assert.deepEqual([byGrpc.code, byGrpc.reason], [16, 'no_credentials'])
    assert.deepEqual([byHttp.code, byHttp.reason], [401, 'no_credentials'])
    assert.equal(byHttp.headers.get('www-authenticate'), 'Bearer')
    assert.deepEqual(itemsOf(gated), {})
    assert.equal(gated.running.services.memory.reservedBytes, 0)
  })

  it('tells a client that waits for 100-continue no, without the body', async t => {
    const gated = await startGated(t, null)
    const socket = connect(gated.running.receiver.ports.http, '127.0.0.1')
    t.after(() => socket.destroy())
    const answer = new Promise<string>(resolve => {
      socket.once('data', chunk => resolve(chunk.toString()))
    })

    socket.write(
      'POST /v1/traces HTTP/1.1\r\nHost: x\r\nContent-Type: application/x-protobuf\r\n' +
        'Content-Length: 1000000\r\nExpect: 100-continue\r\n\r\n',
    )

    assert.match(await answer, /^HTTP\/1\.1 401 /)
  })

  it('refuses signals that the credentials are not for', async t => {
    const gated = await startGated(t, {})

    const answer = await gated.sendGrpc('logs-only')

    assert.deepEqual([answer.code, answer.reason], [7, 'signal_not_allowed'])
    assert.deepEqual(gated.usage.turnedAway_, ['logs-only signal_not_allowed'])
  })

  it('answers busy while its authenticator does not run, as in the middle of a reload', async t => {
    const { book } = startBook(null)
    const extensions = new Map<string, Component>([['porter', new Porter()]])
    const auth = { auth: { authenticator: 'porter' } }
    const running = await startReceiver({ grpc: auth, http: auth, extensions, tenancy: book })
    t.after(() => running.close())
    extensions.delete('porter')

    const answer = await post(`${running.url}/v1/traces`, makeRequest('traces', 1))

    assert.equal(answer.status, 503)
    assert.equal(decodeStatus(answer.body)?.reason, 'verifier_unavailable')
    assert.equal(answer.headers.get('retry-after'), '1')
  })
})

describe('an authenticator that takes its time', () => {
  it('joins the body that came meanwhile, compressed or not', async t => {
    const gated = await startGated(t, { defaults: { memory: '1MiB' } })
    gated.porter.isSlow = true

    const plain = gated.sendHttp('a', 5)
    const packed = post(`${gated.running.url}/v1/traces`, gzipSync(makeRequest('traces', 7)), {
      ...PROTO,
      'content-encoding': 'gzip',
      'x-tenant': 'b',
    })
    await waitUntil(() => gated.porter.waiting.length === 2)
    for (const go of gated.porter.waiting) go()

    assert.equal((await plain).code, 200)
    assert.equal((await packed).status, 200)
    assert.deepEqual(itemsOf(gated), { a: 5, b: 7 })
    const account = gated.book.account('a') as TenantAccount & { heldBytes: number }
    assert.ok(account.heldBytes >= makeRequest('traces', 5).length, 'the body is the tenant`s')
  })

  it('does not let bodies of those that nobody knows yet take the memory of all', async t => {
    const gated = await startGated(t, {}, undefined, 32 << 20)
    gated.porter.isSlow = true
    const body = Buffer.alloc(1 << 20)
    const url = `${gated.running.url}/v1/traces`
    const answers: string[] = []
    const strangers = Array.from({ length: 8 }, async () => {
      const { status, body: answer } = await post(url, body)
      answers.push(`${status} ${decodeStatus(answer)?.reason}`)
    })

    await waitUntil(() => answers.length === 4)
    const { reservedBytes } = gated.running.services.memory
    for (const go of gated.porter.waiting) go()
    await Promise.all(strangers)

    assert.equal(reservedBytes, 4 << 20)
    const early = new Array<string>(4).fill('503 unidentified')
    assert.deepEqual(answers, [...early, ...new Array<string>(4).fill('401 no_credentials')])
    assert.deepEqual(
      gated.usage.turnedAway_.slice(0, 4),
      early.map(() => '(unknown) unidentified'),
    )
    assert.equal(gated.running.services.memory.reservedBytes, 0)
  })

  it('gives a body that is still coming to its tenant as soon as that is known', async t => {
    const gated = await startGated(t, {}, undefined, 32 << 20)
    gated.porter.isSlow = true
    const length = 1 << 20
    const socket = connect(gated.running.receiver.ports.http, '127.0.0.1')
    socket.write(
      'POST /v1/traces HTTP/1.1\r\nHost: x\r\nContent-Type: application/x-protobuf\r\n' +
        `X-Tenant: a\r\nContent-Length: ${length}\r\n\r\nx`,
    )
    await waitUntil(() => gated.porter.waiting.length === 1)
    const account = gated.book.account('a') as TenantAccount & { heldBytes: number }
    assert.equal(account.heldBytes, 0)

    gated.porter.waiting[0]()
    await settle()

    assert.equal(account.heldBytes, length)
    socket.destroy()
    await waitUntil(() => gated.running.services.memory.reservedBytes === 0)
    assert.equal(account.heldBytes, 0)
  })

  it('turns a sender away whose body is still coming, and keeps nothing of it', async t => {
    const gated = await startGated(t, {})
    gated.porter.isSlow = true
    const socket = connect(gated.running.receiver.ports.http, '127.0.0.1')
    t.after(() => socket.destroy())
    socket.write(
      'POST /v1/traces HTTP/1.1\r\nHost: x\r\nContent-Type: application/x-protobuf\r\n' +
        `Content-Length: 1000\r\n\r\n${'x'.repeat(100)}`,
    )
    await waitUntil(() => gated.porter.waiting.length === 1)

    gated.porter.waiting[0]()
    const answer = await new Promise<string>(resolve => {
      socket.once('data', chunk => resolve(chunk.toString()))
    })

    assert.match(answer, /^HTTP\/1\.1 401 /)
    assert.equal(gated.running.services.memory.reservedBytes, 0)
  })

  it('counts nobody who has gone before the answer', async t => {
    const gated = await startGated(t, { defaults: { concurrent_requests: 1 } })
    gated.porter.isSlow = true
    const socket = connect(gated.running.receiver.ports.http, '127.0.0.1')
    socket.write(
      'POST /v1/traces HTTP/1.1\r\nHost: x\r\nContent-Type: application/x-protobuf\r\n' +
        'X-Tenant: a\r\nContent-Length: 1000\r\n\r\nx',
    )
    await waitUntil(() => gated.porter.waiting.length === 1)
    socket.destroy()
    await waitUntil(() => gated.running.services.memory.reservedBytes === 0)

    gated.porter.waiting[0]()
    await settle()
    gated.porter.isSlow = false

    assert.equal((await gated.sendHttp('a')).code, 200)
  })

  it('counts no connection that has gone before it was known who it is of', async t => {
    const gated = await startGated(t, { defaults: { connections: 1 } })
    gated.porter.isSlow = true
    const socket = connect(gated.running.receiver.ports.http, '127.0.0.1')
    socket.write(
      'POST /v1/traces HTTP/1.1\r\nHost: x\r\nContent-Type: application/x-protobuf\r\n' +
        'X-Tenant: a\r\nContent-Length: 1000\r\n\r\nx',
    )
    await waitUntil(() => gated.porter.waiting.length === 1)
    socket.destroy()
    await waitUntil(() => gated.running.services.memory.reservedBytes === 0)

    gated.porter.waiting[0]()
    await settle()
    gated.porter.isSlow = false

    assert.equal((await gated.sendHttp('a')).code, 200)
  })
})

describe('limits of tenants at a receiver', () => {
  it('answers RESOURCE_EXHAUSTED and 429 with a delay, and takes more once it is over', async t => {
    const gated = await startGated(t, { tenants: { a: { items_per_second: 10 } } })

    await gated.sendGrpc('a', 30)
    const [byGrpc, byHttp, other] = [
      await gated.sendGrpc('a', 30),
      await gated.sendHttp('a', 30),
      await gated.sendHttp('b', 30),
    ]
    await gated.clock.advance(2001)
    const later = await gated.sendGrpc('a', 1)

    assert.deepEqual([byGrpc.code, byGrpc.reason, byGrpc.retryMs], [8, 'rate_items', 2001])
    assert.deepEqual([byHttp.code, byHttp.reason, byHttp.retryMs], [429, 'rate_items', 2001])
    assert.equal(byHttp.headers.get('retry-after'), '3')
    assert.equal(other.code, 200)
    assert.equal(later.code, 0)
    assert.deepEqual(itemsOf(gated), { a: 31, b: 30 })
    assert.deepEqual(gated.usage.turnedAway_, ['a rate_items', 'a rate_items'])
    const metric = 'millrace_receiver_refused_requests'
    assert.equal(
      gated.running.services.meter.values.get(
        `${metric}{reason=quota,receiver=otlp,transport=http}`,
      )?.value,
      1,
    )
  })

  it('books items whose quota ran out while they came as refused, with the reason', async t => {
    const gated = await startGated(t, { tenants: { a: { items_per_second: 10 } } })
    gated.porter.isSlow = true
    const both = [gated.sendHttp('a', 20), gated.sendHttp('a', 5)]
    await waitUntil(() => gated.porter.waiting.length === 2)

    for (const go of gated.porter.waiting) go()
    const codes = (await Promise.all(both)).map(answer => answer.code)

    assert.deepEqual(codes.sort(), [200, 429])
    const refused = gated.running.services.ledger.refusals()
    assert.deepEqual(
      refused.map(({ tenant, reason }) => [tenant, reason]),
      [['a', 'rate_items']],
    )
  })

  it('counts a request from its head to its answer', async t => {
    const gated = await startGated(t, { defaults: { concurrent_requests: 1 } })
    const taken: (() => void)[] = []
    gated.running.next.answer = () =>
      new Promise(resolve => taken.push(() => resolve({ kind: 'accepted' })))
    const first = gated.sendGrpc('a')
    await waitUntil(() => taken.length === 1)

    const second = await gated.sendGrpc('a')
    taken[0]()
    await first
    gated.running.next.answer = () => ({ kind: 'accepted' })

    assert.deepEqual([second.code, second.reason], [8, 'concurrent_requests'])
    assert.equal((await gated.sendGrpc('a')).code, 0)
  })

  it('holds a tenant to its share of memory until its bytes are let go, and no other', async t => {
    const gated = await startGated(t, { tenants: { a: { memory: 5000 } } })

    assert.equal((await gated.sendHttp('a', 100)).code, 200)
    const over = await gated.sendHttp('a', 100)
    assert.deepEqual([over.code, over.reason], [429, 'memory'])
    assert.equal((await gated.sendHttp('b', 100)).code, 200)
    for (const batch of gated.running.next.batches.splice(0)) {
      gated.running.services.ledger.sent(batch.tenant, batch.signal, batch.items)
      batch.release()
    }
    assert.equal((await gated.sendHttp('a', 100)).code, 200)
  })

  it('gives the volume of a day back when the pipelines do not take it', async t => {
    const gated = await startGated(t, { defaults: { daily: { items: 5 } } })
    gated.running.next.answer = () => ({ kind: 'busy', cause: 'unavailable', retryAfterMs: 10 })
    assert.equal((await gated.sendHttp('a', 5)).code, 503)

    gated.running.next.answer = () => ({ kind: 'accepted' })

    assert.equal((await gated.sendHttp('a', 5)).code, 200)
    assert.equal((await gated.sendHttp('a', 1)).reason, 'daily_items')
  })

  it('counts a connection for the tenant that it shows itself to be of, until it ends', async t => {
    const gated = await startGated(t, { defaults: { connections: 1 } })
    assert.equal((await gated.sendGrpc('a')).code, 0)
    const second = new GrpcClient(gated.running.grpcPort, { 'grpc.use_local_subchannel_pool': 1 })
    const metadata = new Metadata()
    metadata.set('x-tenant', 'a')

    const refused = await second.export('traces', makeRequest('traces', 1), metadata)
    gated.grpc.close()
    const account = gated.book.account('a') as TenantAccount & { connections: number }
    await waitUntil(() => account.connections === 0)
    const taken = await second.export('traces', makeRequest('traces', 1), metadata)
    second.close()

    assert.equal(refused.code, 8)
    const [details] = refused.metadata.get('grpc-status-details-bin')
    assert.equal(
      decodeStatusDetails(Buffer.from(details).toString('base64'))?.reason,
      'connections',
    )
    assert.equal(taken.code, 0)
  })

  it('asks the lists of addresses before the authenticator', async t => {
    const gated = await startGated(t, { addresses: { deny: ['127.0.0.0/8'] } })

    const answer = await gated.sendHttp('a')

    assert.deepEqual([answer.code, answer.reason], [403, 'address_denied'])
    assert.equal(gated.porter.asked, 0)
  })

  it('without an authenticator everybody is the tenant `default`, with its limits', async t => {
    const gated = await startGated(t, { tenants: { default: { signals: ['logs'] } } }, {})

    assert.equal((await gated.sendHttp('a')).reason, 'signal_not_allowed')
  })

  it('gets its gate when tenants are configured while it runs', async t => {
    const gated = await startGated(t, null, {})
    assert.equal((await gated.sendHttp(null)).code, 200)

    gated.use({ unknown: 'refuse' })
    gated.running.receiver.refresh()

    assert.equal((await gated.sendHttp(null)).reason, 'unknown_tenant')
    assert.deepEqual(gated.usage.turnedAway_, ['(unknown) unknown_tenant'], 'no account by name')
  })

  it('counts bytes that were read for nothing: of requests that are not valid, or empty', async t => {
    const gated = await startGated(t, {
      defaults: { bytes_per_second: { rate: 100, burst: 1000 } },
    })
    const headers = { ...PROTO, 'x-tenant': 'a' }
    const url = `${gated.running.url}/v1/traces`
    const send = async (body: Uint8Array): Promise<number> =>
      (await post(url, body, headers)).status
    const notValid = Buffer.alloc(1500, 0x0a)
    // An unknown field with 1500 bytes and no items.
    const empty = Buffer.concat([Buffer.from([0xfa, 0x01, 0xdc, 0x0b]), Buffer.alloc(1500)])

    assert.deepEqual([await send(notValid), await send(notValid)], [400, 429])
    await gated.clock.advance(20_000)
    assert.deepEqual([await send(empty), await send(empty)], [200, 429])
  })

  it('counts what was inflated for nothing: bombs, and what is broken at its end', async t => {
    const gated = await startGated(t, {
      defaults: { bytes_per_second: { rate: 1000, burst: 1000 } },
    })
    const url = `${gated.running.url}/v1/traces`
    const headers = { ...PROTO, 'content-encoding': 'gzip', 'x-tenant': 'a' }
    const send = async (body: Uint8Array): Promise<number> =>
      (await post(url, body, headers)).status
    const broken = gzipSync(Buffer.alloc(1 << 20))
    broken[broken.length - 8] ^= 1
    const bomb = gzipSync(Buffer.alloc(65 << 20))

    assert.deepEqual([await send(broken), await send(broken)], [400, 429])
    await gated.clock.advance(100_000_000)
    assert.deepEqual([await send(bomb), await send(bomb)], [413, 429])
  })

  it('lets in alone what is larger than the share of memory, inflated or growing as it comes', async t => {
    const gated = await startGated(t, { defaults: { memory: '1500KiB' } })
    const url = `${gated.running.url}/v1/traces`
    const request = Buffer.concat(new Array<Uint8Array>(8).fill(makeRequest('traces', 20_000)))
    assert.ok(request.length > 1500 << 10, `${request.length} bytes`)
    const headers = { ...PROTO, 'x-tenant': 'a' }

    const plain = await post(url, request, headers)
    for (const batch of gated.running.next.batches.splice(0)) {
      gated.running.services.ledger.sent(batch.tenant, batch.signal, batch.items)
      batch.release()
    }
    const packed = await post(url, gzipSync(request), { ...headers, 'content-encoding': 'gzip' })

    assert.deepEqual([plain.status, packed.status], [200, 200])
    assert.equal((await gated.sendHttp('a')).reason, 'memory')
  })
})

describe('connections of a receiver', () => {
  it('makes room for a new one by ending the oldest on which nothing was let in', async t => {
    const limits = { max_connections: 3, auth: { authenticator: 'porter' } }
    const gated = await startGated(t, null, limits)
    assert.equal((await gated.sendGrpc('a')).code, 0)
    const idle = [0, 1].map(() => connect(gated.running.grpcPort, '127.0.0.1'))
    const gone: number[] = []
    for (const [i, socket] of idle.entries()) {
      socket.on('error', () => {})
      socket.on('close', () => gone.push(i))
      socket.resume()
      await new Promise(resolve => socket.once('connect', resolve))
    }
    t.after(() => {
      for (const socket of idle) socket.destroy()
    })

    const other = new GrpcClient(gated.running.grpcPort, { 'grpc.use_local_subchannel_pool': 1 })
    const metadata = new Metadata()
    metadata.set('x-tenant', 'b')
    const answer = await other.export('traces', makeRequest('traces', 1), metadata)
    other.close()

    assert.equal(answer.code, 0)
    await waitUntil(() => gone.length > 0)
    assert.equal(gone[0], 0)
    assert.equal((await gated.sendGrpc('a')).code, 0, 'who was let in stays')
  })

  it('takes no more from one address than it may have', async t => {
    const gated = await startGated(t, null, { max_connections_per_address: 2 })
    assert.equal((await gated.sendHttp(null)).code, 200)
    const sockets = [0, 1, 2].map(() => connect(gated.running.receiver.ports.http, '127.0.0.1'))
    let closed = 0
    for (const socket of sockets) {
      socket.on('error', () => {})
      socket.on('close', () => closed++)
      socket.resume()
    }
    t.after(() => {
      for (const socket of sockets) socket.destroy()
    })

    await waitUntil(() => closed === 2)

    assert.equal((await gated.sendHttp(null)).code, 200, 'on the connection that is there')
  })
})

async function waitUntil(condition: () => boolean): Promise<void> {
  for (let i = 0; i < 500 && !condition(); i++) await new Promise(resolve => setTimeout(resolve, 5))
  assert.ok(condition(), 'did not come about')
}
