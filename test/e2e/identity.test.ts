/** Who may send, through whole collectors: keys and certificates over real connections, what is smuggled, what is shown onward. */
import assert from 'node:assert/strict'
import { existsSync } from 'node:fs'
import { readFile, writeFile } from 'node:fs/promises'
import { connect as connectHttp2 } from 'node:http2'
import { request as requestHttps } from 'node:https'
import { connect } from 'node:net'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { GRPC_EXPORT_PATH } from '../../src/core/signal.ts'
import type { AuditRecord } from '../../src/tenancy/audit/audit-line.ts'
import { verifyAudit } from '../../src/tenancy/audit/verify.ts'
import { makeKey } from '../../src/tenancy/identity/key-changes.ts'
import { changeKeyFile } from '../../src/tenancy/identity/key-file.ts'
import { startBackend } from '../harness/backend.ts'
import { freePorts } from '../harness/ports.ts'
import { sampleRequest } from '../harness/samples.ts'
import { makeSigningKey, sign, startKeyServer } from '../tenancy/identity/issuer.ts'
import { temporaryFolder } from '../tenancy/identity/senders.ts'
import { type E2e, startCollector } from './kit.ts'

const TLS = join(import.meta.dirname, '../fixtures/tls')
const BODY = sampleRequest('traces', 1, 3).bytes
const UNAUTHENTICATED = 16

interface Door extends E2e {
  readonly grpc: number
  readonly http: number
  /** Of the tenant acme; for traces only. */
  readonly key: string
  readonly folder: string
}

async function startDoor(t: TestContext, identity: object, protocol: object = {}): Promise<Door> {
  const folder = await temporaryFolder(t)
  const file = join(folder, 'keys.json')
  const wanted = { tenant: 'acme', name: '', signals: ['traces'] as const, expiresMs: null }
  const made = makeKey(wanted, Date.now())
  await changeKeyFile(file, async () => [made.key])
  const [grpc, http] = await freePorts(2)
  const auth = { auth: { authenticator: 'tenants' }, ...protocol }
  const e2e = await startCollector(t, {
    extensions: { tenants: { identity: { api_keys: { file }, ...identity } } },
    receivers: {
      otlp: {
        protocols: {
          grpc: { endpoint: `127.0.0.1:${grpc}`, ...auth },
          http: { endpoint: `127.0.0.1:${http}`, ...auth },
        },
      },
    },
    exporters: { nop: {} },
    service: {
      extensions: ['tenants'],
      pipelines: {
        traces: { receivers: ['otlp'], exporters: ['nop'] },
        logs: { receivers: ['otlp'], exporters: ['nop'] },
      },
    },
  })
  return { ...e2e, grpc, http, key: made.text, folder }
}

function tenantsSeen({ collector }: E2e): Record<string, number> {
  const rows = collector.ledger.rows().filter(row => row.accepted > 0)
  return Object.fromEntries(rows.map(row => [row.tenant, row.accepted]))
}

/** Headers as they stand, one after the other, so that a name may come twice. */
function postRaw(port: number, headers: readonly (readonly [string, string])[]): Promise<string> {
  return new Promise((resolve, reject) => {
    const socket = connect(port, '127.0.0.1')
    let text = ''
    socket.setEncoding('latin1').on('data', chunk => (text += chunk))
    socket.on('error', reject).on('close', () => resolve(text))
    const lines = [
      ['host', 'localhost'],
      ['connection', 'close'],
      ['content-type', 'application/x-protobuf'],
      ['content-length', String(BODY.length)],
      ...headers,
    ].map(([name, value]) => `${name}: ${value}\r\n`)
    socket.write(`POST /v1/traces HTTP/1.1\r\n${lines.join('')}\r\n`)
    socket.write(BODY)
  })
}

async function statusOf(port: number, headers: readonly (readonly [string, string])[]) {
  const answer = await postRaw(port, headers)
  return Number(answer.split(' ')[1])
}

