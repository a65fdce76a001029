/**
 * Which share of [0, 1) an item falls into: the same for all items of one trace (or one resource), in every process and
 * after every reload, and independent from rule to rule because the rule's name is part of the key.
 */
import type { Signal } from '../../core/signal.ts'
import { END, PARENT, type RequestIndex, ROW, START } from '../../otlp/request-index.ts'
import { FieldCursor } from '../../otlp/wire-reader.ts'
import type { SplitKey } from './rule-set.ts'

const FNV_BASIS = 0x811c9dc5
const FNV_PRIME = 0x01000193
const TWO_32 = 2 ** 32

/** Field of the item that holds the trace id; data points have none. */
const TRACE_ID_FIELD: Readonly<Record<Signal, number>> = { traces: 1, logs: 9, metrics: 0 }
const ID_LENGTH = 16
/** `resource` in ResourceSpans, ResourceLogs, ResourceMetrics. */
const RESOURCE_FIELD = 1

/** What tells one rule's shares from another's. */
export function saltOf(name: string): number {
  const bytes = Buffer.from(name)
  return fnv(FNV_BASIS, bytes, 0, bytes.length)
}

const field = new FieldCursor()

/** Items without a trace id go by their resource. */
export function shareOf(
  bytes: Uint8Array,
  index: RequestIndex,
  item: number,
  by: SplitKey,
  salt: number,
): number {
  if (by === 'trace_id' && findTraceId(bytes, index, item)) {
    return finish(fnv(salt, bytes, field.start, field.end))
  }
  return finish(hashResource(bytes, index, item, salt))
}

/** Lower-case hex; empty where the item belongs to no trace. */
export function traceIdOf(bytes: Uint8Array, index: RequestIndex, item: number): string {
  if (!findTraceId(bytes, index, item)) return ''
  return Buffer.from(bytes.buffer, bytes.byteOffset + field.start, ID_LENGTH).toString('hex')
}

/** Leaves `field` on the trace id. */
function findTraceId(bytes: Uint8Array, index: RequestIndex, item: number): boolean {
  const wanted = TRACE_ID_FIELD[index.signal]
  if (wanted === 0) return false
  const rows = index.levels[index.levels.length - 1]
  field.reset(bytes, rows[item * ROW + START], rows[item * ROW + END])
  while (field.next()) {
    if (field.number === wanted) return field.end - field.start === ID_LENGTH
  }
  return false
}

function hashResource(bytes: Uint8Array, index: RequestIndex, item: number, salt: number): number {
  let row = item
  for (let level = index.levels.length - 1; level > 0; level--) {
    row = index.levels[level][row * ROW + PARENT]
  }
  const groups = index.levels[0]
  field.reset(bytes, groups[row * ROW + START], groups[row * ROW + END])
  let hash = salt
  while (field.next()) {
    if (field.number === RESOURCE_FIELD) hash = fnv(hash, bytes, field.start, field.end)
  }
  return hash
}

function fnv(basis: number, bytes: Uint8Array, start: number, end: number): number {
  let hash = basis
  for (let i = start; i < end; i++) hash = Math.imul(hash ^ bytes[i], FNV_PRIME)
  return hash
}

/** FNV leaves the high bits of short inputs weak; this is the finaliser of MurmurHash3. */
function finish(hash: number): number {
  let h = hash ^ (hash >>> 16)
  h = Math.imul(h, 0x85ebca6b)
  h ^= h >>> 13
  h = Math.imul(h, 0xc2b2ae35)
  h ^= h >>> 16
  return (h >>> 0) / TWO_32
}
