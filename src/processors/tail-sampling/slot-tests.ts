/** Plain conditions asked of one row's slots. Each answers as the reference does, which reads a value of another type as empty. */
import {
  ABSENT,
  BOOL,
  INT,
  LITERAL_SHIFT,
  SLOT_A,
  SLOT_B,
  SLOT_TYPE,
  TEXT,
  TYPE_MASK,
} from '../../otlp/kernel/slot-layout.ts'
import { asBuffer } from '../../otlp/wire-reader.ts'
import { compileRegex, type Regex } from '../../rules/regex.ts'
import { hasMember } from './trace-state.ts'

const TWO_32 = 2 ** 32

/** `at` is where the condition's slot stands. */
export interface SlotTest {
  holds(words: Int32Array, at: number, bytes: Uint8Array): boolean
}

/** The slot shows which of its literals it is; any of these. */
export class TextTest implements SlotTest {
  readonly #accepted: Uint8Array

  /** `accepted`: by number of the literal, from 1 on. */
  constructor(accepted: Uint8Array) {
    this.#accepted = accepted
  }

  holds(words: Int32Array, at: number): boolean {
    const word = words[at + SLOT_TYPE]
    return (word & TYPE_MASK) === TEXT && this.#accepted[word >>> LITERAL_SHIFT] === 1
  }
}

/** Answers are remembered by text, the oldest forgotten first. */
export class PatternTest implements SlotTest {
  readonly #patterns: readonly Regex[]
  readonly #skipsEmpty: boolean
  readonly #cacheSize: number
  readonly #known = new Map<string, boolean>()

  /** What is no text is an empty one. `skipsEmpty`: that never matches. */
  constructor(patterns: readonly string[], cacheSize: number, skipsEmpty: boolean) {
    this.#patterns = patterns.map(pattern => compileRegex(pattern))
    this.#cacheSize = cacheSize
    this.#skipsEmpty = skipsEmpty
  }

  holds(words: Int32Array, at: number, bytes: Uint8Array): boolean {
    const type = words[at + SLOT_TYPE] & TYPE_MASK
    if (type === ABSENT) return false
    const length = type === TEXT ? words[at + SLOT_B] : 0
    if (length === 0 && this.#skipsEmpty) return false
    const start = words[at + SLOT_A]
    const text = length === 0 ? '' : asBuffer(bytes).toString('utf8', start, start + length)
    const known = this.#known.get(text)
    return known === undefined ? this.#find(text) : known
  }

  #find(text: string): boolean {
    const found = this.#patterns.some(pattern => pattern.test(text))
    if (this.#known.size >= this.#cacheSize) {
      for (const oldest of this.#known.keys()) {
        this.#known.delete(oldest)
        break
      }
    }
    this.#known.set(text, found)
    return found
  }
}

export class NumberTest implements SlotTest {
  readonly #min: number
  readonly #max: number

  constructor(min: number, max: number) {
    this.#min = min
    this.#max = max
  }

  holds(words: Int32Array, at: number): boolean {
    const type = words[at + SLOT_TYPE] & TYPE_MASK
    if (type === ABSENT) return false
    const value = type === INT ? words[at + SLOT_B] * TWO_32 + (words[at + SLOT_A] >>> 0) : 0
    return value >= this.#min && value <= this.#max
  }
}

export class BooleanTest implements SlotTest {
  readonly #value: boolean

  constructor(value: boolean) {
    this.#value = value
  }

  holds(words: Int32Array, at: number): boolean {
    const type = words[at + SLOT_TYPE] & TYPE_MASK
    if (type === ABSENT) return false
    return (type === BOOL && words[at + SLOT_A] !== 0) === this.#value
  }
}

/** Bit n of `codes`: an enum of value n; absent is 0. */
export class StatusTest implements SlotTest {
  readonly #codes: number

  constructor(codes: number) {
    this.#codes = codes
  }

  holds(words: Int32Array, at: number): boolean {
    const code = words[at + SLOT_TYPE] === ABSENT ? 0 : words[at + SLOT_A]
    return code >= 0 && code < 32 && ((this.#codes >>> code) & 1) === 1
  }
}

/** The lowest bit of `flags`. */
export class SampledFlagTest implements SlotTest {
  holds(words: Int32Array, at: number): boolean {
    return words[at + SLOT_TYPE] !== ABSENT && (words[at + SLOT_A] & 1) === 1
  }
}

export class StateTest implements SlotTest {
  readonly #key: string
  readonly #values: ReadonlySet<string>

  constructor(key: string, values: readonly string[]) {
    this.#key = key
    this.#values = new Set(values)
  }

  holds(words: Int32Array, at: number, bytes: Uint8Array): boolean {
    const length = words[at + SLOT_TYPE] === ABSENT ? 0 : words[at + SLOT_B]
    if (length === 0) return false
    const start = words[at + SLOT_A]
    const text = asBuffer(bytes).toString('utf8', start, start + length)
    return hasMember(text, this.#key, this.#values)
  }
}
