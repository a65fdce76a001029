/** `scale_metric`: all values of a metric times a number. */
import { readFixed64, readSfixed64 } from '../../otlp/wire-reader.ts'
import type { FunctionSpec, Getter } from '../../rules/function.ts'
import { EvaluationError } from '../../rules/value.ts'
import { declare } from './make-metrics.ts'
import { EXPONENTIAL, HISTOGRAM, SUMMARY, writeMetric } from './metric-model.ts'
import type { MetricOutbox } from './metric-outbox.ts'
import { RawFields } from './raw-fields.ts'

export function scaleMetric(outbox: MetricOutbox): FunctionSpec {
  return declare(outbox, {
    name: 'scale_metric',
    params: [
      { name: 'Multiplier', type: 'literalFloat' },
      { name: 'Unit', type: 'string', optional: true },
    ],
    summary: 'Multiplies all values of a metric, and gives it another unit if one is said.',
    example: 'scale_metric(0.001, "s")',
    make: ([multiplier, unit]) => {
      const factor = multiplier as number
      const getUnit = unit as Getter | undefined
      return (metric, scope) => {
        const newUnit = getUnit?.(scope) as string | undefined
        if (metric.kind === EXPONENTIAL || metric.kind === 0) {
          throw new EvaluationError('exponential histograms cannot be scaled')
        }
        const points = metric.points.map(point => scalePoint(point, metric.kind, factor))
        outbox.replace(scope, writeMetric({ ...metric, unit: newUnit ?? metric.unit, points }))
      }
    },
  })
}

function scalePoint(point: Uint8Array, kind: number, factor: number): Uint8Array {
  const fields = new RawFields(point)
  if (kind === HISTOGRAM) return scaleHistogram(fields, factor)
  if (kind === SUMMARY) return scaleSummary(fields, factor)
  scaleDouble(fields, 4, factor)
  scaleInt(fields, 6, factor)
  return fields.finish()
}

function scaleHistogram(fields: RawFields, factor: number): Uint8Array {
  for (const number of [5, 11, 12]) scaleDouble(fields, number, factor)
  const bounds = fields.packedDouble(7)
  if (bounds.length > 0) {
    const scaled = new Float64Array(bounds.map(bound => bound * factor))
    fields.set(7, writer => writer.bytes(7, new Uint8Array(scaled.buffer)))
  }
  const exemplars = fields.all(8).map(content => {
    const exemplar = new RawFields(content)
    scaleDouble(exemplar, 3, factor)
    scaleInt(exemplar, 6, factor)
    return exemplar.finish()
  })
  return fields.remove(8).messages(8, exemplars).finish()
}

function scaleSummary(fields: RawFields, factor: number): Uint8Array {
  scaleDouble(fields, 5, factor)
  const quantiles = fields.all(6).map(content => {
    const quantile = new RawFields(content)
    scaleDouble(quantile, 2, factor)
    return quantile.finish()
  })
  return fields.remove(6).messages(6, quantiles).finish()
}

function scaleDouble(fields: RawFields, number: number, factor: number): void {
  const value = fields.double(number)
  if (value !== undefined) fields.set(number, writer => writer.double(number, value * factor))
}

/** The fraction is cut off. */
function scaleInt(fields: RawFields, number: number, factor: number): void {
  const content = fields.last(number)
  if (content === undefined) return
  const scaled = Math.trunc(Number(readSfixed64(content, 0)) * factor)
  const inRange = Math.abs(scaled) < 2 ** 63
  const value = inRange ? BigInt(scaled) : -(2n ** 63n)
  if (readFixed64(content, 0) === BigInt.asUintN(64, value)) return
  fields.set(number, writer => writer.fixed64(number, BigInt.asUintN(64, value)))
}
