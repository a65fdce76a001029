/** The folder of a `file_storage` that no process uses now: its queues and letters, as a running collector would tell them. */
import { readdir, stat } from 'node:fs/promises'
import { join, resolve } from 'node:path'
import { SYSTEM_CLOCK } from '../../core/clock.ts'
import type { Logger } from '../../core/logger.ts'
import type { Meter } from '../../core/meter.ts'
import type { QueuedRequest, QueueFilter, QueueView } from '../../core/queue-control.ts'
import { SIGNALS, type Signal } from '../../core/signal.ts'
import type { StoredEntry, StoredQueue, StoredQueues } from '../../core/storage.ts'
import { OPEN_TENANCY } from '../../core/tenancy.ts'
import { MillraceError } from '../../errors.ts'
import { contentsOf, UNKNOWN_CONTENTS } from '../../tenancy/letters/contents.ts'
import { LETTERS_FOLDER, LetterBox } from '../../tenancy/letters/letter-box.ts'
import { nameOfPathSegment } from '../../tenancy/path-segment.ts'
import { SYSTEM_FS } from '../../tenancy/wal/fs.ts'
import { LOCK_FILE, QUEUES_FOLDER } from '../../tenancy/wal/layout.ts'
import { WalStorage } from '../../tenancy/wal/storage.ts'
import { FolderLock, FolderLockedError } from '../../util/folder-lock.ts'
import type { CliIo } from '../io.ts'

const FOLDER_MODE = 0o700
const SEGMENT_BYTES = 1 << 20
/** Larger requests are counted and not looked into. */
const MAX_LOOKED_AT_BYTES = 16 << 20
const STORAGE_ID = 'file_storage'

/** Holds the folder's lock while `work` runs; throws a coded error when a process has it, or when there is no folder. */
export async function withFolder<T>(
  directory: string,
  io: CliIo,
  work: (folder: StorageFolder) => Promise<T>,
): Promise<T> {
  const path = resolve(io.cwd, directory)
  await checkFolder(path)
  const lock = new FolderLock(join(path, LOCK_FILE), 'uses this folder')
  await lock.take().catch(cause => {
    const why =
      cause instanceof FolderLockedError
        ? `Process ${cause.pid} uses it; ask that collector, without --directory.`
        : `${(cause as Error).message}.`
    throw new MillraceError('MILLRACE_QUEUE_FOLDER', why, { cause })
  })
  const folder = new StorageFolder(path, logTo(io))
  try {
    await folder.open()
    return await work(folder)
  } finally {
    await folder.close()
    await lock.release()
  }
}

async function checkFolder(path: string): Promise<void> {
  const found = await stat(path).catch(() => null)
  if (found?.isDirectory() !== true) {
    throw new MillraceError('MILLRACE_QUEUE_FOLDER', `There is no folder ${path}.`)
  }
  const names = await readdir(path).catch((): string[] => [])
  if (names.includes(QUEUES_FOLDER) || names.includes(LETTERS_FOLDER)) return
  const detail = `${path} holds neither ${QUEUES_FOLDER}/ nor ${LETTERS_FOLDER}/.`
  throw new MillraceError('MILLRACE_QUEUE_FOLDER', detail)
}

interface OfflineQueue {
  readonly exporter: string
  readonly signal: Signal
  readonly queue: StoredQueue
}

export class StorageFolder {
  readonly letters: LetterBox
  readonly #path: string
  readonly #storage: WalStorage
  readonly #queues: OfflineQueue[] = []
  readonly #opened: StoredQueues[] = []

