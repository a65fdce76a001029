/** One Metric message taken apart: what it is called, which kind of data it has, and its encoded points. */
import { readString } from '../../otlp/wire-reader.ts'
import { RawFields } from './raw-fields.ts'

export const GAUGE = 5
export const SUM = 7
export const HISTOGRAM = 9
export const EXPONENTIAL = 10
export const SUMMARY = 11
const KINDS: ReadonlySet<number> = new Set([GAUGE, SUM, HISTOGRAM, EXPONENTIAL, SUMMARY])

export const KIND_NAMES: Readonly<Record<number, string>> = {
  0: 'None',
  [GAUGE]: 'Gauge',
  [SUM]: 'Sum',
  [HISTOGRAM]: 'Histogram',
  [EXPONENTIAL]: 'ExponentialHistogram',
  [SUMMARY]: 'Summary',
}

/** Field of the attributes in a point, by kind. */
export const ATTRIBUTES_OF: Readonly<Record<number, number>> = {
  [GAUGE]: 7,
  [SUM]: 7,
  [HISTOGRAM]: 9,
  [EXPONENTIAL]: 1,
  [SUMMARY]: 7,
}

export const DELTA = 1
export const CUMULATIVE = 2

export interface MetricModel {
  name: string
  description: string
  unit: string
  /** Field number of the data in the metric; 0 without any. */
  kind: number
  temporality: number
  isMonotonic: boolean
  points: Uint8Array[]
  /** Metadata, and what this build does not know. */
  readonly rest: RawFields
}

export function readMetric(bytes: Uint8Array): MetricModel {
  const rest = new RawFields(bytes)
  const kind = rest.numbers().findLast(number => KINDS.has(number)) ?? 0
  const data = rest.all(kind).map(content => new RawFields(content))
  const last = (number: number): number => data.reduce((value, d) => d.varint(number) || value, 0)
  return {
    name: text(rest.last(1)),
    description: text(rest.last(2)),
    unit: text(rest.last(3)),
    kind,
    temporality: last(2),
    isMonotonic: kind === SUM && last(3) !== 0,
    points: data.flatMap(d => d.all(1)),
    rest: rest.remove(1, 2, 3, ...KINDS),
  }
}

export function writeMetric(metric: MetricModel): Uint8Array {
  const fields = new RawFields()
  if (metric.name !== '') fields.add(writer => writer.string(1, metric.name))
  if (metric.description !== '') fields.add(writer => writer.string(2, metric.description))
  if (metric.unit !== '') fields.add(writer => writer.string(3, metric.unit))
  if (metric.kind !== 0) {
    const data = new RawFields().messages(1, metric.points)
    const hasTemporality = metric.kind !== GAUGE && metric.kind !== SUMMARY
    if (hasTemporality && metric.temporality !== 0) {
      data.add(writer => writer.varint(2, metric.temporality))
    }
    if (metric.kind === SUM && metric.isMonotonic) data.add(writer => writer.bool(3, true))
    fields.message(metric.kind, data.finish())
  }
  const rest = metric.rest.finish()
  return fields.add(writer => writer.raw(rest)).finish()
}

/** A new metric of the same name, description and unit, without points. */
export function emptyLike(metric: MetricModel, kind: number): MetricModel {
  const { name, description, unit } = metric
  const empty = { temporality: 0, isMonotonic: false, points: [], rest: new RawFields() }
  return { name, description, unit, kind, ...empty }
}

export function parseTemporality(word: string): number {
  if (word === 'delta') return DELTA
  if (word === 'cumulative') return CUMULATIVE
  throw new Error(`unknown aggregation temporality: ${word}`)
}

function text(bytes: Uint8Array | undefined): string {
  return bytes === undefined ? '' : readString(bytes, 0, bytes.length)
}
