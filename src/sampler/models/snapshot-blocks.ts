/** The outer form of what models write down: a JSON head and blocks of bytes behind it, closed by a checksum. */
import { crc32 } from 'node:zlib'

export interface Snapshot {
  readonly head: unknown
  readonly blocks: readonly Uint8Array[]
}

/** Against cut and changed files, not against attackers; a cryptographic hash would hold the event loop ten times as long. */
const CHECKSUM_BYTES = 4
const LENGTH_BYTES = 4

/** Summed in one step: about a millisecond. */
const STEP_BYTES = 4 * 1024 * 1024

export function encodeSnapshot(head: unknown, blocks: readonly Uint8Array[]): Uint8Array {
  return toEnd(encodeSteps(head, blocks))
}

/** The same in steps, between which others may get a turn. The blocks must stay as they are until the last one. */
export function* encodeSteps(
  head: unknown,
  blocks: readonly Uint8Array[],
): Generator<undefined, Uint8Array> {
  const text = new TextEncoder().encode(
    JSON.stringify({ head, lengths: blocks.map(block => block.length) }),
  )
  const body = blocks.reduce((sum, block) => sum + block.length, LENGTH_BYTES + text.length)
  const bytes = new Uint8Array(body + CHECKSUM_BYTES)
  new DataView(bytes.buffer).setUint32(0, text.length, true)
  bytes.set(text, LENGTH_BYTES)
  let at = LENGTH_BYTES + text.length
  for (const block of blocks) {
    bytes.set(block, at)
    at += block.length
    yield
  }
  let sum = 0
  for (let from = 0; from < body; from += STEP_BYTES) {
    sum = crc32(bytes.subarray(from, Math.min(body, from + STEP_BYTES)), sum)
    yield
  }
  new DataView(bytes.buffer).setUint32(body, sum, true)
  return bytes
}

/** All steps at once. */
export function toEnd<T>(steps: Generator<undefined, T>): T {
  for (;;) {
    const step = steps.next()
    if (step.done === true) return step.value
  }
}

/** Null if the bytes are cut, changed, or something else. */
export function decodeSnapshot(bytes: Uint8Array): Snapshot | null {
  const body = bytes.length - CHECKSUM_BYTES
  if (body < LENGTH_BYTES) return null
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length)
  if (crc32(bytes.subarray(0, body)) !== view.getUint32(body, true)) return null
  const from = LENGTH_BYTES + view.getUint32(0, true)
  if (from > body) return null
  const text = new TextDecoder().decode(bytes.subarray(LENGTH_BYTES, from))
  const { head, lengths } = JSON.parse(text) as { head: unknown; lengths: number[] }
  const blocks: Uint8Array[] = []
  let at = from
  for (const length of lengths) {
    blocks.push(bytes.subarray(at, at + length))
    at += length
  }
  return at === body ? { head, blocks } : null
}
