/**
 * Finds records of traces by their ids. Many small tables with open addressing rather than a large one: each grows and shrinks
 * by itself, so that no single span pays for all.
 */

/** Tables, a power of two; the upper bits of a hash choose one. */
const TABLE_BITS = 8
const TABLES = 1 << TABLE_BITS
const FIRST_SLOTS = 16
/** Words of a slot: handle + 1 (0 = free), hash. */
export const SLOT_WORDS = 2
/** A table doubles when half of it is taken, and halves when less than an eighth is. */
export const MOST_SLOTS_PER_ID = 4
const FEWEST_SHARE = 8

/** Whose ids they are. */
export interface Ids {
  is(handle: number, tenant: number, id0: number, id1: number, id2: number, id3: number): boolean
}

export class IdTable {
  readonly #ids: Ids
  readonly #tables: Int32Array[]
  readonly #counts = new Int32Array(TABLES)

  constructor(ids: Ids) {
    this.#ids = ids
    this.#tables = Array.from({ length: TABLES }, () => new Int32Array(FIRST_SLOTS * SLOT_WORDS))
  }

  /** -1 when there is none. */
  find(hash: number, tenant: number, id0: number, id1: number, id2: number, id3: number): number {
    const slots = this.#tables[hash >>> (32 - TABLE_BITS)]
    const mask = (slots.length >>> 1) - 1
    for (let i = hash & mask; slots[i * SLOT_WORDS] !== 0; i = (i + 1) & mask) {
      if (slots[i * SLOT_WORDS + 1] !== hash) continue
      const handle = slots[i * SLOT_WORDS] - 1
      if (this.#ids.is(handle, tenant, id0, id1, id2, id3)) return handle
    }
    return -1
  }

  add(handle: number, hash: number): void {
    const table = hash >>> (32 - TABLE_BITS)
    if (++this.#counts[table] * 2 * SLOT_WORDS > this.#tables[table].length) {
      this.#resize(table, this.#tables[table].length * 2)
    }
    place(this.#tables[table], handle + 1, hash)
  }

  /** Moves up those after it that stand off their place. */
  remove(handle: number, hash: number): void {
    const table = hash >>> (32 - TABLE_BITS)
    const slots = this.#tables[table]
    const mask = (slots.length >>> 1) - 1
    let hole = hash & mask
    while (slots[hole * SLOT_WORDS] !== handle + 1) hole = (hole + 1) & mask
    for (let i = (hole + 1) & mask; slots[i * SLOT_WORDS] !== 0; i = (i + 1) & mask) {
      const home = slots[i * SLOT_WORDS + 1] & mask
      if (((i - home) & mask) < ((i - hole) & mask)) continue
      slots[hole * SLOT_WORDS] = slots[i * SLOT_WORDS]
      slots[hole * SLOT_WORDS + 1] = slots[i * SLOT_WORDS + 1]
      hole = i
    }
    slots[hole * SLOT_WORDS] = 0
    const isSparse = --this.#counts[table] * FEWEST_SHARE * SLOT_WORDS < slots.length
    if (isSparse && slots.length > FIRST_SLOTS * SLOT_WORDS) this.#resize(table, slots.length / 2)
  }

  #resize(table: number, length: number): void {
    const had = this.#tables[table]
    const slots = new Int32Array(length)
    for (let i = 0; i < had.length; i += SLOT_WORDS) {
      if (had[i] !== 0) place(slots, had[i], had[i + 1])
    }
    this.#tables[table] = slots
  }
}

function place(slots: Int32Array, value: number, hash: number): void {
  const mask = (slots.length >>> 1) - 1
  let i = hash & mask
  while (slots[i * SLOT_WORDS] !== 0) i = (i + 1) & mask
  slots[i * SLOT_WORDS] = value
  slots[i * SLOT_WORDS + 1] = hash
}
