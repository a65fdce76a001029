/** The extension `tenants`: what it puts in force, files that change under it, and what it keeps over restarts. */
import assert from 'node:assert/strict'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import test, { type TestContext } from 'node:test'
import type { TenantAccount } from '../../../src/core/tenancy.ts'
import { MillraceError } from '../../../src/errors.ts'
import { config as tenantsConfig } from '../../../src/extensions/tenants/config.ts'
import { TenantsExtension } from '../../../src/extensions/tenants/extension.ts'
import { checkTenantFiles } from '../../../src/extensions/tenants/policy.ts'
import { TenantBook } from '../../../src/tenancy/book/tenant-book.ts'
import { type FakeServices, fakeServices } from '../../../src/testing/fakes.ts'
import { CountingUsage } from '../../tenancy/kit.ts'

interface Running {
  readonly extension: TenantsExtension
  readonly book: TenantBook
  readonly services: FakeServices
}

function folderOf(t: TestContext): string {
  const folder = mkdtempSync(join(tmpdir(), 'millrace-tenants-'))
  t.after(() => rmSync(folder, { recursive: true, force: true }))
  return folder
}

async function startTenants(t: TestContext, section: object, before?: Running): Promise<Running> {
  const services = before?.services ?? fakeServices()
  const book = new TenantBook({ clock: services.clock, usage: new CountingUsage() })
  const config = tenantsConfig.schema.parse({ watch_interval: '1s', ...section })
  const context = { ...services, tenancy: book, id: 'tenants', config, signals: [] }
  const extension = new TenantsExtension({ ...context, destinations: new Map() })
  t.after(() => extension.stop())
  await extension.start()
  return { extension, book, services }
}

const written = (tenants: string): string => `version: 1\ntenants:\n${tenants}`

test('puts the tenants of its section and of its files in force', async t => {
  const folder = folderOf(t)
  writeFileSync(join(folder, 'shops.yaml'), written('  shop-*: {weight: 3}\n'))
  writeFileSync(join(folder, 'banks.yaml'), written('  bank: {weight: 4}\n'))

  const { book, extension } = await startTenants(t, {
    tenants: { solo: { weight: 2 } },
    files: [join(folder, '*.yaml')],
  })

  assert.deepEqual(
    ['solo', 'shop-1', 'bank', 'x'].map(id => book.shareOf(id).weight),
    [2, 3, 4, 1],
  )
  const origins = extension.tenantControl.view().map(({ tenant, policy }) => [tenant, policy])
  assert.deepEqual(origins, [
    ['bank', `${join(folder, 'banks.yaml')}:3`],
    ['solo', 'tenants'],
  ])
})

test('takes over what files say when they change, come or go', async t => {
  const folder = folderOf(t)
  const file = join(folder, 'a.yaml')
  writeFileSync(file, written('  a: {weight: 3}\n'))
  const { book, services } = await startTenants(t, { files: [join(folder, '*.yaml')] })
  const version = book.version

  writeFileSync(file, written('  a: {weight: 5}\n'))
  await until(services, () => book.shareOf('a').weight === 5)
  assert.ok(book.version > version)

  writeFileSync(join(folder, 'b.yaml'), written('  b: {weight: 6}\n'))
  await until(services, () => book.shareOf('b').weight === 6)

  rmSync(file)
  await until(services, () => book.shareOf('a').weight === 1)
  assert.equal(book.shareOf('b').weight, 6)
})

test('a faulty file never replaces good ones, and is told with every fault', async t => {
  const folder = folderOf(t)
  const file = join(folder, 'a.yaml')
  writeFileSync(file, written('  a: {weight: 3}\n'))
  const { book, services } = await startTenants(t, { files: [file] })
  const counted = (result: string): number =>
    services.meter.values.get(`millrace_tenants_reloads{extension=tenants,result=${result}}`)
      ?.value ?? 0

  writeFileSync(file, written('  a: {weight: -1}\n'))
  await until(services, () => counted('failure') === 1)
  assert.equal(book.shareOf('a').weight, 3)

  writeFileSync(file, written('  a: {weight: 4}\n'))
  await until(services, () => counted('success') === 1)
  assert.equal(book.shareOf('a').weight, 4)
})

