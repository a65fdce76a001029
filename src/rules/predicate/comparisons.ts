/**
 * Comparisons of a slot with a constant, as closures over integers: no value is built, no text decoded. They give what
 * `compare.ts` gives for the decoded values, and like it they never fail.
 */
import {
  ABSENT,
  BOOL,
  BYTES,
  DOUBLE,
  EMPTY,
  INT,
  LITERAL_SHIFT,
  SLOT_A,
  SLOT_B,
  TEXT,
  TYPE_MASK,
} from '../../otlp/kernel/slot-layout.ts'
import type { CompareOp } from '../ast.ts'
import type { LevelView, SlotPlan, SlotRef } from './slot-plan.ts'

export type Test = (scope: unknown) => boolean

export type Constant = null | string | bigint | number | boolean

/** Undefined when this is not to be had from a slot. */
export function compareSlot(
  plan: SlotPlan,
  ref: SlotRef,
  op: CompareOp,
  constant: Constant,
): Test | undefined {
  if (ref.kind === 'id') return undefined
  if (constant === null) return compareNil(ref, op)
  if (typeof constant === 'boolean') return compareBool(ref, op, constant)
  if (typeof constant !== 'string') return compareNumber(ref, op, constant)
  if (op === '==') return equalsText(ref, plan.literal(ref, constant), constant)
  if (op !== '!=') return compareText(ref, op, constant)
  const equals = equalsText(ref, plan.literal(ref, constant), constant)
  return scope => !equals(scope)
}

export function flip(op: CompareOp): CompareOp {
  if (op === '<') return '>'
  if (op === '<=') return '>='
  if (op === '>') return '<'
  return op === '>=' ? '<=' : op
}

function equalsText({ view, offset, kind }: SlotRef, literal: number, text: string): Test {
  const wanted = TEXT | (literal << LITERAL_SHIFT)
  if (kind !== 'text' || text !== '') return () => view.words[view.at + offset] === wanted
  return () => view.words[view.at + offset] === wanted || view.words[view.at + offset] === ABSENT
}

function compareNil({ view, offset, kind }: SlotRef, op: CompareOp): Test {
  if (op === '<' || op === '>') return () => false
  const whenNil = op !== '!='
  if (kind !== 'any') return () => !whenNil
  return () => isNil(view, view.at + offset) === whenNil
}

/** Empty bytes are nil. */
function isNil({ words }: LevelView, at: number): boolean {
  const type = words[at]
  return type === ABSENT || type === EMPTY || (type === BYTES && words[at + SLOT_B] === 0)
}

function compareBool({ view, offset, kind }: SlotRef, op: CompareOp, constant: boolean): Test {
  const accepts = acceptanceOf(op)
  return () => {
    const at = view.at + offset
    if (kind !== 'bool' && view.words[at] !== BOOL) return accepts.other
    return accept(accepts, view.words[at + SLOT_A] - Number(constant))
  }
}

function compareNumber(
  { view, offset, kind }: SlotRef,
  op: CompareOp,
  constant: bigint | number,
): Test {
  const accepts = acceptanceOf(op)
  const float = Number(constant)
  const integer = typeof constant === 'bigint'
  const low = integer ? Number(BigInt.asIntN(32, constant)) : 0
  const high = integer ? Number(constant >> 32n) : 0
  return () => {
    const { words } = view
    const at = view.at + offset
    const type = kind === 'any' ? words[at] : kind === 'int' ? INT : kind === 'double' ? DOUBLE : 0
    if (type === INT) {
      const a = words[at + SLOT_A]
      const b = words[at + SLOT_B]
      if (!integer) return accept(accepts, toFloat(a, b) - float)
      if (b !== high) return accept(accepts, b < high ? -1 : 1)
      return accept(accepts, (a >>> 0) - (low >>> 0))
    }
    if (type !== DOUBLE) return accepts.other
    return acceptFloats(accepts, readDouble(words[at + SLOT_A], words[at + SLOT_B]), float)
  }
}

function compareText({ view, offset, kind }: SlotRef, op: CompareOp, text: string): Test {
  const accepts = acceptanceOf(op)
  const literal = Buffer.from(text)
  return () => {
    const { words } = view
    const at = view.at + offset
    if (kind !== 'text' && (words[at] & TYPE_MASK) !== TEXT) return accepts.other
    return accept(accepts, orderOf(view.bytes, words[at + SLOT_A], words[at + SLOT_B], literal))
  }
}

/** By bytes, which for UTF-8 is by code point. */
function orderOf(bytes: Uint8Array, start: number, length: number, other: Uint8Array): number {
  const shorter = Math.min(length, other.length)
  for (let i = 0; i < shorter; i++) {
    const difference = bytes[start + i] - other[i]
    if (difference !== 0) return difference
  }
  return length - other.length
}

/** The number in a slot, of whichever kind; NaN when it holds none. */
export function numberIn({ view, offset, kind }: SlotRef): number {
  const { words } = view
  const at = view.at + offset
  const type = kind === 'any' ? words[at] : kind === 'int' ? INT : kind === 'double' ? DOUBLE : 0
  if (type === INT) return toFloat(words[at + SLOT_A], words[at + SLOT_B])
  return type === DOUBLE ? readDouble(words[at + SLOT_A], words[at + SLOT_B]) : Number.NaN
}

/** What an operator says to each order of its sides. */
interface Acceptance {
  readonly less: boolean
  readonly equal: boolean
  readonly greater: boolean
  /** Kinds that do not compare, and NaN. */
  readonly other: boolean
}

function acceptanceOf(op: CompareOp): Acceptance {
  return {
    less: op === '<' || op === '<=' || op === '!=',
    equal: op === '==' || op === '<=' || op === '>=',
    greater: op === '>' || op === '>=' || op === '!=',
    other: op === '!=',
  }
}

function accept(accepts: Acceptance, order: number): boolean {
  return order === 0 ? accepts.equal : order < 0 ? accepts.less : accepts.greater
}

/** Not by their difference, which is no number for two infinities. */
function acceptFloats(accepts: Acceptance, a: number, b: number): boolean {
  if (a < b) return accepts.less
  if (a > b) return accepts.greater
  return a === b ? accepts.equal : accepts.other
}

const halves = new Int32Array(2)
const double = new Float64Array(halves.buffer)

function readDouble(low: number, high: number): number {
  halves[0] = low
  halves[1] = high
  return double[0]
}

/** Rounded once, in the last addition. */
function toFloat(low: number, high: number): number {
  return high * 0x1_0000_0000 + (low >>> 0)
}
