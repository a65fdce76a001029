/**
 * Walks zstd frames without inflating them (RFC 8878 §3.1), to learn how much they can produce at most.
 *
 * ```
 * frame : magic(4) descriptor(1) [window(1)] [dictionary id(0-4)] [content size(0-8)] block... [checksum(4)]
 * block : 3 bytes little endian: last(1 bit) type(2 bits) size(21 bits), then content
 * ```
 */

const MAGIC = 0xfd2fb528
/** Low four bits are free. */
const SKIPPABLE = 0x184d2a50
const MAX_BLOCK = 128 * 1024
/** 2^27 is what the reference decoder accepts by default; larger windows exist to exhaust memory. */
const MAX_WINDOW_LOG = 27
const RAW = 0
const RLE = 1
const RESERVED = 3

export interface ZstdFrame {
  readonly start: number
  readonly end: number
  /** Bytes that it can produce at most. */
  readonly maxOutput: number
  /** The frame says its size; it is damaged if it produces another. */
  readonly exact: boolean
}

export interface ZstdWalk {
  readonly frames: readonly ZstdFrame[]
  readonly maxOutput: number
  readonly fault: string | undefined
}

const EOF_FAULT = 'zstd: unexpected EOF'

export function walkZstd(input: Uint8Array): ZstdWalk {
  const view = new DataView(input.buffer, input.byteOffset, input.byteLength)
  const frames: ZstdFrame[] = []
  let maxOutput = 0
  let pos = 0
  do {
    if (input.length - pos < 4) return broken(input.length === 0 ? EOF_FAULT : NO_MAGIC)
    const magic = view.getUint32(pos, true)
    if ((magic & 0xfffffff0) >>> 0 === SKIPPABLE) {
      if (input.length - pos < 8) return broken(EOF_FAULT)
      pos += 8 + view.getUint32(pos + 4, true)
      if (pos > input.length) return broken(EOF_FAULT)
      continue
    }
    if (magic !== MAGIC) return broken(NO_MAGIC)
    const frame = walkFrame(view, pos)
    if (typeof frame === 'string') return broken(frame)
    frames.push(frame)
    maxOutput += frame.maxOutput
    pos = frame.end
  } while (pos < input.length)
  return { frames, maxOutput, fault: undefined }
}

const NO_MAGIC = 'invalid input: magic number mismatch'

function broken(fault: string): ZstdWalk {
  return { frames: [], maxOutput: 0, fault }
}

function walkFrame(view: DataView, start: number): ZstdFrame | string {
  const header = readHeader(view, start)
  if (typeof header === 'string') return header
  let pos = header.end
  let produced = 0
  for (let last = 0; last === 0; ) {
    if (pos + 3 > view.byteLength) return EOF_FAULT
    const word = view.getUint16(pos, true) | (view.getUint8(pos + 2) << 16)
    const type = (word >>> 1) & 3
    const size = word >>> 3
    last = word & 1
    if (type === RESERVED || size > MAX_BLOCK) return 'zstd: invalid block'
    pos += 3 + (type === RLE ? 1 : size)
    produced += type === RAW || type === RLE ? size : MAX_BLOCK
  }
  pos += header.checksum ? 4 : 0
  if (pos > view.byteLength) return EOF_FAULT
  const exact = header.contentSize !== undefined
  if (exact && header.contentSize! > produced) return 'zstd: invalid content size'
  return { start, end: pos, maxOutput: header.contentSize ?? produced, exact }
}

interface FrameHeader {
  readonly end: number
  readonly contentSize: number | undefined
  readonly checksum: boolean
}

function readHeader(view: DataView, start: number): FrameHeader | string {
  if (start + 6 > view.byteLength) return EOF_FAULT
  const descriptor = view.getUint8(start + 4)
  if ((descriptor & 0x08) !== 0) return 'zstd: reserved bit set'
  const single = (descriptor & 0x20) !== 0
  const dictionaryBytes = [0, 1, 2, 4][descriptor & 3]
  const sizeBytes = [single ? 1 : 0, 2, 4, 8][descriptor >>> 6]
  let pos = start + 5
  if (pos + (single ? 0 : 1) + dictionaryBytes + sizeBytes > view.byteLength) return EOF_FAULT
  if (!single && 10 + (view.getUint8(pos++) >>> 3) > MAX_WINDOW_LOG) {
    return 'zstd: window size exceeded'
  }
  for (let i = 0; i < dictionaryBytes; i++) {
    if (view.getUint8(pos + i) !== 0) return 'zstd: unknown dictionary'
  }
  pos += dictionaryBytes
  const contentSize = readSize(view, pos, sizeBytes)
  return { end: pos + sizeBytes, contentSize, checksum: (descriptor & 0x04) !== 0 }
}

function readSize(view: DataView, pos: number, bytes: number): number | undefined {
  if (bytes === 0) return undefined
  if (bytes === 1) return view.getUint8(pos)
  if (bytes === 2) return view.getUint16(pos, true) + 256
  if (bytes === 4) return view.getUint32(pos, true)
  return Number(view.getBigUint64(pos, true))
}
