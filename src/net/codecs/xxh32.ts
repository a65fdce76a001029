/** xxHash, 32 bits, seed 0: the checksum inside LZ4 frames. */

const P1 = 0x9e3779b1
const P2 = 0x85ebca77
const P3 = 0xc2b2ae3d
const P4 = 0x27d4eb2f
const P5 = 0x165667b1

export function xxh32(bytes: Uint8Array): number {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  const n = bytes.length
  let pos = 0
  let hash = P5
  if (n >= 16) {
    let a = (P1 + P2) | 0
    let b = P2 | 0
    let c = 0
    let d = -P1 | 0
    for (const end = n - 16; pos <= end; pos += 16) {
      a = round(a, view.getInt32(pos, true))
      b = round(b, view.getInt32(pos + 4, true))
      c = round(c, view.getInt32(pos + 8, true))
      d = round(d, view.getInt32(pos + 12, true))
    }
    hash = (rotate(a, 1) + rotate(b, 7) + rotate(c, 12) + rotate(d, 18)) | 0
  }
  hash = (hash + n) | 0
  for (; pos + 4 <= n; pos += 4) {
    hash = Math.imul(rotate((hash + Math.imul(view.getInt32(pos, true), P3)) | 0, 17), P4)
  }
  for (; pos < n; pos++) hash = Math.imul(rotate((hash + Math.imul(bytes[pos], P5)) | 0, 11), P1)
  hash = Math.imul(hash ^ (hash >>> 15), P2)
  hash = Math.imul(hash ^ (hash >>> 13), P3)
  return (hash ^ (hash >>> 16)) >>> 0
}

function round(acc: number, lane: number): number {
  return Math.imul(rotate((acc + Math.imul(lane, P2)) | 0, 13), P1)
}

function rotate(x: number, bits: number): number {
  return (x << bits) | (x >>> (32 - bits))
}
