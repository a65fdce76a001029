// Varints and fixed values. A position of 0 means that a fault was noted.
import { fail, TRUNCATED, VARINT_OVERRUN } from './state'

/** Position behind the varint, or 0. */
// @ts-ignore: decorator
@inline
export function skipVarint(at: usize, end: usize): usize {
  return at < end && load<u8>(at) < 0x80 ? at + 1 : skipLongVarint(at, end)
}

function skipLongVarint(at: usize, end: usize): usize {
  let p = at
  for (let i = 0; i < 10; i++) {
    if (p >= end) return fail(TRUNCATED, at)
    const b = load<u8>(p++)
    if (b < 0x80) return i == 9 && b > 1 ? fail(VARINT_OVERRUN, at) : p
  }
  return fail(VARINT_OVERRUN, at)
}

/** Value of a varint that `skipVarint` has passed; all that is too large for 32 bits is u32.MAX_VALUE. */
// @ts-ignore: decorator
@inline
export function varintValue(at: usize, behind: usize): u32 {
  return behind - at == 1 ? load<u8>(at) : longVarintValue(at, behind)
}

function longVarintValue(at: usize, behind: usize): u32 {
  let value: u64 = 0
  let shift: u64 = 0
  for (let p = at; p < behind; p++) {
    value |= <u64>(load<u8>(p) & 0x7f) << shift
    shift += 7
  }
  return value > <u64>u32.MAX_VALUE ? u32.MAX_VALUE : <u32>value
}

// @ts-ignore: decorator
@inline
export function skipFixed(size: usize, tagAt: usize, p: usize, end: usize): usize {
  return end - p < size ? fail(TRUNCATED, tagAt) : p + size
}
