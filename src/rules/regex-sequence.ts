/**
 * Patterns that are one sequence of characters and classes, each repeated or not, such as `^(\d+)\.x$`, where no choice
 * is ever open: a repeated class shares no character with what may follow it. One walk decides; what this cannot
 * decide (characters beyond the BMP under a class, too many starts) is left to the general engine.
 */

/** What one position accepts. */
export interface CharacterSet {
  /** By ASCII code. */
  readonly ascii: Uint8Array
  /** Whether all other characters are accepted. */
  readonly others: boolean
  /** One other character that is accepted, as a UTF-16 unit; -1 for none. */
  readonly unit: number
}

export interface Atom extends CharacterSet {
  readonly min: number
  readonly max: number
}

export interface Sequence {
  readonly atoms: readonly Atom[]
  readonly isAtStart: boolean
  readonly isAtEnd: boolean
  /** By group number - 1: the atoms from `first` up to, not including, `end`. */
  readonly groups: readonly { readonly first: number; readonly end: number }[]
}

/** Steps for each unit of the text that was seen before the general engine takes over: what is linear stays so. */
const STEPS_PER_UNIT = 8
const SPARE_STEPS = 256
/** Longer texts are not held on to. */
const MAX_REMEMBERED = 1024

/** What `runSequence` found. */
export const NO_MATCH = -1
export const UNDECIDED = -2

/** Whether the walk can never be wrong; see above. */
export function isDecided({ atoms }: Sequence): boolean {
  return atoms.every((atom, i) => {
    if (atom.min === atom.max) return true
    for (let k = i + 1; k < atoms.length; k++) {
      if (isOverlapping(atom, atoms[k])) return false
      if (atoms[k].min > 0) return true
    }
    return true
  })
}

function isOverlapping(a: CharacterSet, b: CharacterSet): boolean {
  for (let code = 0; code < 128; code++) if (a.ascii[code] === 1 && b.ascii[code] === 1) return true
  if (a.others) return b.others || b.unit >= 0
  if (b.others) return a.unit >= 0
  return a.unit >= 0 && a.unit === b.unit
}

/** Looks for the leftmost match from `from` on; the walk's marks say where each atom begins and the last ends. */
export class SequenceWalk {
  readonly #sequence: Sequence
  readonly #first: Atom | undefined
  /** The only character that a match can start with, to search for it at once. */
  readonly #start: string | null
  readonly marks: Int32Array
  /** Few places can be the start: quicker than the engine's automaton, which else is the quicker one. */
  readonly isQuick: boolean
  #steps = 0
  #from = 0
  /** What was searched last from its start, and what came of it: a test is mostly followed by a search. */
  #text: string | null = null
  #found = NO_MATCH

  constructor(sequence: Sequence) {
    this.#sequence = sequence
    this.#first = sequence.atoms[0]
    this.#start = onlyCharacter(this.#first)
    this.isQuick = sequence.isAtStart || this.#start !== null
    this.marks = new Int32Array(sequence.atoms.length + 1)
  }

  /** Where the match starts, NO_MATCH or UNDECIDED. */
  run(text: string, from: number): number {
    if (from === 0 && text === this.#text) return this.#found
    this.#found = this.#search(text, from)
    this.#text = from === 0 && text.length <= MAX_REMEMBERED ? text : null
    return this.#found
  }

  #search(text: string, from: number): number {
    this.#steps = 0
    this.#from = from
    if (this.#sequence.isAtStart) return from > 0 ? NO_MATCH : this.#walk(text, 0)
    for (let start = from; start <= text.length; start++) {
      if (this.#start !== null) {
        start = text.indexOf(this.#start, start)
        if (start < 0) return NO_MATCH
      }
      const found = this.#walk(text, start)
      if (found !== NO_MATCH) return found
      if (this.#first !== undefined && this.#first.max > 1 && this.#first.min < 2) {
        // Every start within this run of the first class fails in the same way.
        const end = this.marks[1]
        if (this.#first.max === Number.POSITIVE_INFINITY && end > start) start = end - 1
      }
    }
    return NO_MATCH
  }

  #walk(text: string, start: number): number {
    const { atoms, isAtEnd } = this.#sequence
    let at = start
    this.marks[0] = start
    for (let i = 0; i < atoms.length; i++) {
      const atom = atoms[i]
      let count = 0
      while (count < atom.max && at < text.length) {
        const code = text.charCodeAt(at)
        if (code < 128 ? atom.ascii[code] === 0 : code !== atom.unit && !atom.others) break
        if (code >= 0xd800 && code <= 0xdfff) return UNDECIDED
        count++
        at++
      }
      this.#steps += count + 1
      if (this.#steps > (at - this.#from) * STEPS_PER_UNIT + SPARE_STEPS) return UNDECIDED
      this.marks[i + 1] = at
      if (count < atom.min) return NO_MATCH
    }
    return isAtEnd && at < text.length ? NO_MATCH : start
  }
}

function onlyCharacter(atom: Atom | undefined): string | null {
  if (atom === undefined || atom.min === 0 || atom.others) return null
  if (atom.unit >= 0) return String.fromCharCode(atom.unit)
  const code = atom.ascii.indexOf(1)
  return code >= 0 && atom.ascii.indexOf(1, code + 1) < 0 ? String.fromCharCode(code) : null
}
