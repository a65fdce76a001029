/** API keys: their form, their file, what is told to whom, and what happens when the file changes. */
import assert from 'node:assert/strict'
import { chmod, readdir, readFile, stat, symlink, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import test from 'node:test'
import fc from 'fast-check'
import type { Logger } from '../../../src/core/logger.ts'
import { ApiKeys } from '../../../src/tenancy/identity/api-keys.ts'
import { createIdentifier } from '../../../src/tenancy/identity/identifier.ts'
import { makeKey, revokeKey, rotateKey } from '../../../src/tenancy/identity/key-changes.ts'
import { changeKeyFile, parseKeyFile, readKeyFile } from '../../../src/tenancy/identity/key-file.ts'
import {
  createApiKey,
  formatApiKey,
  parseApiKey,
} from '../../../src/tenancy/identity/key-format.ts'
import { FakeClock, fakeServices } from '../../../src/testing/fakes.ts'
import { bearer, configured, showing, summary, temporaryFolder } from './senders.ts'

const ACME = { tenant: 'acme', name: '', signals: null, expiresMs: null }

test('a key is read back as the parts that it was made of, whatever the random bytes', () => {
  fc.assert(
    fc.property(fc.uint8Array({ minLength: 32, maxLength: 32 }), bytes => {
      const parts = createApiKey(count =>
        count === 1 ? bytes.subarray(0, 1).map(b => b % 128) : bytes,
      )
      assert.deepEqual(parseApiKey(formatApiKey(parts)), parts)
    }),
  )
})

test('different random bytes give different secrets', () => {
  fc.assert(
    fc.property(
      fc.uint8Array({ minLength: 32, maxLength: 32 }),
      fc.uint8Array({ minLength: 32, maxLength: 32 }),
      (a, b) => {
        const secretOf = (bytes: Uint8Array) =>
          createApiKey(count => (count === 1 ? new Uint8Array(1) : bytes)).secret
        assert.equal(secretOf(a) === secretOf(b), Buffer.compare(a, b) === 0)
      },
    ),
  )
})

test('whatever else somebody sends is no key and never a fault', () => {
  const keys = new ApiKeys(new FakeClock())
  fc.assert(
    fc.property(fc.string({ unit: 'binary' }), text => {
      assert.equal(keys.check(text).kind, 'denied')
      assert.equal(keys.check(`mr_${text}`).kind, 'denied')
    }),
  )
})

test('a key is its tenant until it expires, and nothing before the file knows it', () => {
  const clock = new FakeClock()
  const keys = new ApiKeys(clock)
  const made = makeKey({ ...ACME, signals: ['logs'], expiresMs: clock.now() + 1000 }, clock.now())

  assert.equal(summary(keys.check(made.text)), 'unauthenticated: unknown_credentials')
  keys.replace([made.key])
  assert.equal(summary(keys.check(made.text)), `acme by api_key ${made.key.id} for logs`)
  void clock.advance(1000)
  assert.equal(summary(keys.check(made.text)), 'unauthenticated: expired')
})

test('the right id with a wrong secret is as unknown as a wrong id', () => {
  const keys = new ApiKeys(new FakeClock())
  const [made, other] = [makeKey(ACME, 0), makeKey(ACME, 0)]
  keys.replace([made.key])
  const { id } = parseApiKey(made.text)!
  const { secret } = parseApiKey(other.text)!

  assert.deepEqual(keys.check(formatApiKey({ id, secret })), keys.check(other.text))
})

test('after a rotation both keys work until the overlap ends, then only the new one', () => {
  const clock = new FakeClock()
  const keys = new ApiKeys(clock)
  const first = makeKey({ ...ACME, signals: ['traces'] }, clock.now())
  const rotated = rotateKey([first.key], first.key.id, 60_000, null, clock.now())
  keys.replace(rotated.keys)

  assert.equal(keys.check(first.text).kind, 'granted')
  assert.equal(
    summary(keys.check(rotated.made.text)),
    `acme by api_key ${rotated.made.key.id} for traces`,
  )
  void clock.advance(60_000)
  assert.equal(summary(keys.check(first.text)), 'unauthenticated: expired')
  assert.equal(keys.check(rotated.made.text).kind, 'granted')
})

test('a rotation never lengthens the life of the old key, and neither expired nor revoked keys rotate', () => {
  const soon = makeKey({ ...ACME, expiresMs: 1000 }, 0)
  const { old } = rotateKey([soon.key], soon.key.id, 60_000, null, 0)
  assert.equal(old.expires, soon.key.expires)

  assert.throws(() => rotateKey([soon.key], soon.key.id, 0, null, 5000), {
    code: 'MILLRACE_IDENTITY_KEY_UNKNOWN',
  })
  const revoked = revokeKey([soon.key], soon.key.id, 0)
  assert.throws(() => rotateKey(revoked.keys, soon.key.id, 0, null, 0), {
    code: 'MILLRACE_IDENTITY_KEY_UNKNOWN',
  })
})

test('a revoked key is told so only to who has its secret', () => {
  const keys = new ApiKeys(new FakeClock())
  const made = makeKey(ACME, 0)
  keys.replace(revokeKey([made.key], made.key.id, 0).keys)
  const { id } = made.key
  const { secret } = createApiKey()

  assert.equal(summary(keys.check(made.text)), 'unauthenticated: revoked')
  assert.equal(
    summary(keys.check(formatApiKey({ id, secret }))),
    'unauthenticated: unknown_credentials',
  )
})

test('the file holds no secret, may be read by its owner only, and leaves nothing else behind', async t => {
  const folder = await temporaryFolder(t)
  const path = join(folder, 'keys.json')
  const made = makeKey(ACME, 0)
  await changeKeyFile(path, async keys => [...keys, made.key])

  const text = await readFile(path, 'utf8')
  assert.ok(!text.includes(parseApiKey(made.text)!.secret))
  assert.equal((await stat(path)).mode & 0o777, 0o600)
  assert.deepEqual(await readdir(folder), ['keys.json'])
  assert.deepEqual(await readKeyFile(path), [made.key])
})

test('commands that change the file at one time lose no key, and its mode stays', async t => {
  const path = join(await temporaryFolder(t), 'keys.json')
  await changeKeyFile(path, async keys => keys)
  await chmod(path, 0o640)
  await Promise.all(
    Array.from({ length: 8 }, () =>
      changeKeyFile(path, async keys => [...keys, makeKey(ACME, 0).key]),
    ),
  )

  assert.equal((await readKeyFile(path)).length, 8)
  assert.equal((await stat(path)).mode & 0o777, 0o640)
})

test('a lock that a dead process left is taken over', async t => {
  const path = join(await temporaryFolder(t), 'keys.json')
  await writeFile(`${path}.lock`, '999999999')

  await changeKeyFile(path, async keys => [...keys, makeKey(ACME, 0).key])

  assert.equal((await readKeyFile(path)).length, 1)
})

test('a file that is not one of keys is refused by place, and never quoted', async t => {
  const path = join(await temporaryFolder(t), 'keys.json')
  const { key } = makeKey(ACME, 0)
  const written = (change: object) => JSON.stringify({ version: 1, keys: [{ ...key, ...change }] })
  for (const [text, where] of [
    ['s3cr3t', /is not JSON/],
    [written({ tenant: '../s3cr3t' }), /keys\.0\.tenant/],
    [written({ hash: 's3cr3t' }), /keys\.0\.hash/],
    [written({ extra: 's3cr3t' }), /keys\.0/],
    [JSON.stringify({ version: 1, keys: [key, key] }), /one id twice/],
    [JSON.stringify({ version: 2, keys: [] }), /version/],
  ] as const) {
    assert.throws(
      () => parseKeyFile(path, text),
      (error: Error) => where.test(error.message) && !error.message.includes('s3cr3t'),
      text,
    )
  }
})

test('a pipe or a folder in the place of the file is refused at once', async t => {
  const folder = await temporaryFolder(t)
  await assert.rejects(readKeyFile(folder), { code: 'MILLRACE_IDENTITY_FILE_UNREADABLE' })
  await symlink('/dev/zero', join(folder, 'zero'))
  await assert.rejects(readKeyFile(join(folder, 'zero')), {
    code: 'MILLRACE_IDENTITY_FILE_UNREADABLE',
  })
})

test('keys are taken from each of the three places where clients put them', async t => {
  const path = join(await temporaryFolder(t), 'keys.json')
  const made = makeKey(ACME, 0)
  await changeKeyFile(path, async () => [made.key])
  const identifier = createIdentifier(configured({ api_keys: { file: path } }), {
    ...fakeServices(),
    id: 'tenants',
  })
  await identifier.start()
  t.after(() => identifier.stop())

  for (const headers of [
    { authorization: `Bearer ${made.text}` },
    { authorization: `bearer ${made.text}` },
    { authorization: `ApiKey ${made.text}` },
    { 'x-api-key': made.text },
  ] as Readonly<Record<string, string>>[]) {
    const outcome = await identifier.authenticate(showing({ headers }))
    assert.equal(summary(outcome), `acme by api_key ${made.key.id} for all`)
  }
})

test('a changed file takes effect, one that cannot be used changes nothing, and no log names a key', async t => {
  const path = join(await temporaryFolder(t), 'keys.json')
  const [first, second] = [makeKey(ACME, 0), makeKey(ACME, 0)]
  await changeKeyFile(path, async () => [first.key])
  const logged: string[] = []
  const log = recordingLogger(logged)
  const services = { ...fakeServices(), log, id: 'tenants' }
  const identifier = createIdentifier(configured({ api_keys: { file: path } }), services)
  await identifier.start()
  t.after(() => identifier.stop())
  const until = async (wanted: RegExp): Promise<void> => {
    identifier.refresh()
    while (!logged.some(line => wanted.test(line))) await new Promise(setImmediate)
  }

  await changeKeyFile(path, async () => [second.key])
  await until(/credentials_reloaded/)
  assert.equal(
    summary(await identifier.authenticate(bearer(first.text))),
    'unauthenticated: unknown_credentials',
  )
  assert.equal((await identifier.authenticate(bearer(second.text))).kind, 'granted')

  await writeFile(path, '{"version":1,"keys":[{"hash":"half of a f')
  await until(/credentials_not_reloaded/)
  assert.equal((await identifier.authenticate(bearer(second.text))).kind, 'granted')

  const everything = logged.join('\n')
  for (const { text, key } of [first, second]) {
    assert.ok(!everything.includes(parseApiKey(text)!.secret))
    assert.ok(!everything.includes(key.hash))
  }
  assert.ok(!everything.includes('half of a f'))
})

function recordingLogger(lines: string[]): Logger {
  const write = (event: string, fields?: Readonly<Record<string, unknown>>): void => {
    lines.push(`${event} ${JSON.stringify(fields)}`)
  }
  const log: Logger = { debug: write, info: write, warn: write, error: write, child: () => log }
  return log
}
