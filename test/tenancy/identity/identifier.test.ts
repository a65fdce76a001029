/** Who somebody is when several things are shown at once: order, contradictions, proxies, guessing, what is counted and told. */
import assert from 'node:assert/strict'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import type { PeerCertificate } from 'node:tls'
import fc from 'fast-check'
import { DEFAULT_TENANT } from '../../../src/core/batch.ts'
import type { Credentials } from '../../../src/core/identity.ts'
import { GuessLimiter } from '../../../src/tenancy/identity/guess-limiter.ts'
import { createIdentifier } from '../../../src/tenancy/identity/identifier.ts'
import { makeKey } from '../../../src/tenancy/identity/key-changes.ts'
import { changeKeyFile } from '../../../src/tenancy/identity/key-file.ts'
import { readShown } from '../../../src/tenancy/identity/shown.ts'
import { isTenantId } from '../../../src/tenancy/identity/tenant-id.ts'
import { FakeClock, fakeServices } from '../../../src/testing/fakes.ts'
import { basicAuth, bearer, configured, showing, summary, temporaryFolder } from './senders.ts'

const CERTIFICATE = {
  subject: { CN: 'machine' },
  fingerprint256: 'AB',
  valid_from: 'Nov 21 08:30:01 2020 GMT',
  valid_to: 'Nov 21 08:30:01 2030 GMT',
} as unknown as PeerCertificate

async function startWith(t: TestContext, written: object) {
  const file = join(await temporaryFolder(t), 'keys.json')
  const made = makeKey({ tenant: 'acme', name: '', signals: null, expiresMs: null }, 0)
  await changeKeyFile(file, async () => [made.key])
  const services = fakeServices()
  const config = configured({ api_keys: { file }, ...written })
  const identifier = createIdentifier(config, { ...services, id: 'tenants' })
  await identifier.start()
  t.after(() => identifier.stop())
  return {
    key: made.text,
    services,
    told: async (credentials: Credentials) => summary(await identifier.authenticate(credentials)),
  }
}

test('without any method everybody is the default tenant', async () => {
  const identifier = createIdentifier(configured({}), { ...fakeServices(), id: 'tenants' })
  const outcome = await identifier.authenticate(bearer('whatever'))

  assert.ok(identifier.isOpen)
  assert.equal(summary(outcome), `${DEFAULT_TENANT} by none for all`)
})

test('a method that could let nobody in, or in two ways, is refused with the configuration', () => {
  const issuer = { issuer: 'https://issuer.example', jwks_file: '/etc/jwks.json' }
  assert.equal(configured({ jwt: [issuer] }).jwt.length, 1)
  for (const written of [
    { basic: {} },
    { basic: { htpasswd: { inline: 'u:p' }, users: { u: 'a/b' } } },
    { jwt: [issuer, issuer] },
    { jwt: [{ issuer: 'i' }] },
    { jwt: [{ ...issuer, jwks_url: 'https://issuer.example/jwks' }] },
    { jwt: [{ ...issuer, algorithms: [] }] },
    { header: {} },
    { header: { trusted_proxies: ['10.0.0.0/33'] } },
    { header: { trusted_proxies: ['proxy.example'] } },
    { api_keys: {} },
    { api_keys: { file: 'k', header: 'x key' } },
    { anonymous: '..' },
    { tokens: [] },
  ]) {
    assert.throws(() => configured(written), JSON.stringify(written))
  }
})

test('who shows nothing is turned away, or is the tenant that the configuration says', async t => {
  const strict = await startWith(t, {})
  const mild = await startWith(t, { anonymous: 'public' })

  assert.equal(await strict.told(showing()), 'unauthenticated: no_credentials')
  assert.equal(await mild.told(showing()), 'public by none for all')
  assert.equal(await mild.told(bearer('mr_wrong')), 'unauthenticated: malformed_credentials')
})

