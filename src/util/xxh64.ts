/** XXH64 with seed 0, as xxHash 0.8 specifies it. With BigInt: for keys that are kept, not for every item. */

const P1 = 0x9e3779b185ebca87n
const P2 = 0xc2b2ae3d27d4eb4fn
const P3 = 0x165667b19e3779f9n
const P4 = 0x85ebca77c2b2ae63n
const P5 = 0x27d4eb2f165667c5n
const MASK = 0xffffffffffffffffn
const STRIPE = 32

export function xxh64(input: Uint8Array): bigint {
  const bytes = Buffer.from(input.buffer, input.byteOffset, input.byteLength)
  const { length } = bytes
  let at = 0
  let hash = P5
  if (length >= STRIPE) {
    const lanes = [(P1 + P2) & MASK, P2, 0n, (MASK + 1n - P1) & MASK]
    for (; at + STRIPE <= length; at += STRIPE) {
      for (let i = 0; i < 4; i++) lanes[i] = round(lanes[i], bytes.readBigUInt64LE(at + i * 8))
    }
    hash = rotate(lanes[0], 1n) + rotate(lanes[1], 7n) + rotate(lanes[2], 12n)
    hash = (hash + rotate(lanes[3], 18n)) & MASK
    for (const lane of lanes) hash = ((hash ^ round(0n, lane)) * P1 + P4) & MASK
  }
  hash = (hash + BigInt(length)) & MASK
  for (; at + 8 <= length; at += 8) {
    hash = (rotate(hash ^ round(0n, bytes.readBigUInt64LE(at)), 27n) * P1 + P4) & MASK
  }
  if (at + 4 <= length) {
    const word = (BigInt(bytes.readUInt32LE(at)) * P1) & MASK
    hash = (rotate(hash ^ word, 23n) * P2 + P3) & MASK
    at += 4
  }
  for (; at < length; at++) {
    hash = (rotate(hash ^ ((BigInt(bytes[at]) * P5) & MASK), 11n) * P1) & MASK
  }
  hash = ((hash ^ (hash >> 33n)) * P2) & MASK
  hash = ((hash ^ (hash >> 29n)) * P3) & MASK
  return hash ^ (hash >> 32n)
}

function round(lane: bigint, word: bigint): bigint {
  return (rotate((lane + word * P2) & MASK, 31n) * P1) & MASK
}

function rotate(value: bigint, bits: bigint): bigint {
  return ((value << bits) | (value >> (64n - bits))) & MASK
}
