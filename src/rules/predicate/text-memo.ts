/**
 * Results that depend only on the text in a slot, kept by text: most attributes have few distinct values. A fixed table without
 * allocation for each item; a text that is not in it takes the place of another one.
 */
import { SLOT_A, SLOT_B, SLOT_HASH } from '../../otlp/kernel/slot-layout.ts'
import type { LevelView } from './slot-plan.ts'

/** About 40 KiB for each slot that needs one. */
const ENTRIES = 256
/** Longer texts are computed each time. */
const LONGEST = 128

/** A result in a column. */
export const UNKNOWN = 0
export const NO = 1
export const YES = 2

export class TextMemo {
  #columns = 0
  #stamp = -1
  #entry = -1
  #hashes = new Int32Array(0)
  #lengths = new Int32Array(0)
  #texts = new Uint8Array(0)
  #results = new Uint8Array(0)

  /** A place for the results of one more test. All are made before the first `find`. */
  addColumn(): number {
    return this.#columns++
  }

  // hot: bench/micro/predicates.ts
  /** The entry of the text in the slot at `offset`, all of it unknown when it is new; -1 for texts that are not kept. */
  find(view: LevelView, offset: number): number {
    if (view.stamp === this.#stamp) return this.#entry
    this.#stamp = view.stamp
    const at = view.at + offset
    const { words } = view
    this.#entry = this.#look(
      view.bytes,
      words[at + SLOT_A],
      words[at + SLOT_B],
      words[at + SLOT_HASH],
    )
    return this.#entry
  }

  result(entry: number, column: number): number {
    return this.#results[entry * this.#columns + column]
  }

  keep(entry: number, column: number, result: boolean): void {
    if (entry !== -1) this.#results[entry * this.#columns + column] = result ? YES : NO
  }

  #look(bytes: Uint8Array, start: number, length: number, hash: number): number {
    if (length > LONGEST) return -1
    if (this.#hashes.length === 0) this.#allocate()
    const entry = hash & (ENTRIES - 1)
    const texts = this.#texts
    const at = entry * LONGEST
    if (this.#hashes[entry] === hash && this.#lengths[entry] === length) {
      let i = 0
      while (i < length && bytes[start + i] === texts[at + i]) i++
      if (i === length) return entry
    }
    this.#hashes[entry] = hash
    this.#lengths[entry] = length
    for (let i = 0; i < length; i++) texts[at + i] = bytes[start + i]
    this.#results.fill(UNKNOWN, entry * this.#columns, (entry + 1) * this.#columns)
    return entry
  }

  #allocate(): void {
    this.#hashes = new Int32Array(ENTRIES)
    this.#lengths = new Int32Array(ENTRIES).fill(-1)
    this.#texts = new Uint8Array(ENTRIES * LONGEST)
    this.#results = new Uint8Array(ENTRIES * this.#columns)
  }
}
