/** The hash of the tables in which tag keys and groups are found again: fast on short texts, and not to be chosen from outside. */
import { randomInt } from 'node:crypto'

/** Differs from process to process, so that no sender can prepare keys that all fall into one slot. */
const SEED = randomInt(0x1_0000_0000) | 0

/** FNV-1a with a random start and a last mixing of the high bits into the low ones. */
export function hashBytes(bytes: Uint8Array, start: number, end: number): number {
  let hash = SEED
  for (let i = start; i < end; i++) hash = Math.imul(hash ^ bytes[i], 0x01000193)
  return hash ^ (hash >>> 15)
}
