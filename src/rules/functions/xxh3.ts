/** XXH3 in 64 and 128 bits, seed 0, as xxHash 0.8 specifies it; apart from hash.ts because it is long. */

export interface Hash128 {
  readonly high: bigint
  readonly low: bigint
}

const SECRET = Buffer.from(
  'b8fe6c3923a44bbe7c01812cf721ad1cded46de9839097db7240a4a4b7b3671f' +
    'cb79e64eccc0e578825ad07dccff7221b8084674f743248ee03590e6813a264c' +
    '3c2852bb91c300cb88d0658b1b532ea371644897a20df94e3819ef46a9deacd8' +
    'a8fa763fe39c343ff9dcbbc7c70b4f1d8a51e04bcdb45931c89f7ec9d9787364' +
    'eac5ac8334d3ebc3c581a0fffa1363eb170ddd51b7f0da49d316552629d4689e' +
    '2b16be587d47a1fc8ff8b8d17ad031ce45cb3a8f95160428afd7fbcabb4b407e',
  'hex',
)
const PRIME32_1 = 0x9e3779b1n
const PRIME32_2 = 0x85ebca77n
const PRIME32_3 = 0xc2b2ae3dn
const PRIME64_1 = 0x9e3779b185ebca87n
const PRIME64_2 = 0xc2b2ae3d27d4eb4fn
const PRIME64_3 = 0x165667b19e3779f9n
const PRIME64_4 = 0x85ebca77c2b2ae63n
const PRIME64_5 = 0x27d4eb2f165667c5n
const MIX_1 = 0x165667919e3779f9n
const MIX_2 = 0x9fb21c651e98df25n
const MASK_32 = 0xffffffffn
const MASK_64 = 0xffffffffffffffffn

const STRIPE = 64
const STRIPES_IN_BLOCK = 16
const BLOCK = STRIPE * STRIPES_IN_BLOCK
const LONGEST_MIDDLE = 240

export function xxh3(input: Buffer): bigint {
  const { length } = input
  if (length === 0) return avalanche64(secret(56) ^ secret(64))
  if (length <= 3) return avalanche64(small(input) ^ secret32(0) ^ secret32(4))
  if (length <= 8) return hash4to8(input)
  if (length <= 16) return hash9to16(input)
  if (length > LONGEST_MIDDLE) {
    return mergeLanes(longLanes(input), 11, product(BigInt(length), PRIME64_1))
  }
  return hash17to240(input)
}

export function xxh128(input: Buffer): Hash128 {
  const { length } = input
  if (length === 0) {
    return {
      low: avalanche64(secret(64) ^ secret(72)),
      high: avalanche64(secret(80) ^ secret(88)),
    }
  }
  if (length <= 3) return wide1to3(input)
  if (length <= 8) return wide4to8(input)
  if (length <= 16) return wide9to16(input)
  if (length > LONGEST_MIDDLE) {
    const lanes = longLanes(input)
    const size = BigInt(length)
    return {
      low: mergeLanes(lanes, 11, product(size, PRIME64_1)),
      high: mergeLanes(lanes, 117, ~product(size, PRIME64_2) & MASK_64),
    }
  }
  return wide17to240(input)
}

function small(input: Buffer): bigint {
  const { length } = input
  const [first, middle, last] = [input[0], input[length >> 1], input[length - 1]]
  return BigInt(((first << 16) | (middle << 24) | last | (length << 8)) >>> 0)
}

function hash4to8(input: Buffer): bigint {
  const { length } = input
  const joined = (read32(input, 0) << 32n) + read32(input, length - 4)
  let hash = joined ^ secret(8) ^ secret(16)
  hash ^= rotate(hash, 49n) ^ rotate(hash, 24n)
  hash = product(hash, MIX_2)
  hash ^= (hash >> 35n) + BigInt(length)
  hash = product(hash, MIX_2)
  return hash ^ (hash >> 28n)
}

function hash9to16(input: Buffer): bigint {
  const { length } = input
  const low = read64(input, 0) ^ secret(24) ^ secret(32)
  const high = read64(input, length - 8) ^ secret(40) ^ secret(48)
  return avalanche(wrap(BigInt(length) + swap64(low) + high + fold(low, high)))
}

