/** The form in which nearly every sender writes attributes; in it a key is compared without a walk through the pair. */
import { KeyValueCursor } from '../../otlp/any-value.ts'
import { readVarint32, skipVarint } from '../../otlp/wire-reader.ts'

const KEY_TAG = 0x0a
const VALUE_TAG = 0x12

/** Reading is synchronous, so one serves all. */
const pair = new KeyValueCursor()

/** Whether a pair is one short key and then one value or none; of a key that is sent twice the last one counts. */
export function isPlainPair(bytes: Uint8Array, start: number, end: number): boolean {
  if (end - start < 2 || bytes[start] !== KEY_TAG || bytes[start + 1] > 0x7f) return false
  const at = start + 2 + bytes[start + 1]
  if (at === end) return true
  if (bytes[at] !== VALUE_TAG) return false
  if (bytes[at + 1] < 0x80) return at + 2 + bytes[at + 1] === end
  return skipVarint(bytes, at + 1) + readVarint32(bytes, at + 1) === end
}

/** Whether a pair of any form has this key. */
export function hasKey(bytes: Uint8Array, start: number, end: number, key: Uint8Array): boolean {
  pair.reset(bytes, start, end)
  const at = pair.keyStart
  let k = pair.keyEnd - at === key.length ? key.length - 1 : -2
  while (k >= 0 && bytes[at + k] === key[k]) k--
  return k === -1
}
