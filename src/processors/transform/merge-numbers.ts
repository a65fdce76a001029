/** Several number points made one. */
import { readDouble, readSfixed64 } from '../../otlp/wire-reader.ts'
import type { RawFields } from './raw-fields.ts'

export const AGGREGATIONS = ['sum', 'mean', 'min', 'max', 'median', 'count'] as const
export type Aggregation = (typeof AGGREGATIONS)[number]

const START = 2
const AS_DOUBLE = 4
const AS_INT = 6

/** The first one with the joined value and the earliest start. Its kind of number is the result's. */
export function mergeNumbers(group: readonly RawFields[], aggregation: Aggregation): RawFields {
  const [first, ...others] = group
  if (others.length === 0) return first
  const value = numberOf(first)
  if (value === undefined) return first
  earliestStart(first, others)
  if (typeof value === 'bigint') {
    const ints = [value, ...others.map(intOf)]
    // Summed up is what the points have as integers only.
    const summands = [value, ...others.map(each => asInt(numberOf(each)))]
    const joined = BigInt.asIntN(64, joinInts(ints, summands, aggregation))
    return first.set(AS_INT, writer => writer.fixed64(AS_INT, BigInt.asUintN(64, joined)))
  }
  const joined = joinDoubles([value, ...others.map(doubleOf)], aggregation)
  return first.set(AS_DOUBLE, writer => writer.double(AS_DOUBLE, joined))
}

export function earliestStart(first: RawFields, others: readonly RawFields[]): void {
  let start = first.fixed64(START)
  for (const other of others) if (other.fixed64(START) < start) start = other.fixed64(START)
  if (start === first.fixed64(START)) return
  if (start === 0n) first.remove(START)
  else first.set(START, writer => writer.fixed64(START, start))
}

function joinDoubles(values: readonly number[], aggregation: Aggregation): number {
  const sum = () => values.reduce((total, value) => total + value)
  switch (aggregation) {
    case 'sum':
      return sum()
    case 'mean':
      return sum() / values.length
    case 'min':
      return Math.min(...values)
    case 'max':
      return Math.max(...values)
    case 'count':
      return values.length
    case 'median': {
      const sorted = [...values].sort((a, b) => a - b)
      const middle = sorted.length >> 1
      return sorted.length % 2 === 1 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2
    }
  }
}

function joinInts(
  values: readonly bigint[],
  summands: readonly bigint[],
  aggregation: Aggregation,
): bigint {
  const sum = () => summands.reduce((total, value) => BigInt.asIntN(64, total + value))
  const sorted = [...values].sort((a, b) => (a < b ? -1 : Number(a > b)))
  const middle = sorted.length >> 1
  switch (aggregation) {
    case 'sum':
      return sum()
    case 'mean':
      return sum() / BigInt(values.length)
    case 'min':
      return sorted[0]
    case 'max':
      return sorted[sorted.length - 1]
    case 'count':
      return BigInt(values.length)
    case 'median':
      return sorted.length % 2 === 1 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2n
  }
}

function numberOf(point: RawFields): bigint | number | undefined {
  const last = point.numbers().findLast(number => number === AS_DOUBLE || number === AS_INT)
  if (last === undefined) return undefined
  const content = point.last(last)!
  return last === AS_INT ? readSfixed64(content, 0) : readDouble(content, 0)
}

function asInt(value: bigint | number | undefined): bigint {
  return typeof value === 'bigint' ? value : 0n
}

function intOf(point: RawFields): bigint {
  const value = numberOf(point)
  if (typeof value !== 'number') return value ?? 0n
  return Math.abs(value) < 2 ** 63 ? BigInt(Math.trunc(value)) : -(2n ** 63n)
}

function doubleOf(point: RawFields): number {
  return Number(numberOf(point) ?? 0)
}
