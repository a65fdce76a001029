/** The stored queues of one exporter and signal: found at the start, opened on first use, given up when idle. */
import { join } from 'node:path'
import type { TenantId } from '../../core/batch.ts'
import type { StoredQueue, StoredQueues } from '../../core/storage.ts'
import { nameOfPathSegment, pathSegment } from '../path-segment.ts'
import { codeOf, type WalEnvironment } from './environment.ts'
import { WalQueue } from './queue.ts'
import { type RecoveryTally, recoverQueue } from './recovery.ts'

/** Queues that are looked through at once. */
const MAX_AT_ONCE = 4
const FIRST_NUMBER = 1

export class WalQueues implements StoredQueues {
  readonly #env: WalEnvironment
  readonly #folder: string
  readonly #queues = new Map<TenantId, WalQueue>()
  readonly #closed: () => void
  readonly recovered: TenantId[] = []
  #isClosing = false

  constructor(env: WalEnvironment, folder: string, closed: () => void) {
    this.#env = env
    this.#folder = folder
    this.#closed = closed
  }

  async recover(tally: RecoveryTally): Promise<void> {
    const folders = await this.#listFolders()
    let next = 0
    const work = async (): Promise<void> => {
      while (next < folders.length) await this.#recoverOne(folders[next++], tally)
    }
    await Promise.all(Array.from({ length: MAX_AT_ONCE }, work))
    this.recovered.sort()
  }

  of(tenant: TenantId): StoredQueue {
    let queue = this.#queues.get(tenant)
    if (queue === undefined) {
      const folder = join(this.#folder, pathSegment(tenant))
      queue = new WalQueue(this.#env, folder, tenant, [], FIRST_NUMBER)
      this.#queues.set(tenant, queue)
    }
    return queue
  }

  release(tenant: TenantId): void {
    const queue = this.#queues.get(tenant)
    if (queue?.isEmpty) void queue.giveBack()
  }

  async close(): Promise<void> {
    if (this.#isClosing) return
    this.#isClosing = true
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
    for (const queue of this.#queues.values()) await queue.sync()
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
    const queue = new WalQueue(this.#env, folder, tenant, found.segments, found.nextNumber)
    this.#queues.set(tenant, queue)
    if (queue.entries === 0) return
    this.recovered.push(tenant)
    tally.tenants++
  }

  /** Fails when something is in it, and then it stays. */
  async #removeFolder(tenant: TenantId): Promise<void> {
    await this.#env.fs.removeFolder(join(this.#folder, pathSegment(tenant))).catch(() => {})
  }
}
