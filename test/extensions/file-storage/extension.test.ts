import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import test, { type TestContext } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { SYSTEM_CLOCK } from '../../../src/core/clock.ts'
import type { Host } from '../../../src/core/component.ts'
import type { CreateContext } from '../../../src/core/factory.ts'
import { config, type FileStorageConfig } from '../../../src/extensions/file-storage/config.ts'
import { FileStorageExtension } from '../../../src/extensions/file-storage/extension.ts'
import { fakeHost, fakeServices } from '../../../src/testing/fakes.ts'
import { entry, store, takeAll } from '../../tenancy/wal/kit.ts'

function newFolder(t: TestContext): string {
  const folder = mkdtempSync(join(tmpdir(), 'millrace-storage-'))
  t.after(() => rmSync(folder, { recursive: true, force: true }))
  return folder
}

function contextOf(section: object): CreateContext<FileStorageConfig> {
  return {
    ...fakeServices(),
    clock: SYSTEM_CLOCK as never,
    id: 'file_storage',
    config: config.schema.parse(section),
    signals: [],
  }
}

async function started(t: TestContext, section: object, host: Host = fakeHost()) {
  const extension = new FileStorageExtension(contextOf(section))
  t.after(() => extension.stop())
  await extension.start(host)
  return extension
}

test('keeps entries in the folder from one run to the next, and leaves no lock behind', async t => {
  const directory = newFolder(t)
  const first = await started(t, { directory })
  const queues = await first.queueStorage.open('otlp_grpc/a', 'traces')
  for (const uid of [1, 2, 3]) await store(queues.of('acme'), uid)
  await queues.close()
  await first.stop()
  assert.equal(existsSync(join(directory, 'millrace.lock')), false)

  const second = await started(t, { directory })
  const again = await second.queueStorage.open('otlp_grpc/a', 'traces')

  assert.deepEqual(again.recovered, ['acme'])
  assert.deepEqual(await takeAll(again.of('acme')), [1, 2, 3])
  assert.ok(existsSync(join(directory, 'queues/otlp_grpc~2fa/traces/acme/000000000001.wal')))
})

test('is refused while another process has the folder, with its number, and takes over from a dead one', async t => {
  const directory = newFolder(t)
  const other = spawn(process.execPath, ['-e', 'setInterval(() => {}, 1000)'])
  t.after(() => other.kill('SIGKILL'))
  const stat = readFileSync(`/proc/${other.pid}/stat`, 'latin1')
  const begun = stat.slice(stat.lastIndexOf(')') + 2).split(' ')[19]
  writeFileSync(join(directory, 'millrace.lock'), `${other.pid} ${begun}`)

  await assert.rejects(started(t, { directory, timeout: '100ms' }), {
    code: 'MILLRACE_STORAGE_LOCKED',
    message: new RegExp(`process \\(${other.pid}\\)`),
  })
  other.kill('SIGKILL')
  await once(other, 'exit')

  await started(t, { directory })
})

test('waits for another process to give up the folder', async t => {
  const directory = newFolder(t)
  const other = spawn(process.execPath, ['-e', 'setTimeout(() => {}, 300)'])
  const stat = readFileSync(`/proc/${other.pid}/stat`, 'latin1')
  const begun = stat.slice(stat.lastIndexOf(')') + 2).split(' ')[19]
  writeFileSync(join(directory, 'millrace.lock'), `${other.pid} ${begun}`)

  await started(t, { directory, timeout: '20s' })
})

test('two extensions of one process do not share a folder', async t => {
  const directory = newFolder(t)
  await started(t, { directory })

  await assert.rejects(started(t, { directory }), { code: 'MILLRACE_STORAGE_LOCKED' })
})

test('does not create a folder unless told to, and says how to', async t => {
  const directory = join(newFolder(t), 'a/b')

  await assert.rejects(started(t, { directory }), {
    code: 'MILLRACE_STORAGE_FOLDER',
    message: /create_directory/,
  })
  assert.equal(existsSync(directory), false)
  await started(t, { directory, create_directory: true })
  assert.ok(existsSync(directory))
})

test('queues that exporters have open go on while the extension is replaced, with the new limits', async t => {
  const directory = newFolder(t)
  const first = await started(t, { directory })
  const queues = await first.queueStorage.open('otlp', 'traces')
  const queue = queues.of('acme')
  await store(queue, 1)

  await first.stop()
  await store(queue, 2)
  const second = await started(t, { directory, max_bytes_per_tenant: 200 })
  const answer = await queue.append(entry(3, 1000))

  assert.equal(answer.kind, 'full')
  assert.ok(existsSync(join(directory, 'millrace.lock')))
  await second.stop()
  await queues.close()
  for (let i = 0; i < 100 && existsSync(join(directory, 'millrace.lock')); i++) await sleep(10)
  assert.deepEqual(
    readdirSync(directory).filter(name => name.endsWith('.lock')),
    [],
  )
})

test("takes the configuration of upstream's sample", () => {
  const parsed = config.schema.parse({
    directory: '/var/lib/otelcol/mydir',
    timeout: '1s',
    max_size: 268_435_456,
    recreate: true,
    compaction: { on_start: true, directory: '/tmp/', max_transaction_size: '65_536' },
    fsync: false,
  })

  assert.equal(parsed.fsync, 'never')
  assert.equal(parsed.max_size, 268_435_456)
  assert.equal(config.schema.parse(null).fsync, 'always')
  assert.equal(config.schema.parse({ fsync: true }).fsync, 'always')
  assert.equal(config.schema.parse(undefined).directory, '/var/lib/otelcol/file_storage')
})

test('refuses permissions, policies and sizes that are none', () => {
  const isBad = (section: object) =>
    !config.schema.safeParse(section).success ||
    config.check!(config.schema.parse(section)).length > 0

  assert.ok(isBad({ directory_permissions: '9999' }))
  assert.ok(isBad({ directory_permissions: 'rwx' }))
  assert.ok(isBad({ fsync: 'sometimes' }))
  assert.ok(isBad({ segment_bytes: 1000 }))
  assert.ok(isBad({ segment_bytes: '2GiB' }))
  assert.ok(isBad({ overflow: 'explode' }))
  assert.ok(!isBad({ segment_bytes: '64KiB', overflow: 'drop_oldest', fsync: 'interval' }))
})

test('stops safely twice and before the start', async t => {
  const extension = new FileStorageExtension(contextOf({ directory: newFolder(t) }))
  await extension.stop()
  await extension.start(fakeHost())
  await extension.stop()
  await extension.stop()
})
