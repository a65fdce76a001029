/** Copying texts whose bytes nobody has looked at yet: what is not UTF-8 is told, or mended. */
import { isUtf8 } from 'node:buffer'
import type { MessageWriter } from '../otlp/json/message-writer.ts'
import { copyBytes } from '../otlp/wire-writer.ts'

/** Whether the bytes are UTF-8; most are ASCII, which a loop knows sooner than a native call. */
export function isText(from: Uint8Array, start: number, end: number): boolean {
  for (let pos = start; pos < end; pos++) {
    if (from[pos] > 0x7f) return isUtf8(from.subarray(pos, end))
  }
  return true
}

/** Appends the text, with U+FFFD for what is not UTF-8. `out` has room for three times the bytes. */
export function appendMended(
  out: MessageWriter,
  from: Uint8Array,
  start: number,
  end: number,
): void {
  if (isText(from, start, end)) {
    out.pos = copyBytes(out.bytes, out.pos, from, start, end)
    return
  }
  const text = Buffer.from(from.buffer, from.byteOffset + start, end - start).toString()
  const mended = Buffer.from(text)
  out.pos = copyBytes(out.bytes, out.pos, mended, 0, mended.length)
}
