/** The stored queues of one exporter and signal: found at the start, opened on first use, forgotten when idle. */
import { join } from 'node:path'
import type { TenantId } from '../../core/batch.ts'
import type { Signal } from '../../core/signal.ts'
import type { StoredQueue, StoredQueues } from '../../core/storage.ts'
import { nameOfPathSegment, pathSegment } from '../path-segment.ts'
import { EntryReader } from './entry-reader.ts'
import { codeOf, type WalEnvironment } from './environment.ts'
import { queueFolder } from './layout.ts'
import { WalQueue } from './queue.ts'
import { type RecoveryTally, recoverQueue } from './recovery.ts'
import type { Segment } from './segment.ts'

/** Queues that are looked through, or synced, at once. */
const MAX_AT_ONCE = 4
const FIRST_NUMBER = 1
const SUSPECT_REASON = 'crash_suspect'

export class WalQueues implements StoredQueues {
  readonly #env: WalEnvironment
  readonly #reader: EntryReader
  readonly #exporter: string
  readonly #signal: Signal
  readonly #folder: string
  readonly #queues = new Map<TenantId, WalQueue>()
  /** Released, and not asked for since. */
  readonly #released = new Set<TenantId>()
  /** Above the numbers that forgotten queues have used: no name of a file comes twice in one process. */
  #firstNumber = FIRST_NUMBER
  readonly #closed: () => void
  readonly recovered: TenantId[] = []
  /** Settled when all is closed; null before `close`. */
  #closing: Promise<void> | null = null

  constructor(env: WalEnvironment, exporter: string, signal: Signal, closed: () => void) {
    this.#env = env
    this.#reader = new EntryReader(env)
    this.#exporter = exporter
    this.#signal = signal
    this.#folder = queueFolder(env.root, exporter, signal)
    this.#closed = closed
  }

  async recover(tally: RecoveryTally): Promise<void> {
    const folders = await this.#listFolders()
    await eachOf(folders, folder => this.#recoverOne(folder, tally))
    this.recovered.sort()
  }

  of(tenant: TenantId): StoredQueue {
    this.#released.delete(tenant)
    let queue = this.#queues.get(tenant)
    if (queue === undefined) {
      const folder = join(this.#folder, pathSegment(tenant))
      queue = new WalQueue(this.#env, this.#reader, folder, tenant, [], this.#firstNumber)
      this.#queues.set(tenant, queue)
    }
    return queue
  }

  release(tenant: TenantId): void {
    const queue = this.#queues.get(tenant)
    if (queue?.isEmpty) void this.#forget(tenant, queue)
  }

  /** Its file first, then itself and its folder, unless somebody asks for it meanwhile. */
  async #forget(tenant: TenantId, queue: WalQueue): Promise<void> {
    this.#released.add(tenant)
    await queue.giveBack()
    await queue.settled()
    const isWanted = !this.#released.delete(tenant) || this.#closing !== null
    if (isWanted || !queue.isSpent) return
    this.#firstNumber = Math.max(this.#firstNumber, queue.nextNumber)
    this.#queues.delete(tenant)
    await this.#removeFolder(tenant)
  }

  close(): Promise<void> {
    this.#closing ??= this.#close()
    return this.#closing
  }

  get closing(): Promise<void> | null {
    return this.#closing
  }

  async #close(): Promise<void> {
    await Promise.all([...this.#queues.values()].map(queue => queue.close()))
    for (const [tenant, queue] of this.#queues) {
      queue.leave()
      if (queue.isEmpty) await this.#removeFolder(tenant)
    }
    this.#queues.clear()
    this.#closed()
  }

  // -- of the storage ---------------------------------------------------------------------------------------------

  async sync(): Promise<void> {
    // One after another, many tenants would take many times the interval.
    const unsynced = [...this.#queues.values()].filter(queue => queue.needsSync)
    await eachOf(unsynced, queue => queue.sync())
  }

  async tidy(): Promise<void> {
    for (const queue of this.#queues.values()) await queue.tidy()
  }

  async giveBack(): Promise<void> {
    for (const queue of this.#queues.values()) await queue.giveBack()
  }

  async #listFolders(): Promise<string[]> {
    try {
      const entries = await this.#env.fs.list(this.#folder)
      return entries.filter(entry => entry.isFolder).map(entry => entry.name)
    } catch (failure) {
      if (codeOf(failure) === 'ENOENT') return []
      throw failure
    }
  }

  async #recoverOne(name: string, tally: RecoveryTally): Promise<void> {
    const folder = join(this.#folder, name)
    const found = await recoverQueue(this.#env, folder, tally)
    const tenant = nameOfPathSegment(name) ?? found.tenant
    if (tenant === null || pathSegment(tenant) !== name) {
      if (found.segments.length > 0) tally.setAside.push(folder)
      return
    }
    const queue = new WalQueue(
      this.#env,
      this.#reader,
      folder,
      tenant,
      found.segments,
      found.nextNumber,
    )
    this.#queues.set(tenant, queue)
    for (const { segment, suspects } of this.#env.letters === null ? [] : found.segments) {
      for (const index of suspects) await this.#quarantine(queue, segment, index, tally)
    }
    if (queue.entries === 0) {
      void this.#forget(tenant, queue)
      return
    }
    this.recovered.push(tenant)
    tally.tenants++
  }

  async #quarantine(
    queue: WalQueue,
    segment: Segment,
    index: number,
    tally: RecoveryTally,
  ): Promise<void> {
    const { letters, log } = this.#env
    const { tenant } = queue
    const place = { exporter: this.#exporter, signal: this.#signal, tenant }
    tally.suspects++
    log.error('stored_entry_suspect', { ...place, items: segment.itemsOf(index) })
    await queue.quarantine(segment, index, async (items, bytes, context) => {
      if (letters === null) return false
      return await letters.put({
        ...place,
        ...{ items, context, chunks: [bytes], byteLength: bytes.length },
        reason: SUSPECT_REASON,
        message: 'it was being sent whenever the collector ended',
      })
    })
  }

  /** Fails when something is in it, and then it stays. */
  async #removeFolder(tenant: TenantId): Promise<void> {
    await this.#env.fs.removeFolder(join(this.#folder, pathSegment(tenant))).catch(() => {})
  }
}

/** A few at once, in order. */
async function eachOf<T>(all: readonly T[], f: (one: T) => Promise<void>): Promise<void> {
  let next = 0
  const work = async (): Promise<void> => {
    while (next < all.length) await f(all[next++])
  }
  await Promise.all(Array.from({ length: MAX_AT_ONCE }, work))
}
