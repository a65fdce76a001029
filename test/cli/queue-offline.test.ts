/** `millrace queue … --directory`: the folder of a storage whose collector does not run. */
import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { NO_CONTEXT } from '../../src/core/batch.ts'
import { SYSTEM_CLOCK } from '../../src/core/clock.ts'
import { SILENT_LOGGER } from '../../src/core/logger.ts'
import { OPEN_TENANCY } from '../../src/core/tenancy.ts'
import { SYSTEM_FS } from '../../src/tenancy/wal/fs.ts'
import { WalStorage } from '../../src/tenancy/wal/storage.ts'
import { RecordingMeter } from '../../src/testing/fakes.ts'
import { FolderLock } from '../../src/util/folder-lock.ts'
import { request } from '../sampler/assembly/spans.ts'
import { letter, newFolder, openBox } from '../tenancy/letters/kit.ts'
import { runMillrace } from './command-line.ts'

async function openStorage(directory: string): Promise<WalStorage> {
  const storage = new WalStorage(
    {
      ...{ id: 'file_storage', directory, folderMode: 0o700, fsync: 'always' },
      ...{ fsyncIntervalMs: 0, maxBytes: 0, maxBytesPerTenant: 0, minFreeBytes: 0 },
      ...{ segmentBytes: 1 << 20, overflow: 'refuse' },
    },
    {
      ...{ fs: SYSTEM_FS, clock: SYSTEM_CLOCK, log: SILENT_LOGGER, meter: new RecordingMeter() },
      ...{ tenancy: OPEN_TENANCY, health: () => {} },
    },
  )
  await storage.start()
  return storage
}

/** Two exporters with entries of two tenants, and one letter. */
async function fill(t: TestContext): Promise<string> {
  const folder = newFolder(t)
  const storage = await openStorage(folder)
  for (const exporter of ['otlp/a', 'otlp/b']) {
    const queues = await storage.open(exporter, 'traces')
    for (const tenant of ['red', 'blue']) {
      const bytes = request([{ trace: 'abc', service: tenant }])
      const entry = { items: 1, chunks: [bytes], byteLength: bytes.length, context: NO_CONTEXT }
      for (let i = 0; i < 2; i++) await queues.of(tenant).append(entry)
    }
    await queues.close()
  }
  await storage.stop()
  const { box } = await openBox(t, join(folder, 'letters'))
  await box.put(letter({ tenant: 'red' }))
  await box.close()
  return folder
}

function run(folder: string, ...args: string[]) {
  return runMillrace(['queue', ...args, '--directory', folder])
}

test('ls and peek show what is on disk and change nothing', async t => {
  const folder = await fill(t)
  const before = readdirSync(folder, { recursive: true }).sort()

  const listed = await run(folder, 'ls', '--exporter', 'otlp/a')
  const peeked = await run(folder, 'peek', '--tenant', 'red', '--max', '3')
  const again = JSON.parse((await run(folder, 'ls', '--json')).stdout)

  assert.match(listed.stdout, /otlp\/a +traces +blue +0 +0 B +2 +\d+ B +0 +- {2}ok\n/)
  assert.equal(listed.stdout.trim().split('\n').length, 3)
  assert.equal(peeked.stdout.match(/on disk +1 +.* red +0{29}abc\n/g)?.length, 3)
  assert.equal(again.queues.length, 4)
  assert.deepEqual(
    again.queues.map((queue: { onDisk: { items: number } }) => queue.onDisk.items),
    [2, 2, 2, 2],
  )
  assert.deepEqual(readdirSync(folder, { recursive: true }).sort(), before)
})

test('purge takes entries away for good', async t => {
  const folder = await fill(t)

  const purged = await run(folder, 'purge', '--tenant', 'red', '--exporter', 'otlp/b')

  assert.equal(purged.stdout, 'otlp/b: 2 items let go\n')
  const { queues } = JSON.parse((await run(folder, 'ls', '--json')).stdout)
  assert.equal(queues.length, 3)
  assert.equal((await run(folder, 'purge')).code, 1)
  assert.equal((await run(folder, 'purge', '--all')).code, 0)
  assert.equal((await run(folder, 'ls')).stdout, 'nothing waits\n')
})

test('letters are shown and purged', async t => {
  const folder = await fill(t)

  const listed = await run(folder, 'letters', 'ls')
  const id = listed.stdout.split('\n')[1].split(' ')[0]
  const shown = await run(folder, 'letters', 'show', id)
  const purged = await run(folder, 'letters', 'purge', '--tenant', 'red')

  assert.match(listed.stdout, /\nfile_storage: 1 letters with 1 items, \d+ B\n$/)
  assert.ok(JSON.parse(shown.stdout).resourceSpans)
  assert.equal(purged.stdout, '1 letter thrown away\n')
  assert.equal((await run(folder, 'letters', 'show', id)).code, 1)
})

test('is refused while a process holds the folder', async t => {
  const folder = await fill(t)
  const other = spawn(process.execPath, ['-e', 'setInterval(() => {}, 1000)'])
  t.after(() => other.kill())
  const stat = readFileSync(`/proc/${other.pid}/stat`, 'latin1')
  const started = stat.slice(stat.lastIndexOf(')') + 2).split(' ')[19]
  writeFileSync(join(folder, 'millrace.lock'), `${other.pid} ${started}`)

  const { code, stderr } = await run(folder, 'ls')

  assert.equal(code, 1)
  assert.match(stderr, /MILLRACE_QUEUE_FOLDER: .* Process \d+ uses it; ask that collector/)
})

test('leaves the lock free for the collector', async t => {
  const folder = await fill(t)
  await run(folder, 'ls')

  await new FolderLock(join(folder, 'millrace.lock'), 'is here').take()
})

test('says so where there is no storage', async t => {
  const folder = newFolder(t)

  const empty = await run(folder, 'ls')
  const missing = await run(join(folder, 'nowhere'), 'ls')

  assert.match(empty.stderr, /holds neither queues\/ nor letters\//)
  assert.match(missing.stderr, /There is no folder/)
  assert.deepEqual([empty.code, missing.code], [1, 1])
})
