/**
 * Answers: what does a stored queue cost? Entries and CPU for appends under each fsync policy (512 spans of 150 bytes a
 * request, many at once), what one entry takes in memory, and how long 1 GiB takes to be found again and to be read.
 *
 *   node --expose-gc --import tsx bench/micro/wal.ts [folder]
 */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { NO_CONTEXT } from '../../src/core/batch.ts'
import { SYSTEM_CLOCK } from '../../src/core/clock.ts'
import type { StoredQueue } from '../../src/core/storage.ts'
import type { FsyncPolicy } from '../../src/tenancy/wal/environment.ts'
import { SYSTEM_FS } from '../../src/tenancy/wal/fs.ts'
import { WalStorage } from '../../src/tenancy/wal/storage.ts'
import { fakeServices } from '../../src/testing/fakes.ts'

const SPANS = 512
const REQUEST_BYTES = SPANS * 150
const AT_ONCE = 64
const SECONDS = 3
const GIB = 2 ** 30
const SMALL_ENTRIES = 500_000
const SMALL_BYTES = 64

const base = mkdtempSync(join(process.argv[2] ?? tmpdir(), 'millrace-wal-'))
try {
  for (const fsync of ['always', 'interval', 'never'] as const) await appends(fsync)
  await recovery()
  await index()
} finally {
  rmSync(base, { recursive: true, force: true })
}

function make(directory: string, fsync: FsyncPolicy): WalStorage {
  return new WalStorage(
    {
      ...{ id: 'file_storage', directory, folderMode: 0o700, fsync, fsyncIntervalMs: 100 },
      ...{ maxBytes: 0, maxBytesPerTenant: 0, minFreeBytes: 0, segmentBytes: 16 * 2 ** 20 },
      overflow: 'refuse',
    },
    { ...fakeServices(), clock: SYSTEM_CLOCK, fs: SYSTEM_FS, health() {} },
  )
}

function appendTo(queue: StoredQueue, bytes: Uint8Array) {
  return queue.append({
    items: SPANS,
    chunks: [bytes],
    byteLength: bytes.length,
    context: NO_CONTEXT,
  })
}

/** As an exporter does whose destination takes everything: stored, taken, ended. */
async function appends(fsync: FsyncPolicy): Promise<void> {
  const storage = make(join(base, fsync), fsync)
  await SYSTEM_FS.makeFolder(join(base, fsync), 0o700)
  await storage.start()
  const queue = (await storage.open('otlp', 'traces')).of('default')
  const bytes = Buffer.alloc(REQUEST_BYTES, 7)
  const started = performance.now()
  const cpu = process.cpuUsage()
  let entries = 0
  const work = async (): Promise<void> => {
    while (performance.now() - started < SECONDS * 1000) {
      const answer = await appendTo(queue, bytes)
      if (answer.kind !== 'stored') throw new Error(JSON.stringify(answer))
      entries++
      queue.acknowledge(queue.next()!.id)
    }
  }
  await Promise.all(Array.from({ length: AT_ONCE }, work))
  const seconds = (performance.now() - started) / 1000
  const { user, system } = process.cpuUsage(cpu)
  const spans = entries * SPANS
  console.log(
    `append, fsync ${fsync}: ${Math.round(spans / seconds)} spans/s, ` +
      `${Math.round(((user + system) * 1000) / spans)} ns CPU a span, ${Math.round(entries / seconds)} entries/s`,
  )
  await storage.stop()
}

async function recovery(): Promise<void> {
  const directory = join(base, 'recovery')
  await SYSTEM_FS.makeFolder(directory, 0o700)
  const bytes = Buffer.alloc(REQUEST_BYTES, 7)
  const writer = make(directory, 'never')
  await writer.start()
  const queue = (await writer.open('otlp', 'traces')).of('default')
  const count = Math.ceil(GIB / REQUEST_BYTES)
  for (let i = 0; i < count; i += AT_ONCE) {
    await Promise.all(Array.from({ length: AT_ONCE }, () => appendTo(queue, bytes)))
  }
  await writer.stop()
  globalThis.gc?.()
  const before = process.memoryUsage().rss
  const started = performance.now()
  const storage = make(directory, 'never')
  await storage.start()
  const found = (await storage.open('otlp', 'traces')).of('default')
  const ms = performance.now() - started
  const grown = process.memoryUsage().rss - before
  console.log(
    `recovery: ${(found.bytes / GIB).toFixed(2)} GiB, ${found.entries} entries in ${ms.toFixed(0)} ms, ` +
      `memory ${(grown / 2 ** 20).toFixed(1)} MiB more`,
  )
  const readStarted = performance.now()
  const room = Buffer.allocUnsafe(REQUEST_BYTES)
  for (let next = found.next(); next !== null; next = found.next()) {
    const read = await found.read(next.id, () => room)
    if (read.kind !== 'entry') throw new Error(JSON.stringify(read))
    found.acknowledge(next.id)
  }
  const readMs = performance.now() - readStarted
  console.log(`reading it one by one: ${readMs.toFixed(0)} ms, all checksums compared`)
  await storage.stop()
}

async function writeSmall(directory: string): Promise<void> {
  const bytes = Buffer.alloc(SMALL_BYTES, 7)
  const writer = make(directory, 'never')
  await writer.start()
  const queue = (await writer.open('otlp', 'traces')).of('default')
  const started = performance.now()
  for (let i = 0; i < SMALL_ENTRIES; i += 1000) {
    await Promise.all(Array.from({ length: 1000 }, () => appendTo(queue, bytes)))
  }
  const perEntry = ((performance.now() - started) * 1e6) / SMALL_ENTRIES
  console.log(`small entries: ${perEntry.toFixed(0)} ns an append`)
  await writer.stop()
}

async function index(): Promise<void> {
  const directory = join(base, 'index')
  await SYSTEM_FS.makeFolder(directory, 0o700)
  await writeSmall(directory)
  const held = async (): Promise<number> => {
    for (let i = 0; i < 5; i++) {
      await new Promise(resolve => setTimeout(resolve, 100))
      globalThis.gc?.()
    }
    return process.memoryUsage().heapUsed + process.memoryUsage().arrayBuffers
  }
  const before = await held()
  const storage = make(directory, 'never')
  await storage.start()
  const opened = performance.now()
  const found = (await storage.open('otlp', 'traces')).of('default')
  const ms = performance.now() - opened
  const more = (await held()) - before
  console.log(
    `small entries: ${found.entries} found in ${ms.toFixed(0)} ms, ` +
      `${(more / found.entries).toFixed(1)} bytes of memory an entry`,
  )
  await storage.stop()
}
