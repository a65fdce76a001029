/**
 * Replacing in short ASCII texts where they stand in a message, for patterns that are one sequence from the start of the
 * text on: neither the text nor what comes of it is made a string of.
 */
import { NO_MATCH, type Sequence, UNDECIDED } from './regex-sequence.ts'
import type { Part } from './regex-template.ts'

/** Longer texts take the general way. */
const MAX_TEXT = 128
const MAX_OUT = 256

const NOTHING = new Uint8Array(0)
const encoder = new TextEncoder()

export class BytesReplacer {
  /** What the last run that matched has made of its text. */
  readonly out = new Uint8Array(MAX_OUT)
  readonly #sequence: Sequence
  readonly #marks: Int32Array
  readonly #parts: readonly (Uint8Array | readonly [first: number, end: number])[]
  #length = 0

  constructor(sequence: Sequence, parts: readonly Part[]) {
    const { atoms, groups } = sequence
    this.#sequence = sequence
    this.#marks = new Int32Array(atoms.length + 1)
    this.#parts = parts.map(part => {
      if (typeof part === 'string') return encoder.encode(part)
      const number = part.find(each => each <= groups.length)
      if (number === undefined) return NOTHING
      if (number === 0) return [0, atoms.length]
      return [groups[number - 1].first, groups[number - 1].end]
    })
  }

  // hot: bench/micro/rule-contexts.ts
  /** Length of the new text in `out`, NO_MATCH, or UNDECIDED for what is left to the general way. */
  run(bytes: Uint8Array, start: number, end: number): number {
    if (end - start > MAX_TEXT) return UNDECIDED
    for (let i = start; i < end; i++) if (bytes[i] > 0x7f) return UNDECIDED
    if (!this.#matches(bytes, start, end)) return NO_MATCH
    const marks = this.#marks
    this.#length = 0
    for (const part of this.#parts) {
      const isPut =
        part instanceof Uint8Array
          ? this.#put(part, 0, part.length)
          : this.#put(bytes, marks[part[0]], marks[part[1]])
      if (!isPut) return UNDECIDED
    }
    return this.#put(bytes, marks[marks.length - 1], end) ? this.#length : UNDECIDED
  }

  #matches(bytes: Uint8Array, start: number, end: number): boolean {
    const { atoms, isAtEnd } = this.#sequence
    const marks = this.#marks
    let at = start
    marks[0] = at
    for (let i = 0; i < atoms.length; i++) {
      const { ascii, min, max } = atoms[i]
      const from = at
      const most = Math.min(end, from + max)
      while (at < most && ascii[bytes[at]] !== 0) at++
      if (at - from < min) return false
      marks[i + 1] = at
    }
    return !isAtEnd || at === end
  }

  /** False when there is no room left. */
  #put(bytes: Uint8Array, start: number, end: number): boolean {
    const { out } = this
    let length = this.#length
    if (length + end - start > MAX_OUT) return false
    for (let i = start; i < end; i++) out[length++] = bytes[i]
    this.#length = length
    return true
  }
}
