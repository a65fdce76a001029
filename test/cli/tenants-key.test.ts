/** `millrace tenants key …` and `millrace tenants audit …`, as command lines. */
import assert from 'node:assert/strict'
import { readFile, rm, writeFile } from 'node:fs/promises'
import { syncBuiltinESMExports } from 'node:module'
import os from 'node:os'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { temporaryFolder } from '../tenancy/identity/senders.ts'
import { runMillrace } from './command-line.ts'

async function startIn(t: TestContext) {
  const folder = await temporaryFolder(t)
  const [keys, audit] = [join(folder, 'keys.json'), join(folder, 'audit.jsonl')]
  const key = (...args: string[]) =>
    runMillrace(['tenants', 'key', ...args, '--file', keys, '--audit', audit])
  return { folder, keys, audit, key }
}

test('a key is created, listed, rotated and revoked, and each step is in the audit log', async t => {
  const { keys, audit, key } = await startIn(t)

  const created = await key(
    'create',
    '--tenant',
    'acme',
    '--name',
    'ci',
    '--signals',
    'traces,logs',
    '--expires',
    '90d',
  )
  assert.deepEqual([created.code, created.stdout.trim().split('_').length], [0, 3], created.stderr)
  const [, id, secret] = created.stdout.trim().split('_')
  assert.match(created.stderr, /tenant acme for traces, logs, expires 20/)

  const listed = await key('list')
  assert.match(listed.stdout, new RegExp(`^${id} +acme +ci +traces,logs +active`, 'm'))

  const rotated = await key('rotate', id, '--overlap', '2h')
  const [, newId] = rotated.stdout.trim().split('_')
  const revoked = await key('revoke', id)
  assert.match(revoked.stdout, new RegExp(`^${id} of acme is revoked`))

  const rows = JSON.parse((await key('list', '--json')).stdout)
  assert.deepEqual(
    rows.map((row: { id: string; state: string; replaces?: string }) => [
      row.id,
      row.state,
      row.replaces,
    ]),
    [
      [id, 'revoked', undefined],
      [newId, 'active', id],
    ],
  )
  assert.ok(Date.parse(rows[0].expires) < Date.now() + 2.1 * 3_600_000)

  const tail = await runMillrace(['tenants', 'audit', 'tail', '--audit', audit])
  assert.deepEqual(
    tail.stdout
      .trim()
      .split('\n')
      .map(line => line.split('  ')[2]),
    ['key.create', 'key.rotate', 'key.revoke'],
  )
  const verified = await runMillrace(['tenants', 'audit', 'verify', '--audit', audit])
  assert.equal(verified.code, 0)
  assert.match(verified.stdout, /^3 lines, unbroken, head [0-9a-f]{64}\n$/)

  const everything = [listed, revoked, tail, verified].map(({ stdout, stderr }) => stdout + stderr)
  everything.push(JSON.stringify(rows), await readFile(keys, 'utf8'), await readFile(audit, 'utf8'))
  assert.ok(!everything.join('').includes(secret))
})

test('a key that is said to expire never does not, made or rotated', async t => {
  const { key } = await startIn(t)

  const created = await key('create', '--tenant', 'acme', '--expires', 'never')
  const [, id] = created.stdout.split('_')
  const rotated = await key('rotate', id, '--expires', 'never')

  assert.match(created.stderr, /expires never/)
  assert.match(rotated.stderr, /expires never/)
})

test('a whole key in the place of its id is refused and not said again', async t => {
  const { key } = await startIn(t)
  const created = await key('create', '--tenant', 'acme')
  const text = created.stdout.trim()
  const [, id, secret] = text.split('_')

  for (const verb of ['rotate', 'revoke']) {
    const { code, stderr } = await key(verb, text)
    assert.equal(code, 1)
    assert.match(stderr, new RegExp(`MILLRACE_IDENTITY_KEY_USAGE.*its id is ${id}`))
    assert.ok(!stderr.includes(secret))
  }
})