/** gRPC status of an export whose headers may come several times. */
function exportRaw(
  port: number,
  headers: Readonly<Record<string, string | string[]>>,
): Promise<number> {
  return new Promise((resolve, reject) => {
    const session = connectHttp2(`http://127.0.0.1:${port}`)
    session.on('error', reject)
    const call = session.request({
      ':method': 'POST',
      ':path': GRPC_EXPORT_PATH.traces,
      'content-type': 'application/grpc',
      te: 'trailers',
      ...headers,
    })
    let code = -1
    const read = (fields: object): void => {
      code = Number((fields as Record<string, string>)['grpc-status'] ?? code)
    }
    call.on('response', read).on('trailers', read).on('error', reject)
    call.resume().on('close', () => {
      session.close()
      resolve(code)
    })
    const prefix = Buffer.alloc(5)
    prefix.writeUInt32BE(BODY.length, 1)
    call.end(Buffer.concat([prefix, BODY]))
  })
}

test('a key opens both protocols for its tenant and its signals, and nothing else does', async t => {
  const door = await startDoor(t, {})
  const shown = ['authorization', `Bearer ${door.key}`] as const

  assert.equal(await statusOf(door.http, [shown]), 200)
  assert.equal(await statusOf(door.http, [['x-api-key', door.key]]), 200)
  assert.equal(await exportRaw(door.grpc, { authorization: `ApiKey ${door.key}` }), 0)
  assert.equal(await exportRaw(door.grpc, { 'x-api-key': door.key }), 0)

  assert.equal(await statusOf(door.http, []), 401)
  assert.equal(await exportRaw(door.grpc, {}), UNAUTHENTICATED)
  assert.equal(await exportRaw(door.grpc, { 'x-api-key': `${door.key}x` }), UNAUTHENTICATED)
  const logs = await fetch(`http://127.0.0.1:${door.http}/v1/logs`, {
    method: 'POST',
    headers: { 'content-type': 'application/x-protobuf', authorization: `Bearer ${door.key}` },
    body: new Uint8Array(0),
  })
  assert.equal(logs.status, 403)
  assert.match(await logs.text(), /signal_not_allowed/)

  assert.deepEqual(tenantsSeen(door), { acme: 12 })
  await door.finish()
})

test('credentials that come twice, in two headers or two lines, are refused on both protocols', async t => {
  const door = await startDoor(t, { guessing: { failures: 0 } })
  const bearer = `Bearer ${door.key}`

  for (const headers of [
    [
      ['authorization', bearer],
      ['authorization', bearer],
    ],
    [
      ['Authorization', bearer],
      ['AUTHORIZATION', 'Bearer other'],
    ],
    [
      ['authorization', bearer],
      ['x-api-key', door.key],
    ],
    [
      ['x-api-key', door.key],
      ['X-Api-Key', door.key],
    ],
    [['authorization', `${bearer}, ${bearer}`]],
  ] as const) {
    assert.equal(await statusOf(door.http, headers), 401, JSON.stringify(headers))
  }
  const twice = { 'x-api-key': [door.key, door.key] }
  const both = { authorization: bearer, 'x-api-key': door.key }
  assert.equal(await exportRaw(door.grpc, twice), UNAUTHENTICATED)
  assert.equal(await exportRaw(door.grpc, both), UNAUTHENTICATED)
  assert.deepEqual(tenantsSeen(door), {})
})

test('a header for proxies is refused from others, folded or with spaces around its name too', async t => {
  const door = await startDoor(t, { header: { trusted_proxies: ['10.0.0.0/8'] } })
  const shown = ['authorization', `Bearer ${door.key}`] as const

  assert.equal(await statusOf(door.http, [['X-Scope-OrgID', 'evil']]), 403)
  assert.equal(await statusOf(door.http, [shown, ['X-Scope-OrgID', 'evil']]), 403)
  assert.equal(await statusOf(door.http, [shown, ['x-scope-orgid ', 'evil']]), 400)
  assert.equal(await statusOf(door.http, [shown, ['x-a', 'b\r\n x-scope-orgid: evil']]), 400)
  assert.equal(await exportRaw(door.grpc, { 'x-scope-orgid': 'evil' }), 7)
  assert.deepEqual(tenantsSeen(door), {})
})

