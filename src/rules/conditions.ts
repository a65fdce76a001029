/** Puts conditions together: what literals decide is decided at load, and the common comparisons need no general one. */
import type { CompareOp } from './ast.ts'
import { compare, compareText } from './compare.ts'
import { constantOf } from './constant.ts'
import type { Getter } from './function.ts'
import { Id, type Value } from './value.ts'

export type Test = (scope: unknown) => boolean

export const ALWAYS: Test = () => true
export const NEVER: Test = () => false

/** One factor that never holds decides, even if another would fail: as in the reference. */
export function allOf(factors: readonly Test[]): Test {
  if (factors.includes(NEVER)) return NEVER
  const open = factors.filter(factor => factor !== ALWAYS)
  const [a, b, c] = open
  if (open.length === 0) return ALWAYS
  if (open.length === 1) return a
  if (open.length === 2) return scope => a(scope) && b(scope)
  if (open.length === 3) return scope => a(scope) && b(scope) && c(scope)
  return scope => {
    for (let i = 0; i < open.length; i++) if (!open[i](scope)) return false
    return true
  }
}

export function anyOf(terms: readonly Test[]): Test {
  if (terms.includes(ALWAYS)) return ALWAYS
  const open = terms.filter(term => term !== NEVER)
  const [a, b, c] = open
  if (open.length === 0) return NEVER
  if (open.length === 1) return a
  if (open.length === 2) return scope => a(scope) || b(scope)
  if (open.length === 3) return scope => a(scope) || b(scope) || c(scope)
  return scope => {
    for (let i = 0; i < open.length; i++) if (open[i](scope)) return true
    return false
  }
}

export function notOf(operand: Test): Test {
  if (operand === ALWAYS) return NEVER
  if (operand === NEVER) return ALWAYS
  return scope => !operand(scope)
}

export function comparisonOf(left: Getter, op: CompareOp, right: Getter): Test {
  const [first, second] = [constantOf(left), constantOf(right)]
  if (first !== undefined && second !== undefined) {
    return compare(first.value, op, second.value) ? ALWAYS : NEVER
  }
  if (second !== undefined) return againstLiteral(left, op, second.value)
  if (first !== undefined) return againstLiteral(right, MIRRORED[op], first.value)
  return scope => compare(left(scope), op, right(scope))
}

const MIRRORED: Readonly<Record<CompareOp, CompareOp>> = {
  '==': '==',
  '!=': '!=',
  '<': '>',
  '<=': '>=',
  '>': '<',
  '>=': '<=',
}

function againstLiteral(get: Getter, op: CompareOp, literal: Value): Test {
  if (literal === null) return againstNil(get, op)
  if (typeof literal === 'string') return againstText(get, op, literal)
  if (typeof literal === 'bigint') return againstInt(get, op, literal)
  if (typeof literal === 'number') return againstFloat(get, op, literal)
  if (typeof literal === 'boolean') {
    if (op === '==') return scope => get(scope) === literal
    if (op === '!=') return scope => get(scope) !== literal
  }
  return scope => compare(get(scope), op, literal)
}

function againstNil(get: Getter, op: CompareOp): Test {
  if (op === '<' || op === '>') return scope => compare(get(scope), op, null)
  const isUnequal = op === '!='
  return scope => {
    const value = get(scope)
    const isNil =
      value === null ||
      (value instanceof Uint8Array && value.length === 0 && !(value instanceof Id))
    return isNil !== isUnequal
  }
}

function againstText(get: Getter, op: CompareOp, text: string): Test {
  if (op === '==') return scope => get(scope) === text
  if (op === '!=') return scope => get(scope) !== text
  const holds = ORDER[op]
  return scope => {
    const value = get(scope)
    return typeof value === 'string' && holds(compareText(value, text), 0)
  }
}

function againstInt(get: Getter, op: CompareOp, int: bigint): Test {
  const float = Number(int)
  if (op === '==' || op === '!=') {
    const wanted = op === '=='
    return scope => {
      const value = get(scope)
      return (typeof value === 'bigint' ? value === int : value === float) === wanted
    }
  }
  const holds = ORDER[op]
  return scope => {
    const value = get(scope)
    if (typeof value === 'bigint') return holds(value, int)
    return typeof value === 'number' && holds(value, float)
  }
}

/** An int is compared as a float. */
function againstFloat(get: Getter, op: CompareOp, float: number): Test {
  if (op === '==' || op === '!=') {
    const wanted = op === '=='
    return scope => {
      const value = get(scope)
      return (typeof value === 'bigint' ? Number(value) === float : value === float) === wanted
    }
  }
  const holds = ORDER[op]
  return scope => {
    const value = get(scope)
    if (typeof value === 'bigint') return holds(Number(value), float)
    return typeof value === 'number' && holds(value, float)
  }
}

type Ordered = bigint | number

const ORDER: Readonly<Record<'<' | '<=' | '>' | '>=', (a: Ordered, b: Ordered) => boolean>> = {
  '<': (a, b) => a < b,
  '<=': (a, b) => a <= b,
  '>': (a, b) => a > b,
  '>=': (a, b) => a >= b,
}
