/**
 * Tests of what stands in a slot: regular expressions, prefixes and suffixes by bytes where that is enough, anything else once for each
 * distinct text. What is no text goes to the general evaluation, which knows how other kinds become text or fail.
 */
import {
  ABSENT,
  EMPTY,
  LITERAL_SHIFT,
  SLOT_A,
  SLOT_B,
  TEXT,
  TYPE_MASK,
} from '../../otlp/kernel/slot-layout.ts'
import { asBuffer } from '../../otlp/wire-reader.ts'
import { compileRegex } from '../regex.ts'
import { type BytePattern, bytePatternOf } from './byte-pattern.ts'
import type { Test } from './comparisons.ts'
import type { LevelView, SlotPlan, SlotRef } from './slot-plan.ts'
import { NO, UNKNOWN } from './text-memo.ts'

type TextTest = (bytes: Uint8Array, start: number, end: number) => boolean

/** `IsMatch(slot, pattern)`; the pattern has been accepted by the general compiler. */
export function matchSlot(plan: SlotPlan, ref: SlotRef, pattern: string, general: Test): Test {
  const simple = bytePatternOf(pattern)
  if (simple === undefined) {
    const regex = compileRegex(pattern)
    return memoized(plan, ref, true, general, (bytes, start, end) =>
      regex.test(asBuffer(bytes).toString('utf8', start, end)),
    )
  }
  if (simple.kind === 'exact') return oneOf(plan, ref, simple.literals, general)
  return byBytes(ref, simple, true, general)
}

/** `HasPrefix` and `HasSuffix`, which fail on what is no text. */
export function affixSlot(
  ref: SlotRef,
  kind: 'prefix' | 'suffix',
  text: string,
  general: Test,
): Test {
  return byBytes(ref, { kind, literals: [text] }, false, general)
}

/** Any condition that reads nothing but one slot and gives the same for the same text. */
export function memoizedGeneral(plan: SlotPlan, ref: SlotRef, general: Test): Test {
  return memoized(plan, ref, false, general, null)
}

/** Whether an id is absent or all zero. Other lengths than its own are left to the general evaluation. */
export function isZero({ view, offset }: SlotRef, length: number, general: Test): Test {
  return scope => {
    const at = view.at + offset
    const size = view.words[at + SLOT_B]
    if (size === 0) return true
    if (size !== length) return general(scope)
    const start = view.words[at + SLOT_A]
    for (let i = start; i < start + length; i++) if (view.bytes[i] !== 0) return false
    return true
  }
}

function oneOf(plan: SlotPlan, ref: SlotRef, texts: readonly string[], general: Test): Test {
  const { view, offset, kind } = ref
  const literals = texts.map(text => plan.literal(ref, text))
  const [first] = literals
  const single = literals.length === 1
  const accepted = new Set(literals)
  const hasEmpty = texts.includes('')
  return scope => {
    const word = view.words[view.at + offset]
    if ((word & TYPE_MASK) !== TEXT) {
      if (word === ABSENT) return kind === 'text' && hasEmpty
      return word === EMPTY ? false : general(scope)
    }
    const literal = word >>> LITERAL_SHIFT
    return single ? literal === first : literal !== 0 && accepted.has(literal)
  }
}

function byBytes(ref: SlotRef, pattern: BytePattern, nilIsNo: boolean, general: Test): Test {
  const { view, offset, kind } = ref
  const test = TEXT_TESTS[pattern.kind](pattern.literals.map(text => Buffer.from(text)))
  return scope => {
    const { words, bytes } = view
    const at = view.at + offset
    const type = words[at] & TYPE_MASK
    const start = words[at + SLOT_A]
    if (type === TEXT || (type === ABSENT && kind === 'text')) {
      return test(bytes, start, start + words[at + SLOT_B])
    }
    return nilIsNo && (type === ABSENT || type === EMPTY) ? false : general(scope)
  }
}

const TEXT_TESTS: Readonly<
  Record<BytePattern['kind'], (literals: readonly Uint8Array[]) => TextTest>
> = {
  exact: literals => (bytes, start, end) =>
    literals.some(each => each.length === end - start && startsWith(bytes, start, end, each)),
  prefix: literals => anyOf(literals, startsWith),
  suffix: literals =>
    anyOf(literals, (bytes, start, end, each) =>
      startsWith(bytes, Math.max(start, end - each.length), end, each),
    ),
  contains: literals => anyOf(literals, contains),
}

function anyOf(
  literals: readonly Uint8Array[],
  test: (bytes: Uint8Array, start: number, end: number, literal: Uint8Array) => boolean,
): TextTest {
  if (literals.length === 1) {
    const [literal] = literals
    return (bytes, start, end) => test(bytes, start, end, literal)
  }
  return (bytes, start, end) => {
    for (let i = 0; i < literals.length; i++) {
      if (test(bytes, start, end, literals[i])) return true
    }
    return false
  }
}

function startsWith(bytes: Uint8Array, start: number, end: number, literal: Uint8Array): boolean {
  if (end - start < literal.length) return false
  for (let i = 0; i < literal.length; i++) if (bytes[start + i] !== literal[i]) return false
  return true
}

function contains(bytes: Uint8Array, start: number, end: number, literal: Uint8Array): boolean {
  if (literal.length === 0) return true
  const [first] = literal
  for (let at = start; at <= end - literal.length; at++) {
    if (bytes[at] === first && startsWith(bytes, at, end, literal)) return true
  }
  return false
}

/** Without `compute` the general evaluation computes. */
function memoized(
  plan: SlotPlan,
  ref: SlotRef,
  nilIsNo: boolean,
  general: Test,
  compute: TextTest | null,
): Test {
  const { view, offset, kind, memo } = ref
  plan.hash(ref)
  const column = memo.addColumn()
  return scope => {
    const type = view.words[view.at + offset] & TYPE_MASK
    // An absent field is an empty text, whose hash is 0 as the slot is.
    if (type !== TEXT && (type !== ABSENT || kind !== 'text')) {
      if (nilIsNo && (type === ABSENT || type === EMPTY)) return false
      return general(scope)
    }
    const entry = memo.find(view, offset)
    const known = entry === -1 ? UNKNOWN : memo.result(entry, column)
    if (known !== UNKNOWN) return known !== NO
    const result = compute === null ? general(scope) : computeAt(compute, view, view.at + offset)
    memo.keep(entry, column, result)
    return result
  }
}

function computeAt(compute: TextTest, { words, bytes }: LevelView, at: number): boolean {
  const start = words[at + SLOT_A]
  return compute(bytes, start, start + words[at + SLOT_B])
}