test('a client certificate that the TLS layer verified names the tenant, on both protocols', async t => {
  const tls = {
    cert_file: join(TLS, 'server.crt'),
    key_file: join(TLS, 'server.key'),
    client_ca_file: join(TLS, 'ca.crt'),
  }
  const certificates = [{ from: 'san_dns', pattern: '{tenant}.test' }]
  const door = await startDoor(t, { certificates }, { tls })
  const read = (file: string) => readFile(join(TLS, file))
  const [ca, cert, key] = await Promise.all([
    read('ca.crt'),
    read('client.crt'),
    read('client.key'),
  ])

  const status = await new Promise<number | undefined>((resolve, reject) => {
    const options = {
      ...{ host: '127.0.0.1', port: door.http, servername: 'localhost', path: '/v1/traces' },
      ...{ method: 'POST', ca, cert, key, agent: false },
      headers: { 'content-type': 'application/x-protobuf' },
    }
    const call = requestHttps(options, response => {
      response.resume()
      resolve(response.statusCode)
    })
    call.on('error', reject).end(BODY)
  })
  assert.equal(status, 200)

  const { Client, credentials } = await import('@grpc/grpc-js')
  const client = new Client(`localhost:${door.grpc}`, credentials.createSsl(ca, key, cert))
  t.after(() => client.close())
  const same = (bytes: Buffer): Buffer => bytes
  await new Promise<void>((resolve, reject) => {
    client.makeUnaryRequest(GRPC_EXPORT_PATH.traces, same, same, Buffer.from(BODY), error =>
      error === null ? resolve() : reject(error),
    )
  })

  assert.deepEqual(tenantsSeen(door), { collector: 6 })
})

test('a token of an issuer opens the door, and the tenant is the one in its claim', async t => {
  const signer = await makeSigningKey('k1')
  const server = await startKeyServer(t, [signer.jwk])
  const jwt = [{ issuer: 'https://issuer.example', jwks_url: server.url, signals_claim: 'scope' }]
  const door = await startDoor(t, { jwt })
  const token = async (claims: object) => sign(signer, { ...claims }, Date.now())

  const good = await token({ tenant: 'globex', scope: 'traces' })
  assert.equal(await statusOf(door.http, [['authorization', `Bearer ${good}`]]), 200)
  assert.equal(await exportRaw(door.grpc, { authorization: `Bearer ${good}` }), 0)
  const narrow = await token({ tenant: 'globex', scope: 'logs' })
  assert.equal(await exportRaw(door.grpc, { authorization: `Bearer ${narrow}` }), 7)
  const old = await token({ tenant: 'globex', exp: 1 })
  assert.equal(await statusOf(door.http, [['authorization', `Bearer ${old}`]]), 401)

  assert.deepEqual(tenantsSeen(door), { globex: 6 })
})

test('no answer, log line or metric has a key, a token or a password in it', async t => {
  const door = await startDoor(t, { basic: { htpasswd: { inline: 'user:hunter2' } } })
  const secret = door.key.split('_')[2]
  const wrong = makeKey({ tenant: 'x', name: '', signals: null, expiresMs: null }, 0).text
  const basic = Buffer.from('user:hunter3').toString('base64')
  const headers = [`Bearer ${door.key}`, `Bearer ${wrong}`, `Basic ${basic}`, `Bearer ${basic}`]

  const answers = await Promise.all(
    headers.map(text => postRaw(door.http, [['authorization', text]])),
  )

  const everything = JSON.stringify([answers, door.log])
  for (const text of [secret, wrong.split('_')[2], basic, 'hunter2', 'hunter3']) {
    assert.ok(!everything.includes(text), text)
  }
})

