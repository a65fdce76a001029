/** A message that is a row of the request's index: a group, a metric or an item. Changing it moves it into the arena once. */
import { END, ROW, START } from '../../otlp/request-index.ts'
import { copyBytes, moveBytes } from '../../otlp/wire-writer.ts'
import { EvaluationError } from '../value.ts'
import { Message } from './message.ts'
import type { Workspace } from './workspace.ts'

/** Largest message that rules may make. */
export const MAX_MESSAGE_BYTES = 64 * 1024 * 1024

const NO_BYTES = new Uint8Array(0)

export class RootMessage extends Message {
  readonly #space: Workspace
  readonly #level: number
  readonly #isGroup: boolean
  #row = -1
  /** Its place among the changed rows; -1 = it stands in the payload. */
  #place = -1

  constructor(space: Workspace, level: number, children: number) {
    super(children)
    this.#space = space
    this.#level = level
    this.#isGroup = children !== 0
  }

  // hot: bench/micro/rule-contexts.ts
  sync(): void {
    const row = this.#space.rows[this.#level]
    if (row !== this.#row) this.#seat(row)
  }

  /** Forgets where it stood: the part is another one. */
  reset(): void {
    this.#row = -1
    this.#place = -1
    this.bytes = NO_BYTES
    this.start = 0
    this.end = 0
    this.isPresent = false
    this.moved()
  }

  #seat(row: number): void {
    const space = this.#space
    this.#row = row
    this.moved()
    this.isPresent = row >= 0
    if (row < 0) {
      this.#place = -1
      this.start = this.end = 0
      return
    }
    const changed = space.changed[this.#level]
    const place = changed.placeOf(row)
    this.#place = place
    if (place >= 0) {
      this.bytes = changed.bytes[place]
      this.start = changed.starts[place]
      this.end = changed.ends[place]
    } else {
      const rows = space.levels[this.#level]
      this.bytes = space.bytes
      this.start = rows[row * ROW + START]
      this.end = rows[row * ROW + END]
    }
  }

  protected own(): void {
    this.sync()
    if (this.#place >= 0) return
    if (this.#row < 0) throw new EvaluationError('there is nothing here to be set')
    const { arena, changed, levels } = this.#space
    const level = this.#level
    arena.reserve(this.end - this.start)
    const start = arena.used
    arena.used = this.#isGroup
      ? this.#copyFields(arena.bytes, start)
      : copyBytes(arena.bytes, start, this.bytes, this.start, this.end)
    const distance = start - this.start
    this.#place = changed[level].add(this.#row, levels[level].length / ROW)
    this.#standAt(arena.bytes, start, arena.used)
    if (this.#isGroup) this.moved()
    else this.shifted(distance)
  }

  /** The fields without the children, which stay where they are. */
  #copyFields(out: Uint8Array, pos: number): number {
    const count = this.count
    for (let i = 0; i < count; i++) {
      pos = copyBytes(out, pos, this.bytes, this.tagAt(i), this.endOf(i))
    }
    return pos
  }

  protected splice(start: number, end: number, src: Uint8Array, from: number, to: number): void {
    const { arena } = this.#space
    const added = to - from - (end - start)
    const length = this.end - this.start + added
    if (length > MAX_MESSAGE_BYTES) throw new EvaluationError('the message would be too large')
    this.#space.charge(length)
    const isLast = this.bytes === arena.bytes && this.end === arena.used
    if (isLast && this.end + added <= arena.bytes.length) {
      if (added !== 0) moveBytes(arena.bytes, end + added, end, this.end)
      copyBytes(arena.bytes, start, src, from, to)
      arena.used = this.end + added
      this.#standAt(this.bytes, this.start, arena.used)
      this.version++
      return
    }
    const old = this.bytes
    // Room to grow: what is changed once is often changed again.
    arena.reserve(length + 256)
    const at = arena.used
    let pos = copyBytes(arena.bytes, at, old, this.start, start)
    pos = copyBytes(arena.bytes, pos, src, from, to)
    arena.used = copyBytes(arena.bytes, pos, old, end, this.end)
    const distance = at - this.start
    this.#standAt(arena.bytes, at, arena.used)
    this.shifted(distance)
  }

  #standAt(bytes: Uint8Array, start: number, end: number): void {
    const changed = this.#space.changed[this.#level]
    changed.bytes[this.#place] = bytes
    changed.starts[this.#place] = start
    changed.ends[this.#place] = end
    this.bytes = bytes
    this.start = start
    this.end = end
  }

  charge(bytes: number): void {
    this.#space.charge(bytes)
  }

  protected touch(number: number): void {
    this.#space.changed[this.#level].touched[this.#place] |= 1 << (number & 31)
  }
}
