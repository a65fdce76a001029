/** Functions that turn metrics into others, or make new ones out of a part of them. */
import { Writer } from '../../otlp/wire-writer.ts'
import type { Cursor } from '../../rules/contexts/cursor.ts'
import { defineFunction, type FunctionSpec, type Getter, type Param } from '../../rules/function.ts'
import { EvaluationError } from '../../rules/value.ts'
import {
  ATTRIBUTES_OF,
  CUMULATIVE,
  EXPONENTIAL,
  emptyLike,
  GAUGE,
  HISTOGRAM,
  KIND_NAMES,
  type MetricModel,
  parseTemporality,
  readMetric,
  SUM,
  SUMMARY,
  writeMetric,
} from './metric-model.ts'
import type { MetricOutbox } from './metric-outbox.ts'
import { RawFields } from './raw-fields.ts'

const NUMBER_ATTRIBUTES = 7
const AS_DOUBLE = 4
const AS_INT = 6
const COUNT = 4
const SUM_VALUE = 5
const QUANTILES = 6

/** Runs on the metric that the cursor stands on or in. */
type Work = (metric: MetricModel, scope: Cursor) => void

interface Declared {
  readonly name: string
  readonly params: readonly Param[]
  readonly summary: string
  readonly example: string
  readonly make: (args: readonly unknown[], outbox: MetricOutbox) => Work
}

export function declare(outbox: MetricOutbox, declared: Declared): FunctionSpec {
  const { name, params, summary, example, make } = declared
  return defineFunction({
    ...{ name, kind: 'editor', params, summary, example: { expr: example, result: 'nil' } },
    make: args => {
      const work = make(args, outbox)
      outbox.functions++
      return scope => {
        work(readMetric(outbox.current(scope as Cursor)), scope as Cursor)
        return null
      }
    },
  })
}

const SUFFIX: Param = { name: 'Suffix', type: 'literalString', optional: true }
const MONOTONIC: Param = { name: 'Monotonic', type: 'literalBool' }
const TEMPORALITY: Param = { name: 'StringAggTemp', type: 'literalString' }

export function metricMakers(outbox: MetricOutbox): readonly FunctionSpec[] {
  return [SUM_TO_GAUGE, GAUGE_TO_SUM, COPY, EXTRACT_COUNT, EXTRACT_SUM, QUANTILES_TO_GAUGE].map(
    each => declare(outbox, each),
  )
}

/** For data points, as upstream has them. */
export function summaryMakers(outbox: MetricOutbox): readonly FunctionSpec[] {
  return [SUMMARY_COUNT, SUMMARY_SUM].map(each => declare(outbox, each))
}

const SUM_TO_GAUGE: Declared = {
  name: 'convert_sum_to_gauge',
  params: [],
  summary: 'Makes a gauge of a sum; other metrics stay.',
  example: 'convert_sum_to_gauge()',
  make: (_, outbox) => (metric, scope) => {
    if (metric.kind === SUM) outbox.replace(scope, writeMetric({ ...metric, kind: GAUGE }))
  },
}

const GAUGE_TO_SUM: Declared = {
  name: 'convert_gauge_to_sum',
  params: [TEMPORALITY, MONOTONIC],
  summary: 'Makes a sum of a gauge; other metrics stay.',
  example: 'convert_gauge_to_sum("cumulative", false)',
  make: ([word, isMonotonic], outbox) => {
    const temporality = parseTemporality(word as string)
    return (metric, scope) => {
      if (metric.kind !== GAUGE) return
      const sum = { ...metric, kind: SUM, temporality, isMonotonic: isMonotonic as boolean }
      outbox.replace(scope, writeMetric(sum))
    }
  },
}

const COPY: Declared = {
  name: 'copy_metric',
  params: ['Name', 'Description', 'Unit'].map(name => ({ name, type: 'string', optional: true })),
  summary: 'Adds a copy of the metric, with another name, description or unit if they are given.',
  example: 'copy_metric(name="copy") where metric.name == "original"',
  make: ([name, description, unit], outbox) => {
    const texts = { name, description, unit } as Record<string, Getter | undefined>
    return (metric, scope) => {
      const copy: Record<string, unknown> = { ...metric }
      for (const [key, get] of Object.entries(texts)) {
        if (get !== undefined) copy[key] = get(scope)
      }
      outbox.add(scope, writeMetric(copy as unknown as MetricModel))
    }
  },
}

const EXTRACT_COUNT: Declared = {
  name: 'extract_count_metric',
  params: [MONOTONIC, SUFFIX],
  summary: 'Adds a sum of the counts of a histogram, exponential histogram or summary.',
  example: 'extract_count_metric(true)',
  make: ([isMonotonic, suffix = '_count'], outbox) =>
    extract('extract_count_metric', outbox, (metric, made) => {
      made.name = metric.name + suffix
      made.unit = '1'
      made.isMonotonic = isMonotonic as boolean
      made.points = metric.points.map(point => countPoint(point, metric.kind))
    }),
}

const EXTRACT_SUM: Declared = {
  name: 'extract_sum_metric',
  params: [MONOTONIC, SUFFIX],
  summary: 'Adds a sum of the sums of a histogram, exponential histogram or summary.',
  example: 'extract_sum_metric(true)',
  make: ([isMonotonic, suffix = '_sum'], outbox) =>
    extract('extract_sum_metric', outbox, (metric, made) => {
      made.name = metric.name + suffix
      made.isMonotonic = isMonotonic as boolean
      made.points = metric.points.flatMap(point => sumPoint(point, metric.kind) ?? [])
    }),
}