test('reloads of the configuration and of files with credentials are in the audit log', async t => {
  const folder = await temporaryFolder(t)
  const [keys, audit_file] = [join(folder, 'keys.json'), join(folder, 'audit.jsonl')]
  await changeKeyFile(keys, async () => [])
  const [port] = await freePorts(1)
  const config = (memory_limiter: object) => ({
    extensions: { tenants: { identity: { api_keys: { file: keys } }, audit_file } },
    receivers: { otlp: { protocols: { http: { endpoint: `127.0.0.1:${port}` } } } },
    processors: { memory_limiter },
    exporters: { nop: {} },
    service: {
      extensions: ['tenants'],
      pipelines: {
        traces: { receivers: ['otlp'], processors: ['memory_limiter'], exporters: ['nop'] },
      },
    },
  })
  const e2e = await startCollector(t, config({ check_interval: '1s', limit_mib: 200 }))
  const events: AuditRecord[] = []
  const until = async (action: string): Promise<AuditRecord> => {
    for (;;) {
      events.length = 0
      if (existsSync(audit_file)) await verifyAudit(audit_file, each => void events.push(each))
      const found = events.find(each => each.action === action)
      if (found !== undefined) return found
      await new Promise(resolve => setTimeout(resolve, 20))
    }
  }

  const made = makeKey({ tenant: 'acme', name: '', signals: null, expiresMs: null }, 0)
  await changeKeyFile(keys, async () => [made.key])
  assert.equal((await until('credentials.reload')).subject, keys)

  await e2e.reload(config({ check_interval: '1s', limit_mib: 300 }))
  const { actor, detail } = await until('config.reload')
  assert.deepEqual([actor, detail?.started], ['collector', ['processor/traces/memory_limiter']])
  assert.equal((await verifyAudit(audit_file)).problemCount, 0)
})

test('two collectors with existing configurations of upstream trust each other by token and by password', async t => {
  const folder = await temporaryFolder(t)
  const filename = join(folder, 'token')
  await writeFile(filename, 's3cret-token\n')
  const backend = await startBackend()
  t.after(() => backend.close())
  const [grpc, http, agent] = await freePorts(3)
  await startCollector(t, {
    extensions: {
      bearertokenauth: { tokens: ['other', 's3cret-token'] },
      'basicauth/server': { htpasswd: { inline: 'agent:pa55' } },
      headers_setter: { headers: [{ key: 'X-Scope-OrgID', value: 'acme', action: 'upsert' }] },
    },
    receivers: {
      otlp: {
        protocols: {
          grpc: { endpoint: `127.0.0.1:${grpc}`, auth: { authenticator: 'bearertokenauth' } },
          http: { endpoint: `127.0.0.1:${http}`, auth: { authenticator: 'basicauth/server' } },
        },
      },
    },
    exporters: {
      otlphttp: {
        endpoint: `http://127.0.0.1:${backend.httpPort}`,
        auth: { authenticator: 'headers_setter' },
      },
    },
    service: {
      extensions: ['bearertokenauth', 'basicauth/server', 'headers_setter'],
      pipelines: { traces: { receivers: ['otlp'], exporters: ['otlphttp'] } },
    },
  })
  const first = await startCollector(t, {
    extensions: {
      bearertokenauth: { filename },
      'basicauth/client': { client_auth: { username: 'agent', password: 'pa55' } },
    },
    receivers: { otlp: { protocols: { http: { endpoint: `127.0.0.1:${agent}` } } } },
    exporters: {
      otlp: {
        endpoint: `127.0.0.1:${grpc}`,
        tls: { insecure: true },
        auth: { authenticator: 'bearertokenauth' },
      },
      otlphttp: {
        endpoint: `http://127.0.0.1:${http}`,
        auth: { authenticator: 'basicauth/client' },
      },
    },
    service: {
      extensions: ['bearertokenauth', 'basicauth/client'],
      pipelines: { traces: { receivers: ['otlp'], exporters: ['otlp', 'otlphttp'] } },
    },
  })

  assert.equal(await statusOf(agent, []), 200)
  await first.finish()
  while (backend.requests.length < 2) await new Promise(resolve => setTimeout(resolve, 20))

  assert.equal(backend.items('traces'), 6)
  assert.ok(backend.requests.every(({ headers }) => headers['x-scope-orgid'] === 'acme'))
  assert.equal(await statusOf(http, []), 401)
  assert.equal(await exportRaw(grpc, { authorization: 'Bearer wrong' }), UNAUTHENTICATED)
})
