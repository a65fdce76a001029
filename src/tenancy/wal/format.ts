/**
 * Segments and records, byte by byte: what the queue and the dead letters have in common. All numbers are little-endian.
 *
 * ```
 * segment = header | record | record | ... | zeros (room that was set aside)
 * header  = magic 8 | version u16 | bytes of header u16 | seed u32 | created f64 | number f64 | number before f64
 *           | end of the one before u32 | bytes of name u16 | kind u16 | reserved 12 | crc u32 | name | zeros up to 8
 * record  = marker u32 | index u32 | items u32 | bytes of context u32 | bytes of request u32 | crc of both u32 | time f64
 *           | seed u32 | crc of these u32, begun with the seed | context | request | zeros up to 8
 * ```
 * The seed is random for each segment: bytes that a sender puts into a request never pass for a record.
 */
import { crc32 } from 'node:zlib'

export const VERSION = 1
export const SEGMENT_HEADER_BYTES = 64
export const RECORD_HEADER_BYTES = 40
/** Records begin at multiples of it, so that reading finds its way again after damage. */
export const ALIGNMENT = 8
/** Names are those of tenants, which are shorter. */
export const MAX_NAME_BYTES = 1024
/** No request and no context is larger; a header that says so is damaged. */
export const MAX_BODY_BYTES = 2 ** 30
/** Entries of one segment. */
export const MAX_RECORDS = 2 ** 20

/** First and last are never text; a copy that changes line ends is noticed. */
const MAGIC = Buffer.from([0x89, 0x4d, 0x52, 0x57, 0x0d, 0x0a, 0x1a, 0x0a])
const MARKER = 0xa5_52_4d_c3

export type SegmentKind = 'queue' | 'letters'
const KIND_CODES: Readonly<Record<SegmentKind, number>> = { queue: 1, letters: 2 }

export interface SegmentHeader {
  readonly kind: SegmentKind
  readonly seed: number
  readonly createdMs: number
  readonly number: number
  /** The segment before it ends at `previousEnd` whatever follows there; 0 = nothing is said. */
  readonly previous: number
  readonly previousEnd: number
  /** Whose it is: the tenant. */
  readonly name: string
  /** Where the first record begins. */
  readonly bytes: number
}

export interface RecordHeader {
  readonly index: number
  readonly items: number
  readonly contextBytes: number
  readonly requestBytes: number
  readonly bodyCrc: number
  readonly timeMs: number
}

/** Up to the next record. */
export function recordBytes(contextBytes: number, requestBytes: number): number {
  return aligned(RECORD_HEADER_BYTES + contextBytes + requestBytes)
}

export function aligned(bytes: number): number {
  return Math.ceil(bytes / ALIGNMENT) * ALIGNMENT
}

/** `bytes` of the header is not looked at. */
export function encodeSegmentHeader(header: Omit<SegmentHeader, 'bytes'>): Buffer {
  const name = Buffer.from(header.name, 'utf8')
  const out = Buffer.alloc(aligned(SEGMENT_HEADER_BYTES + name.length))
  MAGIC.copy(out)
  out.writeUInt16LE(VERSION, 8)
  out.writeUInt16LE(out.length, 10)
  out.writeUInt32LE(header.seed, 12)
  out.writeDoubleLE(header.createdMs, 16)
  out.writeDoubleLE(header.number, 24)
  out.writeDoubleLE(header.previous, 32)
  out.writeUInt32LE(header.previousEnd, 40)
  out.writeUInt16LE(name.length, 44)
  out.writeUInt16LE(KIND_CODES[header.kind], 46)
  name.copy(out, SEGMENT_HEADER_BYTES)
  out.writeUInt32LE(segmentCrc(out), SEGMENT_CRC_AT)
  return out
}

const SEGMENT_CRC_AT = 60

/** Over all but itself. */
function segmentCrc(bytes: Uint8Array): number {
  return crc32(bytes.subarray(SEGMENT_HEADER_BYTES), crc32(bytes.subarray(0, SEGMENT_CRC_AT)))
}

/**
 * What the first bytes of a file say. All versions have their magic, version, length and checksum in the same places. `newer`: a
 * version that this build does not know; not to be touched.
 */
