/** Comparison of two values as OTTL has it: kinds that do not compare are only unequal; nothing here throws. */
import type { CompareOp } from './ast.ts'
import { Duration, Id, OtlpList, OtlpMessage, Time, type Value } from './value.ts'

export function compare(left: Value, op: CompareOp, right: Value): boolean {
  const a = emptyAsNil(left)
  const b = emptyAsNil(right)
  const order = orderOf(a, b)
  if (order === undefined) return op === '!=' ? !deepEqual(a, b) : op === '==' && deepEqual(a, b)
  switch (op) {
    case '==':
      return order === 0
    case '!=':
      return order !== 0
    case '<':
      return order < 0
    case '<=':
      return order <= 0
    case '>':
      return order > 0
    case '>=':
      return order >= 0
  }
}

/** The reference's empty bytes are nil slices. */
function emptyAsNil(value: Value): Value {
  const isEmpty = value instanceof Uint8Array && value.length === 0 && !(value instanceof Id)
  return isEmpty ? null : value
}

/** Negative, 0, positive, NaN (unordered numbers); undefined when the two have no order. */
function orderOf(a: Value, b: Value): number | undefined {
  if (a === null && b === null) return 0
  if (typeof a === 'string' && typeof b === 'string') return compareText(a, b)
  if (typeof a === 'bigint' && typeof b === 'bigint') return sign(a, b)
  if (isNumeric(a) && isNumeric(b)) return compareFloats(Number(a), Number(b))
  if (typeof a === 'boolean' && typeof b === 'boolean') return Number(a) - Number(b)
  if (a instanceof Id || b instanceof Id) return undefined
  if (a instanceof Uint8Array && b instanceof Uint8Array) return Buffer.compare(a, b)
  if (a instanceof Time && b instanceof Time) return sign(a.unixNano, b.unixNano)
  if (a instanceof Duration && b instanceof Duration) return sign(a.nanos, b.nanos)
  return undefined
}

function isNumeric(value: Value): value is bigint | number {
  return typeof value === 'bigint' || typeof value === 'number'
}

function sign(a: bigint, b: bigint): number {
  return a < b ? -1 : a > b ? 1 : 0
}

function compareFloats(a: number, b: number): number {
  return a < b ? -1 : a > b ? 1 : a === b ? 0 : Number.NaN
}

/** By UTF-8 bytes, which is by code point: in UTF-16 surrogates stand below U+E000 to U+FFFF. */
export function compareText(a: string, b: string): number {
  if (a === b) return 0
  const length = Math.min(a.length, b.length)
  for (let i = 0; i < length; i++) {
    const [x, y] = [a.charCodeAt(i), b.charCodeAt(i)]
    if (x === y) continue
    return (isSurrogate(x) ? x + 0x10000 : x) - (isSurrogate(y) ? y + 0x10000 : y)
  }
  return a.length - b.length
}

function isSurrogate(unit: number): boolean {
  return unit >= 0xd800 && unit <= 0xdfff
}

/** Equal in kind and content; an int and a float inside maps and lists are not. Maps disregard order. */
export function deepEqual(a: Value, b: Value): boolean {
  if (Array.isArray(a) && Array.isArray(b)) {
    return a.length === b.length && a.every((item, i) => deepEqual(item, b[i]))
  }
  if (a instanceof Map && b instanceof Map) {
    if (a.size !== b.size) return false
    for (const [key, value] of a) if (!b.has(key) || !deepEqual(value, b.get(key))) return false
    return true
  }
  if (a instanceof Id && b instanceof Id) {
    return a.constructor === b.constructor && Buffer.compare(a, b) === 0
  }
  if (a instanceof OtlpMessage && b instanceof OtlpMessage) {
    return a.type === b.type && Buffer.compare(a.bytes, b.bytes) === 0
  }
  if (a instanceof OtlpList && b instanceof OtlpList) {
    if (a.type !== b.type || a.items.length !== b.items.length) return false
    return a.items.every((item, i) => Buffer.compare(item, b.items[i]) === 0)
  }
  return typeof a === typeof b && orderOf(a, b) === 0
}
