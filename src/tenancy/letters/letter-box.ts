/**
 * Keeps what no destination wants, on disk, with the reason of each letter, until somebody looks, it is too old, or others
 * need the room. The storage extension opens one box beside its queues.
 */
import type { TenantId } from '../../core/batch.ts'
import type { Clock, Timer } from '../../core/clock.ts'
import type { Logger } from '../../core/logger.ts'
import type { Counter, Meter } from '../../core/meter.ts'
import type {
  Letter,
  LetterControl,
  LetterFilter,
  LettersSummary,
  LetterView,
} from '../../core/queue-control.ts'
import type { DeadLetters, NewLetter } from '../../core/storage.ts'
import { SYSTEM_FS, type WalFs } from '../wal/fs.ts'
import { contentsOf, UNKNOWN_CONTENTS } from './contents.ts'
import { findLetters, placeOf, viewOf } from './find-letters.ts'
import type { LetterFile, LetterRecord } from './letter-file.ts'
import { decodeMeta, encodeMeta } from './letter-meta.ts'
import { type LetterLimits, LetterStore } from './letter-store.ts'
import {
  LETTERS,
  LETTERS_BYTES,
  LETTERS_DAMAGED,
  LETTERS_EVICTED,
  LETTERS_KEPT,
  LETTERS_REFUSED,
} from './metrics.ts'

/** In the storage's folder. */
export const LETTERS_FOLDER = 'letters'
/** Of letters that wait to be written: the disk is slower than what brings them. */
const MAX_PENDING_BYTES = 32 << 20
/** Services and traces of larger requests are not looked for. */
const MAX_LOOKED_AT_BYTES = 4 << 20
/** After a failure of the disk letters are turned away for so long. */
const PAUSE_MS = 1000
/** Told apart in metrics. */
const MAX_REASONS = 50
/** How often old letters are looked for. */
const TIDY_MS = 60_000

export interface LetterBoxOptions {
  /** Of the storage extension. */
  readonly id: string
  /** `LETTERS_FOLDER` of the storage's; made by the first letter. */
  readonly directory: string
  readonly limits: LetterLimits
  readonly fs?: WalFs
  readonly clock: Clock
  readonly log: Logger
  readonly meter: Meter
}

interface Pending {
  readonly letter: NewLetter
  readonly answer: (isKept: boolean) => void
}

export class LetterBox implements DeadLetters, LetterControl {
  readonly id: string
  readonly #options: LetterBoxOptions
  readonly #store: LetterStore
  readonly #kept = new Map<string, Counter>()
  readonly #refused: Counter
  readonly #damaged: Counter
  readonly #stopObserving: (() => void)[]
  #pending: Pending[] = []
  #pendingBytes = 0
  /** Of the monotonic clock. */
  #pausedUntilMs = 0
  #timer: Timer | null = null
  #isClosed = false
  /** Changes of the store come one after another. */
  #turn: Promise<unknown> = Promise.resolve()

