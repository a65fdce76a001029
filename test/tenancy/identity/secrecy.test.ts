/** What must not be seen: secrets in printed configurations, and time that tells how near a guess was. */
import assert from 'node:assert/strict'
import crypto from 'node:crypto'
import { readdirSync, readFileSync } from 'node:fs'
import { syncBuiltinESMExports } from 'node:module'
import { join } from 'node:path'
import test from 'node:test'
import { inspect } from 'node:util'
import threads from 'node:worker_threads'
import { ApiKeys } from '../../../src/tenancy/identity/api-keys.ts'
import { BasicUsers } from '../../../src/tenancy/identity/basic.ts'
import { parseHtpasswd } from '../../../src/tenancy/identity/htpasswd.ts'
import { makeKey } from '../../../src/tenancy/identity/key-changes.ts'
import { createApiKey, formatApiKey } from '../../../src/tenancy/identity/key-format.ts'
import { FakeClock } from '../../../src/testing/fakes.ts'
import { runMillrace } from '../../cli/command-line.ts'
import { configured } from './senders.ts'

const SRC = join(import.meta.dirname, '../../../src')

const YAML = `
extensions:
  bearertokenauth: {token: s3cret}
  bearertokenauth/list: {tokens: [s3cret, s3cret]}
  basicauth: {client_auth: {username: agent, password: s3cret}}
  basicauth/server: {htpasswd: {inline: "user:s3cret"}}
  headers_setter: {headers: [{key: a, value: s3cret}, {key: b, from_context: c, default_value: s3cret}]}
  tenants:
    identity:
      basic: {htpasswd: {inline: "user:s3cret"}}
      jwt: [{issuer: i, jwks_url: "https://user:s3cret@issuer.example/jwks?key=s3cret"}]
receivers: {otlp: {protocols: {grpc: {auth: {authenticator: tenants}}}}}
exporters: {nop: {}}
service: {extensions: [tenants], pipelines: {traces: {receivers: [otlp], exporters: [nop]}}}
`

test('a printed configuration has none of the secrets of authenticators', async () => {
  const { code, stdout } = await runMillrace(['print-config', '--config', `yaml:${YAML}`])

  assert.equal(code, 0)
  assert.match(stdout, /username: agent/)
  assert.doesNotMatch(stdout, /s3cret/)
})

test('neither do faults of a configuration quote them', async () => {
  const wrong = YAML.replace('{token: s3cret}', '{token: [s3cret]}').replace(
    '"user:s3cret"',
    '{a: s3cret}',
  )
  const { code, stderr } = await runMillrace(['validate', '--config', `yaml:${wrong}`])

  assert.equal(code, 1)
  assert.doesNotMatch(stderr, /s3cret/)
})

test('a configuration in memory does not show them when it is logged', () => {
  const config = configured({ basic: { htpasswd: { inline: 'user:s3cret' } } })

  assert.doesNotMatch(`${inspect(config, { depth: 9 })}${JSON.stringify(config)}`, /s3cret/)
})

test('an unknown key is compared as a known one is: one hash of the same length, in constant time', t => {
  const compared: number[] = []
  const real = crypto.timingSafeEqual
  t.mock.method(crypto, 'timingSafeEqual', (a: Uint8Array, b: Uint8Array) => {
    compared.push(a.byteLength, b.byteLength)
    return real(a, b)
  })
  syncBuiltinESMExports()
  t.after(() => {
    t.mock.restoreAll()
    syncBuiltinESMExports()
  })
  const keys = new ApiKeys(new FakeClock())
  const made = makeKey({ tenant: 'acme', name: '', signals: null, expiresMs: null }, 0)
  keys.replace([made.key])

  const { secret } = createApiKey()
  keys.check(formatApiKey({ id: made.key.id, secret }))
  keys.check(formatApiKey(createApiKey()))

  assert.deepEqual(compared, [64, 64, 64, 64])
})

