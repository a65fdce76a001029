/** The traces of one tick that were looked at and wait for their decision: columns beside those of the decider, row by row. */
import type { Why, WhyKind } from '../../sampler/observe/observer.ts'

/** Numbers by which kinds are kept in columns; words for people. */
const KINDS: readonly WhyKind[] = ['none', 'self', 'gap', 'structure', 'duration', 'error']
const FIRST_ROWS = 1024

export function kindOf(number: number): WhyKind {
  return KINDS[number] ?? 'none'
}

export class TickRows {
  count = 0
  readonly #width: number
  handle = new Int32Array(0)
  structure = new Int32Array(0)
  traits = new Uint8Array(0)
  facts = new Uint8Array(0)
  why = new Int8Array(0)
  operation = new Int32Array(0)
  callee = new Int32Array(0)
  surprise = new Float32Array(0)
  shift = new Float32Array(0)
  score = new Float32Array(0)
  vectors = new Float32Array(0)

  constructor(width: number) {
    this.#width = width
    this.#grow(FIRST_ROWS)
  }

  /** Where the vector of the next row stands; there is room for it. */
  next(): number {
    if (this.count === this.handle.length) this.#grow(this.count * 2)
    return this.count * this.#width
  }

  /** The vector has been written; the rest of the row follows. Its number is the answer. */
  add(handle: number, structure: number, traits: number, why: Why): number {
    const row = this.count++
    this.handle[row] = handle
    this.structure[row] = structure
    this.traits[row] = traits
    this.why[row] = KINDS.indexOf(why.kind)
    this.operation[row] = why.operation
    this.callee[row] = why.callee
    this.surprise[row] = why.surprise
    this.shift[row] = why.shift
    return row
  }

  clear(): void {
    this.count = 0
  }

  #grow(rows: number): void {
    this.handle = longer(this.handle, new Int32Array(rows))
    this.structure = longer(this.structure, new Int32Array(rows))
    this.traits = longer(this.traits, new Uint8Array(rows))
    this.facts = longer(this.facts, new Uint8Array(rows))
    this.why = longer(this.why, new Int8Array(rows))
    this.operation = longer(this.operation, new Int32Array(rows))
    this.callee = longer(this.callee, new Int32Array(rows))
    this.surprise = longer(this.surprise, new Float32Array(rows))
    this.shift = longer(this.shift, new Float32Array(rows))
    this.score = longer(this.score, new Float32Array(rows))
    this.vectors = longer(this.vectors, new Float32Array(rows * this.#width))
  }
}

function longer<T extends { set(from: T): void }>(from: T, to: T): T {
  to.set(from)
  return to
}
