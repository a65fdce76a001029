/** The records of a compressed batch, bounded in size whatever they claim, in each of the forms that clients write. */
import { decompress, type Encoding, isCodecFault, loadCodec } from '../compression.ts'

/** A batch that inflates to more is not read. Producers bound what they compress to a few MiB. */
export const MAX_INFLATED_BYTES = 64 << 20
/** How snappy-java, which the Java clients use, begins: its own framing around snappy blocks. */
const XERIAL = Buffer.from([0x82, 0x53, 0x4e, 0x41, 0x50, 0x50, 0x59, 0])
const XERIAL_HEADER_BYTES = 16

/** Rejects when the bytes are not what they should be. */
export async function inflateRecords(encoding: Encoding, bytes: Buffer): Promise<Buffer> {
  await loadCodec(encoding)
  if (encoding === 'snappy' && bytes.subarray(0, XERIAL.length).equals(XERIAL)) {
    return inflateXerial(bytes)
  }
  const inflated = await decompress(encoding, bytes, MAX_INFLATED_BYTES)
  if (isCodecFault(inflated)) throw new Error(`${encoding}: ${inflated.message}`)
  return asBuffer(inflated)
}

/** `header(16) { length(4) block }...` */
async function inflateXerial(bytes: Buffer): Promise<Buffer> {
  const blocks: Buffer[] = []
  let room = MAX_INFLATED_BYTES
  for (let at = XERIAL_HEADER_BYTES; at < bytes.length; ) {
    const end = at + 4 + bytes.readInt32BE(at)
    if (end <= at + 4 || end > bytes.length) throw new Error('snappy: a block runs past the end')
    const block = await decompress('snappy', bytes.subarray(at + 4, end), room)
    if (isCodecFault(block)) throw new Error(`snappy: ${block.message}`)
    room -= block.length
    blocks.push(asBuffer(block))
    at = end
  }
  return Buffer.concat(blocks)
}

function asBuffer(bytes: Uint8Array): Buffer {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length)
}
