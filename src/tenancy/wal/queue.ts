/**
 * The stored queue of one tenant: which entries there are, which are taken, and what makes room for new ones. Writing is the
 * group writer's, removing the acknowledger's.
 */
import { NO_CONTEXT, type RequestContext, type TenantId } from '../../core/batch.ts'
import type {
  Appended,
  EntryId,
  NewEntry,
  ReadEntry,
  StoredEntry,
  StoredQueue,
} from '../../core/storage.ts'
import { Acknowledger } from './acknowledger.ts'
import { encodeContext } from './context-codec.ts'
import type { Shortage } from './disk-budget.ts'
import type { EntryReader } from './entry-reader.ts'
import { messageOf, reportFailure, type WalEnvironment } from './environment.ts'
import { MAX_BODY_BYTES, MAX_RECORDS, recordBytes } from './format.ts'
import { GroupWriter, type WaitingEntry, type WriterOwner } from './group-writer.ts'
import type { RecoveredSegment } from './recovery.ts'
import type { Segment } from './segment.ts'
import { SegmentMaker } from './segment-maker.ts'

/** Bytes that wait to be written; their memory is reserved by who appends. */
const MAX_WAITING_BYTES = 64 * 1024 * 1024
/** An entry that has been tried for so long did not end the process. */
const TRIAL_MS = 1000
/** When to come again. */
const RETRY_AFTER_MS: Readonly<Record<Shortage | 'busy' | 'closed', number>> = {
  tenant: 1000,
  total: 1000,
  disk: 5000,
  busy: 100,
  closed: 1000,
}

export class WalQueue implements StoredQueue, WriterOwner {
  readonly tenant: TenantId
  readonly #env: WalEnvironment
  readonly #maker: SegmentMaker
  readonly #writer: GroupWriter
  readonly #acknowledger: Acknowledger
  readonly #reader: EntryReader
  /** By number, oldest first. */
  readonly #segments = new Map<number, Segment>()
  /** No segment before it has untaken entries. */
  #cursor = 0
  #entries = 0
  #items = 0
  #bytes = 0
  /** Of taken entries: they cannot make room. */
  #takenBytes = 0
  #isClosed = false
  /** Segments before it were found at the start. */
  readonly #firstNew: number
  /** In careful mode: the found entry that is being tried. */
  #trial: EntryId | null = null
  #hasSyncFailed = false
  /** Written to since the last look. */
  #isFresh = false
  #context: RequestContext = NO_CONTEXT
  #contextBytes: Buffer = encodeContext(NO_CONTEXT)

  constructor(
    env: WalEnvironment,
    reader: EntryReader,
    folder: string,
    tenant: TenantId,
    recovered: readonly RecoveredSegment[],
    nextNumber: number,
  ) {
    this.tenant = tenant
    this.#env = env
    this.#firstNew = nextNumber
    this.#maker = new SegmentMaker(env, folder, tenant, nextNumber)
    this.#writer = new GroupWriter(env, this, this.#maker)
    this.#acknowledger = new Acknowledger(env)
    this.#reader = reader
    for (const { segment, ackBytes } of recovered) {
      this.#segments.set(segment.number, segment)
      this.#acknowledger.recovered(segment, ackBytes)
      if (segment.hasUnwritten) this.#acknowledger.note(segment)
      this.#entries += segment.live
      this.#items += segment.liveItems
      this.#bytes += segment.liveBytes
      env.budget.recovered(tenant, segment.liveBytes)
      env.budget.addFileBytes(segment.end + ackBytes)
      this.sealed(segment)
    }
  }

  get entries(): number {
    return this.#entries
  }

  get items(): number {
    return this.#items
  }

  get bytes(): number {
    return this.#bytes
  }

  get limitBytes(): number {
    return this.#env.budget.mostOf(this.tenant)
  }

  /** Nothing is stored and nothing is on its way. */
  get isEmpty(): boolean {
    return this.#entries === 0 && this.#writer.isIdle
  }

