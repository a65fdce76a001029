/** CRC-32C (Castagnoli): plain as Kafka's record batches have it, and as snappy's framing format masks it. */

/** Eight tables of 256: table t is that of a byte with t zero bytes behind it, so that eight bytes are taken at once. */
const TABLES = makeTables()

function makeTables(): Int32Array {
  const tables = new Int32Array(8 * 256)
  for (let n = 0; n < 256; n++) {
    let c = n
    for (let k = 0; k < 8; k++) c = c & 1 ? (c >>> 1) ^ 0x82f63b78 : c >>> 1
    tables[n] = c
  }
  for (let n = 256; n < tables.length; n++) {
    const before = tables[n - 256]
    tables[n] = tables[before & 0xff] ^ (before >>> 8)
  }
  return tables
}

export function crc32c(bytes: Uint8Array): number {
  return (extendCrc32c(-1, bytes) ^ -1) >>> 0
}

/** Goes on with the state that it returned for the bytes before; begins with -1, and the sum is the state with all bits turned. */
// hot: bench/flow/kafka.ts
export function extendCrc32c(state: number, bytes: Uint8Array): number {
  const tables = TABLES
  const { length } = bytes
  let crc = state
  let i = 0
  for (; i + 8 <= length; i += 8) {
    crc ^= bytes[i] | (bytes[i + 1] << 8) | (bytes[i + 2] << 16) | (bytes[i + 3] << 24)
    crc =
      tables[0x700 + (crc & 0xff)] ^
      tables[0x600 + ((crc >>> 8) & 0xff)] ^
      tables[0x500 + ((crc >>> 16) & 0xff)] ^
      tables[0x400 + (crc >>> 24)] ^
      tables[0x300 + bytes[i + 4]] ^
      tables[0x200 + bytes[i + 5]] ^
      tables[0x100 + bytes[i + 6]] ^
      tables[bytes[i + 7]]
  }
  for (; i < length; i++) crc = tables[(crc ^ bytes[i]) & 0xff] ^ (crc >>> 8)
  return crc
}

/** Rotated right by 15 bits plus a constant (snappy framing_format.txt §3). */
export function maskedCrc32c(bytes: Uint8Array): number {
  const crc = crc32c(bytes)
  return (((crc >>> 15) | (crc << 17)) + 0xa282ead8) >>> 0
}
