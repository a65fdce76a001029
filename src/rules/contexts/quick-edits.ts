/**
 * Edits that can be told in advance, on the slots of a QuickItem: constants put, attributes removed, short texts changed in
 * place, under conditions on the same few fields. What cannot be decided here is left to the general way, which then does
 * the whole item.
 */
import type { Edits } from '../../otlp/splice.ts'
import { readVarint32, skipVarint } from '../../otlp/wire-reader.ts'
import type { TextChange } from '../function.ts'
import { NO_MATCH, UNDECIDED } from '../regex-sequence.ts'
import type { Arena } from './arena.ts'
import type { QuickItem } from './quick-item.ts'

/** What a test says of an item. */
export const NO = 0
export const YES = 1
/** It takes the general way to tell. */
export const OPEN = 2
export type Answer = typeof NO | typeof YES | typeof OPEN

export type QuickTest = (item: QuickItem) => Answer

export interface QuickStep {
  /** False: the item is left to the general way. Throws EvaluationError when the arena is full. */
  run(item: QuickItem, arena: Arena): boolean
}

const VALUE_TAG = 0x12
const TEXT_TAG = 0x0a
const BOOL_TAG = 0x10
const INT_TAG = 0x18
const DOUBLE_TAG = 0x21
const MAX_BYTE = 0x7f

/** `set` of a constant: the whole field, encoded when the rules are loaded. */
export class PutField implements QuickStep {
  readonly #slot: number
  readonly #field: Uint8Array
  readonly #start: number

  /** `start` is where the field's content begins. */
  constructor(slot: number, field: Uint8Array, start: number) {
    this.#slot = slot
    this.#field = field
    this.#start = start
  }

  run(item: QuickItem): boolean {
    item.put(this.#slot, this.#field, 0, this.#start, this.#field.length)
    return true
  }
}

export class RemovePair implements QuickStep {
  readonly #slot: number

  constructor(slot: number) {
    this.#slot = slot
  }

  run(item: QuickItem): boolean {
    item.remove(this.#slot)
    return true
  }
}

/** Changes an attribute that is a short text. */
export class ChangeText implements QuickStep {
  readonly #slot: number
  readonly #change: TextChange

  constructor(slot: number, change: TextChange) {
    this.#slot = slot
    this.#change = change
  }

  // hot: bench/micro/rule-contexts.ts
  run(item: QuickItem, arena: Arena): boolean {
    const slot = this.#slot
    if (!item.has(slot)) return true
    const bytes = item.bytesOf(slot)
    const start = item.startOf(slot)
    const end = item.endOf(slot)
    const value = start + 2 + bytes[start + 1]
    if (end - start > MAX_BYTE || !isShortText(bytes, value, end)) return false
    const change = this.#change
    const length = change.run(bytes, value + 4, end)
    if (length === NO_MATCH) return true
    if (length === UNDECIDED) return false
    const size = value + 4 - start + length
    if (size > MAX_BYTE) return false
    this.#write(item, arena, bytes, start, value, length)
    return true
  }

  /** The key as it stands before the value, with the new text behind it. */
  #write(
    item: QuickItem,
    arena: Arena,
    bytes: Uint8Array,
    start: number,
    value: number,
    length: number,
  ): void {
    const size = value + 4 - start + length
    arena.reserve(size + 2)
    const out = arena.bytes
    const from = arena.used
    let pos = from
    out[pos++] = (item.pairs << 3) | 2
    out[pos++] = size
    for (let i = start; i < value; i++) out[pos++] = bytes[i]
    out[pos++] = VALUE_TAG
    out[pos++] = length + 2
    out[pos++] = TEXT_TAG
    out[pos++] = length
    const text = this.#change.out
    for (let i = 0; i < length; i++) out[pos++] = text[i]
    arena.used = pos
    item.put(this.#slot, out, from, from + 2, pos)
  }
}

/** A pair's value, at its tag, that is a text all lengths of which are single bytes. */
function isShortText(bytes: Uint8Array, value: number, end: number): boolean {
  return (
    bytes[value] === VALUE_TAG &&
    value + 2 + bytes[value + 1] === end &&
    bytes[value + 2] === TEXT_TAG &&
    value + 4 + bytes[value + 3] === end
  )
}

/** A step under `where`. */
export class GuardedStep implements QuickStep {
  readonly #test: QuickTest
  readonly #step: QuickStep

