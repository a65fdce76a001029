/** What sets two answers apart. */
import { isDeepStrictEqual } from 'node:util'
import type { Answer } from './ask.ts'
import type { Json } from './telemetry.ts'

/** Undefined when they agree: same verdict, same values, same telemetry; the wording of errors is free. */
export function differenceOf(reference: Answer, ours: Answer): string | undefined {
  if (reference.verdict !== ours.verdict) {
    return `reference ${reference.verdict}: ${reference.message}${show(reference)}\nours ${ours.verdict}: ${ours.message}${show(ours)}`
  }
  if (reference.verdict !== 'done') return undefined
  if (reference.output !== null) {
    if (isDeepStrictEqual(reference.output, ours.output)) return undefined
    return `reference ${firstDifference(reference.output, ours.output)}`
  }
  const isSameLength = reference.results.length === ours.results.length
  if (isSameLength && reference.results.every((value, i) => isSame(value, ours.results[i]))) {
    return undefined
  }
  return `reference${show(reference)}\nours${show(ours)}`
}

function show({ results }: Answer): string {
  return results.length === 0 ? '' : ` ${JSON.stringify(results)}`
}

/** Floats may differ in the last digits, which hardware decides; times count by the instant, if int64 holds it. */
function isSame(a: Json, b: Json): boolean {
  if (a === null || b === null || typeof a !== 'object' || typeof b !== 'object') return a === b
  if ('go' in a) return typeof b === 'object'
  if ('f' in a && 'f' in b) return isSameFloat(a.f, b.f)
  if ('t' in a && 't' in b) return isWithinInt64(b.ns) ? a.ns === b.ns : a.t === b.t
  if (Array.isArray(a) && Array.isArray(b)) {
    return a.length === b.length && a.every((item, i) => isSame(item, b[i]))
  }
  if ('m' in a && 'm' in b) return isSameMap(a.m, b.m)
  return isDeepStrictEqual(a, b)
}

function isSameFloat(a: Json, b: Json): boolean {
  if (a === b || typeof a !== 'number' || typeof b !== 'number') return a === b
  return Math.abs(a - b) <= 1e-12 * Math.abs(a)
}

function isSameMap(a: Json, b: Json): boolean {
  const keys = Object.keys(a)
  if (keys.length !== Object.keys(b).length) return false
  return keys.every(key => Object.hasOwn(b, key) && isSame(a[key], b[key]))
}

function isWithinInt64(text: string): boolean {
  return BigInt.asIntN(64, BigInt(text)) === BigInt(text)
}

function firstDifference(a: Json, b: Json, path = ''): string {
  if (a !== null && b !== null && typeof a === 'object' && typeof b === 'object') {
    for (const key of new Set([...Object.keys(a), ...Object.keys(b)])) {
      if (!isDeepStrictEqual(a[key], b[key]))
        return firstDifference(a[key], b[key], `${path}.${key}`)
    }
  }
  return `${path}: ${JSON.stringify(a)}\nours ${JSON.stringify(b)}`
}
