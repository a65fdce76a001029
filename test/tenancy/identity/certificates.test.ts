/** Client certificates: names of a real one over a real connection, patterns, names that mean two things. */
import assert from 'node:assert/strict'
import { once } from 'node:events'
import { readFile } from 'node:fs/promises'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { connect, createServer, type PeerCertificate, type TLSSocket } from 'node:tls'
import fc from 'fast-check'
import { SYSTEM_CLOCK } from '../../../src/core/clock.ts'
import { Certificates, readAlternativeNames } from '../../../src/tenancy/identity/certificates.ts'
import { compileSubjectPattern } from '../../../src/tenancy/identity/subject-pattern.ts'
import { FakeClock } from '../../../src/testing/fakes.ts'
import { configured, summary } from './senders.ts'

const TLS = join(import.meta.dirname, '../../fixtures/tls')

/** The certificate of the client as a server that verified it sees it. */
async function connectAs(t: TestContext, name: string): Promise<PeerCertificate> {
  const read = (file: string) => readFile(join(TLS, file))
  const [ca, cert, key] = await Promise.all([
    read('ca.crt'),
    read('server.crt'),
    read('server.key'),
  ])
  const server = createServer({ ca, cert, key, requestCert: true, rejectUnauthorized: true })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  t.after(() => void server.close())
  const own = { cert: await read(`${name}.crt`), key: await read(`${name}.key`) }
  const { port } = server.address() as AddressInfo
  const client = connect({ ca, ...own, port, host: '127.0.0.1', servername: 'localhost' })
  client.on('error', () => {})
  t.after(() => client.destroy())
  const [socket] = (await once(server, 'secureConnection')) as [TLSSocket]
  return socket.getPeerCertificate()
}

function byHand(subject: object, subjectaltname = ''): PeerCertificate {
  return {
    subject,
    subjectaltname,
    fingerprint256: JSON.stringify([subject, subjectaltname]),
    valid_from: 'Nov 21 08:30:01 2020 GMT',
    valid_to: 'Nov 21 08:30:01 2030 GMT',
  } as unknown as PeerCertificate
}

function tenantBy(rules: readonly object[], certificate: PeerCertificate): string {
  const { certificates } = configured({ certificates: rules })
  return summary(new Certificates(certificates, new FakeClock()).check(certificate))
}

test('a certificate over a real connection means the tenant that its names say', async t => {
  const certificate = await connectAs(t, 'client')
  const { certificates } = configured({
    certificates: [
      { from: 'san_dns', pattern: '{tenant}.agents.example' },
      { from: 'san_dns', pattern: '{tenant}.test' },
    ],
  })

  const outcome = new Certificates(certificates, SYSTEM_CLOCK).check(certificate)

  assert.equal(summary(outcome), 'collector by certificate collector.test for all')
})

test('rules are asked in order, and the first that matches counts', () => {
  const rules = [
    { from: 'subject_ou', pattern: 'ops', tenant: 'operations', signals: ['metrics'] },
    { pattern: '{tenant}' },
  ]
  assert.equal(tenantBy(rules, byHand({ CN: 'acme' })), 'acme by certificate acme for all')
  assert.equal(
    tenantBy(rules, byHand({ CN: 'acme', OU: ['dev', 'ops'] })),
    'operations by certificate ops for metrics',
  )
  assert.equal(tenantBy(rules, byHand({ O: 'acme' })), 'permission_denied: no_tenant')
  assert.equal(tenantBy(rules, byHand({ CN: '../acme' })), 'permission_denied: no_tenant')
})

test('a certificate whose names mean two tenants means none', () => {
  const rules = [{ from: 'san_uri', pattern: 'spiffe://corp/tenant/{tenant}/*' }]
  const one = 'URI:spiffe://corp/tenant/acme/agent'

  assert.equal(
    tenantBy(rules, byHand({}, `DNS:a.example, ${one}`)),
    'acme by certificate spiffe://corp/tenant/acme/agent for all',
  )
  assert.equal(
    tenantBy(rules, byHand({}, `${one}, URI:spiffe://corp/tenant/evil/agent`)),
    'permission_denied: no_tenant',
  )
  assert.equal(tenantBy([{}], byHand({ CN: ['acme', 'evil'] })), 'permission_denied: no_tenant')
})

test('a certificate is not believed before and after its time, however long the connection lasts', async () => {
  const clock = new FakeClock()
  const { certificates } = configured({ certificates: [{}] })
  const methods = new Certificates(certificates, clock)
  const certificate = byHand({ CN: 'acme' })
  const young = { ...byHand({ CN: 'b' }), valid_from: 'Nov 21 08:30:01 2029 GMT' }

  assert.equal(methods.check(certificate).kind, 'granted')
  assert.equal(summary(methods.check(young)), 'unauthenticated: not_yet_valid')
  await clock.advance(Date.parse('2030-11-21T08:30:01Z') - clock.now())
  assert.equal(summary(methods.check(certificate)), 'unauthenticated: expired')
})

test('alternative names with commas and quotes in them do not become other names', () => {
  const trick = 'URI:"spiffe://corp/x, URI:spiffe://corp/tenant/evil/agent", DNS:a.example'
  assert.deepEqual(readAlternativeNames(trick, 'URI'), [
    'spiffe://corp/x, URI:spiffe://corp/tenant/evil/agent',
  ])
  assert.deepEqual(readAlternativeNames(trick, 'DNS'), ['a.example'])
  assert.deepEqual(readAlternativeNames('DNS:a"b, DNS:c', 'DNS'), [])
})

test('a wildcard ends where the character after it first comes, so a match is never ambiguous', () => {
  const label = fc.stringMatching(/^[A-Za-z0-9_@:-]{1,12}$/)
  const pattern = compileSubjectPattern('*.{tenant}.agents.example')
  assert.ok(typeof pattern !== 'string')
  fc.assert(
    fc.property(label, label, (host, tenant) => {
      assert.equal(pattern.match(`${host}.${tenant}.agents.example`), tenant)
      assert.equal(pattern.match(`${host}.${tenant}.x.agents.example`), null)
      assert.equal(pattern.match(`${tenant}.agents.example`), null)
    }),
  )
})

test('patterns that could be read in two ways, or name no tenant, are refused with the configuration', () => {
  for (const rule of [
    { pattern: '**' },
    { pattern: '*{tenant}' },
    { pattern: '{tenant}.{tenant}' },
    { pattern: '' },
    { pattern: 'x'.repeat(300) },
    { pattern: 'fixed.example' },
    { pattern: '{tenant}', tenant: 'acme' },
    { pattern: 'fixed.example', tenant: '../acme' },
  ]) {
    assert.throws(() => configured({ certificates: [rule] }), JSON.stringify(rule))
  }
})

test('patterns take time in proportion to what they look at', () => {
  const pattern = compileSubjectPattern('*a*a*a*a*a*a*a*a*a{tenant}b')
  assert.ok(typeof pattern !== 'string')
  const started = performance.now()
  for (let i = 0; i < 100; i++) pattern.match(`${'a'.repeat(500)}c`)
  assert.ok(performance.now() - started < 1000)
})