function extract(
  name: string,
  outbox: MetricOutbox,
  fill: (metric: MetricModel, made: MetricModel) => void,
): Work {
  return (metric, scope) => {
    const isSummary = metric.kind === SUMMARY
    // A summary has no temporality; by its specification it is cumulative.
    const temporality = isSummary ? CUMULATIVE : metric.temporality
    if (![HISTOGRAM, EXPONENTIAL, SUMMARY].includes(metric.kind) || temporality === 0) {
      const kind = KIND_NAMES[metric.kind]
      throw new EvaluationError(
        `${name} requires an input metric of type Histogram, ExponentialHistogram or Summary, got ${kind}`,
      )
    }
    const made = { ...emptyLike(metric, SUM), temporality }
    fill(metric, made)
    if (made.points.length > 0) outbox.add(scope, writeMetric(made))
  }
}

const SUMMARY_COUNT: Declared = {
  name: 'convert_summary_count_val_to_sum',
  params: [TEMPORALITY, MONOTONIC, SUFFIX],
  summary: 'Adds a sum of the counts of a summary.',
  example: 'convert_summary_count_val_to_sum("delta", true)',
  make: ([word, isMonotonic, suffix = '_count'], outbox) =>
    fromSummary(word as string, isMonotonic as boolean, suffix as string, outbox, point =>
      countPoint(point, SUMMARY),
    ),
}

const SUMMARY_SUM: Declared = {
  name: 'convert_summary_sum_val_to_sum',
  params: [TEMPORALITY, MONOTONIC, SUFFIX],
  summary: 'Adds a sum of the sums of a summary.',
  example: 'convert_summary_sum_val_to_sum("delta", true)',
  make: ([word, isMonotonic, suffix = '_sum'], outbox) =>
    fromSummary(
      word as string,
      isMonotonic as boolean,
      suffix as string,
      outbox,
      point => sumPoint(point, SUMMARY)!,
    ),
}

function fromSummary(
  word: string,
  isMonotonic: boolean,
  suffix: string,
  outbox: MetricOutbox,
  toPoint: (point: Uint8Array) => Uint8Array,
): Work {
  const temporality = parseTemporality(word)
  return (metric, scope) => {
    if (metric.kind !== SUMMARY) return
    const made = { ...emptyLike(metric, SUM), temporality, isMonotonic }
    made.name += suffix
    made.points = metric.points.map(toPoint)
    outbox.add(scope, writeMetric(made))
  }
}

const QUANTILES_TO_GAUGE: Declared = {
  name: 'convert_summary_quantile_val_to_gauge',
  params: [{ name: 'AttributeKey', type: 'literalString', optional: true }, SUFFIX],
  summary: 'Adds a gauge of the quantiles of a summary, with the quantile as an attribute.',
  example: 'convert_summary_quantile_val_to_gauge("quantile")',
  make: ([key = 'quantile', suffix = '.quantiles'], outbox) => {
    const attribute = key as string
    return (metric, scope) => {
      if (metric.kind !== SUMMARY) return
      const made = emptyLike(metric, GAUGE)
      made.name += suffix
      made.points = metric.points.flatMap(point => quantilePoints(point, attribute))
      outbox.add(scope, writeMetric(made))
    }
  },
}

function quantilePoints(point: Uint8Array, key: string): Uint8Array[] {
  const fields = new RawFields(point)
  return fields.all(QUANTILES).map(content => {
    const quantile = new RawFields(content)
    const made = numberPoint(fields, SUMMARY)
    const kept = made.all(NUMBER_ATTRIBUTES).filter(pair => keyOf(pair) !== key)
    const pair = new Writer(64)
      .string(1, key)
      .begin(2)
      .double(4, quantile.double(1) ?? 0)
      .end()
      .finish()
    made.remove(NUMBER_ATTRIBUTES).messages(NUMBER_ATTRIBUTES, [...kept, pair])
    return made.add(writer => writer.double(AS_DOUBLE, quantile.double(2) ?? 0)).finish()
  })
}

function keyOf(pair: Uint8Array): string {
  return Buffer.from(new RawFields(pair).last(1) ?? []).toString()
}

function countPoint(point: Uint8Array, kind: number): Uint8Array {
  const fields = new RawFields(point)
  const count = fields.fixed64(COUNT)
  return numberPoint(fields, kind)
    .add(writer => writer.fixed64(AS_INT, count))
    .finish()
}

/** Undefined for a histogram's point without a sum. */
function sumPoint(point: Uint8Array, kind: number): Uint8Array | undefined {
  const fields = new RawFields(point)
  const sum = fields.double(SUM_VALUE)
  if (sum === undefined && kind !== SUMMARY) return undefined
  return numberPoint(fields, kind)
    .add(writer => writer.double(AS_DOUBLE, sum ?? 0))
    .finish()
}

/** Times and attributes of a point, for a number. */
function numberPoint(fields: RawFields, kind: number): RawFields {
  const made = new RawFields()
  for (const number of [2, 3]) {
    const time = fields.fixed64(number)
    if (time !== 0n) made.add(writer => writer.fixed64(number, time))
  }
  return made.messages(NUMBER_ATTRIBUTES, fields.all(ATTRIBUTES_OF[kind]))
}
