/** `aggregate_on_attributes` and `aggregate_on_attribute_value`: points that differ no longer become one. */
import { KeyValueCursor } from '../../otlp/any-value.ts'
import { Writer } from '../../otlp/wire-writer.ts'
import type { FunctionSpec } from '../../rules/function.ts'
import { toJson } from '../../rules/json-text.ts'
import { EvaluationError, type Value } from '../../rules/value.ts'
import { declare } from './make-metrics.ts'
import { mergeExponential, mergeHistograms } from './merge-histograms.ts'
import { AGGREGATIONS, type Aggregation, mergeNumbers } from './merge-numbers.ts'
import {
  ATTRIBUTES_OF,
  DELTA,
  EXPONENTIAL,
  emptyLike,
  HISTOGRAM,
  type MetricModel,
  SUMMARY,
  writeMetric,
} from './metric-model.ts'
import type { MetricOutbox } from './metric-outbox.ts'
import { RawFields } from './raw-fields.ts'

/** Changes the attributes of one point: encoded pairs in, encoded pairs out. */
type Change = (pairs: readonly Uint8Array[]) => readonly Uint8Array[]

export function aggregators(outbox: MetricOutbox): readonly FunctionSpec[] {
  const FUNCTION = { name: 'AggregationFunction', type: 'literalString' } as const
  return [
    declare(outbox, {
      name: 'aggregate_on_attributes',
      params: [FUNCTION, { name: 'Attributes', type: 'literalString', list: true, optional: true }],
      summary:
        'Takes away all attributes but these from the points and joins those that are equal then.',
      example: 'aggregate_on_attributes("sum", ["http.route"])',
      make: ([name, keys]) => {
        const aggregation = parseAggregation(name as string)
        const kept = keys === undefined ? undefined : new Set(keys as string[])
        const change: Change = pairs =>
          kept === undefined ? pairs : pairs.filter(pair => kept.has(keyOf(pair)))
        return (metric, scope) => {
          if (metric.kind === SUMMARY) {
            throw new EvaluationError('aggregate_on_attributes does not support summaries')
          }
          outbox.replace(scope, writeMetric(aggregate(metric, aggregation, change)))
        }
      },
    }),
    declare(outbox, {
      name: 'aggregate_on_attribute_value',
      params: [
        FUNCTION,
        { name: 'Attribute', type: 'literalString' },
        { name: 'Values', type: 'literalString', list: true },
        { name: 'NewValue', type: 'literalString' },
      ],
      summary:
        'Gives an attribute with one of the values the new value and joins points that are equal then.',
      example: 'aggregate_on_attribute_value("sum", "host", ["a", "b"], "all")',
      make: ([name, key, values, newValue]) => {
        const aggregation = parseAggregation(name as string)
        const wanted = new Set(values as string[])
        const pair = new Writer(64)
          .string(1, key as string)
          .begin(2)
          .string(1, newValue as string)
        const made = pair.end().finish()
        const change: Change = pairs =>
          pairs.map(each => {
            if (keyOf(each) !== key) return each
            const value = pairValue(each)
            return wanted.has(typeof value === 'string' ? value : '') ? made : each
          })
        return (metric, scope) =>
          outbox.replace(scope, writeMetric(aggregate(metric, aggregation, change)))
      },
    }),
  ]
}

function parseAggregation(name: string): Aggregation {
  if ((AGGREGATIONS as readonly string[]).includes(name)) return name as Aggregation
  throw new Error(`unsupported function: '${name}', valid options: ${AGGREGATIONS.join(', ')}`)
}

/** A summary loses its points, as upstream has it. */
function aggregate(metric: MetricModel, aggregation: Aggregation, change: Change): MetricModel {
  const number = ATTRIBUTES_OF[metric.kind]
  const { temporality, isMonotonic } = metric
  const made = { ...emptyLike(metric, metric.kind), temporality, isMonotonic }
  if (metric.kind === SUMMARY || metric.kind === 0) return made
  const groups = new Map<string, RawFields[]>()
  for (const bytes of metric.points) {
    const point = new RawFields(bytes)
    const pairs = change(point.all(number))
    point.remove(number).messages(number, pairs)
    const key = groupKey(point, pairs, metric)
    const group = groups.get(key)
    if (group === undefined) groups.set(key, [point])
    else group.push(point)
  }
  made.points = [...groups.values()].map(group => merge(group, metric.kind, aggregation).finish())
  return made
}

function merge(group: readonly RawFields[], kind: number, aggregation: Aggregation): RawFields {
  if (kind === HISTOGRAM) return mergeHistograms(group)
  return kind === EXPONENTIAL ? mergeExponential(group) : mergeNumbers(group, aggregation)
}

/** What must be equal for points to become one. */
function groupKey(point: RawFields, pairs: readonly Uint8Array[], metric: MetricModel): string {
  const attributes = new Map(pairs.map(pair => [keyOf(pair), pairValue(pair)]))
  const parts: unknown[] = [toJson(attributes), String(point.fixed64(3))]
  if (metric.temporality === DELTA) parts.push(String(point.fixed64(2)))
  if (metric.kind === HISTOGRAM) {
    parts.push(point.packedDouble(7).join(), has(point, 11), has(point, 12), point.varint(10))
  } else if (metric.kind === EXPONENTIAL) {
    parts.push(point.varint(6), has(point, 12), has(point, 13), point.varint(10))
  }
  return JSON.stringify(parts)
}

function has(point: RawFields, number: number): boolean {
  return point.last(number) !== undefined
}

const pairCursor = new KeyValueCursor()

function keyOf(pair: Uint8Array): string {
  pairCursor.reset(pair, 0, pair.length)
  return pairCursor.key()
}

function pairValue(pair: Uint8Array): Value {
  pairCursor.reset(pair, 0, pair.length)
  return pairCursor.value()
}