export type ReadSegmentHeader =
  | { readonly kind: 'segment'; readonly header: SegmentHeader }
  | { readonly kind: 'newer'; readonly version: number }
  | { readonly kind: 'damaged'; readonly message: string }

/** `bytes` are the first of the file, `SEGMENT_HEADER_BYTES + MAX_NAME_BYTES` where there are as many. */
export function decodeSegmentHeader(bytes: Buffer): ReadSegmentHeader {
  if (bytes.length < SEGMENT_HEADER_BYTES) return damaged('the file ends within its header')
  if (!bytes.subarray(0, MAGIC.length).equals(MAGIC))
    return damaged('it does not begin as a segment')
  const length = bytes.readUInt16LE(10)
  if (length < SEGMENT_HEADER_BYTES || length > bytes.length) {
    return damaged('its header has an impossible length')
  }
  if (segmentCrc(bytes.subarray(0, length)) !== bytes.readUInt32LE(SEGMENT_CRC_AT)) {
    return damaged('the checksum of its header is wrong')
  }
  const version = bytes.readUInt16LE(8)
  if (version > VERSION) return { kind: 'newer', version }
  const nameBytes = bytes.readUInt16LE(44)
  const code = bytes.readUInt16LE(46)
  return {
    kind: 'segment',
    header: {
      kind: code === KIND_CODES.letters ? 'letters' : 'queue',
      seed: bytes.readUInt32LE(12),
      createdMs: bytes.readDoubleLE(16),
      number: bytes.readDoubleLE(24),
      previous: bytes.readDoubleLE(32),
      previousEnd: bytes.readUInt32LE(40),
      name: bytes.toString('utf8', SEGMENT_HEADER_BYTES, SEGMENT_HEADER_BYTES + nameBytes),
      bytes: length,
    },
  }
}

function damaged(message: string): ReadSegmentHeader {
  return { kind: 'damaged', message }
}

const RECORD_SEED_AT = 32
const RECORD_CRC_AT = 36

/** Lays a header at `at`. */
export function encodeRecordHeader(
  out: Buffer,
  at: number,
  seed: number,
  index: number,
  items: number,
  contextBytes: number,
  requestBytes: number,
  bodyCrc: number,
  timeMs: number,
): void {
  out.writeUInt32LE(MARKER, at)
  out.writeUInt32LE(index, at + 4)
  out.writeUInt32LE(items, at + 8)
  out.writeUInt32LE(contextBytes, at + 12)
  out.writeUInt32LE(requestBytes, at + 16)
  out.writeUInt32LE(bodyCrc, at + 20)
  out.writeDoubleLE(timeMs, at + 24)
  out.writeUInt32LE(seed, at + RECORD_SEED_AT)
  out.writeUInt32LE(crc32(out.subarray(at, at + RECORD_CRC_AT), seed), at + RECORD_CRC_AT)
}

/** True if four bytes at `at` begin a record; cheaper than `decodeRecordHeader`. */
export function hasMarker(bytes: Buffer, at: number): boolean {
  return bytes.readUInt32LE(at) === MARKER
}

/** The seed as the record itself has it: what is left of it when the header of the segment is damaged. */
export function seedOfRecord(bytes: Buffer, at: number): number {
  return bytes.readUInt32LE(at + RECORD_SEED_AT)
}

/** Null for what is no record of this segment. `at + RECORD_HEADER_BYTES` is within `bytes`. */
export function decodeRecordHeader(bytes: Buffer, at: number, seed: number): RecordHeader | null {
  if (bytes.readUInt32LE(at) !== MARKER) return null
  const crc = crc32(bytes.subarray(at, at + RECORD_CRC_AT), seed)
  if (crc !== bytes.readUInt32LE(at + RECORD_CRC_AT)) return null
  const contextBytes = bytes.readUInt32LE(at + 12)
  const requestBytes = bytes.readUInt32LE(at + 16)
  if (contextBytes > MAX_BODY_BYTES || requestBytes > MAX_BODY_BYTES) return null
  return {
    index: bytes.readUInt32LE(at + 4),
    items: bytes.readUInt32LE(at + 8),
    contextBytes,
    requestBytes,
    bodyCrc: bytes.readUInt32LE(at + 20),
    timeMs: bytes.readDoubleLE(at + 24),
  }
}
