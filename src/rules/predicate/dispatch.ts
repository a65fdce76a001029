/**
 * Finds the conditions worth testing: one that needs a slot to be some text or number is a candidate only where it is. A hundred
 * rules that each compare an attribute with another text then cost one look at the attribute.
 */
import {
  ABSENT,
  EMPTY,
  LITERAL_SHIFT,
  SLOT_A,
  SLOT_B,
  TEXT,
  TYPE_MASK,
} from '../../otlp/kernel/slot-layout.ts'
import { numberIn } from './comparisons.ts'
import type { Predicate } from './compile-predicate.ts'
import type { Need } from './needs.ts'
import type { SlotRef } from './slot-plan.ts'

/** Conditions by what a slot is, as bit sets. */
class Entry {
  readonly ref: SlotRef
  readonly #byLiteral: (Int32Array | undefined)[] = []
  readonly #byFirst: (Int32Array | undefined)[] = []
  readonly #byNumber = new Map<number, Int32Array>()
  #other: Int32Array | undefined
  #nil: Int32Array | undefined

  constructor(ref: SlotRef) {
    this.ref = ref
  }

  /** The set for a need, to be filled. */
  bitsFor(need: Need, words: number): Int32Array {
    const fresh = () => new Int32Array(words)
    if ('literal' in need) return (this.#byLiteral[need.literal] ??= fresh())
    if ('firstByte' in need) return (this.#byFirst[need.firstByte] ??= fresh())
    if ('kind' in need)
      return need.kind === 'nil' ? (this.#nil ??= fresh()) : (this.#other ??= fresh())
    let bits = this.#byNumber.get(need.value)
    if (bits === undefined) this.#byNumber.set(need.value, (bits = fresh()))
    return bits
  }

  /** Adds the conditions that what the slot is lets come into question. */
  addTo(bits: Int32Array): void {
    const { view, offset, kind } = this.ref
    const { words } = view
    const at = view.at + offset
    const type = words[at] & TYPE_MASK
    if (type === TEXT) {
      const literal = words[at] >>> LITERAL_SHIFT
      if (literal !== 0) addBits(bits, this.#byLiteral[literal])
      if (words[at + SLOT_B] > 0) addBits(bits, this.#byFirst[view.bytes[words[at + SLOT_A]]])
      return
    }
    if (this.#byNumber.size > 0) addBits(bits, this.#byNumber.get(numberIn(this.ref)))
    if (kind === 'any') addBits(bits, type === ABSENT || type === EMPTY ? this.#nil : this.#other)
  }
}

export class Dispatch {
  readonly #always: Int32Array
  readonly #ofGroups: Int32Array
  readonly #ofItem: Int32Array
  readonly #groupEntries: readonly Entry[]
  readonly #itemEntries: readonly Entry[]
  #groupIsNew = true
  #itemIsNew = true

  constructor(predicates: readonly Predicate[], rowLevel: number) {
    const words = (predicates.length + 31) >>> 5
    this.#always = new Int32Array(words)
    this.#ofGroups = new Int32Array(words)
    this.#ofItem = new Int32Array(words)
    const entries = new Map<SlotRef, Entry>()
    for (const [i, { needs }] of predicates.entries()) {
      if (needs === null) setBit(this.#always, i)
      for (const need of needs ?? []) {
        let entry = entries.get(need.ref)
        if (entry === undefined) entries.set(need.ref, (entry = new Entry(need.ref)))
        setBit(entry.bitsFor(need, words), i)
      }
    }
    this.#groupEntries = [...entries.values()].filter(({ ref }) => ref.view.level < rowLevel)
    this.#itemEntries = [...entries.values()].filter(({ ref }) => ref.view.level === rowLevel)
  }

  movedGroup(): void {
    this.#groupIsNew = true
  }

  movedItem(): void {
    this.#itemIsNew = true
  }

  /** For the row that the views stand on. */
  candidates(): Int32Array {
    if (this.#groupIsNew) {
      this.#ofGroups.set(this.#always)
      for (const entry of this.#groupEntries) entry.addTo(this.#ofGroups)
      this.#groupIsNew = false
      this.#itemIsNew = true
    }
    if (this.#itemEntries.length === 0) return this.#ofGroups
    if (this.#itemIsNew) {
      const bits = this.#ofItem
      for (let w = 0; w < bits.length; w++) bits[w] = this.#ofGroups[w]
      for (let i = 0; i < this.#itemEntries.length; i++) this.#itemEntries[i].addTo(bits)
      this.#itemIsNew = false
    }
    return this.#ofItem
  }
}

function setBit(bits: Int32Array, i: number): void {
  bits[i >>> 5] |= 1 << (i & 31)
}

function addBits(bits: Int32Array, more: Int32Array | undefined): void {
  if (more === undefined) return
  for (let w = 0; w < bits.length; w++) bits[w] |= more[w]
}
