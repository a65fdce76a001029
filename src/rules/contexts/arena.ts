/**
 * Memory in which changed messages grow: chunks that are only appended to. What stands in a chunk stays there, so a
 * finished message is laid out from where it is, and a chunk lives as long as the edits that point into it.
 */

const CHUNK = 65_536

export class Arena {
  bytes: Buffer = Buffer.alloc(0)
  /** Offset in `bytes` after everything that was placed. */
  used = 0

  /** Room for `length` bytes at `used`; may begin another chunk. */
  reserve(length: number): void {
    if (this.used + length <= this.bytes.length) return
    this.bytes = Buffer.allocUnsafeSlow(Math.max(CHUNK, length * 2))
    this.used = 0
  }
}
