// Whether text is valid UTF-8. Nearly all text of telemetry is ASCII, which is told 16 bytes at a time; the rest goes byte
// by byte. Vector loads may read up to 16 bytes behind a request: the loader leaves that much.
import { fail, UTF8 } from './state'

// @ts-ignore: decorator
@inline
export function isAscii(at: usize, length: u32): bool {
  if (length <= 16) {
    return (i8x16.bitmask(v128.load(at)) & ((1 << length) - 1)) == 0
  }
  const last = at + length - 16
  if (length <= 32) return i8x16.bitmask(v128.or(v128.load(at), v128.load(last))) == 0
  return isLongAscii(at, last)
}

/** Text of more than 32 bytes whose last 16 begin at `last`. */
function isLongAscii(at: usize, last: usize): bool {
  let all = v128.or(v128.load(at), v128.load(last))
  for (let p = at + 16; p < last; p += 16) all = v128.or(all, v128.load(p))
  return i8x16.bitmask(all) == 0
}

/** RFC 3629: no overlong forms, no surrogates, nothing above U+10FFFF. */
export function checkUtf8(from: usize, end: usize): bool {
  let p = from
  while (p < end) {
    const b = load<u8>(p)
    if (b < 0x80) {
      p += end - p >= 8 && (load<u64>(p) & 0x8080808080808080) == 0 ? 8 : 1
      continue
    }
    const size: i32 = b >= 0xf0 ? 4 : b >= 0xe0 ? 3 : 2
    if (b < 0xc2 || b > 0xf4 || end - p < <usize>size) { fail(UTF8, p); return false }
    const second = load<u8>(p, 1)
    const least: u8 = b == 0xe0 ? 0xa0 : b == 0xf0 ? 0x90 : 0x80
    const most: u8 = b == 0xed ? 0x9f : b == 0xf4 ? 0x8f : 0xbf
    if (second < least || second > most) { fail(UTF8, p); return false }
    if (size > 2 && (load<u8>(p, 2) & 0xc0) != 0x80) { fail(UTF8, p); return false }
    if (size > 3 && (load<u8>(p, 3) & 0xc0) != 0x80) { fail(UTF8, p); return false }
    p += size
  }
  return true
}
