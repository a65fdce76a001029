/**
 * Hashes and comparisons of bytes for the tables of the assembly. Seeded anew in each process, and every byte counts, so
 * that a sender cannot make names that all fall into one place.
 */
import { randomInt } from 'node:crypto'

export const SEED = randomInt(2 ** 31)
const STEP = 0x9e3779b1

/** Of at least one byte or none; signed. */
export function hashBytes(bytes: Uint8Array, from: number, to: number, seed: number): number {
  let h = seed ^ SEED ^ (to - from)
  let p = from
  for (const last = to - 3; p < last; p += 4) {
    const word = bytes[p] | (bytes[p + 1] << 8) | (bytes[p + 2] << 16) | (bytes[p + 3] << 24)
    h = Math.imul(h ^ word, STEP)
    h ^= h >>> 15
  }
  let rest = 0
  for (; p < to; p++) rest = (rest << 8) | bytes[p]
  return mix(h ^ rest)
}

/** The same purpose, another number; reads four bytes at a time. */
export function hashView(view: DataView, from: number, to: number, seed: number): number {
  let h = seed ^ SEED ^ (to - from)
  let p = from
  for (const last = to - 3; p < last; p += 4) {
    h = Math.imul(h ^ view.getInt32(p, true), STEP)
    h ^= h >>> 15
  }
  let rest = 0
  for (; p < to; p++) rest = (rest << 8) | view.getUint8(p)
  return mix(h ^ rest)
}

export function sameInViews(
  a: DataView,
  aFrom: number,
  b: DataView,
  bFrom: number,
  length: number,
): boolean {
  let i = 0
  for (; i + 4 <= length; i += 4) {
    if (a.getInt32(aFrom + i, true) !== b.getInt32(bFrom + i, true)) return false
  }
  for (; i < length; i++) if (a.getUint8(aFrom + i) !== b.getUint8(bFrom + i)) return false
  return true
}

export function mix(word: number): number {
  let h = Math.imul(word ^ (word >>> 16), 0x85ebca6b)
  h = Math.imul(h ^ (h >>> 13), 0xc2b2ae35)
  return h ^ (h >>> 16)
}

export function sameBytes(
  a: Uint8Array,
  aFrom: number,
  b: Uint8Array,
  bFrom: number,
  length: number,
): boolean {
  for (let i = 0; i < length; i++) if (a[aFrom + i] !== b[bFrom + i]) return false
  return true
}

/** Whether one of the bytes is a decimal digit. */
export function hasDigit(bytes: Uint8Array, from: number, to: number): boolean {
  for (let p = from; p < to; p++) if ((bytes[p] ^ 0x30) < 10) return true
  return false
}