test('names file, line and column of all faults at once, and does not start with any', async t => {
  const folder = folderOf(t)
  const [a, b] = ['a.yaml', 'b.yaml'].map(name => join(folder, name))
  writeFileSync(a, written('  one: {weihgt: 1}\n  two: {memory: much}\n'))
  writeFileSync(b, written('  three: {}\n  "../x": {}\n'))
  const section = { files: [a, b, join(folder, 'none.yaml')] }

  const problems = checkTenantFiles(tenantsConfig.schema.parse(section))

  assert.equal(problems.length, 4)
  assert.match(problems[0], /a\.yaml:3:9: .*weihgt.*did you mean "weight"/)
  assert.match(problems[1], /a\.yaml:4:17: tenants\.two\.memory: is not a size/)
  assert.match(problems[2], /b\.yaml:4:3: .*neither a tenant nor a glob/)
  assert.match(problems[3], /none\.yaml: there is no such file/)
  await assert.rejects(
    startTenants(t, section),
    error => error instanceof MillraceError && error.code === 'MILLRACE_TENANTS_INVALID',
  )
})

test('a rate that is none is told where it stands, also without its long form', t => {
  const folder = folderOf(t)
  const file = join(folder, 'a.yaml')
  writeFileSync(file, written('  one: {items_per_second: -3}\n  two: {bytes_per_second: 0}\n'))

  const problems = checkTenantFiles(tenantsConfig.schema.parse({ files: [file] }))

  assert.deepEqual(
    problems.map(problem => problem.replace(`${folder}/`, '')),
    [
      'a.yaml:3:27: tenants.one.items_per_second: is no rate; expected a number above 0',
      'a.yaml:4:27: tenants.two.bytes_per_second: is no rate; expected a size above 0, such as 8MiB',
    ],
  )
})

test('does not leave out files silently when there are too many', t => {
  const folder = folderOf(t)
  for (let i = 0; i <= 4096; i++) writeFileSync(join(folder, `${i}.yaml`), written(''))

  const problems = checkTenantFiles(tenantsConfig.schema.parse({ files: [join(folder, '*.yaml')] }))

  assert.match(problems.join('\n'), /more than 4096 files/)
})

test('refuses a tenant that has two entries, and says where the other is', async t => {
  const folder = folderOf(t)
  const file = join(folder, 'a.yaml')
  writeFileSync(file, written('  one: {}\n  two: {}\n'))
  const parse = (section: object) => checkTenantFiles(tenantsConfig.schema.parse(section))
  const second = join(folder, 'b.yaml')
  writeFileSync(second, written('  two: {}\n'))

  assert.match(
    parse({ files: [file], tenants: { one: {} } })[0],
    /a\.yaml:3:3: .*"one", at tenants/,
  )
  assert.match(parse({ files: [file, second] })[0], /b\.yaml:3:3: .*"two", at .*a\.yaml:4/)
})

test('keeps the volume of the day over a restart when it has a folder for it', async t => {
  const section = { state_directory: folderOf(t), defaults: { daily: { items: 10 } } }
  const first = await startTenants(t, section)
  ;(first.book.account('a') as TenantAccount).charge(10, 1)
  await first.extension.stop()

  const second = await startTenants(t, section, first)

  const account = second.book.account('a') as TenantAccount
  assert.equal(account.enter('traces', '')?.reason, 'daily_items')
  await second.services.clock.advance(86_400_000)
  assert.equal(account.enter('traces', ''), null)
})

test('starts with an empty volume when the file of it cannot be read', async t => {
  const folder = folderOf(t)
  writeFileSync(join(folder, 'daily-volume.json'), '{"version":1,"volumes":[{"tenant":"../a"}')

  const { book } = await startTenants(t, {
    state_directory: folder,
    defaults: { daily: { items: 10 } },
  })

  assert.equal((book.account('a') as TenantAccount).enter('traces', ''), null)
})

test('writes reloads of tenant files to the audit log', async t => {
  const folder = folderOf(t)
  const file = join(folder, 'a.yaml')
  const audit = join(folder, 'audit.log')
  writeFileSync(file, written('  a: {weight: 3}\n'))
  const { book, services } = await startTenants(t, { files: [file], audit_file: audit })

  writeFileSync(file, written('  a: {weight: 4}\n'))
  await until(services, () => book.shareOf('a').weight === 4)

  assert.match(readFileSync(audit, 'utf8'), /"action":"tenants\.reload"/)
})

/** Lets the watch look until it has come about. */
async function until(services: FakeServices, condition: () => boolean): Promise<void> {
  for (let i = 0; i < 200 && !condition(); i++) {
    await services.clock.advance(1000)
    await new Promise(resolve => setTimeout(resolve, 5))
  }
  assert.ok(condition(), 'did not come about')
}
