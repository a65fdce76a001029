/** The `bearertokenauth` extension: upstream's sample configurations, what receivers accept, what exporters send. */
import assert from 'node:assert/strict'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import test from 'node:test'
import { parse } from 'yaml'
import { NO_CONTEXT } from '../../../src/core/batch.ts'
import type { Factory } from '../../../src/core/factory.ts'
import { factory as typed } from '../../../src/extensions/bearertokenauth/factory.ts'
import { bearer, showing, summary, temporaryFolder } from '../../tenancy/identity/senders.ts'
import { problemsOf, refreshUntil, startAuth } from '../auth-kit.ts'

const factory = typed as Factory

/** Sections as upstream's own tests have them, and whether upstream takes them. */
const SAMPLES = `
empty: [null, false]
one token: [{token: sometoken}, true]
a scheme: [{scheme: MyScheme, token: my-token}, true]
several tokens: [{scheme: Bearer, tokens: [token1, thistokenalsoworks]}, true]
a file: [{scheme: Bearer, filename: file-containing.token}, true]
a token and a file: [{scheme: Bearer, token: ignoredtoken, filename: file-containing.token}, true]
tokens and a file: [{scheme: Bearer, tokens: [a, b], filename: file-containing.token}, true]
tokens and a token: [{scheme: Bearer, tokens: [a, b], token: my-token}, false]
a header: [{header: X-Custom-Authorization, scheme: "", token: my-token}, true]
`

for (const [what, [written, isRight]] of Object.entries(
  parse(SAMPLES) as Record<string, [object | null, boolean]>,
)) {
  test(`${isRight ? 'takes' : 'refuses'} a configuration with ${what}, as upstream does`, () => {
    assert.equal(problemsOf(factory, written).length === 0, isRight)
  })
}

test('accepts every configured token and nothing else', async t => {
  const { authenticate, services } = await startAuth(t, factory, { tokens: ['t0ken', 'an0ther'] })

  assert.equal(
    summary(await authenticate(bearer('t0ken'))),
    'default by bearer bearertokenauth for all',
  )
  assert.equal((await authenticate(bearer('an0ther'))).kind, 'granted')
  for (const [credentials, reason] of [
    [bearer('t0ke'), 'unknown_credentials'],
    [bearer('t0ken0'), 'unknown_credentials'],
    [showing({ headers: { authorization: 't0ken' } }), 'unknown_credentials'],
    [showing({ headers: { authorization: 'bearer t0ken' } }), 'unknown_credentials'],
    [showing(), 'no_credentials'],
    [
      showing({ headers: { authorization: ['Bearer t0ken', 'Bearer t0ken'] } }),
      'malformed_credentials',
    ],
  ] as const) {
    assert.equal(summary(await authenticate(credentials)), `unauthenticated: ${reason}`)
  }
  assert.equal(services.meter.total('millrace_auth_granted'), 2)
  assert.equal(services.meter.total('millrace_auth_denied'), 6)
})

test('reads header, scheme and tenant as configured', async t => {
  const written = {
    header: 'X-Custom-Authorization',
    scheme: '',
    token: 'my-token',
    tenant: 'acme',
  }
  const { authenticate } = await startAuth(t, factory, written)

  const outcome = await authenticate(showing({ headers: { 'x-custom-authorization': 'my-token' } }))

  assert.equal(summary(outcome), 'acme by bearer bearertokenauth for all')
})

test('takes the first word of each line of a file, and follows the file', async t => {
  const filename = join(await temporaryFolder(t), 'tokens')
  await writeFile(filename, 'first for the gateway\n\n  second\tfor agents\r\n')
  const running = await startAuth(t, factory, { filename })
  const { authenticate, extension } = running
  const sent = async () =>
    (await extension.clientAuthenticator.headers('default', NO_CONTEXT)).get('authorization')

  assert.equal((await authenticate(bearer('first'))).kind, 'granted')
  assert.equal((await authenticate(bearer('second'))).kind, 'granted')
  assert.equal((await authenticate(bearer('for'))).kind, 'denied')
  assert.equal(await sent(), 'Bearer first')

  await writeFile(filename, 'third')
  await refreshUntil(running, async () => (await sent()) === 'Bearer third')
  assert.equal((await authenticate(bearer('first'))).kind, 'denied')
  assert.equal((await authenticate(bearer('third'))).kind, 'granted')
})

test('does not start without its file, and has nothing to show while the file is empty', async t => {
  const filename = join(await temporaryFolder(t), 'tokens')
  await assert.rejects(startAuth(t, factory, { filename }), {
    code: 'MILLRACE_IDENTITY_FILE_UNREADABLE',
  })

  await writeFile(filename, '\n')
  const { extension, authenticate } = await startAuth(t, factory, { filename })
  await assert.rejects(
    async () => extension.clientAuthenticator.headers('default', NO_CONTEXT),
    /no token/,
  )
  assert.equal((await authenticate(bearer(''))).kind, 'denied')
})

test('exporters get the same headers object each time', async t => {
  const { extension } = await startAuth(t, factory, { token: 't0ken' })
  const { clientAuthenticator } = extension

  const headers = await clientAuthenticator.headers('default', NO_CONTEXT)

  assert.deepEqual([...headers], [['authorization', 'Bearer t0ken']])
  assert.equal(await clientAuthenticator.headers('acme', NO_CONTEXT), headers)
})

test('an address that keeps guessing has to wait, others do not', async t => {
  const { authenticate, services } = await startAuth(t, factory, { token: 't0ken' })
  for (let i = 0; i < 20; i++) await authenticate(bearer(`guess${i}`, '198.51.100.1'))

  const late = await authenticate(bearer('guess', '198.51.100.1'))
  assert.equal(summary(late), 'busy: too_many_failures')
  assert.equal(
    summary(await authenticate(bearer('guess', '198.51.100.2'))),
    'unauthenticated: unknown_credentials',
  )

  await services.clock.advance(60_000)
  assert.equal(
    summary(await authenticate(bearer('guess', '198.51.100.1'))),
    'unauthenticated: unknown_credentials',
  )
})

test('a right token counts from where it was used before, and not for who has guessed too often', async t => {
  const { authenticate, services } = await startAuth(t, factory, { tokens: ['a', 'b'] })
  await authenticate(bearer('a', '198.51.100.1'))
  for (let i = 0; i < 20; i++) await authenticate(bearer(`guess${i}`, '198.51.100.1'))

  const told = async (token: string) => summary(await authenticate(bearer(token, '198.51.100.1')))

  assert.equal(await told('b'), 'busy: too_many_failures')
  assert.match(await told('a'), /^default/)
  assert.match(summary(await authenticate(bearer('b', '198.51.100.2'))), /^default/)
  await services.clock.advance(60_000)
  assert.match(await told('b'), /^default/)
})
