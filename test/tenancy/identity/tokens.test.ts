/** JSON Web Tokens against a real server of keys: what is accepted, what each fault is called, rotation, outages, caps. */
import assert from 'node:assert/strict'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import fc from 'fast-check'
import { SignJWT } from 'jose'
import { createIdentifier, type Identifier } from '../../../src/tenancy/identity/identifier.ts'
import { type FakeServices, fakeServices } from '../../../src/testing/fakes.ts'
import { makeSigningKey, sign, startKeyServer } from './issuer.ts'
import { bearer, configured, summary, temporaryFolder } from './senders.ts'

const ISSUER = { issuer: 'https://issuer.example', tenant_claim: 'tenant' }

interface Kit {
  readonly services: FakeServices
  readonly identifier: Identifier
  told(token: string): Promise<string>
}

async function startWith(t: TestContext, jwt: readonly object[]): Promise<Kit> {
  const services = fakeServices()
  const identifier = createIdentifier(configured({ jwt, guessing: { failures: 0 } }), {
    ...services,
    id: 'tenants',
  })
  t.after(() => identifier.stop())
  await identifier.start()
  return {
    services,
    identifier,
    told: async token => summary(await identifier.authenticate(bearer(token))),
  }
}

for (const alg of ['RS256', 'PS256', 'ES256', 'EdDSA']) {
  test(`a token signed with ${alg} by a key of the issuer means the tenant in its claim`, async t => {
    const key = await makeSigningKey('k1', alg)
    const server = await startKeyServer(t, [key.jwk])
    const kit = await startWith(t, [{ ...ISSUER, jwks_url: server.url }])
    const now = kit.services.clock.now()

    const token = await sign(key, { tenant: 'acme', sub: 'agent-7' }, now)

    assert.equal(await kit.told(token), 'acme by jwt agent-7 for all')
  })
}

test('every fault of a token has its own reason', async t => {
  const [key, stranger] = await Promise.all([makeSigningKey('k1'), makeSigningKey('k1')])
  const server = await startKeyServer(t, [key.jwk])
  const kit = await startWith(t, [
    { ...ISSUER, jwks_url: server.url, audience: ['millrace'], clock_skew: '10s' },
  ])
  const now = kit.services.clock.now()
  const seconds = Math.floor(now / 1000)
  const good = { tenant: 'acme', aud: 'millrace', sub: 's' }
  const told = async (claims: object, signer = key) =>
    kit.told(await sign(signer, { ...good, ...claims }, now))

  assert.equal(await told({}), 'acme by jwt s for all')
  assert.equal(await told({ aud: ['other', 'millrace'] }), 'acme by jwt s for all')
  assert.equal(await told({ exp: seconds - 5 }), 'acme by jwt s for all')
  assert.equal(await told({ nbf: seconds + 5 }), 'acme by jwt s for all')
  assert.equal(await told({ exp: seconds - 11 }), 'unauthenticated: expired')
  assert.equal(await told({ nbf: seconds + 11 }), 'unauthenticated: not_yet_valid')
  assert.equal(await told({ aud: 'other' }), 'unauthenticated: wrong_audience')
  assert.equal(await told({ iss: 'https://evil.example' }), 'unauthenticated: wrong_issuer')
  assert.equal(await told({ exp: undefined }), 'unauthenticated: malformed_credentials')
  assert.equal(await told({}, stranger), 'unauthenticated: bad_signature')
  assert.equal(await told({ tenant: '../../etc' }), 'permission_denied: no_tenant')
  assert.equal(await told({ tenant: ['acme', 'evil'] }), 'permission_denied: no_tenant')
  assert.equal(await told({ tenant: undefined }), 'permission_denied: no_tenant')
})

test('a token without signature, or signed with the public key as a secret, is refused', async t => {
  const key = await makeSigningKey('k1', 'RS256')
  const server = await startKeyServer(t, [key.jwk])
  const kit = await startWith(t, [{ ...ISSUER, jwks_url: server.url }])
  const part = (value: object) => Buffer.from(JSON.stringify(value)).toString('base64url')
  const claims = { iss: ISSUER.issuer, tenant: 'acme', exp: 9_999_999_999 }
  const confused = await new SignJWT(claims)
    .setProtectedHeader({ alg: 'HS256', kid: 'k1' })
    .sign(Buffer.from(key.jwk.n!, 'base64url'))

  for (const token of [
    `${part({ alg: 'none' })}.${part(claims)}.`,
    `${part({ alg: 'none' })}.${part(claims)}.AAAA`,
    confused,
  ]) {
    assert.match(await kit.told(token), /^unauthenticated: (bad_signature|malformed_credentials)$/)
  }
})

