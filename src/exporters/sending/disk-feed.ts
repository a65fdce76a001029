/**
 * Between one tenant's queue on disk and its way out: appends what comes in, and takes entries in their order into a
 * bounded window in memory. What has just been appended need not be read again if everything before it is in memory.
 *
 * ```
 * batch -> append -> (answer) -> untaken -- window has room --> read -> shipment -> ended -> acknowledge
 * ```
 */
import { Batch, type RequestContext } from '../../core/batch.ts'
import type { Clock, Timer } from '../../core/clock.ts'
import type { HolderVisit } from '../../core/ledger.ts'
import type { Logger } from '../../core/logger.ts'
import type { MemoryBudget } from '../../core/memory.ts'
import { ACCEPTED, busy, type Outcome, refused } from '../../core/outcome.ts'
import { Payload } from '../../core/payload.ts'
import type { Signal } from '../../core/signal.ts'
import type { Appended, EntryId, StoredEntry, StoredQueue } from '../../core/storage.ts'
import { type EncodedParts, encodeParts } from '../../otlp/encode.ts'
import { indexRequest } from '../../otlp/kernel/kernel.ts'
import { isWireFault } from '../../otlp/request-index.ts'
import type { BufferPool } from '../../util/buffer-pool.ts'
import type { Books } from './books.ts'
import type { Capacity } from './capacity.ts'
import type { Sizer } from './config.ts'
import { Receipt, type ReceiptOwner } from './receipt.ts'
import {
  ENTRY_OVERHEAD_BYTES,
  TENANT_WINDOW_BYTES,
  TENANT_WINDOW_SHARE,
  type Window,
  type WindowUser,
} from './window.ts'

/** How soon the disk, or memory for what is on it, is asked for again. */
const READ_AGAIN_MS = 500
/** So often in vain, and it is said: the memory limit may be too low for what is stored. */
const TOLD_WAITS = 20
/** Operators look at no more of what is on disk at once. */
const MAX_PEEK_BYTES = 16 << 20

export interface DiskFeedOptions {
  readonly id: string
  readonly signal: Signal
  readonly store: StoredQueue
  /** Unit of the queue's bound. */
  readonly sizer: Sizer
  readonly window: Window
  readonly memory: MemoryBudget
  readonly buffers: BufferPool
  readonly clock: Clock
  readonly log: Logger
  readonly books: Books
  /** On its way, with what to end when it has arrived. */
  readonly ship: (batch: Batch, receipts: readonly Receipt[]) => void
  /** The queue's bound; what is stored counts in it from outside. */
  readonly capacity: Capacity
}

/** Appended and not taken yet, and still in memory. */
interface Fresh {
  readonly batch: Batch
  readonly cost: number
}

export class DiskFeed implements ReceiptOwner, WindowUser {
  readonly #options: DiskFeedOptions
  readonly #store: StoredQueue
  readonly #fresh = new Map<EntryId, Fresh>()
  /** Of fresh ones, and of what has been taken. */
  #freshCost = 0
  #takenCost = 0
  #taken = 0
  #takenItems = 0
  #reading: StoredEntry | null = null
  #again: Timer | null = null
  /** How often in a row there was no memory for what is next. */
  #waits = 0
  #appending = 0
  #isStopped = false
  /** What is on disk has been booked as kept. */
  #isLeft = false
  #onAppended: (() => void) | null = null

  constructor(options: DiskFeedOptions) {
    this.#options = options
    this.#store = options.store
  }

  get store(): StoredQueue {
    return this.#store
  }

  get isIdle(): boolean {
    return this.#store.entries === 0 && this.#appending === 0
  }

  /** Entries, items or bytes that are stored and not acknowledged. */
  get used(): number {
    const { sizer } = this.#options
    if (sizer === 'requests') return this.#store.entries
    return sizer === 'items' ? this.#store.items : this.#store.bytes
  }