test('a user without a name is in the audit log by number, as in containers', async t => {
  const { audit, key } = await startIn(t)
  const { userInfo } = os
  t.after(() => {
    os.userInfo = userInfo
    syncBuiltinESMExports()
  })
  os.userInfo = (() => {
    throw new Error('uv_os_get_passwd returned ENOENT')
  }) as typeof userInfo
  syncBuiltinESMExports()

  const created = await key('create', '--tenant', 'acme')

  assert.equal(created.code, 0, created.stderr)
  assert.match(await readFile(audit, 'utf8'), /"actor":"uid \d+/)
})

test('a log that was changed is told with the line, and a head that is gone too', async t => {
  const { audit, key } = await startIn(t)
  await key('create', '--tenant', 'acme')
  await key('create', '--tenant', 'globex')
  const text = await readFile(audit, 'utf8')

  await writeFile(audit, text.replace('globex', 'acme'))
  const changed = await runMillrace(['tenants', 'audit', 'verify', '--audit', audit])
  assert.equal(changed.code, 1)
  assert.match(changed.stdout, /audit\.jsonl:2: is not what was written/)

  const head = JSON.parse(text.trimEnd().split('\n')[1]).hash
  await writeFile(audit, `${text.split('\n')[0]}\n`)
  const cut = await runMillrace(['tenants', 'audit', 'verify', '--audit', audit, '--head', head])
  assert.equal(cut.code, 1)
  assert.match(cut.stdout, /lines are gone/)
})

test('without its line in the audit log nothing is changed', async t => {
  const { keys, key } = await startIn(t)
  await key('create', '--tenant', 'acme')
  const before = await readFile(keys, 'utf8')

  const failed = await runMillrace([
    ...['tenants', 'key', 'create', '--tenant', 'globex', '--file', keys],
    ...['--audit', join(keys, 'audit.jsonl')],
  ])

  assert.equal(failed.code, 1)
  assert.match(failed.stderr, /MILLRACE_AUDIT_UNWRITABLE/)
  assert.equal(await readFile(keys, 'utf8'), before)
})

test('wrong command lines are refused with what would be right', async t => {
  const { keys, key } = await startIn(t)
  await key('create', '--tenant', 'acme')
  for (const [args, wanted] of [
    [['create', '--tenant', '../acme'], /MILLRACE_IDENTITY_KEY_USAGE.*--tenant/],
    [['create', '--tenant', 'acme', '--signals', 'spans'], /no signal; there are traces/],
    [['create', '--tenant', 'acme', '--expires', 'soon'], /a duration is meant/],
    [['create', '--tenant', 'acme', '--expires', '2020-01-01'], /a time to come/],
    [['create', '--tenant', 'acme', '--expires', '2027-02-30'], /no such day/],
    [['create'], /--tenant/],
    [['revoke', 'nobody'], /MILLRACE_IDENTITY_KEY_UNKNOWN/],
    [['rotate', 'nobody'], /MILLRACE_IDENTITY_KEY_UNKNOWN/],
  ] as const) {
    const { code, stderr, stdout } = await key(...args)
    assert.notEqual(code, 0)
    assert.match(stderr, wanted)
    assert.equal(stdout, '')
  }
  const nowhere = await runMillrace(['tenants', 'key', 'list'])
  assert.match(nowhere.stderr, /--file names the file of keys/)
  await rm(keys)
  assert.match((await key('list')).stderr, /MILLRACE_IDENTITY_FILE_UNREADABLE.*ENOENT/)
})

test('the files are found through the configuration that the collector runs with', async t => {
  const { folder, keys, audit } = await startIn(t)
  const config = join(folder, 'config.yaml')
  await writeFile(
    config,
    `
extensions:
  tenants: {identity: {api_keys: {file: ${keys}}}, audit_file: ${audit}}
receivers: {otlp: {protocols: {grpc: {auth: {authenticator: tenants}}}}}
exporters: {nop: {}}
service: {extensions: [tenants], pipelines: {traces: {receivers: [otlp], exporters: [nop]}}}
`,
  )

  const created = await runMillrace([
    'tenants',
    'key',
    'create',
    '--tenant',
    'acme',
    '-c',
    config,
    '--json',
  ])

  assert.equal(created.code, 0, created.stderr)
  assert.match(JSON.parse(created.stdout).key, /^mr_/)
  assert.match(await readFile(keys, 'utf8'), /"acme"/)
  assert.match(await readFile(audit, 'utf8'), /key\.create/)
})