function hash17to240(input: Buffer): bigint {
  const { length } = input
  let sum = product(BigInt(length), PRIME64_1)
  if (length <= 128) {
    for (let i = (length - 1) >> 5; i >= 0; i--) {
      sum += mix16(input, 16 * i, 32 * i) + mix16(input, length - 16 * (i + 1), 32 * i + 16)
    }
    return avalanche(wrap(sum))
  }
  for (let i = 0; i < 8; i++) sum += mix16(input, 16 * i, 16 * i)
  sum = avalanche(wrap(sum))
  for (let i = 8; i < length >> 4; i++) sum += mix16(input, 16 * i, 16 * (i - 8) + 3)
  return avalanche(wrap(sum + mix16(input, length - 16, 119)))
}

function wide1to3(input: Buffer): Hash128 {
  const low = small(input)
  const swapped = swap64(low) >> 32n
  const high = ((swapped << 13n) | (swapped >> 19n)) & MASK_32
  return {
    low: avalanche64(low ^ secret32(0) ^ secret32(4)),
    high: avalanche64(high ^ secret32(8) ^ secret32(12)),
  }
}

function wide4to8(input: Buffer): Hash128 {
  const { length } = input
  const joined = read32(input, 0) + (read32(input, length - 4) << 32n)
  const keyed = joined ^ secret(16) ^ secret(24)
  const wide = keyed * (PRIME64_1 + (BigInt(length) << 2n))
  let low = wide & MASK_64
  const high = wrap((wide >> 64n) + (low << 1n))
  low ^= high >> 3n
  low ^= low >> 35n
  low = product(low, MIX_2)
  return { low: low ^ (low >> 28n), high: avalanche(high) }
}

function wide9to16(input: Buffer): Hash128 {
  const { length } = input
  const first = read64(input, 0)
  const last = read64(input, length - 8)
  const wide = (first ^ last ^ secret(32) ^ secret(40)) * PRIME64_1
  const keyed = last ^ secret(48) ^ secret(56)
  const high = wrap((wide >> 64n) + keyed + (keyed & MASK_32) * (PRIME32_2 - 1n))
  const low = wrap(wide + (BigInt(length - 1) << 54n)) ^ swap64(high)
  const second = low * PRIME64_2
  return {
    low: avalanche(second & MASK_64),
    high: avalanche(wrap((second >> 64n) + high * PRIME64_2)),
  }
}

function wide17to240(input: Buffer): Hash128 {
  const { length } = input
  let low = product(BigInt(length), PRIME64_1)
  let high = 0n
  const mix = (a: number, b: number, key: number): void => {
    low = wrap(low + mix16(input, a, key)) ^ wrap(read64(input, b) + read64(input, b + 8))
    high = wrap(high + mix16(input, b, key + 16)) ^ wrap(read64(input, a) + read64(input, a + 8))
  }
  if (length <= 128) {
    for (let i = (length - 1) >> 5; i >= 0; i--) mix(16 * i, length - 16 * (i + 1), 32 * i)
  } else {
    for (let i = 0; i < 4; i++) mix(32 * i, 32 * i + 16, 32 * i)
    low = avalanche(low)
    high = avalanche(high)
    for (let i = 4; i < length >> 5; i++) mix(32 * i, 32 * i + 16, 32 * (i - 4) + 3)
    mix(length - 16, length - 32, 103)
  }
  const mixed = low * PRIME64_1 + high * PRIME64_4 + BigInt(length) * PRIME64_2
  return { low: avalanche(wrap(low + high)), high: wrap(-avalanche(wrap(mixed))) }
}

/** The eight lanes as pairs of 32-bit halves, low first: 64-bit integers would cost an allocation each. */
function longLanes(input: Buffer): Uint32Array {
  const lanes = new Uint32Array(16)
  const start = [PRIME32_3, PRIME64_1, PRIME64_2, PRIME64_3]
  start.push(PRIME64_4, PRIME32_2, PRIME64_5, PRIME32_1)
  start.forEach((prime, lane) => {
    lanes[2 * lane] = Number(prime & MASK_32)
    lanes[2 * lane + 1] = Number(prime >> 32n)
  })
  const { length } = input
  const blocks = Math.floor((length - 1) / BLOCK)
  for (let block = 0; block < blocks; block++) {
    for (let i = 0; i < STRIPES_IN_BLOCK; i++) {
      accumulate(lanes, input, block * BLOCK + i * STRIPE, 8 * i)
    }
    scramble(lanes)
  }
  const rest = Math.floor((length - 1 - blocks * BLOCK) / STRIPE)
  for (let i = 0; i < rest; i++) accumulate(lanes, input, blocks * BLOCK + i * STRIPE, 8 * i)
  accumulate(lanes, input, length - STRIPE, 121)
  return lanes
}

