/**
 * LZ4 frames. Reading is done here, because the native package has no output limit; writing by the optional
 * `lz4-napi`. A back reference may reach into earlier blocks, so all blocks inflate into one contiguous buffer.
 *
 * ```
 * frame : magic(4) FLG(1) BD(1) [content size(8)] [dictionary id(4)] HC(1) block... 0(4) [checksum(4)]
 * block : size(4), its highest bit = stored plain; content; [checksum(4)]
 * ```
 */
import {
  type Codec,
  type CodecFault,
  corrupt,
  type Inflated,
  loadOptional,
  tooLarge,
  trim,
} from './codec.ts'
import { inflateLz4Block, TOO_LONG } from './lz4-block.ts'
import { xxh32 } from './xxh32.ts'

const MAGIC = 0x184d2204
const SKIPPABLE = 0x184d2a50
/** Its densest element, a run of 255s, yields 255 bytes a byte. */
const MAX_RATIO = 255

interface Lz4Package {
  compressFrame(input: Uint8Array): Promise<Buffer>
  compressFrameSync(input: Uint8Array): Buffer
}

export async function loadLz4(): Promise<Codec> {
  const native = await loadOptional<Lz4Package>('lz4-napi')
  return {
    name: native === undefined ? 'built in (reading only)' : 'lz4-napi',
    decompress: inflateFrames,
    estimate,
    ...(native !== undefined && {
      compress: (input: Uint8Array) =>
        input.length > 1 << 20
          ? native.compressFrame(input)
          : native.compressFrameSync(input as Buffer),
    }),
  }
}

interface Frame {
  readonly body: number
  readonly blockBytes: number
  readonly contentSize: number | undefined
  readonly linked: boolean
  readonly blockSums: boolean
  readonly contentSum: boolean
}

const BAD = corrupt('lz4: bad frame')

function readFrame(view: DataView, start: number): Frame | undefined {
  if (start + 7 > view.byteLength) return undefined
  const flags = view.getUint8(start + 4)
  const code = (view.getUint8(start + 5) >>> 4) & 7
  if (flags >>> 6 !== 1 || (flags & 0x02) !== 0 || code < 4) return undefined
  const hasSize = (flags & 0x08) !== 0
  const body = start + 6 + (hasSize ? 8 : 0) + ((flags & 0x01) !== 0 ? 4 : 0) + 1
  if (body > view.byteLength || (flags & 0x01) !== 0) return undefined
  const header = new Uint8Array(view.buffer, view.byteOffset + start + 4, body - start - 5)
  if (((xxh32(header) >>> 8) & 0xff) !== view.getUint8(body - 1)) return undefined
  return {
    body,
    blockBytes: 1 << (8 + 2 * code),
    contentSize: hasSize ? Number(view.getBigUint64(start + 6, true)) : undefined,
    linked: (flags & 0x20) === 0,
    blockSums: (flags & 0x10) !== 0,
    contentSum: (flags & 0x04) !== 0,
  }
}

function estimate(input: Uint8Array): number {
  const view = new DataView(input.buffer, input.byteOffset, input.byteLength)
  const plausible = Math.max(input.length * 8, 1024)
  if (input.length < 7 || view.getUint32(0, true) !== MAGIC) return plausible
  const size = readFrame(view, 0)?.contentSize
  return size === undefined ? plausible : Math.min(size, input.length * MAX_RATIO)
}

function inflateFrames(input: Uint8Array, maxBytes: number): Inflated {
  const view = new DataView(input.buffer, input.byteOffset, input.byteLength)
  const output = new Output(Math.min(estimate(input), maxBytes), maxBytes)
  let pos = 0
  do {
    if (pos + 8 > input.length) return corrupt('lz4: unexpected EOF')
    const magic = view.getUint32(pos, true)
    if ((magic & 0xfffffff0) >>> 0 === SKIPPABLE) {
      pos += 8 + view.getUint32(pos + 4, true)
      continue
    }
    const frame = magic === MAGIC ? readFrame(view, pos) : undefined
    if (frame === undefined) return corrupt('lz4: bad magic number')
    const end = inflateFrame(input, view, frame, output)
    if (typeof end !== 'number') return end
    pos = end
  } while (pos < input.length)
  return pos > input.length ? corrupt('lz4: unexpected EOF') : trim(output.bytes, output.length)
}

/** A buffer that grows up to a bound. */
class Output {
  bytes: Uint8Array
  length = 0
  readonly maxBytes: number

  constructor(size: number, maxBytes: number) {
    this.bytes = Buffer.allocUnsafeSlow(size)
    this.maxBytes = maxBytes
  }

  /** Makes room for `more` bytes as far as the bound allows; returns the end of the room. */
  room(more: number): number {
    const wanted = Math.min(this.length + more, this.maxBytes)
    if (wanted > this.bytes.length) {
      const grown = Buffer.allocUnsafeSlow(
        Math.min(Math.max(wanted, this.bytes.length * 2), this.maxBytes),
      )
      grown.set(this.bytes.subarray(0, this.length))
      this.bytes = grown
    }
    return wanted
  }
}

function inflateFrame(
  input: Uint8Array,
  view: DataView,
  frame: Frame,
  output: Output,
): number | CodecFault {
  const begin = output.length
  let pos = frame.body
  for (;;) {
    if (pos + 4 > input.length) return corrupt('lz4: unexpected EOF')
    const word = view.getUint32(pos, true)
    pos += 4
    if (word === 0) break
    const size = word & 0x7fffffff
    const end = pos + size
    if (size > frame.blockBytes || end + (frame.blockSums ? 4 : 0) > input.length) return BAD
    const block = input.subarray(pos, end)
    if (frame.blockSums && xxh32(block) !== view.getUint32(end, true)) return BAD
    const fault = inflateBlock(block, word >>> 31 === 1, frame, begin, output)
    if (fault !== undefined) return fault
    pos = end + (frame.blockSums ? 4 : 0)
  }
  const content = output.bytes.subarray(begin, output.length)
  if (frame.contentSize !== undefined && frame.contentSize !== content.length) return BAD
  if (!frame.contentSum) return pos
  if (pos + 4 > input.length) return corrupt('lz4: unexpected EOF')
  return xxh32(content) === view.getUint32(pos, true) ? pos + 4 : corrupt('lz4: invalid checksum')
}

function inflateBlock(
  block: Uint8Array,
  plain: boolean,
  frame: Frame,
  begin: number,
  output: Output,
): CodecFault | undefined {
  const wanted = plain ? block.length : Math.min(frame.blockBytes, block.length * MAX_RATIO)
  const limit = output.room(wanted)
  if (plain) {
    if (output.length + block.length > output.maxBytes) return tooLarge(output.maxBytes)
    output.bytes.set(block, output.length)
    output.length += block.length
    return undefined
  }
  const history = frame.linked ? begin : output.length
  const end = inflateLz4Block(block, output.bytes, output.length, limit, history)
  if (end === TOO_LONG) return limit === output.maxBytes ? tooLarge(output.maxBytes) : BAD
  if (end < 0) return BAD
  output.length = end
  return undefined
}