test('for an unknown user a password is hashed as for a known one', async t => {
  const { hash } = await import('bcryptjs')
  const users = new BasicUsers(user => user)
  t.after(() => users.stop())
  users.replace(parseHtpasswd(`known:${await hash('right', 4)}`).users)
  const encode = (text: string) => Buffer.from(text).toString('base64')

  const known = users.check(encode('known:wrong'), '192.0.2.7', false)
  const unknown = users.check(encode('unknown:wrong'), '192.0.2.7', false)

  assert.ok(known instanceof Promise && unknown instanceof Promise)
  assert.deepEqual(await known, await unknown)
})

test('a machine that has no thread to give says to come later, and goes on', async t => {
  const { Worker } = threads
  const restore = (): void => {
    threads.Worker = Worker
    syncBuiltinESMExports()
  }
  t.after(restore)
  const users = new BasicUsers(user => user)
  t.after(() => users.stop())
  users.replace(parseHtpasswd(`known:$2b$04$${'.'.repeat(53)}`).users)
  const encoded = Buffer.from('known:wrong').toString('base64')
  threads.Worker = class {
    constructor() {
      throw new Error('ERR_WORKER_INIT_FAILED: EAGAIN')
    }
  } as never
  syncBuiltinESMExports()

  const without = await users.check(encoded, '192.0.2.7', false)
  restore()
  const later = await users.check(encoded, '192.0.2.7', false)

  assert.equal(without.kind === 'denied' && without.reason, 'verifier_unavailable')
  assert.equal(later.kind === 'denied' && later.reason, 'unknown_credentials')
})

test('one address that tries passwords does not keep others waiting', async t => {
  const { hash } = await import('bcryptjs')
  const users = new BasicUsers(user => user)
  t.after(() => users.stop())
  users.replace(parseHtpasswd(`known:${await hash('right', 4)}`).users)
  const encode = (text: string) => Buffer.from(text).toString('base64')
  const guesses = Array.from({ length: 64 }, (_, i) =>
    users.check(encode(`known:wrong${i}`), '2001:db8::1', false),
  )

  const good = await users.check(encode('known:right'), '192.0.2.7', false)
  const told = (await Promise.all(guesses)).map(answer => answer.kind === 'denied' && answer.reason)
  const late = await users.check(encode('known:wrong'), '2001:db8::2', false)

  assert.equal(good.kind, 'granted')
  assert.equal(told.filter(reason => reason === 'unknown_credentials').length, 16)
  assert.equal(told.filter(reason => reason === 'verifier_unavailable').length, 48)
  assert.equal(late.kind === 'denied' && late.reason, 'unknown_credentials', 'only while they wait')
})

test('whoever computes slow hashes for strangers is bounded, and the main thread does not wait', async t => {
  const { hash } = await import('bcryptjs')
  const users = new BasicUsers(user => user)
  t.after(() => users.stop())
  users.replace(parseHtpasswd(`known:${await hash('right', 4)}`).users)

  const answers = await Promise.all(
    Array.from({ length: 200 }, (_, i) =>
      users.check(Buffer.from(`known:wrong${i}`).toString('base64'), `192.0.2.${i}`, false),
    ),
  )

  const reasons = answers.map(answer => (answer.kind === 'denied' ? answer.reason : 'granted'))
  assert.equal(reasons.filter(reason => reason === 'unknown_credentials').length, 64)
  assert.equal(reasons.filter(reason => reason === 'verifier_unavailable').length, 136)
})

test('no source file of identity compares a secret or hash with ===', () => {
  const folders = ['tenancy/identity', 'extensions/bearertokenauth', 'extensions/basicauth']
  for (const folder of folders) {
    for (const name of readdirSync(join(SRC, folder)).filter(file => file.endsWith('.ts'))) {
      const text = readFileSync(join(SRC, folder, name), 'utf8')
      const compared =
        /\b\w*([Ss]ecret|[Hh]ash|[Pp]assword|[Tt]oken|[Mm]ark)\b (===|!==) (?!''|undefined|null)/
      assert.doesNotMatch(text, compared, `${folder}/${name}`)
    }
  }
})
