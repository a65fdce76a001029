/**
 * What one pass over a part knows: the request's rows, the row of each level that the cursor stands on, and the new
 * content of rows that were changed. A changed row is found again by number, so later passes see the change.
 */
import { END, PARENT, type RequestIndex, ROW, START } from '../../otlp/request-index.ts'
import { CUT_TO, Edits, SPLICE } from '../../otlp/splice.ts'
import { EvaluationError } from '../value.ts'
import { Arena, type ArenaMemory } from './arena.ts'

/** Memory for the changes of one part: this and so much for each byte of the payload. */
const BASE_MEMORY = 64 * 1024 * 1024
const MEMORY_PER_BYTE = 16

/**
 * Bytes that may be moved or looked at again for one part: this and so much for each byte of the payload. What is
 * usual stays far below; a span with a million events, each changed, would take hours without it.
 */
const BASE_WORK = 64 * 1024 * 1024
const WORK_PER_BYTE = 256

/** Requests are often alike: room for so many splices is made at once, if the last one had them. */
const MAX_EXPECTED = 4096

const NO_ROWS: readonly Int32Array[] = []
const NO_BYTES = new Uint8Array(0)

/** The changed rows of one level, in the order of their first change. */
export class ChangedRows {
  /** By row: its place in the lists below + 1; 0 = unchanged. */
  #places: Int32Array | null = null
  readonly rows: number[] = []
  readonly bytes: Uint8Array[] = []
  readonly starts: number[] = []
  readonly ends: number[] = []
  /** Bit n: fields of number n are not the sender's; 0 = only moved. */
  readonly touched: number[] = []
  readonly #join: (row: number) => number

  /** `join` writes a row out of which there are only splices so far, and gives its place; -1 = there are none. */
  constructor(join: (row: number) => number) {
    this.#join = join
  }

  /** -1 when the row is as it was sent. */
  placeOf(row: number): number {
    const place = this.#places === null ? -1 : this.#places[row] - 1
    return place >= 0 ? place : this.#join(row)
  }

  /** Whether the row stands in the lists. */
  has(row: number): boolean {
    return this.#places !== null && this.#places[row] !== 0
  }

  add(row: number, rows: number): number {
    if (this.#places === null) this.#places = new Int32Array(rows)
    const place = this.rows.push(row) - 1
    this.#places[row] = place + 1
    this.touched.push(0)
    return place
  }

  clear(): void {
    this.#places = null
    this.rows.length = 0
    this.bytes.length = 0
    this.starts.length = 0
    this.ends.length = 0
    this.touched.length = 0
  }
}

export class Workspace {
  readonly arena: Arena
  bytes: Uint8Array = NO_BYTES
  levels = NO_ROWS
  /** By level: the row that the cursor stands on; -1 = none. */
  readonly rows = new Int32Array(5).fill(-1)
  /** Points that a data row has more than there are rows below it: whole fields, put before the others. */
  readonly extraPoints = new Map<number, Uint8Array>()
  readonly changed: readonly ChangedRows[] = Array.from(
    { length: 5 },
    (_, level) => new ChangedRows(row => this.#join(level, row)),
  )
  /** Splices of items that were edited without a copy, in order. */
  splices = new Edits()

  #work = 0

  constructor(memory: ArenaMemory | null) {
    this.arena = new Arena(memory)
  }

  open(bytes: Uint8Array, index: RequestIndex): void {
    this.arena.open(BASE_MEMORY + MEMORY_PER_BYTE * bytes.length, bytes.length)
    this.#work = BASE_WORK + WORK_PER_BYTE * bytes.length
    this.bytes = bytes
    this.levels = index.levels
    this.rows.fill(-1)
    this.extraPoints.clear()
    if (this.splices.size > 0) this.splices = new Edits()
    for (const changed of this.changed) changed.clear()
  }

  takeSplices(): Edits {
    const { splices } = this
    this.splices = new Edits(Math.min(splices.size, MAX_EXPECTED))
    return splices
  }

  /** An item that has splices is written as a whole, and they go: it is to be read, or edited further. */
  #join(level: number, row: number): number {
    const { splices, levels, arena } = this
    if (splices.size === 0 || level !== levels.length - 1) return -1
    const start = levels[level][row * ROW + START]
    const end = levels[level][row * ROW + END]
    const first = splices.firstFrom(start)
    const length = end - start + splices.growth(first, end)
    if (first === splices.size || splices.words[first * SPLICE + CUT_TO] > end) return -1
    arena.reserve(length)
    const at = arena.used
    arena.used = splices.apply(first, this.bytes, start, end, arena.bytes, at)
    splices.cancel(first, start, end)
    const changed = this.changed[level]
    const place = changed.add(row, levels[level].length / ROW)
    changed.bytes[place] = arena.bytes
    changed.starts[place] = at
    changed.ends[place] = arena.used
    changed.touched[place] = -1
    return place
  }

  /** Throws EvaluationError when the part has taken too much work. */
  charge(bytes: number): void {
    this.#work -= bytes
    if (this.#work < 0) throw new EvaluationError('the changes would take too much work')
  }

  close(): void {
    this.arena.close()
    this.bytes = NO_BYTES
    this.levels = NO_ROWS
    this.rows.fill(-1)
    this.extraPoints.clear()
    if (this.splices.size > 0) this.splices = new Edits()
    for (const changed of this.changed) changed.clear()
  }

  // hot: bench/micro/rule-contexts.ts
  /** Stands on a row and on those around it; below it on none. */
  stand(level: number, row: number): void {
    const { rows, levels } = this
    rows[level] = row
    let at = row
    for (let above = level; above > 0; above--) {
      at = levels[above][at * ROW + PARENT]
      rows[above - 1] = at
    }
    for (let below = level + 1; below < levels.length; below++) rows[below] = -1
  }
}