test('the tenant and the signals are found in nested claims and in claims with dots in their names', async t => {
  const key = await makeSigningKey('k1')
  const server = await startKeyServer(t, [key.jwk])
  const kit = await startWith(t, [
    {
      ...ISSUER,
      jwks_url: server.url,
      tenant_claim: 'https://claims.example/org.id',
      signals_claim: 'otel.scope',
    },
  ])
  const told = async (claims: object) =>
    kit.told(await sign(key, claims as never, kit.services.clock.now()))
  const org = { 'https://claims.example/org.id': 'acme' }

  assert.equal(
    await told({ ...org, otel: { scope: 'traces logs' } }),
    'acme by jwt for traces,logs',
  )
  assert.equal(
    await told({ ...org, otel: { scope: ['metrics', 'admin'] } }),
    'acme by jwt for metrics',
  )
  assert.equal(await told(org), 'acme by jwt for ')
  assert.equal(await told({ org: { constructor: 'x' } }), 'permission_denied: no_tenant')
})

test('a verified token is remembered until it expires', async t => {
  const key = await makeSigningKey('k1')
  const server = await startKeyServer(t, [key.jwk])
  const kit = await startWith(t, [{ ...ISSUER, jwks_url: server.url, clock_skew: '0s' }])
  const token = await sign(key, { tenant: 'acme' }, kit.services.clock.now())

  const first = kit.identifier.authenticate(bearer(token))
  const meanwhile = kit.identifier.authenticate(bearer(token))
  assert.ok(first instanceof Promise && meanwhile instanceof Promise)
  await Promise.all([first, meanwhile])
  const second = kit.identifier.authenticate(bearer(token))

  assert.ok(!(second instanceof Promise))
  assert.equal(summary(second), 'acme by jwt for all')
  await kit.services.clock.advance(3_600_000)
  assert.equal(await kit.told(token), 'unauthenticated: expired')
})

test('a token that is older than max_age is refused, also when it was remembered', async t => {
  const key = await makeSigningKey('k1')
  const server = await startKeyServer(t, [key.jwk])
  const kit = await startWith(t, [
    { ...ISSUER, jwks_url: server.url, max_age: '5m', clock_skew: '0s', require_expiry: false },
  ])
  const token = await sign(key, { tenant: 'acme', exp: undefined }, kit.services.clock.now())

  assert.equal(await kit.told(token), 'acme by jwt for all')
  await kit.services.clock.advance(300_001)
  assert.equal(await kit.told(token), 'unauthenticated: expired')
})

test('a new key is fetched when a token names it, and not more often than once in 30 s', async t => {
  const [first, second, third] = await Promise.all(
    ['k1', 'k2', 'k3'].map(kid => makeSigningKey(kid)),
  )
  const server = await startKeyServer(t, [first.jwk])
  const kit = await startWith(t, [{ ...ISSUER, jwks_url: server.url, refresh_interval: '1h' }])
  const told = async (key: typeof first) =>
    kit.told(await sign(key, { tenant: 'acme' }, kit.services.clock.now()))

  assert.equal(server.asked, 1)
  server.keys = [first.jwk, second.jwk]
  assert.equal(await told(second), 'acme by jwt for all')
  assert.equal(server.asked, 2)

  server.keys = [second.jwk, third.jwk]
  assert.equal(await told(third), 'unauthenticated: bad_signature')
  assert.equal(server.asked, 2)
  await kit.services.clock.advance(30_000)
  assert.equal(await told(third), 'acme by jwt for all')
  assert.equal(server.asked, 3)
})

