/** Which field a path is about: the message it stands in and its number there, which for data points depends on the metric's kind. */
import { EvaluationError, typeName, type Value } from '../value.ts'
import { type Cursor, DATA, type Place } from './cursor.ts'

export interface Field {
  readonly place: Place
  readonly number: number
  /** Data points: the number by `Cursor.dataKind`; 0 = such points do not have it. */
  readonly byKind: Int8Array | null
}

export function fieldAt(place: Place, number: number): Field {
  return { place, number, byKind: null }
}

/** Numbers for gauge and sum, histogram, exponential histogram, summary; 0 = none. */
export function pointField(
  place: Place,
  number: number,
  histogram: number,
  exponential: number,
  summary: number,
): Field {
  const byKind = Int8Array.of(0, 0, 0, 0, 0, number, 0, number, 0, histogram, exponential, summary)
  return { place, number: 0, byKind }
}

/** The field's number where the cursor stands; 0 = there is none. */
export function numberOf(field: Field, cursor: Cursor): number {
  return field.byKind === null ? field.number : field.byKind[cursor.dataKind]
}

/** Gauge and sum, histogram, exponential histogram, summary, by `Cursor.dataKind`; 'none' outside of metrics. */
const POINT_NAMES =
  'none none none none none Number none Number none Histogram ExponentialHistogram Summary'.split(
    ' ',
  )

/** The number to write to. A point that has no such field cannot be set; a metric of another type ignores it (0). */
export function numberToSet(field: Field, cursor: Cursor): number {
  const number = numberOf(field, cursor)
  if (number !== 0 || field.place === DATA) return number
  const point = `pmetric.${POINT_NAMES[cursor.dataKind]}DataPoint`
  throw new EvaluationError(`unsupported data point type: ${point}`)
}

/** The reference's message when a place is set to what it cannot hold. */
export function mismatch(wanted: string, value: Value): EvaluationError {
  if (value === null) return new EvaluationError('setting a value to nil is not supported')
  return new EvaluationError(`expects ${wanted} but got ${typeName(value)}`)
}