test('credentials that come twice or in two kinds are refused, also when they are the same', async t => {
  const { told, key } = await startWith(t, { basic: { htpasswd: { inline: 'u:p' } } })
  for (const headers of [
    { authorization: [`Bearer ${key}`, `Bearer ${key}`] },
    { authorization: `Bearer ${key}`, 'x-api-key': key },
    { 'x-api-key': [key, key] },
    { authorization: `Bearer ${key}, Bearer ${key}` },
    { authorization: `Bearer ${key} x` },
    { authorization: `Bearer  ${key}` },
    { authorization: `Bearer\t${key}` },
    { authorization: key },
    { authorization: '' },
    { authorization: `Digest ${key}` },
    { authorization: `Bearer ${'x'.repeat(20_000)}` },
  ] as Readonly<Record<string, string | string[]>>[]) {
    const outcome = await told(showing({ headers, address: '' }))
    assert.equal(outcome, 'unauthenticated: malformed_credentials', JSON.stringify(headers))
  }
})

test('a header of a proxy that is not trusted is refused, even beside a good key', async t => {
  const { told, key } = await startWith(t, {
    header: { name: 'X-Scope-OrgID', trusted_proxies: ['10.0.0.0/8', 'fd00::/8', '192.0.2.1'] },
  })
  const from = (address: string, headers = {}) =>
    told(showing({ address, headers: { 'x-scope-orgid': 'acme', ...headers } }))

  assert.equal(await from('10.1.2.3'), 'acme by header for all')
  assert.equal(await from('192.0.2.1'), 'acme by header for all')
  assert.equal(await from('fd00::7'), 'acme by header for all')
  for (const address of ['192.0.2.2', '11.0.0.1', '2001:db8::1', '']) {
    assert.match(await from(address), /untrusted_proxy|too_many/, address)
  }
  assert.equal(
    await from('203.0.113.1', { authorization: `Bearer ${key}` }),
    'permission_denied: untrusted_proxy',
  )
})

test('what a trusted proxy says is one tenant with a safe id, and agrees with credentials beside it', async t => {
  const { told, key } = await startWith(t, { header: { trusted_proxies: ['10.0.0.0/8'] } })
  const from = (tenant: string | string[], headers = {}) =>
    told(showing({ address: '10.1.2.3', headers: { 'x-scope-orgid': tenant, ...headers } }))
  const shown = { authorization: `Bearer ${key}` }

  assert.match(await from('acme', shown), /^acme by api_key/)
  assert.equal(await from('evil', shown), 'unauthenticated: malformed_credentials')
  assert.equal(await from(['acme', 'evil']), 'unauthenticated: malformed_credentials')
  for (const tenant of ['', '..', 'a/b', 'a b', 'a,b', 'x'.repeat(129), 'ü']) {
    assert.equal(await from(tenant), 'permission_denied: no_tenant', tenant)
  }
})

test('a key counts more than the certificate of the connection, which counts more than nothing', async t => {
  const { told, key } = await startWith(t, { certificates: [{}], anonymous: 'public' })
  const headers = { authorization: `Bearer ${key}` }

  assert.match(await told(showing({ headers, certificate: CERTIFICATE })), /^acme by api_key/)
  assert.equal(
    await told(showing({ certificate: CERTIFICATE })),
    'machine by certificate machine for all',
  )
  assert.equal(await told(showing()), 'public by none for all')
})

test('users are tenants by name or as the table says, and never one with an unsafe name', async t => {
  const { told } = await startWith(t, {
    basic: {
      htpasswd: { inline: 'acme:p\njane doe:p\n../x:p\n__proto__:p' },
      users: { 'jane doe': 'acme' },
    },
  })

  assert.equal(await told(basicAuth('acme', 'p')), 'acme by basic acme for all')
  assert.equal(await told(basicAuth('jane doe', 'p')), 'acme by basic jane doe for all')
  assert.equal(await told(basicAuth('../x', 'p')), 'permission_denied: no_tenant')
  assert.equal(await told(basicAuth('__proto__', 'p')), '__proto__ by basic __proto__ for all')
  assert.equal(await told(basicAuth('constructor', 'p')), 'unauthenticated: unknown_credentials')
})

test('who guesses has to wait, a good key from there works on, and proxies are not locked out', async t => {
  const { told, key, services } = await startWith(t, {
    guessing: { failures: 3, window: '10s' },
    header: { trusted_proxies: ['10.0.0.1'] },
  })
  const wrong = makeKey({ tenant: 'x', name: '', signals: null, expiresMs: null }, 0).text
  for (let i = 0; i < 3; i++) {
    assert.equal(await told(bearer(wrong, '198.51.100.1')), 'unauthenticated: unknown_credentials')
    await told(bearer(wrong, '10.0.0.1'))
  }

  assert.equal(await told(bearer(wrong, '198.51.100.1')), 'busy: too_many_failures')
  assert.equal(await told(bearer(wrong, '10.0.0.1')), 'unauthenticated: unknown_credentials')
  assert.match(await told(bearer(key, '198.51.100.1')), /^acme/)
  await services.clock.advance(10_000)
  assert.equal(await told(bearer(wrong, '198.51.100.1')), 'unauthenticated: unknown_credentials')
})

