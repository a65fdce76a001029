/** A storage over memory, entries that can be told apart, and short ways to drive both. */
import assert from 'node:assert/strict'
import { NO_CONTEXT, type RequestContext } from '../../../src/core/batch.ts'
import type { Logger } from '../../../src/core/logger.ts'
import type {
  Appended,
  DeadLetters,
  EntryId,
  NewEntry,
  StoredQueue,
  StoredQueues,
} from '../../../src/core/storage.ts'
import type { Tenancy } from '../../../src/core/tenancy.ts'
import { type WalOptions, WalStorage } from '../../../src/tenancy/wal/storage.ts'
import { type FakeServices, fakeServices, settle } from '../../../src/testing/fakes.ts'
import { MemoryFs } from './memory-fs.ts'

export const ROOT = '/data'
export const FOLDER = '/data/queues/otlp/traces'

export interface Bench {
  readonly fs: MemoryFs
  readonly services: FakeServices
  readonly storage: WalStorage
  readonly queues: StoredQueues
  readonly queue: StoredQueue
  /** Events that were logged. */
  readonly events: string[]
  readonly problems: (string | null)[]
}

export async function openBench(
  options: Partial<WalOptions> & {
    fs?: MemoryFs
    tenant?: string
    tenancy?: Tenancy
    letters?: DeadLetters
  } = {},
): Promise<Bench> {
  const { fs = new MemoryFs(), tenant = 'acme', tenancy, letters, ...rest } = options
  const services = fakeServices()
  const events: string[] = []
  const problems: (string | null)[] = []
  const storage = new WalStorage(
    {
      id: 'file_storage',
      directory: ROOT,
      folderMode: 0o700,
      fsync: 'always',
      fsyncIntervalMs: 100,
      maxBytes: 0,
      maxBytesPerTenant: 0,
      minFreeBytes: 0,
      segmentBytes: 4096,
      overflow: 'refuse',
      ...rest,
    },
    {
      ...services,
      ...(tenancy === undefined ? {} : { tenancy }),
      ...(letters === undefined ? {} : { letters }),
      fs,
      log: listenTo(events),
      health: problem => problems.push(problem),
    },
  )
  await storage.start()
  const queues = await storage.open('otlp', 'traces')
  return { fs, services, storage, queues, queue: queues.of(tenant), events, problems }
}

function listenTo(events: string[]): Logger {
  const note = (event: string) => void events.push(event)
  const log: Logger = { debug: note, info: note, warn: note, error: note, child: () => log }
  return log
}

/** Bytes that begin with `uid` and go on with what follows from it. */
export function contentOf(uid: number, bytes: number): Buffer {
  const out = Buffer.alloc(Math.max(4, bytes), (uid % 255) + 1)
  out.writeUInt32LE(uid)
  return out
}

export function uidOf(bytes: Uint8Array): number {
  return Buffer.from(bytes).readUInt32LE(0)
}

export function entry(uid: number, bytes = 100, context: RequestContext = NO_CONTEXT): NewEntry {
  const content = contentOf(uid, bytes)
  const cut = Math.floor(content.length / 3)
  return {
    items: (uid % 7) + 1,
    chunks: [content.subarray(0, cut), content.subarray(cut)],
    byteLength: content.length,
    context,
  }
}

export async function store(queue: StoredQueue, uid: number, bytes = 100): Promise<EntryId> {
  const answer = await queue.append(entry(uid, bytes))
  assert.equal(answer.kind, 'stored', JSON.stringify(answer))
  return (answer as Appended & { id: number }).id
}

export async function readUid(queue: StoredQueue, id: EntryId): Promise<number> {
  const found = await queue.read(id, bytes => Buffer.alloc(bytes))
  assert.equal(found.kind, 'entry', JSON.stringify(found))
  assert.ok(found.kind === 'entry')
  const uid = uidOf(found.bytes)
  assert.deepEqual(Buffer.from(found.bytes), contentOf(uid, found.bytes.length))
  return uid
}

/** Takes and reads all that is untaken; damaged entries are -1. */
export async function takeAll(queue: StoredQueue): Promise<number[]> {
  const uids: number[] = []
  for (let next = queue.next(); next !== null; next = queue.next()) {
    const found = await queue.read(next.id, bytes => Buffer.alloc(bytes))
    if (found.kind === 'entry') assert.equal(found.bytes.length, next.byteLength)
    uids.push(found.kind === 'entry' ? uidOf(found.bytes) : -1)
  }
  return uids
}

/** Numbers from 0 up to 1 that follow from a seed. */
export function randomFrom(seed: number): () => number {
  let state = seed | 1
  return () => {
    state = Math.imul(state ^ (state >>> 15), 0x2c1b3c6d)
    state = (state + 0x6d2b79f5) | 0
    return ((state ^ (state >>> 14)) >>> 0) / 2 ** 32
  }
}

/** What the next process finds after this one died. */
export async function afterCrash(
  bench: Bench,
  kind: 'process' | 'power' = 'process',
  options: Partial<WalOptions> = {},
  seed = 1,
): Promise<Bench> {
  return await openBench({ fs: bench.fs.crash(kind, randomFrom(seed)), ...options })
}

/** More turns of the event loop than any chain of file operations takes. */
const MANY_TURNS = 300

/** Lets time pass, and everything that it sets off end. */
export async function pass(bench: Pick<Bench, 'services'>, ms: number): Promise<void> {
  await bench.services.clock.advance(ms)
  for (let i = 0; i < MANY_TURNS; i++) await settle()
}
