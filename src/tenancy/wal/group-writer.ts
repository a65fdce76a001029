/**
 * Writes what waits for one queue in groups: one write and one sync for all entries that came while the group before them
 * was on its way. An entry is answered when the policy says that it is stored.
 */
import { crc32 } from 'node:zlib'
import type { Appended, NewEntry } from '../../core/storage.ts'
import { Fifo } from '../../util/fifo.ts'
import { codeOf, messageOf, reportFailure, type WalEnvironment } from './environment.ts'
import { writeAll } from './file-access.ts'
import { ALIGNMENT, encodeRecordHeader, RECORD_HEADER_BYTES } from './format.ts'
import type { FileOperation } from './metrics.ts'
import type { Segment } from './segment.ts'
import type { ActiveSegment, SegmentMaker } from './segment-maker.ts'

/** Of one write; what is larger is a group of its own. */
const MAX_GROUP_BYTES = 8 * 1024 * 1024
/** Pieces of memory that the system takes at once. */
const MAX_GROUP_CHUNKS = 1000
/** After a failure of the disk nothing is tried for so long, doubling up to the most. */
const FIRST_PAUSE_MS = 100
const MAX_PAUSE_MS = 10_000

const FULL_CODES = new Set(['ENOSPC', 'EDQUOT', 'EFBIG'])

const ZEROS = Buffer.alloc(ALIGNMENT)
const PADDINGS = Array.from({ length: ALIGNMENT }, (_, bytes) => ZEROS.subarray(0, bytes))

export interface WaitingEntry {
  readonly entry: NewEntry
  readonly context: Buffer
  /** Of its record. */
  readonly bytes: number
  readonly done: (answer: Appended) => void
}

/** The queue that is written for. */
export interface WriterOwner {
  /** A segment was begun; records follow by `stored`. */
  began(segment: Segment): void
  /** Answers the entry. */
  stored(segment: Segment, index: number, waiting: WaitingEntry): void
  /** Takes back what was reserved for it and answers. */
  failed(waiting: WaitingEntry, answer: Appended): void
  /** No more records come to it. */
  sealed(segment: Segment): void
}

export class GroupWriter {
  readonly #env: WalEnvironment
  readonly #owner: WriterOwner
  readonly #maker: SegmentMaker
  readonly #waiting = new Fifo<WaitingEntry>()
  /** On its way to the disk. */
  #group: WaitingEntry[] = []
  #groupBytes = 0
  /** Entries of the group that are told as stored. */
  #published = 0
  #waitingBytes = 0
  #active: ActiveSegment | null = null
  /** Sealed, and not synced yet (policies that do not sync each group). */
  readonly #unsynced = new Set<Segment>()
  #isBusy = false
  #isScheduled = false
  #pauseMs = 0
  #pausedUntilMs = 0
  #problem = ''
  #isFull = false
  #syncStartedMs = 0
  /** Those who wait until nothing is on its way. */
  #idleWaiters: (() => void)[] = []

  constructor(env: WalEnvironment, owner: WriterOwner, maker: SegmentMaker) {
    this.#env = env
    this.#owner = owner
    this.#maker = maker
  }

  get waitingBytes(): number {
    return this.#waitingBytes
  }

  get isIdle(): boolean {
    return !this.#isBusy && this.#waiting.length === 0
  }

  get active(): Segment | null {
    return this.#active?.segment ?? null
  }

