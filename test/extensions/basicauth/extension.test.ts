/** The `basicauth` extension: upstream's sample configurations, every kind of hash, what exporters send. */
import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import test from 'node:test'
import { parse } from 'yaml'
import { NO_CONTEXT } from '../../../src/core/batch.ts'
import type { Factory } from '../../../src/core/factory.ts'
import { factory as typed } from '../../../src/extensions/basicauth/factory.ts'
import { basicAuth, showing, summary, temporaryFolder } from '../../tenancy/identity/senders.ts'
import { problemsOf, refreshUntil, startAuth } from '../auth-kit.ts'

const factory = typed as Factory

/** Sections as upstream's own tests have them, and whether upstream takes them. */
const SAMPLES = `
empty: [null, false]
a client: [{client_auth: {username: username, password: password}}, true]
users: [{htpasswd: {inline: "username1:password1\\nusername2:password2\\n"}}, true]
both: [{client_auth: {username: user, password: pass}, htpasswd: {file: /etc/nginx/htpasswd}}, false]
files of a client: [{client_auth: {username_file: /run/user, password_file: /run/password}}, true]
no users: [{htpasswd: {}}, false]
`

for (const [what, [written, isRight]] of Object.entries(
  parse(SAMPLES) as Record<string, [object | null, boolean]>,
)) {
  test(`${isRight ? 'takes' : 'refuses'} a configuration with ${what}, as upstream does`, () => {
    assert.equal(problemsOf(factory, written).length === 0, isRight)
  })
}

/** All of the password "secret", made by htpasswd and openssl. */
const INLINE = `
plain:secret
sha:{SHA}5en6G6MezRroT3XKqkdPOmY/BfQ=
ssha:SSHA
apr1:$apr1$abCD1234$uzBuJHiksT8kCWKm663bo1
md5:$1$abCD1234$pUbqhj2U7Z8Di0RBpsBvr0
sha256:$5$abCD1234$AbUhUnTd1Zv07PdFw2tXy6cvwo9z61Bj3L1gKD0sLh7
sha512:$6$abCD1234$VJKejTB9u7luV3lt7Mtw7Z3lJRwLsoBeN2bHSx5ni6FICXicVQW5OvBNv5FnPjy6.vc.dHhWp3q.ZfFGpLKNU1
bcrypt:BCRYPT
`

test('reads every kind of hash that htpasswd files carry', async t => {
  const { hash } = await import('bcryptjs')
  const inline = INLINE.replace('BCRYPT', await hash('secret', 4)).replace(
    /ssha:.*/,
    `ssha:${sshaOf('secret', 'salt')}`,
  )
  const { authenticate } = await startAuth(t, factory, { htpasswd: { inline } })

  for (const user of ['plain', 'sha', 'ssha', 'apr1', 'md5', 'sha256', 'sha512', 'bcrypt']) {
    const right = await authenticate(basicAuth(user, 'secret'))
    assert.equal(summary(right), `default by basic ${user} for all`)
    const wrong = await authenticate(basicAuth(user, 'Secret', user))
    assert.equal(summary(wrong), 'unauthenticated: unknown_credentials')
  }
})

test('a password that was right is not computed again', async t => {
  const { hash } = await import('bcryptjs')
  const inline = `user:${await hash('secret', 4)}`
  const { authenticate } = await startAuth(t, factory, { htpasswd: { inline } })

  const first = authenticate(basicAuth('user', 'secret'))
  assert.ok(first instanceof Promise)
  await first

  const second = authenticate(basicAuth('user', 'secret'))
  assert.ok(!(second instanceof Promise))
  assert.equal(second.kind, 'granted')
})

test('a hash of an unknown kind is no password in plain text', async t => {
  const inline = 'user:$9$strange$hash\nother:{PKCS5S2}abc'
  const { authenticate } = await startAuth(t, factory, { htpasswd: { inline } })

  for (const password of ['$9$strange$hash', '{PKCS5S2}abc']) {
    assert.equal((await authenticate(basicAuth('user', password))).kind, 'denied')
    assert.equal((await authenticate(basicAuth('other', password))).kind, 'denied')
  }
})

