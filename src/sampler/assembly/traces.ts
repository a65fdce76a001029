/**
 * The traces that are held: one record of numbers each, found by tenant and trace id. A handle is the number of a
 * record; it is valid from the trace's first span until `Assembly.forget`, and is used again for another trace then.
 */

import { mix, SEED } from './hash.ts'
import { IdTable, MOST_SLOTS_PER_ID, SLOT_WORDS } from './id-table.ts'
import type { Room } from './room.ts'
import { toDouble } from './row.ts'
import * as R from './trace-record.ts'

/** Bits of `flags`; the low 8 are the union of its spans' flags (`SPAN_...` of trace-spans.ts). */
export const TRACE_ROOT = 1 << 8
/** Due by `maxSpans`. */
export const TRACE_FULL = 1 << 9
/** A span carries an `ot=th`. */
export const TRACE_THRESHOLD = 1 << 10
/** Spans differ in their `ot=th`, or only some carry one. */
export const TRACE_THRESHOLD_MIXED = 1 << 11
/** The randomness is an `rv`, not from the trace id. */
export const TRACE_EXPLICIT_RANDOMNESS = 1 << 12
/** A span says by its W3C flags that the trace id is random. */
export const TRACE_RANDOM_ID = 1 << 13
/** `ready` has named it. */
export const TRACE_READY = 1 << 14
/** A trace state with an `ot` that is not valid. */
export const TRACE_BAD_STATE = 1 << 15
/** For the owner's use, such as "follows an earlier decision". */
export const TRACE_OWNER_1 = 1 << 24
export const TRACE_OWNER_2 = 1 << 25
export const TRACE_OWNER_3 = 1 << 26

/** Records stand in pages, so that the table grows without being copied; the lowest page with a free one is used first. */
const PAGE_BITS = 12
const PAGE = 1 << PAGE_BITS
const PAGE_MASK = PAGE - 1
const MASK_28 = 0xfff_ffff

const NO_WORDS = new Int32Array(0)
const NO_DOUBLES = new Float64Array(0)

/** Facts about held traces, by handle. Numbers only; nothing is allocated by asking, but for texts. */
export class Traces {
  /** Traces that are held. */
  count = 0
  /** Words of a record. */
  readonly stride: number
  readonly #room: Room
  readonly #ids = new IdTable(this)
  /** The words of each page, and the same as doubles; empty arrays for a page that was given back. */
  readonly #pages: Int32Array[] = []
  readonly #doubles: Float64Array[] = []
  /** By page: first free record, -1 = none; free records. */
  readonly #freeOf: number[] = []
  readonly #freeCount: number[] = []
  #free = 0
  /** No page below has a free record. */
  #lowest = 0
  oldest = -1
  #newest = -1

  constructor(room: Room, conditionWords: number) {
    this.#room = room
    this.stride = (R.CONDITIONS + conditionWords + 1) & ~1
    this.#addPage()
  }

  /** Where a record stands: the words of its page, the same as doubles, and its first word there. For the assembly's own use. */
  page(handle: number): Int32Array {
    return this.#pages[handle >>> PAGE_BITS]
  }

  doubles(handle: number): Float64Array {
    return this.#doubles[handle >>> PAGE_BITS]
  }

  at(handle: number): number {
    return (handle & PAGE_MASK) * this.stride
  }

  /** Number of the tenant; its name is `Assembly.tenantName`. */
  tenant(handle: number): number {
    return this.page(handle)[this.at(handle) + R.TENANT]
  }

  spans(handle: number): number {
    return this.page(handle)[this.at(handle) + R.SPANS]
  }

  /** Encoded bytes of its spans. */
  bytes(handle: number): number {
    return this.page(handle)[this.at(handle) + R.BYTES] >>> 0
  }

  flags(handle: number): number {
    return this.page(handle)[this.at(handle) + R.FLAGS]
  }

  setFlags(handle: number, bits: number): void {
    this.page(handle)[this.at(handle) + R.FLAGS] |= bits
  }

  clearFlags(handle: number, bits: number): void {
    this.page(handle)[this.at(handle) + R.FLAGS] &= ~bits
  }

  /** When its first span arrived, on the owner's clock. */
  firstArrivalMs(handle: number): number {
    return this.doubles(handle)[(this.at(handle) >>> 1) + R.FIRST_ARRIVAL_F64]
  }

  lastArrivalMs(handle: number): number {
    return this.doubles(handle)[(this.at(handle) >>> 1) + R.LAST_ARRIVAL_F64]
  }

