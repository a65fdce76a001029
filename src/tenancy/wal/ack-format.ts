/**
 * Which entries of a segment are gone, in a file beside it: slots of 16 bytes, each good or bad for itself, so that a torn or
 * damaged slot brings back the entries that it named and no others.
 *
 * ```
 * slot = first index u32 | count u32 | kind u32 | crc of these u32, begun with the seed of the segment
 * ```
 */
import { crc32 } from 'node:zlib'

export const ACK_SLOT_BYTES = 16
const CRC_AT = 12

/**
 * `tried`: is being sent in careful mode; if nothing follows, the process ended meanwhile. `survived`: it has been sent, or tried
 * long enough, without harm.
 */
export type AckKind = 'gone' | 'tried' | 'survived'
const CODES: Readonly<Record<AckKind, number>> = { gone: 1, tried: 2, survived: 3 }
const KINDS: readonly (AckKind | undefined)[] = [undefined, 'gone', 'tried', 'survived']

/** `ranges` are pairs of first and count. */
export function encodeAcks(ranges: readonly number[], kind: AckKind, seed: number): Buffer {
  const out = Buffer.allocUnsafe((ranges.length / 2) * ACK_SLOT_BYTES)
  let at = 0
  for (let i = 0; i < ranges.length; i += 2) {
    out.writeUInt32LE(ranges[i], at)
    out.writeUInt32LE(ranges[i + 1], at + 4)
    out.writeUInt32LE(CODES[kind], at + 8)
    out.writeUInt32LE(crc32(out.subarray(at, at + CRC_AT), seed), at + CRC_AT)
    at += ACK_SLOT_BYTES
  }
  return out
}

/** Calls `slot` for each good one; says how many were bad. What is cut off at the end is none. */
export function decodeAcks(
  bytes: Buffer,
  seed: number,
  slot: (kind: AckKind, first: number, count: number) => void,
): number {
  let bad = 0
  for (let at = 0; at + ACK_SLOT_BYTES <= bytes.length; at += ACK_SLOT_BYTES) {
    const code = bytes.readUInt32LE(at + 8)
    const crc = crc32(bytes.subarray(at, at + CRC_AT), seed)
    const kind = KINDS[code]
    if (kind === undefined || crc !== bytes.readUInt32LE(at + CRC_AT)) bad++
    else slot(kind, bytes.readUInt32LE(at), bytes.readUInt32LE(at + 4))
  }
  return bad
}