test('a key that the issuer takes back is believed no longer, remembered tokens included', async t => {
  const [first, second] = await Promise.all([makeSigningKey('k1'), makeSigningKey('k2')])
  const server = await startKeyServer(t, [first.jwk])
  const kit = await startWith(t, [{ ...ISSUER, jwks_url: server.url, refresh_interval: '1m' }])
  const token = await sign(first, { tenant: 'acme' }, kit.services.clock.now())
  assert.equal(await kit.told(token), 'acme by jwt for all')

  server.keys = [second.jwk]
  await kit.services.clock.advance(60_000)
  while ((await kit.told(token)) !== 'unauthenticated: bad_signature') {
    await new Promise(setImmediate)
  }
})

test('while keys cannot be had the answer is to come later, and the last good ones stay in use', async t => {
  const key = await makeSigningKey('k1')
  const server = await startKeyServer(t, [key.jwk])
  server.answer = response => response.writeHead(503).end()
  const kit = await startWith(t, [{ ...ISSUER, jwks_url: server.url, refresh_interval: '1m' }])
  const fresh = (sub: string) => sign(key, { tenant: 'acme', sub }, kit.services.clock.now())
  assert.equal(await kit.told(await fresh('a')), 'busy: verifier_unavailable')

  server.answer = null
  await kit.services.clock.advance(1000)
  while ((await kit.told(await fresh('a'))) !== 'acme by jwt a for all')
    await new Promise(setImmediate)

  for (const answer of [
    (response: import('node:http').ServerResponse) =>
      response.writeHead(302, { location: '/' }).end(),
    (response: import('node:http').ServerResponse) => response.end('{"keys":'),
    (response: import('node:http').ServerResponse) => response.end('{"keys":[1]}'),
    (response: import('node:http').ServerResponse) => response.end(`"${'x'.repeat(2_000_000)}"`),
    (response: import('node:http').ServerResponse) => response.destroy(),
  ]) {
    server.answer = answer
    const { asked } = server
    while (server.asked === asked) await kit.services.clock.advance(50)
    assert.equal(await kit.told(await fresh('b')), 'acme by jwt b for all')
  }
})

test('keys in a file are followed, and secrets of HS256 are possible there only', async t => {
  const file = join(await temporaryFolder(t), 'jwks.json')
  const secret = Buffer.alloc(32, 7)
  const oct = { kty: 'oct', k: secret.toString('base64url'), alg: 'HS256', kid: 's1' }
  await writeFile(file, JSON.stringify({ keys: [oct] }))
  const written = { ...ISSUER, jwks_file: file, algorithms: ['HS256'] }
  const kit = await startWith(t, [written])
  const exp = Math.floor(kit.services.clock.now() / 1000) + 60
  const token = await new SignJWT({ iss: ISSUER.issuer, tenant: 'acme', exp })
    .setProtectedHeader({ alg: 'HS256', kid: 's1' })
    .sign(secret)
  assert.equal(await kit.told(token), 'acme by jwt for all')

  await writeFile(file, JSON.stringify({ keys: [] }))
  kit.identifier.refresh()
  while ((await kit.told(token)) !== 'unauthenticated: bad_signature') {
    await new Promise(setImmediate)
  }

  const { jwks_file: _, ...rest } = written
  assert.throws(
    () => configured({ jwt: [{ ...rest, jwks_url: 'https://issuer.example/jwks' }] }),
    /HS/,
  )
  assert.throws(() => configured({ jwt: [{ ...written, algorithms: ['none'] }] }))
  await assert.rejects(startWith(t, [{ ...written, jwks_file: `${file}.absent` }]), {
    code: 'MILLRACE_IDENTITY_FILE_UNREADABLE',
  })
})

test('whatever else stands in the place of a token is refused and never a fault', async t => {
  const key = await makeSigningKey('k1')
  const server = await startKeyServer(t, [key.jwk])
  const kit = await startWith(t, [{ ...ISSUER, jwks_url: server.url }])
  const good = await sign(key, { tenant: 'acme' }, kit.services.clock.now())
  const [head, body, signature] = good.split('.')
  const word = fc.stringMatching(/^[\w.=-]{0,60}$/)

  await fc.assert(
    fc.asyncProperty(word, word, async (a, b) => {
      for (const token of [
        a,
        `${a}.${b}.${a}`,
        `${head}.${a}.${signature}`,
        `${head}.${body}.${b}`,
      ]) {
        assert.doesNotMatch(await kit.told(token), /^acme/)
      }
    }),
    { numRuns: 50 },
  )
})
