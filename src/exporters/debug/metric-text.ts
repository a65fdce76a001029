/** Verbosity `detailed` for metrics, which have a printer per kind of data. */
import { fixed, hex, pushAttributes, timestamp } from './go-text.ts'
import {
  type DistributionPoint,
  type Exemplar,
  type ExponentialPoint,
  type HistogramPoint,
  isPresent,
  type KeyValue,
  type Metric,
  type NumberPoint,
  type SummaryPoint,
} from './messages.ts'

const TEMPORALITIES = ['Unspecified', 'Delta', 'Cumulative']

const DATA_TYPES: readonly (readonly [string, string])[] = [
  ['gauge', 'Gauge'],
  ['sum', 'Sum'],
  ['histogram', 'Histogram'],
  ['exponentialHistogram', 'ExponentialHistogram'],
  ['summary', 'Summary'],
]

export function pushMetric(lines: string[], metric: Metric): void {
  const type = DATA_TYPES.find(([field]) => isPresent(metric, field))?.[1] ?? 'Empty'
  lines.push(
    'Descriptor:',
    `     -> Name: ${metric.name}`,
    `     -> Description: ${metric.description}`,
    `     -> Unit: ${metric.unit}`,
    `     -> DataType: ${type}`,
  )
  pushAttributes(lines, '     -> Metadata', metric.metadata, '     ')
  pushPoints(lines, metric, type)
}

function pushPoints(lines: string[], metric: Metric, type: string): void {
  const temporality = (value: number) =>
    lines.push(`     -> AggregationTemporality: ${TEMPORALITIES[value] ?? ''}`)
  switch (type) {
    case 'Gauge':
      pushNumbers(lines, metric.gauge.dataPoints)
      break
    case 'Sum':
      lines.push(`     -> IsMonotonic: ${metric.sum.isMonotonic}`)
      temporality(metric.sum.aggregationTemporality)
      pushNumbers(lines, metric.sum.dataPoints)
      break
    case 'Histogram':
      temporality(metric.histogram.aggregationTemporality)
      pushHistograms(lines, metric.histogram.dataPoints)
      break
    case 'ExponentialHistogram':
      temporality(metric.exponentialHistogram.aggregationTemporality)
      pushExponentials(lines, metric.exponentialHistogram.dataPoints)
      break
    case 'Summary':
      pushSummaries(lines, metric.summary.dataPoints)
  }
}

interface PointHead {
  readonly attributes: readonly KeyValue[]
  readonly startTimeUnixNano: NumberPoint['startTimeUnixNano']
  readonly timeUnixNano: NumberPoint['timeUnixNano']
}

function pushHead(lines: string[], noun: string, i: number, point: PointHead): void {
  lines.push(`${noun} #${i}`)
  pushAttributes(lines, 'Data point attributes', point.attributes)
  lines.push(
    `StartTimestamp: ${timestamp(point.startTimeUnixNano)}`,
    `Timestamp: ${timestamp(point.timeUnixNano)}`,
  )
}

function pushNumbers(lines: string[], points: readonly NumberPoint[]): void {
  points.forEach((point, i) => {
    pushHead(lines, 'NumberDataPoints', i, point)
    if (isPresent(point, 'asInt')) lines.push(`Value: ${point.asInt}`)
    else if (isPresent(point, 'asDouble')) lines.push(`Value: ${fixed(point.asDouble)}`)
    pushExemplars(lines, point.exemplars)
  })
}

function pushDistribution(lines: string[], point: DistributionPoint): void {
  lines.push(`Count: ${point.count}`)
  if (isPresent(point, 'sum')) lines.push(`Sum: ${fixed(point.sum)}`)
  if (isPresent(point, 'min')) lines.push(`Min: ${fixed(point.min)}`)
  if (isPresent(point, 'max')) lines.push(`Max: ${fixed(point.max)}`)
}

function pushHistograms(lines: string[], points: readonly HistogramPoint[]): void {
  points.forEach((point, i) => {
    pushHead(lines, 'HistogramDataPoints', i, point)
    pushDistribution(lines, point)
    point.explicitBounds.forEach((bound, j) => {
      lines.push(`ExplicitBounds #${j}: ${fixed(bound)}`)
    })
    point.bucketCounts.forEach((count, j) => {
      lines.push(`Buckets #${j}, Count: ${count}`)
    })
    pushExemplars(lines, point.exemplars)
  })
}

function pushExponentials(lines: string[], points: readonly ExponentialPoint[]): void {
  points.forEach((point, i) => {
    pushHead(lines, 'ExponentialHistogramDataPoints', i, point)
    pushDistribution(lines, point)
    pushExponentialBuckets(lines, point)
    pushExemplars(lines, point.exemplars)
  })
}

/** Bucket `i` of scale `s` spans (base^i, base^(i+1)] with base = 2^(2^-s) (OpenTelemetry metrics data model). */
function pushExponentialBuckets(lines: string[], point: ExponentialPoint): void {
  const factor = Math.LN2 * 2 ** -point.scale
  const bound = (index: number) => Math.exp(index * factor)
  const { negative, positive } = point
  for (let j = (negative?.bucketCounts.length ?? 0) - 1; j >= 0; j--) {
    const index = negative!.offset + j
    const range = `[${fixed(-bound(index + 1))}, ${fixed(-bound(index))})`
    lines.push(`Bucket ${range}, Count: ${negative!.bucketCounts[j]}`)
  }
  if (point.zeroCount.toString() !== '0') lines.push(`Bucket [0, 0], Count: ${point.zeroCount}`)
  positive?.bucketCounts.forEach((count, j) => {
    const index = positive.offset + j
    lines.push(`Bucket (${fixed(bound(index))}, ${fixed(bound(index + 1))}], Count: ${count}`)
  })
}

function pushSummaries(lines: string[], points: readonly SummaryPoint[]): void {
  points.forEach((point, i) => {
    pushHead(lines, 'SummaryDataPoints', i, point)
    lines.push(`Count: ${point.count}`, `Sum: ${fixed(point.sum)}`)
    point.quantileValues.forEach(({ quantile, value }, j) => {
      lines.push(`QuantileValue #${j}: Quantile ${fixed(quantile)}, Value ${fixed(value)}`)
    })
  })
}

function pushExemplars(lines: string[], exemplars: readonly Exemplar[]): void {
  if (exemplars.length > 0) lines.push('Exemplars:')
  exemplars.forEach((exemplar, i) => {
    lines.push(
      `Exemplar #${i}`,
      `     -> Trace ID: ${hex(exemplar.traceId)}`,
      `     -> Span ID: ${hex(exemplar.spanId)}`,
      `     -> Timestamp: ${timestamp(exemplar.timeUnixNano)}`,
    )
    if (isPresent(exemplar, 'asInt')) lines.push(`     -> Value: ${exemplar.asInt}`)
    else if (isPresent(exemplar, 'asDouble'))
      lines.push(`     -> Value: ${fixed(exemplar.asDouble)}`)
    pushAttributes(lines, '     -> FilteredAttributes', exemplar.filteredAttributes, '     ')
  })
}
