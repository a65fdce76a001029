// Varints of validated bytes: nothing to check. Positions stop after ten bytes whatever stands there.

/** Position behind the varint. */
// @ts-ignore: decorator
@inline
export function passVarint(at: usize): usize {
  return load<u8>(at) < 0x80 ? at + 1 : passLongVarint(at)
}

function passLongVarint(at: usize): usize {
  let p = at
  while (load<u8>(p) >= 0x80 && p < at + 9) p++
  return p + 1
}

export function longVarint(at: usize): u64 {
  let value: u64 = 0
  let p = at
  for (let shift: u64 = 0; shift < 70; shift += 7) {
    const b = <u64>load<u8>(p++)
    value |= (b & 0x7f) << shift
    if (b < 0x80) break
  }
  return value
}