  constructor(options: LetterBoxOptions) {
    const { id, meter, fs = SYSTEM_FS } = options
    const labels = { extension: id }
    this.id = id
    this.#options = options
    this.#store = new LetterStore({ ...options, fs }, options.limits)
    this.#refused = meter.counter(LETTERS_REFUSED, labels)
    this.#damaged = meter.counter(LETTERS_DAMAGED, labels)
    this.#stopObserving = [
      meter.observe(LETTERS, labels, () => this.#store.shelf.letters),
      meter.observe(LETTERS_BYTES, labels, () => this.#store.bytes),
      meter.observe(LETTERS_EVICTED, labels, () => this.#store.evicted),
    ]
  }

  /** Finds the letters that are there. Never rejects: damage is reported and is no failure. */
  async open(): Promise<void> {
    this.#damaged.value += await this.#exclusive(() => this.#store.load())
    if (this.#isClosed) return
    this.#timer = this.#options.clock.every(TIDY_MS, () => {
      void this.#exclusive(() => this.#store.tidy())
    })
  }

  /** From now on. */
  set limits(limits: LetterLimits) {
    this.#store.limits = limits
  }

  put(letter: NewLetter): Promise<boolean> {
    const { clock } = this.#options
    const pending = this.#pendingBytes
    const isFull = pending > 0 && pending + letter.byteLength > MAX_PENDING_BYTES
    if (this.#isClosed || isFull || clock.monotonic() < this.#pausedUntilMs) {
      this.#refused.value++
      return Promise.resolve(false)
    }
    return new Promise(answer => {
      this.#pending.push({ letter, answer })
      this.#pendingBytes += letter.byteLength
      // What comes until its turn is written together with it.
      if (this.#pending.length === 1) void this.#exclusive(() => this.#writePending())
    })
  }

  summary(): LettersSummary {
    const { shelf, evicted, bytes } = this.#store
    const { maxBytes } = this.#store.limits
    return {
      ...{ id: this.id, letters: shelf.letters, items: shelf.items, bytes, maxBytes },
      ...{ oldestAtMs: shelf.oldestMs, evicted, refused: this.#refused.value },
      damaged: this.#damaged.value,
    }
  }

  list(filter: LetterFilter, max: number): Promise<readonly LetterView[]> {
    return findLetters(this.#store.shelf, filter, max, (file, index) => {
      this.#setDamaged(file, index)
    })
  }

  async read(id: string): Promise<Letter | null> {
    const place = placeOf(this.#store.shelf, id)
    if (place === null) return null
    const { file, index } = place
    try {
      const fd = await file.openToRead()
      try {
        const found = await file.read(fd, index)
        const meta = found.kind === 'letter' ? decodeMeta(found.meta) : null
        if (found.kind === 'letter' && meta !== null) {
          return { view: viewOf(file, index, meta), bytes: found.request, context: meta.context }
        }
        this.#setDamaged(file, index)
      } finally {
        await file.closeRead(fd)
      }
    } catch (error) {
      this.#options.log.warn('letter_unreadable', { id, message: (error as Error).message })
    }
    return null
  }

  remove(ids: readonly string[]): Promise<number> {
    return this.#exclusive(async () => {
      const touched = new Set<LetterFile>()
      let removed = 0
      for (const id of ids) {
        const place = placeOf(this.#store.shelf, id)
        if (place === null || !place.file.segment.drop(place.index)) continue
        touched.add(place.file)
        removed++
      }
      await this.#store.thinOut(touched)
      return removed
    })
  }

  /** Writes what is pending. */
  async close(): Promise<void> {
    this.#isClosed = true
    this.#timer?.cancel()
    await this.#turn
    for (const stop of this.#stopObserving.splice(0)) stop()
  }

  /** `work` does not reject. */
  #exclusive<T>(work: () => Promise<T>): Promise<T> {
    const done = this.#turn.then(work)
    this.#turn = done.catch(() => {})
    return done
  }

  async #writePending(): Promise<void> {
    const pending = this.#pending
    this.#pending = []
    const byTenant = new Map<TenantId, Pending[]>()
    for (const each of pending) {
      const list = byTenant.get(each.letter.tenant)
      if (list === undefined) byTenant.set(each.letter.tenant, [each])
      else list.push(each)
    }
    for (const [tenant, list] of byTenant) await this.#write(tenant, list)
  }

  async #write(tenant: TenantId, list: readonly Pending[]): Promise<void> {
    const { clock, log } = this.#options
    const { maxBytes } = this.#store.limits
    const records = list.map(({ letter }) => recordOf(letter))
    const fitting = records.map(record => this.#store.roomFor(tenant, record) <= maxBytes)
    const wanted = list.filter((_, i) => fitting[i])
    let kept = 0
    try {
      await this.#store.append(
        tenant,
        records.filter((_, i) => fitting[i]),
        count => (kept += count),
      )
    } catch (error) {
      this.#pausedUntilMs = clock.monotonic() + PAUSE_MS
      log.error('letters_not_kept', { tenant, message: (error as Error).message })
    }
    for (const { letter } of wanted.slice(0, kept)) {
      this.#count(letter.reason)
    }
    this.#refused.value += list.length - kept
    const isKept = new Set(wanted.slice(0, kept))
    for (const each of list) {
      this.#pendingBytes -= each.letter.byteLength
      each.answer(isKept.has(each))
    }
  }

  #count(reason: string): void {
    let counter = this.#kept.get(reason)
    if (counter === undefined) {
      const label = this.#kept.size < MAX_REASONS ? reason : 'other'
      const labels = { extension: this.id, reason: label }
      counter = this.#options.meter.counter(LETTERS_KEPT, labels)
      if (this.#kept.size < MAX_REASONS) this.#kept.set(reason, counter)
    }
    counter.value++
  }

  /** It stays on disk, and is met again after the next start. */
  #setDamaged(file: LetterFile, index: number): void {
    if (!file.segment.drop(index, true)) return
    file.isDamaged = true
    this.#damaged.value++
    this.#options.log.error('letter_damaged', { path: file.segment.path, index })
  }
}

function recordOf({ chunks, byteLength, items, ...letter }: NewLetter): LetterRecord {
  const { exporter, signal, reason, message, context } = letter
  const contents =
    byteLength > MAX_LOOKED_AT_BYTES
      ? UNKNOWN_CONTENTS
      : contentsOf(signal, chunks.length === 1 ? chunks[0] : Buffer.concat(chunks, byteLength))
  const meta = encodeMeta({ exporter, signal, reason, message, context, ...contents })
  return { items, meta, chunks, byteLength }
}
