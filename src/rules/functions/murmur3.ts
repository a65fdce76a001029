/** MurmurHash3 for 32 and for x64 in 128 bits, seed 0; results as the bytes that the reference prints. */

export function murmur3(input: Buffer): Buffer {
  let hash = 0
  const whole = input.length & ~3
  for (let at = 0; at < whole; at += 4) {
    hash ^= scramble32(input.readInt32LE(at))
    hash = Math.imul((hash << 13) | (hash >>> 19), 5) + 0xe6546b64
  }
  let tail = 0
  for (let at = input.length - 1; at >= whole; at--) tail = (tail << 8) | input[at]
  hash ^= scramble32(tail)
  hash ^= input.length
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b)
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35)
  const out = Buffer.alloc(4)
  out.writeUInt32LE((hash ^ (hash >>> 16)) >>> 0)
  return out
}

function scramble32(block: number): number {
  const mixed = Math.imul(block, 0xcc9e2d51)
  return Math.imul((mixed << 15) | (mixed >>> 17), 0x1b873593)
}

const MASK_64 = 0xffffffffffffffffn
const FACTOR_1 = 0x87c37b91114253d5n
const FACTOR_2 = 0x4cf5ad432745937fn

export function murmur3x128(input: Buffer): Buffer {
  let [first, second] = [0n, 0n]
  const whole = input.length & ~15
  for (let at = 0; at < whole; at += 16) {
    first ^= scrambleFirst(input.readBigUInt64LE(at))
    first = ((rotate(first, 27n) + second) * 5n + 0x52dce729n) & MASK_64
    second ^= scrambleSecond(input.readBigUInt64LE(at + 8))
    second = ((rotate(second, 31n) + first) * 5n + 0x38495ab5n) & MASK_64
  }
  const tail = Buffer.alloc(16)
  input.copy(tail, 0, whole)
  first ^= scrambleFirst(tail.readBigUInt64LE(0))
  second ^= scrambleSecond(tail.readBigUInt64LE(8))

  const length = BigInt(input.length)
  first = ((first ^ length) + (second ^ length)) & MASK_64
  second = ((second ^ length) + first) & MASK_64
  first = finish(first)
  second = finish(second)
  first = (first + second) & MASK_64
  const out = Buffer.alloc(16)
  out.writeBigUInt64LE(first, 0)
  out.writeBigUInt64LE((second + first) & MASK_64, 8)
  return out
}

function scrambleFirst(block: bigint): bigint {
  return (rotate((block * FACTOR_1) & MASK_64, 31n) * FACTOR_2) & MASK_64
}

function scrambleSecond(block: bigint): bigint {
  return (rotate((block * FACTOR_2) & MASK_64, 33n) * FACTOR_1) & MASK_64
}

function finish(hash: bigint): bigint {
  let mixed = ((hash ^ (hash >> 33n)) * 0xff51afd7ed558ccdn) & MASK_64
  mixed = ((mixed ^ (mixed >> 33n)) * 0xc4ceb9fe1a85ec53n) & MASK_64
  return mixed ^ (mixed >> 33n)
}

function rotate(value: bigint, bits: bigint): bigint {
  return ((value << bits) & MASK_64) | (value >> (64n - bits))
}