  constructor(test: QuickTest, step: QuickStep) {
    this.#test = test
    this.#step = step
  }

  run(item: QuickItem, arena: Arena): boolean {
    const answer = this.#test(item)
    if (answer === NO) return true
    return answer === YES && this.#step.run(item, arena)
  }
}

/** Several steps. */
export class QuickSteps implements QuickStep {
  readonly #steps: readonly QuickStep[]

  constructor(steps: readonly QuickStep[]) {
    this.#steps = steps
  }

  run(item: QuickItem, arena: Arena): boolean {
    const steps = this.#steps
    for (let i = 0; i < steps.length; i++) if (!steps[i].run(item, arena)) return false
    return true
  }
}

/** Whether an int32 field, 0 when it is absent, is this number. */
export function testNumber(slot: number, wanted: number): QuickTest {
  return item => {
    const value = item.has(slot) ? readVarint32(item.bytesOf(slot), item.startOf(slot)) | 0 : 0
    return value === wanted ? YES : NO
  }
}

/** Whether an attribute is this text. */
export function testText(slot: number, text: Uint8Array): QuickTest {
  const { length } = text
  return item => {
    if (!item.has(slot)) return NO
    const bytes = item.bytesOf(slot)
    const start = item.startOf(slot)
    const end = item.endOf(slot)
    const value = start + 2 + bytes[start + 1]
    const at = textIn(bytes, value, end)
    if (at < 0) return isNumber(bytes, value, end) ? NO : OPEN
    let i = end - at === length ? length - 1 : -2
    while (i >= 0 && bytes[at + i] === text[i]) i--
    return i === -1 ? YES : NO
  }
}

/** Whether an attribute is nil. */
export function testNil(slot: number): QuickTest {
  return item => {
    if (!item.has(slot)) return YES
    const bytes = item.bytesOf(slot)
    const start = item.startOf(slot)
    const end = item.endOf(slot)
    const value = start + 2 + bytes[start + 1]
    return textIn(bytes, value, end) >= 0 || isNumber(bytes, value, end) ? NO : OPEN
  }
}

/** Where the text begins of a pair's value, at its tag, that is a text and nothing else; else -1. */
function textIn(bytes: Uint8Array, value: number, end: number): number {
  if (value === end) return -1
  const at = skipVarint(bytes, value + 1)
  if (at === end || bytes[at] !== TEXT_TAG) return -1
  const text = skipVarint(bytes, at + 1)
  return text + readVarint32(bytes, at + 1) === end ? text : -1
}

export function negated(test: QuickTest): QuickTest {
  return item => {
    const answer = test(item)
    if (answer === OPEN) return OPEN
    return answer === YES ? NO : YES
  }
}

/** `decisive` of any decides: NO joins by `and`, YES by `or`. */
export function joined(tests: readonly QuickTest[], decisive: Answer): QuickTest {
  const other = decisive === YES ? NO : YES
  return item => {
    for (let i = 0; i < tests.length; i++) {
      const answer = tests[i](item)
      if (answer !== other) return answer
    }
    return other
  }
}

/** A bool, an int or a double, and nothing else. */
function isNumber(bytes: Uint8Array, value: number, end: number): boolean {
  if (bytes[value] !== VALUE_TAG || value + 2 + bytes[value + 1] !== end) return false
  const at = value + 3
  const tag = bytes[value + 2]
  if (tag === DOUBLE_TAG) return at + 8 === end
  if ((tag !== INT_TAG && tag !== BOOL_TAG) || at >= end) return false
  for (let i = at; i < end - 1; i++) if (bytes[i] < 0x80) return false
  return bytes[end - 1] < 0x80
}

/** What a group of statements does to each item. */
export class QuickProgram {
  readonly #item: QuickItem
  readonly #step: QuickStep

  constructor(item: QuickItem, step: QuickStep) {
    this.#item = item
    this.#step = step
  }

  /** False: nothing was done, the item is left to the general way. Throws EvaluationError when the arena is full. */
  edit(bytes: Uint8Array, start: number, end: number, arena: Arena, edits: Edits): boolean {
    const item = this.#item
    if (!item.walk(bytes, start, end) || !this.#step.run(item, arena)) return false
    item.layOut(edits)
    return true
  }

  release(): void {
    this.#item.release()
  }
}