  /** When a span without parent arrived; -1 = none so far. */
  rootArrivalMs(handle: number): number {
    return this.doubles(handle)[(this.at(handle) >>> 1) + R.ROOT_ARRIVAL_F64]
  }

  /** From the earliest start to the latest end, exact up to 2^53; 0 where ends lie before starts. */
  durationNanos(handle: number): number {
    const at = this.at(handle)
    const words = this.page(handle)
    const high = (words[at + R.END_HIGH] >>> 0) - (words[at + R.START_HIGH] >>> 0)
    const low = (words[at + R.END_LOW] >>> 0) - (words[at + R.START_LOW] >>> 0)
    return Math.max(0, high * 0x1_0000_0000 + low)
  }

  /** Earliest start, in milliseconds since 1970. */
  startMs(handle: number): number {
    const at = this.at(handle)
    const words = this.page(handle)
    return toDouble(words[at + R.START_LOW], words[at + R.START_HIGH]) / 1e6
  }

  /** Greatest importance of its spans. */
  importance(handle: number): number {
    return this.page(handle)[this.at(handle) + R.IMPORTANCE]
  }

  /** 56 bits of randomness in halves of 28: `rv`, else the end of the trace id. */
  randomnessHigh(handle: number): number {
    return this.page(handle)[this.at(handle) + R.RANDOMNESS_HIGH]
  }

  randomnessLow(handle: number): number {
    return this.page(handle)[this.at(handle) + R.RANDOMNESS_LOW]
  }

  /** Greatest `ot=th` of its spans in halves of 28 bits; 0 without one. */
  thresholdHigh(handle: number): number {
    return this.page(handle)[this.at(handle) + R.THRESHOLD_HIGH]
  }

  thresholdLow(handle: number): number {
    return this.page(handle)[this.at(handle) + R.THRESHOLD_LOW]
  }

  /** Condition bits that the owner collects, `conditionWords` words of 32; 0 at first. */
  conditions(handle: number, word: number): number {
    return this.page(handle)[this.at(handle) + R.CONDITIONS + word]
  }

  addConditions(handle: number, word: number, bits: number): void {
    this.page(handle)[this.at(handle) + R.CONDITIONS + word] |= bits
  }

  /** A number of the owner's; 0 at first. */
  note(handle: number): number {
    return this.page(handle)[this.at(handle) + R.NOTE]
  }

  setNote(handle: number, note: number): void {
    this.page(handle)[this.at(handle) + R.NOTE] = note
  }

  /** The trace id in four big-endian words, signed. */
  idWord(handle: number, word: number): number {
    return this.page(handle)[this.at(handle) + R.ID + word]
  }

  /** 32 lower-case hex digits. */
  idHex(handle: number): string {
    let text = ''
    for (let word = 0; word < 4; word++) {
      text += (this.idWord(handle, word) >>> 0).toString(16).padStart(8, '0')
    }
    return text
  }

  /** Handle of a held trace, -1 if there is none. `id` holds the 16 bytes at `at`. */
  findBytes(tenant: number, id: Uint8Array, at = 0): number {
    const word = (p: number): number =>
      (id[p] << 24) | (id[p + 1] << 16) | (id[p + 2] << 8) | id[p + 3]
    return this.find(tenant, word(at), word(at + 4), word(at + 8), word(at + 12))
  }

  find(tenant: number, id0: number, id1: number, id2: number, id3: number): number {
    return this.#ids.find(hashId(tenant, id0, id1, id2, id3), tenant, id0, id1, id2, id3)
  }

  /** Whether a record is of this trace. */
  is(handle: number, tenant: number, id0: number, id1: number, id2: number, id3: number): boolean {
    const words = this.page(handle)
    const at = this.at(handle)
    return (
      words[at + 3] === id3 &&
      words[at + 2] === id2 &&
      words[at + 1] === id1 &&
      words[at] === id0 &&
      words[at + R.TENANT] === tenant
    )
  }

  /** Bytes that must be free in the room before `makeRoom(traces)`. */
  need(traces: number): number {
    return traces <= this.#free ? 0 : Math.ceil((traces - this.#free) / PAGE) * this.#pageBytes
  }

  /** Memory of tables that have room for so many traces. */
  bytesFor(traces: number): number {
    return Math.max(1, Math.ceil(traces / PAGE)) * this.#pageBytes
  }