test('outcomes are counted by method and reason, and no count or log has anything of what was shown', async t => {
  const file = join(await temporaryFolder(t), 'keys.json')
  const made = makeKey({ tenant: 'acme', name: '', signals: null, expiresMs: null }, 0)
  await changeKeyFile(file, async () => [made.key])
  const logged: string[] = []
  const write = (event: string, fields?: object): void => {
    logged.push(`${event} ${JSON.stringify(fields)}`)
  }
  const log = { debug: write, info: write, warn: write, error: write, child: () => log }
  const services = { ...fakeServices(), log }
  const config = configured({ api_keys: { file }, basic: { htpasswd: { inline: 'u:right' } } })
  const identifier = createIdentifier(config, { ...services, id: 'tenants' })
  await identifier.start()
  t.after(() => identifier.stop())

  await identifier.authenticate(bearer(made.text))
  await identifier.authenticate(bearer(`${made.text}x`))
  await identifier.authenticate(basicAuth('u', 'hunter2'))
  await identifier.authenticate(showing())

  assert.deepEqual(Object.fromEntries([...services.meter.values].map(([k, v]) => [k, v.value])), {
    'millrace_auth_granted{extension=tenants,method=api_key}': 1,
    'millrace_auth_denied{extension=tenants,method=api_key,reason=malformed_credentials}': 1,
    'millrace_auth_denied{extension=tenants,method=basic,reason=unknown_credentials}': 1,
    'millrace_auth_denied{extension=tenants,method=none,reason=no_credentials}': 1,
  })
  const everything = `${logged.join('\n')}${[...services.meter.values.keys()].join('\n')}`
  const parts = made.text.split('_')
  const encoded = Buffer.from('u:hunter2').toString('base64')
  for (const secret of [parts[2], made.key.hash, 'hunter2', encoded, 'right"']) {
    assert.ok(!everything.includes(secret), secret)
  }
})

test('the table of guessers stays within its bound, and a subscriber is one however many addresses it has', () => {
  const clock = new FakeClock()
  const limiter = new GuessLimiter({ failures: 2, window: 1000, max_addresses: 100 }, clock)
  fc.assert(
    fc.property(fc.ipV4(), address => {
      limiter.failed(address)
      assert.ok(limiter.size <= 100)
    }),
    { numRuns: 500 },
  )
  limiter.failed('2001:db8:1:2::1')
  limiter.failed('2001:db8:1:2:3:4:5:6')
  assert.ok(limiter.waitMs('2001:db8:1:2:ffff::') > 0)
  assert.equal(limiter.waitMs('2001:db8:1:3::1'), 0)
})

test('reading headers never fails, whatever they hold', () => {
  const methods = { keyHeader: 'x-api-key', jwt: true, basic: true }
  const header = fc.array(fc.string({ unit: 'binary' }), { maxLength: 2 })
  fc.assert(
    fc.property(header, header, (authorization, keys) => {
      const shown = readShown(showing({ headers: { authorization, 'x-api-key': keys } }), methods)
      if (authorization.length + keys.length === 0) assert.equal(shown, null)
      if (authorization.length + keys.length > 1) assert.equal(shown, 'malformed')
    }),
  )
})

test('the id of a tenant is safe as the name of a file, in a label and in a header', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'binary', maxLength: 140 }), text => {
      if (!isTenantId(text)) return
      assert.match(text, /^[\x21-\x7e]{1,128}$/)
      assert.doesNotMatch(text, /[/\\"'`$%&;<>|*?#{}\s,=]/)
      assert.ok(text !== '.' && text !== '..')
    }),
    { numRuns: 1000 },
  )
  for (const text of ['.', '..', '', 'a/b', 'a\\b', 'a\0b', 'a\n', 'x'.repeat(129)]) {
    assert.ok(!isTenantId(text), JSON.stringify(text))
  }
})
