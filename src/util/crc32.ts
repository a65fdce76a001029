/** CRC-32 (IEEE 802.3) as zlib and Go's hash/crc32 compute it, over a stretch of bytes; a native call costs more for short ones. */

const TABLE = makeTable()

function makeTable(): Int32Array {
  const table = new Int32Array(256)
  for (let n = 0; n < 256; n++) {
    let c = n
    for (let k = 0; k < 8; k++) c = c & 1 ? (c >>> 1) ^ 0xedb88320 : c >>> 1
    table[n] = c
  }
  return table
}

/** Unsigned. */
export function crc32(bytes: Uint8Array, start = 0, end = bytes.length): number {
  let crc = -1
  for (let i = start; i < end; i++) crc = TABLE[(crc ^ bytes[i]) & 0xff] ^ (crc >>> 8)
  return (crc ^ -1) >>> 0
}