  /** Makes sure that so many traces can be added. */
  makeRoom(traces: number): void {
    while (this.#free < traces) this.#addPage()
  }

  /** There must be room. The caller puts it into the wheel. */
  add(tenant: number, id0: number, id1: number, id2: number, id3: number, nowMs: number): number {
    const handle = this.#takeFree()
    const words = this.page(handle)
    const doubles = this.doubles(handle)
    const at = this.at(handle)
    words.fill(0, at, at + this.stride)
    words[at] = id0
    words[at + 1] = id1
    words[at + 2] = id2
    words[at + 3] = id3
    words[at + R.TENANT] = tenant
    words[at + R.FIRST_ROW] = words[at + R.LAST_ROW] = -1
    words[at + R.START_LOW] = words[at + R.START_HIGH] = -1
    words[at + R.RANDOMNESS_HIGH] = ((id2 << 4) | (id3 >>> 28)) & MASK_28
    words[at + R.RANDOMNESS_LOW] = id3 & MASK_28
    words[at + R.WHEEL_LIST] = -1
    doubles[(at >>> 1) + R.FIRST_ARRIVAL_F64] = nowMs
    doubles[(at >>> 1) + R.ROOT_ARRIVAL_F64] = -1
    words[at + R.OLDER] = this.#newest
    words[at + R.NEWER] = -1
    if (this.#newest < 0) this.oldest = handle
    else this.page(this.#newest)[this.at(this.#newest) + R.NEWER] = handle
    this.#newest = handle
    this.count++
    this.#ids.add(handle, hashId(tenant, id0, id1, id2, id3))
    return handle
  }

  newer(handle: number): number {
    return this.page(handle)[this.at(handle) + R.NEWER]
  }

  /** It must be out of the wheel. */
  remove(handle: number): void {
    const words = this.page(handle)
    const at = this.at(handle)
    const older = words[at + R.OLDER]
    const newer = words[at + R.NEWER]
    if (older < 0) this.oldest = newer
    else this.page(older)[this.at(older) + R.NEWER] = newer
    if (newer < 0) this.#newest = older
    else this.page(newer)[this.at(newer) + R.OLDER] = older
    const tenant = words[at + R.TENANT]
    this.#ids.remove(handle, hashId(tenant, words[at], words[at + 1], words[at + 2], words[at + 3]))
    words[at + R.TENANT] = R.FREE
    this.count--
    this.#putFree(handle)
  }

  /** Gives empty pages back; room for so many more traces stays. */
  shrink(traces: number): void {
    for (let page = this.#pages.length - 1; page > 0; page--) {
      if (this.#freeCount[page] < PAGE) continue
      if (this.#free - PAGE < traces) return
      this.#free -= PAGE
      this.#freeCount[page] = 0
      this.#freeOf[page] = -1
      this.#pages[page] = NO_WORDS
      this.#doubles[page] = NO_DOUBLES
      this.#room.give(this.#pageBytes)
    }
  }

  /** With the page's share of the table of ids, at its emptiest. */
  get #pageBytes(): number {
    return PAGE * (this.stride * 4 + MOST_SLOTS_PER_ID * SLOT_WORDS * 4)
  }

  #addPage(): void {
    this.#room.take(this.#pageBytes)
    const words = new Int32Array(PAGE * this.stride)
    let page = this.#pages.indexOf(NO_WORDS)
    if (page < 0) page = this.#pages.length
    this.#pages[page] = words
    this.#doubles[page] = new Float64Array(words.buffer)
    const first = page << PAGE_BITS
    for (let i = 0; i < PAGE; i++) {
      words[i * this.stride + R.TENANT] = R.FREE
      words[i * this.stride + R.NEWER] = i + 1 < PAGE ? first + i + 1 : -1
    }
    this.#freeOf[page] = first
    this.#freeCount[page] = PAGE
    this.#free += PAGE
    this.#lowest = Math.min(this.#lowest, page)
  }

  #takeFree(): number {
    while (this.#freeCount[this.#lowest] === 0) this.#lowest++
    const page = this.#lowest
    const handle = this.#freeOf[page]
    this.#freeOf[page] = this.page(handle)[this.at(handle) + R.NEWER]
    this.#freeCount[page]--
    this.#free--
    return handle
  }

  #putFree(handle: number): void {
    const page = handle >>> PAGE_BITS
    this.page(handle)[this.at(handle) + R.NEWER] = this.#freeOf[page]
    this.#freeOf[page] = handle
    this.#freeCount[page]++
    this.#free++
    if (page < this.#lowest) this.#lowest = page
  }
}

function hashId(tenant: number, id0: number, id1: number, id2: number, id3: number): number {
  const upper = mix(id0 ^ SEED) + Math.imul(id1 ^ tenant, 0x2c1b3c6d)
  const lower = mix(upper ^ id2) + Math.imul(id3 ^ SEED, 0x9e3779b1)
  return mix(lower | 0)
}
