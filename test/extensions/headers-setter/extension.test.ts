/** The `headers_setter` extension: upstream's sample configurations, actions, sources, and what stands before it. */
import assert from 'node:assert/strict'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import test from 'node:test'
import { parse } from 'yaml'
import type { RequestContext } from '../../../src/core/batch.ts'
import type { Factory } from '../../../src/core/factory.ts'
import type { HasClientAuthenticator } from '../../../src/core/identity.ts'
import { factory as typedBearer } from '../../../src/extensions/bearertokenauth/factory.ts'
import { factory as typed } from '../../../src/extensions/headers-setter/factory.ts'
import { temporaryFolder } from '../../tenancy/identity/senders.ts'
import { problemsOf, refreshUntil, startAuth } from '../auth-kit.ts'

const factory = typed as Factory
const bearerFactory = typedBearer as Factory

const SAMPLE_1 = `
headers:
  - key: X-Scope-OrgID
    action: insert
    from_context: "tenant_id"
  - key: X-Scope-OrgID
    action: insert
    from_context: "tenant_id"
    default_value: "some_id"
  - key: User-ID
    action: update
    from_context: "user_id"
  - key: User-ID
    value: "user_id"
  - key: User-ID
    action: delete
`

function requestWith(metadata: Readonly<Record<string, readonly string[]>>): RequestContext {
  return { metadata: new Map(Object.entries(metadata)), peer: '' }
}

async function headersOf(
  { clientAuthenticator }: HasClientAuthenticator,
  metadata: Readonly<Record<string, readonly string[]>> = {},
  tenant = 'default',
): Promise<Record<string, string>> {
  return Object.fromEntries(await clientAuthenticator.headers(tenant, requestWith(metadata)))
}

test('takes the configurations of upstream, and refuses what upstream refuses', () => {
  const rule = (written: object) => ({ headers: [{ key: 'a', ...written }] })
  assert.deepEqual(problemsOf(factory, parse(SAMPLE_1)), [])
  assert.deepEqual(
    problemsOf(factory, { additional_auth: 'oauth2client', headers: [{ key: 'X-A', value: 'v' }] }),
    [],
  )
  assert.deepEqual(problemsOf(factory, rule({ action: 'delete' })), [])
  for (const written of [
    null,
    { headers: [] },
    { headers: [{ value: 'v' }] },
    rule({}),
    rule({ value: 'v', from_context: 'c' }),
    rule({ value: 'v', value_file: 'f' }),
    rule({ action: 'replace', value: 'v' }),
    rule({ key: 'with space', value: 'v' }),
  ]) {
    assert.notDeepEqual(problemsOf(factory, written), [], JSON.stringify(written))
  }
})

test('insert, update, upsert and delete do to a header what their names say', async t => {
  const { extension } = await startAuth(t, factory, {
    headers: [
      { action: 'insert', key: 'Kept', value: 'first' },
      { action: 'insert', key: 'kept', value: 'second' },
      { action: 'update', key: 'absent', value: 'x' },
      { action: 'upsert', key: 'changed', value: 'x' },
      { action: 'update', key: 'changed', value: 'y' },
      { key: 'gone', value: 'x' },
      { action: 'delete', key: 'gone' },
    ],
  })

  assert.deepEqual(await headersOf(extension), { kept: 'first', changed: 'y' })
  const context = requestWith({})
  assert.equal(
    await extension.clientAuthenticator.headers('a', context),
    await extension.clientAuthenticator.headers('b', context),
    'what depends on no request is made once',
  )
})

test('takes values from what came in, with a default, and never guesses between two', async t => {
  const { extension } = await startAuth(t, factory, {
    headers: [
      {
        action: 'insert',
        key: 'X-Scope-OrgID',
        from_context: 'Tenant_ID',
        default_value: 'nobody',
      },
      { key: 'X-Tenant', from_attribute: 'tenant' },
    ],
  })

  assert.deepEqual(await headersOf(extension, { tenant_id: ['acme'] }, 't1'), {
    'x-scope-orgid': 'acme',
    'x-tenant': 't1',
  })
  assert.deepEqual(await headersOf(extension), { 'x-scope-orgid': 'nobody', 'x-tenant': 'default' })
  await assert.rejects(
    headersOf(extension, { tenant_id: ['acme', 'evil'] }),
    /2 values of tenant_id/,
  )
})

test('follows files with values', async t => {
  const value_file = join(await temporaryFolder(t), 'key')
  await writeFile(value_file, 'one\n')
  const running = await startAuth(t, factory, { headers: [{ key: 'x-api-key', value_file }] })

  assert.deepEqual(await headersOf(running.extension), { 'x-api-key': 'one' })
  await writeFile(value_file, 'two')
  await refreshUntil(
    running,
    async () => (await headersOf(running.extension))['x-api-key'] === 'two',
  )
})

test('stands on top of another authenticator, and says when there is none', async t => {
  const bearer = await startAuth(t, bearerFactory, { token: 't0ken' })
  const written = {
    additional_auth: 'bearertokenauth/other',
    headers: [{ key: 'x-a', value: 'v' }],
  }
  const others = new Map([['bearertokenauth/other', bearer.extension]])

  const { extension } = await startAuth(t, factory, written, others)
  assert.deepEqual(await headersOf(extension), { authorization: 'Bearer t0ken', 'x-a': 'v' })

  const alone = await startAuth(t, factory, written)
  await assert.rejects(headersOf(alone.extension), /bearertokenauth\/other is not an authenticator/)
})

test('two that name each other have nothing to show instead of never ending', async t => {
  const others = new Map()
  const make = (additional_auth: string) =>
    startAuth(t, factory, { additional_auth, headers: [{ key: 'x-a', value: 'v' }] }, others)
  const first = await make('headers_setter/b')
  const second = await make('headers_setter/a')
  others.set('headers_setter/a', first.extension).set('headers_setter/b', second.extension)

  await assert.rejects(headersOf(first.extension), /leads back to itself/)
})
