/** Comparison, arithmetic and indexing written a second time, plainly and from the rules alone, to judge the product's by. */
import type { CompareOp, MathOp } from '../../../src/rules/ast.ts'
import {
  Duration,
  EvaluationError,
  Id,
  isList,
  isMap,
  Time,
  type Value,
} from '../../../src/rules/value.ts'

/** Rank on a common line, or undefined where only equality makes sense. */
function order(a: Value, b: Value): 'less' | 'same' | 'more' | 'apart' | undefined {
  const pair = rankPair(a, b)
  if (pair === undefined) return undefined
  const [x, y] = pair
  return x < y ? 'less' : x > y ? 'more' : x === y ? 'same' : 'apart'
}

type Ranks = readonly [number, number] | readonly [bigint, bigint] | readonly [string, string]

function rankPair(a: Value, b: Value): Ranks | undefined {
  if (typeof a === 'bigint' && typeof b === 'bigint') return [a, b]
  if (isNumber(a) && isNumber(b)) return [Number(a), Number(b)]
  if (typeof a === 'boolean' && typeof b === 'boolean') return [a ? 1 : 0, b ? 1 : 0]
  if (typeof a === 'string' && typeof b === 'string') return [hexOfText(a), hexOfText(b)]
  if (a instanceof Id || b instanceof Id) return undefined
  if (a instanceof Uint8Array && b instanceof Uint8Array) return [hexOf(a), hexOf(b)]
  if (a instanceof Time && b instanceof Time) return [a.unixNano, b.unixNano]
  if (a instanceof Duration && b instanceof Duration) return [a.nanos, b.nanos]
  return undefined
}

function isNumber(value: Value): boolean {
  return typeof value === 'bigint' || typeof value === 'number'
}

function hexOf(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString('hex')
}

function hexOfText(text: string): string {
  return Buffer.from(text).toString('hex')
}

function isNil(value: Value): boolean {
  return (
    value === null || (value instanceof Uint8Array && !(value instanceof Id) && value.length === 0)
  )
}

export function holds(a: Value, op: CompareOp, b: Value): boolean {
  if (op === '!=') return !holds(a, '==', b)
  if (isNil(a) && isNil(b)) return op.endsWith('=')
  if (isNil(a) || isNil(b)) return false
  const found = order(a, b)
  if (found === undefined) return op === '==' && same(a, b)
  switch (op) {
    case '==':
      return found === 'same'
    case '<':
      return found === 'less'
    case '<=':
      return found === 'less' || found === 'same'
    case '>':
      return found === 'more'
    case '>=':
      return found === 'more' || found === 'same'
  }
}

/** Inside of lists and maps an int is no float, and empty bytes are bytes. */
function same(a: Value, b: Value): boolean {
  if (isList(a) && isList(b)) {
    return a.length === b.length && a.every((item, i) => same(item, b[i]))
  }
  if (isMap(a) && isMap(b)) {
    const hasSame = ([key, item]: [string, Value]): boolean =>
      b.has(key) && same(item, b.get(key) as Value)
    return a.size === b.size && [...a].every(hasSame)
  }
  if (a instanceof Id && b instanceof Id) {
    return a.constructor === b.constructor && hexOf(a) === hexOf(b)
  }
  if (a === null || b === null) return a === b
  return typeof a === typeof b && order(a, b) === 'same'
}

export function compute(a: Value, op: MathOp, b: Value): Value {
  if (typeof a === 'bigint' && typeof b === 'bigint') {
    if (op === '/' && b === 0n) throw new EvaluationError('division by zero')
    return BigInt.asIntN(64, arithmetic[op](a, b))
  }
  if (isNumber(a) && isNumber(b)) {
    if (op === '/' && Number(b) === 0) throw new EvaluationError('division by zero')
    return floating[op](Number(a), Number(b))
  }
  if (a instanceof Time && b instanceof Duration && op === '+') return later(a, b.nanos)
  if (a instanceof Time && b instanceof Duration && op === '-') return later(a, -b.nanos)
  if (a instanceof Duration && b instanceof Time && op === '+') return later(b, a.nanos)
  if (a instanceof Time && b instanceof Time && op === '-') {
    const nanos = a.unixNano - b.unixNano
    const max = 2n ** 63n - 1n
    return new Duration(nanos > max ? max : nanos < -max - 1n ? -max - 1n : nanos)
  }
  if (a instanceof Duration && b instanceof Duration && (op === '+' || op === '-')) {
    return new Duration(BigInt.asIntN(64, arithmetic[op](a.nanos, b.nanos)))
  }
  throw new EvaluationError('no such calculation')
}

const arithmetic: Readonly<Record<MathOp, (a: bigint, b: bigint) => bigint>> = {
  '+': (a, b) => a + b,
  '-': (a, b) => a - b,
  '*': (a, b) => a * b,
  '/': (a, b) => a / b,
}
const floating: Readonly<Record<MathOp, (a: number, b: number) => number>> = {
  '+': (a, b) => a + b,
  '-': (a, b) => a - b,
  '*': (a, b) => a * b,
  '/': (a, b) => a / b,
}

function later(time: Time, nanos: bigint): Time {
  return new Time(time.unixNano + nanos, time.zone)
}

/** `value[key]` of what was computed: what is not there is an error. */
export function entry(value: Value, key: Value): Value {
  const found =
    isMap(value) && typeof key === 'string'
      ? value.get(key)
      : isList(value) && typeof key === 'bigint'
        ? value.at(key < 0n ? value.length : Number(key))
        : undefined
  if (found === undefined) throw new EvaluationError('no such entry')
  return found
}
