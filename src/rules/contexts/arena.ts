/**
 * Memory in which changed messages grow: chunks that are only appended to. What stands in a chunk stays there, so a
 * finished message is laid out from where it is, and a chunk lives as long as the edits that point into it.
 */

import { EvaluationError } from '../value.ts'

const CHUNK = 65_536
const MIN_CHUNK = 4096

const NO_BYTES = new Uint8Array(0)

/** Where chunks come from and go back to once nothing points into them. */
export interface ArenaMemory {
  /** A buffer of exactly this length. */
  take(length: number): Uint8Array
  give(buffer: Uint8Array): void
}

export class Arena {
  bytes: Uint8Array = NO_BYTES
  /** Offset in `bytes` after everything that was placed. */
  used = 0
  /** Bytes of chunks that may still be begun. */
  #left = 0
  #first = CHUNK
  #chunks: Uint8Array[] = []
  /** Null = chunks are left to the garbage collector, so that parts may share one. */
  readonly #memory: ArenaMemory | null

  constructor(memory: ArenaMemory | null) {
    this.#memory = memory
  }

  /** Another part: its changes may take `limit` bytes of new chunks. `length` is its payload's. */
  open(limit: number, length: number): void {
    this.#left = limit
    if (this.#memory === null) return
    const wanted = 2 ** (32 - Math.clz32(length))
    this.#first = Math.min(CHUNK, Math.max(MIN_CHUNK, wanted))
  }

  /** Room for `length` bytes at `used`; may begin another chunk. Throws EvaluationError when that is too much. */
  reserve(length: number): void {
    if (this.used + length <= this.bytes.length) return
    const least = this.#chunks.length === 0 ? this.#first : CHUNK
    const size = Math.max(least, length * 2)
    if (size > this.#left) throw new EvaluationError('the changes would take too much memory')
    this.#left -= size
    this.used = 0
    if (this.#memory === null) this.bytes = Buffer.allocUnsafeSlow(size)
    else {
      this.bytes = this.#memory.take(size)
      this.#chunks.push(this.bytes)
    }
  }

  /** The chunks of the part that was open: whoever has its edits gives them back. Always empty without memory of one's own. */
  finish(): readonly Uint8Array[] {
    const chunks = this.#chunks
    if (chunks.length === 0) return chunks
    this.#chunks = []
    this.bytes = NO_BYTES
    this.used = 0
    return chunks
  }

  /** Gives the chunks of the part that was open back at once: it has no edits. */
  close(): void {
    for (const chunk of this.finish()) this.#memory?.give(chunk)
  }
}