function accumulate(lanes: Uint32Array, input: Buffer, at: number, key: number): void {
  for (let lane = 0; lane < 8; lane++) {
    const low = input.readUInt32LE(at + 8 * lane)
    const high = input.readUInt32LE(at + 8 * lane + 4)
    addTo(lanes, lane ^ 1, low, high)
    const keyedLow = (low ^ SECRET.readUInt32LE(key + 8 * lane)) >>> 0
    const keyedHigh = (high ^ SECRET.readUInt32LE(key + 8 * lane + 4)) >>> 0
    addTo(lanes, lane, Math.imul(keyedLow, keyedHigh) >>> 0, highProduct(keyedLow, keyedHigh))
  }
}

function scramble(lanes: Uint32Array): void {
  const prime = Number(PRIME32_1)
  for (let lane = 0; lane < 8; lane++) {
    const [low, high] = [lanes[2 * lane], lanes[2 * lane + 1]]
    const newLow = (low ^ (high >>> 15) ^ SECRET.readUInt32LE(128 + 8 * lane)) >>> 0
    const newHigh = (high ^ SECRET.readUInt32LE(128 + 8 * lane + 4)) >>> 0
    lanes[2 * lane] = Math.imul(newLow, prime)
    lanes[2 * lane + 1] = highProduct(newLow, prime) + Math.imul(newHigh, prime)
  }
}

function addTo(lanes: Uint32Array, lane: number, low: number, high: number): void {
  const sum = lanes[2 * lane] + low
  lanes[2 * lane] = sum
  lanes[2 * lane + 1] += high + (sum > 0xffffffff ? 1 : 0)
}

/** The upper half of a 32 by 32 bit product. */
function highProduct(a: number, b: number): number {
  const [aLow, aHigh, bLow, bHigh] = [a & 0xffff, a >>> 16, b & 0xffff, b >>> 16]
  const middle = aHigh * bLow + ((aLow * bLow) >>> 16)
  const other = aLow * bHigh + (middle & 0xffff)
  return aHigh * bHigh + Math.floor(middle / 0x10000) + Math.floor(other / 0x10000)
}

function mergeLanes(lanes: Uint32Array, key: number, start: bigint): bigint {
  const lane = (i: number): bigint => (BigInt(lanes[2 * i + 1]) << 32n) | BigInt(lanes[2 * i])
  let sum = start
  for (let i = 0; i < 4; i++) {
    sum += fold(lane(2 * i) ^ secret(key + 16 * i), lane(2 * i + 1) ^ secret(key + 16 * i + 8))
  }
  return avalanche(wrap(sum))
}

function mix16(input: Buffer, at: number, key: number): bigint {
  return fold(read64(input, at) ^ secret(key), read64(input, at + 8) ^ secret(key + 8))
}

function fold(a: bigint, b: bigint): bigint {
  const wide = a * b
  return (wide & MASK_64) ^ (wide >> 64n)
}

function avalanche(hash: bigint): bigint {
  const mixed = product(hash ^ (hash >> 37n), MIX_1)
  return mixed ^ (mixed >> 32n)
}

/** The last step of the older XXH64. */
function avalanche64(hash: bigint): bigint {
  let mixed = product(hash ^ (hash >> 33n), PRIME64_2)
  mixed = product(mixed ^ (mixed >> 29n), PRIME64_3)
  return mixed ^ (mixed >> 32n)
}

function wrap(value: bigint): bigint {
  return value & MASK_64
}

function product(a: bigint, b: bigint): bigint {
  return (a * b) & MASK_64
}

function rotate(value: bigint, bits: bigint): bigint {
  return wrap(value << bits) | (value >> (64n - bits))
}

function swap64(value: bigint): bigint {
  const bytes = Buffer.alloc(8)
  bytes.writeBigUInt64LE(value)
  return bytes.readBigUInt64BE()
}

function secret(at: number): bigint {
  return SECRET.readBigUInt64LE(at)
}

function secret32(at: number): bigint {
  return BigInt(SECRET.readUInt32LE(at))
}

function read32(input: Buffer, at: number): bigint {
  return BigInt(input.readUInt32LE(at))
}

function read64(input: Buffer, at: number): bigint {
  return input.readBigUInt64LE(at)
}
