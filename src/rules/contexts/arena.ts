/**
 * Memory in which changed messages grow: chunks that are only appended to. What stands in a chunk stays there, so a
 * finished message is laid out from where it is, and a chunk lives as long as the edits that point into it.
 */

import { EvaluationError } from '../value.ts'

const CHUNK = 65_536

export class Arena {
  bytes: Buffer = Buffer.alloc(0)
  /** Offset in `bytes` after everything that was placed. */
  used = 0
  /** Bytes of chunks that may still be begun. */
  #left = 0

  /** Another part's changes may take this many bytes of new chunks. */
  limit(bytes: number): void {
    this.#left = bytes
  }

  /** Room for `length` bytes at `used`; may begin another chunk. Throws EvaluationError when that is too much. */
  reserve(length: number): void {
    if (this.used + length <= this.bytes.length) return
    const size = Math.max(CHUNK, length * 2)
    if (size > this.#left) throw new EvaluationError('the changes would take too much memory')
    this.#left -= size
    this.bytes = Buffer.allocUnsafeSlow(size)
    this.used = 0
  }
}