  /** Nothing of it is left that another object for the same tenant would have to know. */
  get isSpent(): boolean {
    const isQuiet = this.#acknowledger.isIdle && this.#writer.pauseLeftMs === 0 && !this.needsSync
    return this.isEmpty && this.#segments.size === 0 && isQuiet
  }

  /** Above all numbers of its segments. */
  get nextNumber(): number {
    return this.#maker.next
  }

  append(entry: NewEntry): Promise<Appended> {
    const context = this.#encode(entry.context)
    const bytes = recordBytes(context.length, entry.byteLength)
    const refusal = this.#refusal(bytes, context.length)
    if (refusal !== null) return Promise.resolve(refusal)
    this.#env.budget.reserve(this.tenant, bytes)
    this.#isFresh = true
    return new Promise(done => this.#writer.push({ entry, context, bytes, done }))
  }

  next(): StoredEntry | null {
    if (this.#trial !== null) return null
    for (const segment of this.#segments.values()) {
      if (segment.number < this.#cursor) continue
      const index = segment.take()
      if (index < 0) continue
      this.#cursor = segment.number
      this.#takenBytes += bytesOf(segment, index)
      const id = segment.number * MAX_RECORDS + index
      if (segment.number < this.#firstNew && this.#env.isCareful()) this.#trial = id
      return {
        id,
        items: segment.itemsOf(index),
        byteLength: segment.requestBytesOf(index),
      }
    }
    return null
  }

  async read(id: EntryId, allocate: (bytes: number) => Uint8Array): Promise<ReadEntry> {
    const segment = this.#segmentOf(id)
    const index = id % MAX_RECORDS
    if (segment === undefined || !segment.isTaken(index)) {
      return { kind: 'failed', message: 'the entry is not taken' }
    }
    if (id === this.#trial) await this.#beginTrial(segment, index, id)
    const answer = await this.#reader.read(segment, index, allocate)
    if (answer.kind === 'damaged') this.#drop(segment, index)
    if (answer.kind === 'failed') this.putBack(id)
    return answer
  }

  putBack(id: EntryId): void {
    const segment = this.#segmentOf(id)
    const index = id % MAX_RECORDS
    if (segment === undefined || !segment.isTaken(index)) return
    this.#takenBytes -= bytesOf(segment, index)
    segment.putBack(index)
    if (segment.number < this.#cursor) this.#cursor = segment.number
    if (id !== this.#trial) return
    this.#trial = null
    void this.#acknowledger.mark(segment, index, 'survived')
  }

  acknowledge(id: EntryId): void {
    const segment = this.#segmentOf(id)
    const index = id % MAX_RECORDS
    if (segment?.isTaken(index)) this.#drop(segment, index)
  }

  // -- of the writer ----------------------------------------------------------------------------------------------

  began(segment: Segment): void {
    this.#segments.set(segment.number, segment)
  }

  stored(segment: Segment, index: number, waiting: WaitingEntry): void {
    this.#entries++
    this.#items += waiting.entry.items
    this.#bytes += waiting.bytes
    const evictedItems =
      this.#env.options().overflow === 'drop_oldest' ? this.#evict(segment, index) : 0
    waiting.done({ kind: 'stored', id: segment.number * MAX_RECORDS + index, evictedItems })
  }

  failed(waiting: WaitingEntry, answer: Appended): void {
    this.#env.budget.cancel(this.tenant, waiting.bytes)
    this.#env.metrics.refused('error').value++
    waiting.done(answer)
  }

  sealed(segment: Segment): void {
    segment.seal()
    if (segment.live === 0) this.#remove(segment)
  }

  // -- careful mode -----------------------------------------------------------------------------------------------

  async #beginTrial(segment: Segment, index: number, id: EntryId): Promise<void> {
    await this.#acknowledger.mark(segment, index, 'tried')
    this.#env.clock.after(TRIAL_MS, () => {
      if (this.#trial !== id) return
      this.#endTrial(id)
      if (!segment.isGone(index)) void this.#acknowledger.mark(segment, index, 'survived')
    })
  }

  #endTrial(id: EntryId): void {
    if (id === this.#trial) this.#trial = null
  }

  /** Takes out an entry that may be what ends the process. What `keep` does not take stays, and is not given to anybody. */
  async quarantine(
    segment: Segment,
    index: number,
    keep: (items: number, bytes: Uint8Array, context: RequestContext) => Promise<boolean>,
  ): Promise<void> {
    if (!segment.takeAt(index)) return
    this.#takenBytes += bytesOf(segment, index)
    const found = await this.#reader.read(segment, index, bytes => Buffer.allocUnsafe(bytes))
    if (found.kind === 'failed') return
    const isKept =
      found.kind === 'damaged' || (await keep(segment.itemsOf(index), found.bytes, found.context))
    if (isKept) this.#drop(segment, index)
  }

  // -- of the storage ---------------------------------------------------------------------------------------------

  get needsSync(): boolean {
    return this.#hasSyncFailed || this.#writer.hasUnsynced
  }

  /** Syncs what was written without a sync. */
  async sync(): Promise<void> {
    try {
      await this.#writer.syncAll()
      if (this.#hasSyncFailed) this.#env.health(null)
      this.#hasSyncFailed = false
    } catch (failure) {
      this.#hasSyncFailed = true
      reportFailure(this.#env, 'sync', this.#writer.active?.path ?? '', failure)
      this.#env.health(`the disk failed (sync): ${messageOf(failure)}`)
    }
  }

  /** Called now and then: gives back the file of a queue in which nothing happens. */
  async tidy(): Promise<void> {
    this.#acknowledger.retry()
    const wasFresh = this.#isFresh
    this.#isFresh = false
    if (!wasFresh) await this.giveBack()
  }

  /** Removes the active segment when all of it has ended. */
  async giveBack(): Promise<void> {
    if (this.#writer.active?.live === 0 && this.#writer.isIdle) await this.#writer.seal()
  }

  /** Resolves when files all of whose entries have ended are gone, as far as the disk lets them. */
  settled(): Promise<void> {
    return this.#acknowledger.settled()
  }

  /** Writes what waits, syncs and closes. Further appends fail. */
  async close(): Promise<void> {
    this.#isClosed = true
    await this.#writer.idle()
    await this.#writer.seal()
    await this.sync()
    await this.#acknowledger.close()
  }

  /** Entries that are still there are counted no more. */
  leave(): void {
    this.#env.budget.free(this.tenant, this.#bytes)
    this.#env.budget.addFileBytes(-this.#acknowledger.bytes)
    for (const segment of this.#segments.values()) this.#env.budget.addFileBytes(-segment.end)
  }

  // -- room -------------------------------------------------------------------------------------------------------

  #refusal(bytes: number, contextBytes: number): Appended | null {
    if (this.#isClosed) return this.#refuse('busy', 'the storage is closed', RETRY_AFTER_MS.closed)
    if (this.#writer.pauseLeftMs > 0) {
      this.#env.metrics.refused('error').value++
      return this.#writer.refusal()
    }
    if (bytes - contextBytes > MAX_BODY_BYTES) {
      return this.#refuse('busy', 'the request is larger than a record', RETRY_AFTER_MS.disk)
    }
    if (this.#writer.waitingBytes + bytes > MAX_WAITING_BYTES && !this.#writer.isIdle) {
      return this.#refuse('busy', 'the disk is slower than what comes', RETRY_AFTER_MS.busy)
    }
    let shortage = this.#env.budget.shortage(this.tenant, bytes)
    if (shortage === 'total') {
      this.#env.reclaim()
      shortage = this.#env.budget.shortage(this.tenant, bytes)
    }
    if (shortage === null || this.#canEvict(shortage, bytes)) return null
    return this.#refuse(shortage, MESSAGES[shortage], RETRY_AFTER_MS[shortage])
  }

  #refuse(reason: Shortage | 'busy', message: string, retryAfterMs: number): Appended {
    this.#env.metrics.refused(reason).value++
    const drop = this.#env.options().overflow === 'drop_newest' && reason !== 'busy'
    return { kind: 'full', drop, isShare: reason === 'tenant', retryAfterMs, message }
  }

  /** Whether old entries of this queue can make the room. They go once the new one is stored. */
  #canEvict(shortage: Shortage, bytes: number): boolean {
    if (this.#env.options().overflow !== 'drop_oldest') return false
    if (shortage === 'tenant') {
      const limit = this.#env.budget.limitOf(this.tenant)
      return this.#bytes - this.#takenBytes >= bytes && bytes <= limit
    }
    return this.#oldestFree() !== null
  }

  /** The oldest segment with no taken entry that is not written to: its file can go. */
  #oldestFree(): Segment | null {
    for (const segment of this.#segments.values()) {
      if (segment.taken === 0 && segment !== this.#writer.active) return segment
    }
    return null
  }

  /** Items that went. The entry that was just stored stays. */
  #evict(newest: Segment, newestIndex: number): number {
    let items = 0
    for (;;) {
      const shortage = this.#env.budget.shortage(this.tenant, 0)
      if (shortage === null) break
      const gone = shortage === 'tenant' ? this.#evictOne(newest, newestIndex) : this.#evictFile()
      if (gone < 0) break
      items += gone
    }
    this.#env.metrics.evicted.value += items
    return items
  }

  /** -1 when there is none. */
  #evictOne(newest: Segment, newestIndex: number): number {
    for (const segment of this.#segments.values()) {
      const index = segment.oldestUntaken()
      if (index < 0) continue
      if (segment === newest && index >= newestIndex) return -1
      const items = segment.itemsOf(index)
      this.#drop(segment, index)
      return items
    }
    return -1
  }

  #evictFile(): number {
    const segment = this.#oldestFree()
    if (segment === null) return -1
    const items = segment.liveItems
    for (let i = segment.oldestUntaken(); i >= 0; i = segment.oldestUntaken()) {
      this.#drop(segment, i)
    }
    return items
  }

  #drop(segment: Segment, index: number): void {
    const items = segment.itemsOf(index)
    const bytes = bytesOf(segment, index)
    if (segment.isTaken(index)) this.#takenBytes -= bytes
    if (!segment.drop(index)) return
    this.#endTrial(segment.number * MAX_RECORDS + index)
    this.#entries--
    this.#items -= items
    this.#bytes -= bytes
    this.#env.budget.free(this.tenant, bytes)
    if (segment.live === 0 && segment !== this.#writer.active) this.#remove(segment)
    else this.#acknowledger.note(segment)
  }

  /** Once: its last entry may end while it is being closed, and both see that nothing is left. */
  #remove(segment: Segment): void {
    if (!this.#segments.delete(segment.number)) return
    this.#writer.forget(segment)
    this.#acknowledger.remove(segment)
  }

  #segmentOf(id: EntryId): Segment | undefined {
    return this.#segments.get(Math.floor(id / MAX_RECORDS))
  }

  /** Requests of one connection share their context. */
  #encode(context: RequestContext): Buffer {
    if (context !== this.#context) {
      this.#context = context
      this.#contextBytes = encodeContext(context)
    }
    return this.#contextBytes
  }
}

const MESSAGES: Readonly<Record<Shortage, string>> = {
  total: 'the storage has reached its limit (max_bytes)',
  tenant: 'the tenant has reached its share of the disk',
  disk: 'the disk has less room than is to stay free (min_free_bytes)',
}

function bytesOf(segment: Segment, index: number): number {
  return recordBytes(segment.contextBytesOf(index), segment.requestBytesOf(index))
}
