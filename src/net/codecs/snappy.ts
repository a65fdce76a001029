/**
 * Snappy, block and framed, on the optional `snappy` package. A block's claimed length is checked before anything is
 * allocated. gRPC peers written in Go mean the framed format when they say "snappy", so it is recognised there too.
 */
import {
  type Codec,
  corrupt,
  type Inflated,
  isCodecFault,
  loadOptional,
  tooLarge,
} from './codec.ts'
import { maskedCrc32c } from './crc32c.ts'

interface SnappyPackage {
  compressSync(input: Uint8Array): Buffer
  uncompressSync(input: Uint8Array, options: { asBuffer: boolean }): Buffer
}

export interface SnappyCodecs {
  readonly block: Codec
  readonly framed: Codec
}

/** A copy element of 3 bytes yields at most 64, one of 2 bytes at most 11. */
const MAX_RATIO = 22

export async function loadSnappy(): Promise<SnappyCodecs | undefined> {
  const snappy = await loadOptional<SnappyPackage>('snappy')
  if (snappy === undefined) return undefined
  const framed: Codec = {
    name: 'snappy',
    decompress: (input, maxBytes) => inflateFramed(snappy, input, maxBytes),
    estimate: input => estimateFramed(input),
    compress: input => deflateFramed(snappy, input),
  }
  const block: Codec = {
    name: 'snappy',
    decompress: (input, maxBytes) =>
      isFramed(input)
        ? inflateFramed(snappy, input, maxBytes)
        : inflateBlock(snappy, input, maxBytes),
    estimate: input => (isFramed(input) ? estimateFramed(input) : Math.max(claimed(input), 0)),
    compress: input => snappy.compressSync(input),
  }
  return { block, framed }
}

/** Length that a block says it inflates to; -1 if it says none or one that its size cannot bear. */
function claimed(input: Uint8Array): number {
  let length = 0
  for (let i = 0; i < 5 && i < input.length; i++) {
    length += (input[i] & 0x7f) * 2 ** (7 * i)
    if (input[i] < 0x80) {
      return length > 0xffffffff || length > input.length * MAX_RATIO ? -1 : length
    }
  }
  return -1
}

function inflateBlock(snappy: SnappyPackage, input: Uint8Array, maxBytes: number): Inflated {
  const length = claimed(input)
  if (length < 0) return corrupt('snappy: corrupt input')
  if (length > maxBytes) return tooLarge(maxBytes)
  try {
    const output = snappy.uncompressSync(input, { asBuffer: true })
    return output.length === length ? output : corrupt('snappy: corrupt input')
  } catch {
    return corrupt('snappy: corrupt input')
  }
}

/**
 * Framing format: chunks of type(1) length(3, little endian) content; the first is ff 06 00 00 "sNaPpY".
 * Types: 00 compressed and 01 plain (both begin with a masked CRC-32C), 02-7f unknown: fault, 80-fe skipped.
 */
const STREAM_HEADER = Uint8Array.of(0xff, 6, 0, 0, 0x73, 0x4e, 0x61, 0x50, 0x70, 0x59)
const MAX_CHUNK = 65_536

function isFramed(input: Uint8Array): boolean {
  if (input.length < STREAM_HEADER.length) return false
  for (let i = 0; i < STREAM_HEADER.length; i++) if (input[i] !== STREAM_HEADER[i]) return false
  return true
}

/** Visits the chunks; false if their lengths do not fit the input. */
function eachChunk(
  input: Uint8Array,
  visit: (type: number, content: Uint8Array) => boolean,
): boolean {
  for (let pos = 0; pos < input.length; ) {
    if (pos + 4 > input.length) return false
    const length = input[pos + 1] | (input[pos + 2] << 8) | (input[pos + 3] << 16)
    const end = pos + 4 + length
    if (end > input.length || !visit(input[pos], input.subarray(pos + 4, end))) return false
    pos = end
  }
  return true
}

function estimateFramed(input: Uint8Array): number {
  let total = 0
  eachChunk(input, (type, content) => {
    if (type === 0 && content.length > 4) total += Math.max(claimed(content.subarray(4)), 0)
    if (type === 1) total += Math.max(content.length - 4, 0)
    return true
  })
  return total
}

function inflateFramed(snappy: SnappyPackage, input: Uint8Array, maxBytes: number): Inflated {
  if (!isFramed(input)) return corrupt('snappy: corrupt input')
  const parts: Uint8Array[] = []
  let total = 0
  let tooMuch = false
  const whole = eachChunk(input, (type, content) => {
    if (type >= 0x80) return true
    if (type > 1 || content.length < 4) return false
    const part = inflateChunk(snappy, type, content)
    if (part === undefined) return false
    total += part.length
    parts.push(part)
    tooMuch = total > maxBytes
    return !tooMuch
  })
  if (tooMuch) return tooLarge(maxBytes)
  return whole ? Buffer.concat(parts, total) : corrupt('snappy: corrupt input')
}

function inflateChunk(
  snappy: SnappyPackage,
  type: number,
  content: Uint8Array,
): Uint8Array | undefined {
  const body = content.subarray(4)
  const part = type === 1 ? body : inflateBlock(snappy, body, MAX_CHUNK)
  if (isCodecFault(part) || part.length > MAX_CHUNK) return undefined
  const sum = (content[0] | (content[1] << 8) | (content[2] << 16) | (content[3] << 24)) >>> 0
  return sum === maskedCrc32c(part) ? part : undefined
}

function deflateFramed(snappy: SnappyPackage, input: Uint8Array): Uint8Array {
  const parts: Uint8Array[] = [STREAM_HEADER]
  for (let pos = 0; pos < input.length; pos += MAX_CHUNK) {
    const chunk = input.subarray(pos, pos + MAX_CHUNK)
    const body = snappy.compressSync(chunk)
    const header = Buffer.alloc(8)
    header.writeUIntLE(body.length + 4, 1, 3)
    header.writeUInt32LE(maskedCrc32c(chunk), 4)
    parts.push(header, body)
  }
  return Buffer.concat(parts)
}