  /** Nothing is tried on the disk for so long; 0 when it works. */
  get pauseLeftMs(): number {
    return Math.max(0, this.#pausedUntilMs - this.#env.clock.monotonic())
  }

  /** What is answered until the disk works again. */
  refusal(): Appended {
    const retryAfterMs = Math.max(1, Math.ceil(this.pauseLeftMs))
    const message = this.#problem
    if (!this.#isFull) return { kind: 'failed', retryAfterMs, message }
    const drop = this.#env.options().overflow === 'drop_newest'
    return { kind: 'full', drop, isShare: false, retryAfterMs, message }
  }

  push(waiting: WaitingEntry): void {
    this.#waiting.push(waiting)
    this.#waitingBytes += waiting.bytes
    if (this.#isBusy || this.#isScheduled) return
    // All requests that are read in this turn of the event loop go together.
    this.#isScheduled = true
    setImmediate(this.#begin)
  }

  /** Resolves once nothing waits and nothing is on its way. */
  idle(): Promise<void> {
    if (this.isIdle) return Promise.resolve()
    return new Promise(resolve => this.#idleWaiters.push(resolve))
  }

  /** No more goes to the active segment. The writer is idle. */
  async seal(): Promise<void> {
    const active = this.#active
    if (active === null) return
    this.#active = null
    if (active.isDirty) this.#unsynced.add(active.segment)
    this.#isBusy = true
    await this.#maker.trim(active)
    this.#env.files.done(active.file)
    this.#owner.sealed(active.segment)
    this.#isBusy = false
    this.#continue()
  }

  get hasUnsynced(): boolean {
    return this.#active?.isDirty === true || this.#unsynced.size > 0
  }

  /** Syncs all that was written without a sync. Rejects when the disk does not. */
  async syncAll(): Promise<void> {
    const active = this.#active
    if (active?.isDirty) {
      active.isDirty = false
      try {
        await this.#sync(active.segment)
      } catch (failure) {
        active.isSpoilt = true
        throw failure
      }
    }
    for (const segment of [...this.#unsynced]) {
      // One that has gone meanwhile needs no sync.
      if (this.#unsynced.delete(segment)) await this.#sync(segment)
    }
  }

  /** It is about to be removed. */
  forget(segment: Segment): void {
    this.#unsynced.delete(segment)
  }

  async #sync(segment: Segment): Promise<void> {
    const { files, metrics, clock } = this.#env
    const started = clock.monotonic()
    const file = await files.use(segment.path)
    try {
      await this.#maker.sync(file)
      metrics.syncSeconds.observe((clock.monotonic() - started) / 1000)
    } finally {
      files.done(file)
    }
  }

  readonly #begin = (): void => {
    this.#isScheduled = false
    if (!this.#isBusy) this.#continue()
  }

  #continue(): void {
    const first = this.#waiting.peek()
    if (first === undefined) {
      this.#isBusy = false
      for (const resolve of this.#idleWaiters.splice(0)) resolve()
      return
    }
    this.#isBusy = true
    if (this.#active === null || !this.#fits(this.#active, first)) void this.#rotate(first)
    else this.#write(this.#active)
  }

  #fits({ segment, isSpoilt }: ActiveSegment, next: WaitingEntry): boolean {
    return (
      !isSpoilt && !segment.isFull && segment.end + next.bytes <= this.#env.options().segmentBytes
    )
  }

  async #rotate(first: WaitingEntry): Promise<void> {
    const old = this.#active
    this.#active = null
    if (old !== null) {
      if (old.isDirty) this.#unsynced.add(old.segment)
      await this.#maker.trim(old)
      this.#env.files.done(old.file)
      this.#owner.sealed(old.segment)
    }
    let active: ActiveSegment
    try {
      active = await this.#maker.begin(first.bytes)
    } catch (failure) {
      this.#giveUp('create', failure)
      return
    }
    this.#active = active
    this.#owner.began(active.segment)
    this.#write(active)
  }

  #write(active: ActiveSegment): void {
    const { segment, header } = active
    this.#gather(active)
    const group = this.#group
    const headers = Buffer.allocUnsafe(group.length * RECORD_HEADER_BYTES)
    const chunks: Uint8Array[] = header === null ? [] : [header]
    const time = this.#env.clock.now()
    for (let i = 0; i < group.length; i++) {
      const { entry, context, bytes } = group[i]
      let crc = crc32(context)
      for (const chunk of entry.chunks) crc = crc32(chunk, crc)
      const at = i * RECORD_HEADER_BYTES
      const index = segment.count + i
      encodeRecordHeader(
        headers,
        at,
        segment.seed,
        index,
        entry.items,
        context.length,
        entry.byteLength,
        crc,
        time,
      )
      chunks.push(headers.subarray(at, at + RECORD_HEADER_BYTES))
      if (context.length > 0) chunks.push(context)
      for (const chunk of entry.chunks) chunks.push(chunk)
      const padding = bytes - RECORD_HEADER_BYTES - context.length - entry.byteLength
      if (padding > 0) chunks.push(PADDINGS[padding])
    }
    const from = header === null ? segment.end : 0
    const total = this.#groupBytes + (header === null ? 0 : header.length)
    writeAll(this.#env.fs, active.file.fd, chunks, total, from, this.#written)
  }

  /** Takes what goes into one write to the active segment. The first fits. */
  #gather({ segment }: ActiveSegment): void {
    const room = this.#env.options().segmentBytes - segment.end
    const group = this.#group
    let bytes = 0
    let pieces = 0
    for (;;) {
      const next = this.#waiting.peek()
      if (next === undefined) break
      const isTooMuch =
        bytes + next.bytes > Math.min(room, MAX_GROUP_BYTES) ||
        pieces + next.entry.chunks.length + 3 > MAX_GROUP_CHUNKS
      if (group.length > 0 && (isTooMuch || segment.holdsAtMost(group.length))) break
      this.#waiting.shift()
      group.push(next)
      bytes += next.bytes
      pieces += next.entry.chunks.length + 3
    }
    this.#groupBytes = bytes
  }

  readonly #written = (error: Error | null): void => {
    if (error !== null) {
      void this.#failed('write', error)
      return
    }
    const active = this.#active!
    if (this.#env.options().fsync !== 'always') {
      active.isDirty = true
      this.#publish(active)
      return
    }
    this.#syncStartedMs = this.#env.clock.monotonic()
    this.#env.gate.sync(active.file.fd, this.#synced)
  }

  readonly #synced = (error: Error | null): void => {
    if (error !== null) {
      void this.#failed('sync', error)
      return
    }
    const { metrics, clock } = this.#env
    metrics.syncSeconds.observe((clock.monotonic() - this.#syncStartedMs) / 1000)
    this.#publish(this.#active!)
  }

  #publish(active: ActiveSegment): void {
    const { metrics } = this.#env
    if (active.header !== null) this.#maker.wrote(active)
    if (this.#pauseMs > 0) this.#recovered()
    metrics.groups.value++
    metrics.appended.value += this.#group.length
    metrics.appendedBytes.value += this.#groupBytes
    this.#waitingBytes -= this.#groupBytes
    this.#published = 0
    this.#publishNext()
  }

  /** Who appended an entry hears of it before the next one is there, so it can keep the order without reading them back. */
  readonly #publishNext = (): void => {
    if (this.#published === this.#group.length) {
      this.#group = []
      this.#continue()
      return
    }
    const { segment } = this.#active!
    const waiting = this.#group[this.#published++]
    const { entry, context, bytes } = waiting
    const index = segment.count
    segment.add(index, segment.end, entry.items, context.length, entry.byteLength)
    segment.end += bytes
    this.#owner.stored(segment, index, waiting)
    queueMicrotask(this.#publishNext)
  }

  #recovered(): void {
    this.#pauseMs = 0
    this.#pausedUntilMs = 0
    this.#problem = ''
    this.#env.health(null)
  }

  /** A write or a sync of the group failed: none of it is stored. */
  async #failed(operation: FileOperation, failure: unknown): Promise<void> {
    const active = this.#active!
    const { segment } = active
    const isClean = await this.#maker.rollBack(active)
    // After a failed sync the system may have forgotten what it did not write: the file is not trusted any more.
    if (!isClean || operation === 'sync' || active.header !== null) {
      this.#active = null
      this.#env.files.done(active.file)
      this.#owner.sealed(segment)
    }
    this.#giveUp(operation, failure, segment.path)
  }

  /** Answers all that waits, and leaves the disk alone for a while. */
  #giveUp(operation: FileOperation, failure: unknown, path = ''): void {
    reportFailure(this.#env, operation, path, failure)
    this.#pauseMs = Math.min(MAX_PAUSE_MS, Math.max(FIRST_PAUSE_MS, this.#pauseMs * 2))
    this.#pausedUntilMs = this.#env.clock.monotonic() + this.#pauseMs
    this.#isFull = FULL_CODES.has(codeOf(failure))
    this.#problem = this.#isFull
      ? 'the disk is full'
      : `the disk failed (${operation}): ${messageOf(failure)}`
    this.#env.health(this.#problem)
    const answer = this.refusal()
    const group = this.#group
    this.#group = []
    for (const waiting of group) this.#owner.failed(waiting, answer)
    for (let next = this.#waiting.shift(); next !== undefined; next = this.#waiting.shift()) {
      this.#owner.failed(next, answer)
    }
    this.#waitingBytes = 0
    this.#continue()
  }
}
