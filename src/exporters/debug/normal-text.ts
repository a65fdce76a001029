/** Verbosity `normal`: one line per item, in the collector's words. */
import type { Signal } from '../../core/signal.ts'
import { fixed, hex, pairs, plainValue, shortest } from './go-text.ts'
import {
  type Buckets,
  type DistributionPoint,
  type ExponentialPoint,
  type HistogramPoint,
  type Item,
  isPresent,
  type KeyValue,
  type LogRecord,
  type Metric,
  type NumberPoint,
  type Request,
  type Scope,
  type Span,
  type SummaryPoint,
} from './messages.ts'

const GROUP_NOUN: Readonly<Record<Signal, string>> = {
  traces: 'Traces',
  metrics: 'Metrics',
  logs: 'Log',
}

export function normalText<S extends Signal>(signal: S, request: Request<S>): string {
  const noun = GROUP_NOUN[signal]
  const lines: string[] = []
  request.forEach(({ resource, schemaUrl, scopes }, i) => {
    const details = schemaUrl === '' ? '' : ` [${schemaUrl}]`
    lines.push(`Resource${noun} #${i}${details}${spaced(resource?.attributes ?? [])}`)
    scopes.forEach(({ scope, schemaUrl: scopeUrl, items }, j) => {
      const attributes = spaced(scope?.attributes ?? [])
      lines.push(`Scope${noun} #${j}${scopeDetails(scope, scopeUrl)}${attributes}`)
      for (const item of items) pushItem(lines, signal, item)
    })
  })
  return lines.map(line => `${line}\n`).join('')
}

function pushItem<S extends Signal>(lines: string[], signal: S, item: Item[S]): void {
  if (signal === 'traces') lines.push(spanLine(item as Span))
  else if (signal === 'logs') lines.push(logLine(item as LogRecord))
  else pushMetric(lines, item as Metric)
}

function spaced(attributes: readonly KeyValue[]): string {
  return attributes.length === 0 ? '' : ` ${pairs(attributes).join(' ')}`
}

function scopeDetails(scope: Scope | null, schemaUrl: string): string {
  const version = scope?.version ? `@${scope.version}` : ''
  const name = `${scope?.name ?? ''}${version}`
  const words = [name, schemaUrl === '' ? '' : `[${schemaUrl}]`].filter(word => word !== '')
  return words.map(word => ` ${word}`).join('')
}

function spanLine(span: Span): string {
  return `${span.name} ${hex(span.traceId)} ${hex(span.spanId)}${spaced(span.attributes)}`
}

function logLine(record: LogRecord): string {
  return `${plainValue(record.body)} ${pairs(record.attributes).join(' ')}`
}

function pushMetric(lines: string[], metric: Metric): void {
  const push = <P extends { readonly attributes: readonly KeyValue[] }>(
    points: readonly P[],
    describe: (point: P) => string,
  ) => {
    for (const point of points) {
      lines.push(`${metric.name}{${pairs(point.attributes).join(',')}} ${describe(point)}`)
    }
  }
  if (isPresent(metric, 'gauge')) push(metric.gauge.dataPoints, numberText)
  else if (isPresent(metric, 'sum')) push(metric.sum.dataPoints, numberText)
  else if (isPresent(metric, 'histogram')) push(metric.histogram.dataPoints, histogramText)
  else if (isPresent(metric, 'exponentialHistogram'))
    push(metric.exponentialHistogram.dataPoints, exponentialText)
  else if (isPresent(metric, 'summary')) push(metric.summary.dataPoints, summaryText)
}

function numberText(point: NumberPoint): string {
  if (isPresent(point, 'asInt')) return point.asInt.toString()
  return isPresent(point, 'asDouble') ? shortest(point.asDouble) : ''
}

function distributionText(point: DistributionPoint): string {
  const parts = [`count=${point.count}`]
  if (isPresent(point, 'sum')) parts.push(`sum=${shortest(point.sum)}`)
  if (isPresent(point, 'min')) parts.push(`min=${shortest(point.min)}`)
  if (isPresent(point, 'max')) parts.push(`max=${shortest(point.max)}`)
  return parts.join(' ')
}

function histogramText(point: HistogramPoint): string {
  const buckets = point.bucketCounts.map((count, i) => {
    const bound = i < point.explicitBounds.length ? `le${shortest(point.explicitBounds[i])}=` : ''
    return ` ${bound}${count}`
  })
  return `${distributionText(point)}${buckets.join('')}`
}

function exponentialText(point: ExponentialPoint): string {
  const factor = Math.LN2 * 2 ** -point.scale
  const bucket = (bound: number, count: unknown) => ` le${shortest(bound)}=${count}`
  const { negative, positive } = point
  const below = counts(negative).map((count, j) =>
    bucket(-Math.exp((negative!.offset + j) * factor), count),
  )
  const above = counts(positive).map((count, j) =>
    bucket(Math.exp((positive!.offset + j + 1) * factor), count),
  )
  const zero = point.zeroCount.toNumber() === 0 ? '' : ` zero=${point.zeroCount}`
  return [distributionText(point), ...below.reverse(), zero, ...above].join('')
}

function counts(buckets: Buckets | null): Buckets['bucketCounts'] {
  return buckets?.bucketCounts ?? []
}

function summaryText(point: SummaryPoint): string {
  const quantiles = point.quantileValues.map(
    ({ quantile, value }) => ` q${shortest(quantile)}=${shortest(value)}`,
  )
  return `count=${point.count} sum=${fixed(point.sum)}${quantiles.join('')}`
}