test('users of the text win over those of the file, which is followed', async t => {
  const file = join(await temporaryFolder(t), 'htpasswd')
  await writeFile(file, 'a:from-file\nb:from-file\n')
  const running = await startAuth(t, factory, {
    htpasswd: { file, inline: 'a:from-text' },
    tenant: 'acme',
  })
  const { authenticate } = running

  assert.equal((await authenticate(basicAuth('a', 'from-file'))).kind, 'denied')
  assert.equal((await authenticate(basicAuth('a', 'from-text'))).kind, 'granted')
  assert.equal(summary(await authenticate(basicAuth('b', 'from-file'))), 'acme by basic b for all')

  await writeFile(file, 'b:changed\n')
  // From an address of its own each time: who guesses too often is not listened to.
  let tries = 0
  const isNew = async () => {
    const credentials = basicAuth('b', 'changed', `192.0.2.${++tries % 256} ${tries}`)
    return (await authenticate(credentials)).kind === 'granted'
  }
  await refreshUntil(running, isNew)
  assert.equal((await authenticate(basicAuth('b', 'from-file'))).kind, 'denied')
})

test('what is not Basic with a user in it is refused', async t => {
  const { authenticate } = await startAuth(t, factory, { htpasswd: { inline: 'user:secret' } })
  const encode = (text: string) => Buffer.from(text).toString('base64')

  for (const [authorization, reason] of [
    [`Bearer ${encode('user:secret')}`, 'malformed_credentials'],
    [`Basic ${encode('user')}`, 'malformed_credentials'],
    [`Basic ${encode(':secret')}`, 'malformed_credentials'],
    ['Basic !!!', 'malformed_credentials'],
    ['Basic', 'malformed_credentials'],
    [`Basic ${encode(`user:${'x'.repeat(2000)}`)}`, 'malformed_credentials'],
  ]) {
    const outcome = await authenticate(showing({ headers: { authorization } }))
    assert.equal(summary(outcome), `unauthenticated: ${reason}`, authorization)
  }
  assert.equal(summary(await authenticate(showing())), 'unauthenticated: no_credentials')
})

test('who has guessed too often is not computed for, and who is known goes on from there', async t => {
  const { hash } = await import('bcryptjs')
  const inline = `user:${await hash('secret', 4)}`
  const { authenticate } = await startAuth(t, factory, { htpasswd: { inline } })
  await authenticate(basicAuth('user', 'secret'))
  for (let i = 0; i < 20; i++) await authenticate(basicAuth('user', `guess${i}`))

  const late = authenticate(basicAuth('user', 'guess'))
  assert.ok(!(late instanceof Promise))
  assert.equal(summary(late), 'busy: too_many_failures')
  assert.equal((await authenticate(basicAuth('user', 'secret'))).kind, 'granted')
})

test('a password that others know by heart is no quicker to guess for who has guessed too often', async t => {
  const { hash } = await import('bcryptjs')
  const inline = `user:${await hash('secret', 4)}`
  const { authenticate } = await startAuth(t, factory, { htpasswd: { inline } })
  await authenticate(basicAuth('user', 'secret', '192.0.2.7'))
  for (let i = 0; i < 20; i++) await authenticate(basicAuth('user', `guess${i}`, '198.51.100.1'))

  const guessed = await authenticate(basicAuth('user', 'secret', '198.51.100.1'))

  assert.equal(summary(guessed), 'busy: too_many_failures')
})

test('exporters send user and password, also from files that change', async t => {
  const folder = await temporaryFolder(t)
  const password_file = join(folder, 'password')
  await writeFile(password_file, 's3cret\n')
  const running = await startAuth(t, factory, { client_auth: { username: 'ü', password_file } })
  const sent = async () => {
    const headers = await running.extension.clientAuthenticator.headers('default', NO_CONTEXT)
    return Buffer.from(headers.get('authorization')!.slice('Basic '.length), 'base64').toString()
  }

  assert.equal(await sent(), 'ü:s3cret')
  await writeFile(password_file, 'changed')
  await refreshUntil(running, async () => (await sent()) === 'ü:changed')
})

function sshaOf(password: string, salt: string): string {
  const sum = createHash('sha1').update(password).update(salt).digest()
  return `{SSHA}${Buffer.concat([sum, Buffer.from(salt)]).toString('base64')}`
}