  /**
   * Null when the batch cannot be encoded; then nothing has happened. `charge` was taken of the bound, and is given
   * back or counted as stored. The batch is used up if it is accepted.
   */
  append(batch: Batch, charge: number): Promise<Outcome> | null {
    let encoded: EncodedParts
    try {
      encoded = encodeParts(batch.parts, this.#options.buffers)
    } catch {
      return null
    }
    return this.#append(batch, charge, encoded)
  }

  /** Takes as much into memory as there is room for. */
  feed(): void {
    while (!this.#isStopped && this.#reading === null && this.#again === null) {
      if (!this.#hasRoom()) return
      const entry = this.#store.next()
      if (entry === null) {
        this.#forgetFresh(Number.POSITIVE_INFINITY)
        return
      }
      this.#forgetFresh(entry.id)
      const fresh = this.#fresh.get(entry.id)
      if (fresh === undefined) {
        this.#take(entry, costOf(entry.byteLength))
        this.#reading = entry
        void this.#read(entry)
        continue
      }
      this.#fresh.delete(entry.id)
      this.#freshCost -= fresh.cost
      this.#take(entry, fresh.cost)
      this.#options.ship(fresh.batch, [this.#receiptOf(entry, fresh.cost)])
    }
  }

  ended(receipt: Receipt): void {
    this.#release(receipt.items, receipt.cost)
    this.#store.acknowledge(receipt.id)
    this.#drained(1, receipt.items, receipt.bytes)
    this.feed()
  }

  /** What is on disk and not on its way. */
  visit(each: HolderVisit): void {
    const items = this.#store.items - this.#takenItems + (this.#reading?.items ?? 0)
    if (items > 0) each(this.#store.tenant, this.#options.signal, items)
  }

  /** Reads the oldest entries that are not on their way; they stay where they are. */
  async peek(max: number, each: (entry: StoredEntry, bytes: Uint8Array) => void): Promise<void> {
    const peeked: StoredEntry[] = []
    let bytes = 0
    while (peeked.length < max && bytes < MAX_PEEK_BYTES) {
      const entry = this.#store.next()
      if (entry === null) break
      peeked.push(entry)
      bytes += entry.byteLength
    }
    for (const entry of peeked) {
      const read = await this.#store.read(entry.id, size => Buffer.allocUnsafeSlow(size))
      if (read.kind === 'entry') {
        each(entry, read.bytes)
        this.#store.putBack(entry.id)
      } else if (read.kind === 'damaged') this.#lost(entry, read.message)
    }
    this.feed()
  }

  /** Does not wait any longer before the disk is asked again. */
  hurry(): void {
    this.#again?.cancel()
    this.#again = null
    this.feed()
  }

  /** Lets go of all that is on disk and not on its way. Returns items. */
  purge(): number {
    let [entries, items, bytes] = [0, 0, 0]
    for (let entry = this.#store.next(); entry !== null; entry = this.#store.next()) {
      entries++
      items += entry.items
      bytes += entry.byteLength
      this.#store.acknowledge(entry.id)
    }
    this.#forgetFresh(Number.POSITIVE_INFINITY)
    this.#drained(entries, items, bytes)
    return items
  }

  /** Takes nothing more from disk. Resolves when nothing is being appended. */
  stop(): Promise<void> {
    this.#isStopped = true
    this.#again?.cancel()
    this.#options.window.forget(this)
    this.#forgetFresh(Number.POSITIVE_INFINITY)
    if (this.#appending === 0) return Promise.resolve()
    return new Promise(resolve => {
      this.#onAppended = resolve
    })
  }

  /** Books what stays on disk. What is being appended and turns out to be stored is booked then. */
  leave(): void {
    this.visit((tenant, _, items) => this.#options.books.keptOnDisk(tenant, items))
    this.#isLeft = true
  }

  async #append(batch: Batch, charge: number, encoded: EncodedParts): Promise<Outcome> {
    const { chunks, byteLength, made } = encoded
    const { items, context } = batch
    this.#appending++
    const result = await this.#store.append({ items, chunks, byteLength, context })
    this.#appending--
    for (const buffer of made) this.#options.buffers.give(buffer)
    if (result.kind === 'stored') this.#options.capacity.move(charge)
    else this.#options.capacity.give(charge)
    const outcome = this.#learn(batch, byteLength, result)
    if (this.#appending === 0) this.#onAppended?.()
    return outcome
  }

  #learn(batch: Batch, bytes: number, result: Appended): Outcome {
    const { books, log, id: exporter } = this.#options
    const { tenant, items } = batch
    if (result.kind === 'stored') {
      if (result.evictedItems > 0) this.#evicted(result.evictedItems)
      this.#stored(batch, result.id)
      return ACCEPTED
    }
    const { message, retryAfterMs } = result
    if (result.kind === 'full' && result.drop) {
      log.warn('items_dropped', { exporter, tenant, items, reason: 'storage_full', message })
      books.bookDrop(tenant, items, 'storage_full')
      batch.release()
      return ACCEPTED
    }
    books.notTaken(items)
    if (result.kind === 'full') {
      const { limitBytes } = this.#store
      if (limitBytes === 0 || bytes <= limitBytes) {
        return busy(retryAfterMs, result.isShare ? 'disk_share' : 'overloaded')
      }
      const most = `a request of ${bytes} bytes can never fit the ${limitBytes} that may be stored`
      return refused(items, 'too_large', most)
    }
    log.error('storage_failed', { exporter, tenant, message })
    return busy(retryAfterMs, 'unavailable')
  }

  #evicted(items: number): void {
    const { log, id: exporter } = this.#options
    const { tenant } = this.#store
    log.warn('items_dropped', { exporter, tenant, items, reason: 'storage_evicted' })
    this.#bookLost(items, 'storage_evicted')
    this.#options.capacity.drained(0)
  }

  /** Of what was on disk and not on its way. */
  #bookLost(items: number, reason: string): void {
    const { books } = this.#options
    const { tenant } = this.#store
    if (this.#isLeft) books.keptOnDisk(tenant, -items)
    books.bookDrop(tenant, items, reason)
  }

  #drained(entries: number, items: number, bytes: number): void {
    const { sizer, capacity } = this.#options
    capacity.drained(sizer === 'requests' ? entries : sizer === 'items' ? items : bytes)
  }

  /** Stays in memory when nothing before it is on disk only: it is next then, or will be soon. */
  #stored(batch: Batch, id: EntryId): void {
    if (this.#isLeft) this.#options.books.keptOnDisk(batch.tenant, batch.items)
    const untaken = this.#store.entries - this.#taken
    const cost = costOf(batch.bytes)
    const hasRoom =
      this.#options.window.hasRoom && this.#takenCost + this.#freshCost + cost <= this.#windowBytes
    if (this.#isStopped || !hasRoom || untaken - 1 > this.#fresh.size) batch.release()
    else {
      this.#fresh.set(id, { batch, cost })
      this.#freshCost += cost
    }
    this.feed()
  }

  get #windowBytes(): number {
    const { limitBytes } = this.#store
    if (limitBytes === 0) return TENANT_WINDOW_BYTES
    return Math.min(TENANT_WINDOW_BYTES, limitBytes * TENANT_WINDOW_SHARE)
  }

  #hasRoom(): boolean {
    if (this.#taken === 0) return true
    if (this.#takenCost >= this.#windowBytes) return false
    if (this.#options.window.hasRoom) return true
    this.#options.window.wait(this)
    return false
  }

  #take({ items }: StoredEntry, cost: number): void {
    this.#taken++
    this.#takenItems += items
    this.#takenCost += cost
    this.#options.window.take(cost)
  }

  #release(items: number, cost: number): void {
    this.#taken--
    this.#takenItems -= items
    this.#takenCost -= cost
    this.#options.window.give(cost)
  }

  #receiptOf({ id, items, byteLength }: StoredEntry, cost: number): Receipt {
    return new Receipt(id, items, byteLength, cost, this)
  }

  async #read(entry: StoredEntry): Promise<void> {
    const { memory, buffers, signal } = this.#options
    const { byteLength, id } = entry
    if (!memory.tryReserve(byteLength, true)) {
      const said = `${byteLength} bytes of memory are not to be had`
      if (++this.#waits === TOLD_WAITS) this.#say('stored_entry_waits_for_memory', entry, said)
      return this.#readLater(entry, true)
    }
    this.#waits = 0
    let room: Uint8Array | null = null
    const read = await this.#store.read(id, bytes => (room = buffers.take(bytes)))
    if (read.kind !== 'entry' || this.#isStopped) {
      memory.free(byteLength)
      if (room !== null) buffers.give(room)
      if (read.kind === 'damaged') return this.#damaged(entry, read.message)
      if (read.kind === 'failed') this.#say('storage_read_failed', entry, read.message)
      return this.#readLater(entry, read.kind === 'entry')
    }
    const payload = new Payload(read.bytes, {
      onFree: (bytes, isReusable) => {
        memory.free(byteLength)
        if (isReusable) buffers.give(bytes)
      },
    })
    const index = indexRequest(signal, read.bytes)
    if (isWireFault(index)) {
      payload.release()
      return this.#damaged(entry, `not a request: ${index.fault}`, true)
    }
    this.#reading = null
    const part = { payload, index, selection: null, edits: null, items: index.items }
    this.#ship(entry, read.context, part)
    this.feed()
  }

  #ship(entry: StoredEntry, context: RequestContext, part: Batch['parts'][number]): void {
    const batch = new Batch(this.#options.signal, this.#store.tenant, context, [part])
    this.#options.ship(batch, [this.#receiptOf(entry, costOf(entry.byteLength))])
  }

  /** It is untaken again, and asked for after a while. */
  #readLater(entry: StoredEntry, mustPutBack: boolean): void {
    this.#reading = null
    this.#release(entry.items, costOf(entry.byteLength))
    if (mustPutBack) this.#store.putBack(entry.id)
    if (this.#isStopped) return
    this.#again ??= this.#options.clock.after(READ_AGAIN_MS, () => {
      this.#again = null
      this.feed()
    })
  }

  #damaged(entry: StoredEntry, message: string, isStillThere = false): void {
    this.#reading = null
    this.#lost(entry, message)
    this.#release(entry.items, costOf(entry.byteLength))
    if (isStillThere) this.#store.acknowledge(entry.id)
    this.#drained(1, entry.items, entry.byteLength)
    this.feed()
  }

  #lost(entry: StoredEntry, message: string): void {
    this.#say('stored_entry_damaged', entry, message)
    this.#bookLost(entry.items, 'storage_damaged')
  }

  /** Those before `id` in memory are not on disk any more: they had to make room. */
  #forgetFresh(id: EntryId): void {
    for (const [known, { batch, cost }] of this.#fresh) {
      if (known >= id) return
      this.#fresh.delete(known)
      this.#freshCost -= cost
      batch.release()
    }
  }

  #say(event: string, { id, items }: StoredEntry, message: string): void {
    const { log, id: exporter, signal } = this.#options
    log.error(event, { exporter, signal, tenant: this.#store.tenant, entry: id, items, message })
  }
}

/** What it counts in the window: the bytes that stay in memory for it, which are more than the entry's when rules took items out. */
function costOf(bytes: number): number {
  return bytes + ENTRY_OVERHEAD_BYTES
}