  constructor(path: string, log: Logger) {
    this.#path = path
    const services = { clock: SYSTEM_CLOCK, log, meter: NO_METER }
    this.letters = new LetterBox({
      ...{ id: STORAGE_ID, directory: join(path, LETTERS_FOLDER), ...services },
      // Looking must not push anything out.
      limits: { maxBytes: Number.MAX_SAFE_INTEGER, maxAgeMs: 0, minFreeBytes: 0, sync: true },
    })
    // Without letters it does not ask or note how processes ended.
    this.#storage = new WalStorage(
      {
        ...{ id: STORAGE_ID, directory: path, folderMode: FOLDER_MODE },
        ...{ fsync: 'always', fsyncIntervalMs: 0, segmentBytes: SEGMENT_BYTES },
        ...{ maxBytes: 0, maxBytesPerTenant: 0, minFreeBytes: 0, overflow: 'refuse' },
      },
      { ...services, fs: SYSTEM_FS, tenancy: OPEN_TENANCY, health: () => {} },
    )
  }

  async open(): Promise<void> {
    await this.letters.open()
    await this.#storage.start()
    for (const step of await foldersIn(join(this.#path, QUEUES_FOLDER))) {
      const exporter = nameOfPathSegment(step)
      if (exporter !== null) await this.#openExporter(exporter, step)
    }
  }

  async close(): Promise<void> {
    for (const each of this.#opened) await each.close()
    await this.#storage.stop()
    await this.letters.close()
  }

  async view(filter: QueueFilter): Promise<QueueView[]> {
    return this.#meant(filter).map(({ exporter, signal, queue }) => {
      const { tenant, entries, items, bytes } = queue
      return {
        ...{ exporter, signal, tenant, waiting: { requests: 0, items: 0, bytes: 0 } },
        ...{ inFlight: 0, parked: 0, onDisk: { entries, items, bytes }, breaker: 'none' },
        ...{ pausedForMs: 0, oldestMs: 0, lastError: '' },
      }
    })
  }

  /** What is taken to be read is put back. What is damaged is set aside, as a collector would. */
  async peek(filter: QueueFilter, max: number): Promise<QueuedRequest[]> {
    const requests: QueuedRequest[] = []
    for (const each of this.#meant(filter)) {
      const taken: StoredEntry[] = []
      while (requests.length < max) {
        const entry = each.queue.next()
        if (entry === null) break
        taken.push(entry)
        requests.push(await describe(each, entry))
      }
      for (const { id } of taken) each.queue.putBack(id)
    }
    return requests
  }

  /** By exporter; in the end written down by closing. */
  async purge(filter: QueueFilter): Promise<{ exporter: string; items: number }[]> {
    const items = new Map<string, number>()
    for (const { exporter, queue } of this.#meant(filter)) {
      let gone = items.get(exporter) ?? 0
      for (let entry = queue.next(); entry !== null; entry = queue.next()) {
        gone += entry.items
        queue.acknowledge(entry.id)
      }
      items.set(exporter, gone)
    }
    return [...items].map(([exporter, gone]) => ({ exporter, items: gone }))
  }

  async #openExporter(exporter: string, step: string): Promise<void> {
    const present = await foldersIn(join(this.#path, QUEUES_FOLDER, step))
    for (const signal of SIGNALS.filter(each => present.includes(each))) {
      const queues = await this.#storage.open(exporter, signal)
      this.#opened.push(queues)
      for (const tenant of queues.recovered) {
        this.#queues.push({ exporter, signal, queue: queues.of(tenant) })
      }
    }
  }

  #meant({ exporter, signal, tenant }: QueueFilter): OfflineQueue[] {
    return this.#queues.filter(
      each =>
        (exporter === undefined || each.exporter === exporter) &&
        (signal === undefined || each.signal === signal) &&
        (tenant === undefined || each.queue.tenant === tenant),
    )
  }
}

async function describe(
  { exporter, signal, queue }: OfflineQueue,
  { id, items, byteLength }: StoredEntry,
): Promise<QueuedRequest> {
  let contents = UNKNOWN_CONTENTS
  if (byteLength <= MAX_LOOKED_AT_BYTES) {
    const read = await queue.read(id, bytes => new Uint8Array(bytes))
    if (read.kind === 'entry') contents = contentsOf(signal, read.bytes)
  }
  return {
    ...{ exporter, signal, tenant: queue.tenant, state: 'on_disk', items, bytes: byteLength },
    ...{ ageMs: 0, attempts: 0, ...contents },
  }
}

async function foldersIn(path: string): Promise<string[]> {
  const entries = await readdir(path, { withFileTypes: true }).catch(() => [])
  return entries.filter(entry => entry.isDirectory()).map(entry => entry.name)
}

/** What is found damaged is told; the rest is shown as a result. */
function logTo(io: CliIo): Logger {
  const tell = (event: string, fields: Readonly<Record<string, unknown>> = {}): void => {
    io.stderr.write(`${event.replaceAll('_', ' ')} ${JSON.stringify(fields)}\n`)
  }
  const log: Logger = { debug() {}, info() {}, warn: tell, error: tell, child: () => log }
  return log
}

const NO_METER: Meter = {
  counter: () => ({ value: 0 }),
  gauge: () => ({ value: 0 }),
  observe: () => () => {},
  histogram: () => ({ observe() {} }),
}
