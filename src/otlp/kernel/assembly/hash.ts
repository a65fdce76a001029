// Hash and equality of texts. Loads may reach up to 8 bytes behind a text: the loader leaves that much.

/** Beyond so many bytes only the first and the last half of them count. */
const HASHED: u32 = 32
const STEP: u32 = 0x9e3779b2

/** Independent products of 4 bytes each, so that they overlap in the processor; `../slot-layout.ts` has the same in JavaScript. */
export function hashText(at: usize, length: u32): u32 {
  let h = length * 0x9e3779b1
  let c: u32 = 0x85ebca6b
  if (length < 4) {
    let word: u32 = length > 0 ? load<u8>(at) : 0
    if (length > 1) word |= <u32>load<u8>(at, 1) << 8
    if (length > 2) word |= <u32>load<u8>(at, 2) << 16
    h += word * c
  } else {
    let p = at
    const last = at + length - 4
    if (length > HASHED) {
      for (const half = at + 16; p < half; p += 4) {
        h += load<u32>(p) * c
        c += STEP
      }
      p = last - 12
    }
    for (; p < last; p += 4) {
      h += load<u32>(p) * c
      c += STEP
    }
    h += load<u32>(last) * c
  }
  h = (h ^ (h >> 15)) * 0x2c1b3c6d
  return h ^ (h >> 13)
}

/** For keys, where few are wanted and most are none of them: length, first and last four bytes. */
// @ts-ignore: decorator
@inline
export function hashKey(at: usize, length: u32): u32 {
  if (length < 4) return hashText(at, length)
  const h = load<u32>(at) * 0x85ebca6b + load<u32>(at + length - 4) * STEP + length * 0x9e3779b1
  return h ^ (h >> 15)
}

export function sameBytes(a: usize, b: usize, length: u32): bool {
  let p: usize = 0
  for (; p + 8 <= length; p += 8) {
    if (load<u64>(a + p) != load<u64>(b + p)) return false
  }
  const rest = length - <u32>p
  if (rest == 0) return true
  const mask: u64 = ((<u64>1) << (rest << 3)) - 1
  return ((load<u64>(a + p) ^ load<u64>(b + p)) & mask) == 0
}
