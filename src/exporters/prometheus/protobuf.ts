/**
 * The protobuf format of a scrape, in which exponential histograms go as native histograms: MetricFamily messages of
 * io.prometheus.client, each with its length before it.
 */
import { Writer, writeVarint } from '../../otlp/wire-writer.ts'
import type { PromSeries } from './accumulator.ts'
import { legacyLabels } from './labels.ts'
import { underscored } from './names.ts'
import { type Buckets, coarsen, type Exemplar, type ExponentialValue } from './points.ts'
import type { ScrapedFamily } from './scrape.ts'
import { cumulated } from './text.ts'

/** Field numbers by message. */
const FAMILY = { name: 1, help: 2, type: 3, metric: 4 }
const METRIC = { label: 1, gauge: 2, counter: 3, summary: 4, untyped: 5, time: 6, histogram: 7 }
const LABEL = { name: 1, value: 2 }
const NUMBER = { value: 1, exemplar: 2, created: 3 }
const SUMMARY = { count: 1, sum: 2, quantile: 3, created: 4 }
const QUANTILE = { quantile: 1, value: 2 }
const HISTOGRAM = {
  count: 1,
  sum: 2,
  bucket: 3,
  schema: 5,
  zeroThreshold: 6,
  zeroCount: 7,
  negativeSpan: 9,
  negativeDelta: 10,
  positiveSpan: 12,
  positiveDelta: 13,
  created: 15,
  exemplars: 16,
}
const BUCKET = { count: 1, bound: 2, exemplar: 3 }
const SPAN = { offset: 1, length: 2 }
const EXEMPLAR = { label: 1, value: 2, time: 3 }
const TIMESTAMP = { seconds: 1, nanos: 2 }
const TYPES = { counter: 0, gauge: 1, summary: 2, unknown: 3, histogram: 4 }

/** Finest resolution that Prometheus knows. */
const MAX_SCHEMA = 8
/** Stands where the sender names no threshold, as in Prometheus' own translation. */
const ZERO_THRESHOLD = 1e-128
/** Empty buckets that are written rather than a new span begun, as Prometheus does. */
const MAX_GAP = 2
const SLICE = 64
const METRIC_CHARS = /[a-zA-Z0-9_:]/

export interface ProtobufOptions {
  readonly isUtf8: boolean
  readonly sendTimestamps: boolean
}

/** Yields while it works; returns the page in pieces. */
export function* writeProtobuf(
  families: readonly ScrapedFamily[],
  options: ProtobufOptions,
): Generator<unknown, Uint8Array[]> {
  const pieces: Uint8Array[] = []
  const writer = new Writer(64 << 10)
  let written = 0
  for (const { name, help, type, series } of families) {
    const { isUtf8 } = options
    writer.reset().string(FAMILY.name, isUtf8 ? name : underscored(name, METRIC_CHARS))
    writer.string(FAMILY.help, help).varint(FAMILY.type, TYPES[type])
    for (const each of series) {
      writer.begin(FAMILY.metric)
      writeMetric(writer, each, options)
      writer.end()
      if (++written % SLICE === 0) yield
    }
    const length = new Uint8Array(5)
    pieces.push(length.subarray(0, writeVarint(length, 0, writer.length)), writer.finish())
  }
  return pieces
}

function writeMetric(writer: Writer, series: PromSeries, options: ProtobufOptions): void {
  const { labels, value, family } = series
  for (const [name, text] of options.isUtf8 ? labels : legacyLabels(labels)) {
    writer.begin(METRIC.label).string(LABEL.name, name).string(LABEL.value, text).end()
  }
  if (value.kind === 'number') {
    const isCounter = family.type === 'counter'
    writer.begin(isCounter ? METRIC.counter : METRIC.gauge).double(NUMBER.value, value.value)
    if (isCounter) {
      const exemplar = value.exemplars[value.exemplars.length - 1]
      if (exemplar !== undefined) writeExemplar(writer, NUMBER.exemplar, exemplar)
      writeCreated(writer, NUMBER.created, value.startNano)
    }
    writer.end()
  } else if (value.kind === 'summary') {
    writer.begin(METRIC.summary).varint(SUMMARY.count, value.count).double(SUMMARY.sum, value.sum)
    for (const [quantile, each] of value.quantiles) {
      writer.begin(SUMMARY.quantile).double(QUANTILE.quantile, quantile)
      writer.double(QUANTILE.value, each).end()
    }
    writeCreated(writer, SUMMARY.created, value.startNano)
    writer.end()
  } else {
    writer.begin(METRIC.histogram).varint(HISTOGRAM.count, value.count)
    writer.double(HISTOGRAM.sum, value.sum)
    if (value.kind === 'exponential') writeNative(writer, value)
    else {
      for (const { bound, count, exemplar } of cumulated(value)) {
        writer.begin(HISTOGRAM.bucket).varint(BUCKET.count, count).double(BUCKET.bound, bound)
        if (exemplar !== undefined) writeExemplar(writer, BUCKET.exemplar, exemplar)
        writer.end()
      }
    }
    writeCreated(writer, HISTOGRAM.created, value.startNano)
    writer.end()
  }
  if (options.sendTimestamps) writer.varint64(METRIC.time, value.timeNano / 1_000_000n)
}

function writeNative(writer: Writer, value: ExponentialValue): void {
  const { scale, zeroCount, zeroThreshold, positive, negative, exemplars } = value
  const schema = Math.min(scale, MAX_SCHEMA)
  writer.varint64(HISTOGRAM.schema, zigzag(schema))
  writer.double(HISTOGRAM.zeroThreshold, zeroThreshold === 0 ? ZERO_THRESHOLD : zeroThreshold)
  writer.varint(HISTOGRAM.zeroCount, zeroCount)
  const by = scale - schema
  writeSide(writer, coarsen(negative, by), HISTOGRAM.negativeSpan, HISTOGRAM.negativeDelta)
  writeSide(writer, coarsen(positive, by), HISTOGRAM.positiveSpan, HISTOGRAM.positiveDelta)
  for (const exemplar of exemplars) writeExemplar(writer, HISTOGRAM.exemplars, exemplar)
}

/** Spans of consecutive buckets, and in each bucket by how much it differs from the one before. */
function writeSide(
  writer: Writer,
  { offset, counts }: Buckets,
  spanNumber: number,
  deltaNumber: number,
): void {
  const spans: { offset: number; length: number }[] = []
  const deltas: bigint[] = []
  let end = 0
  let before = 0
  for (const [i, count] of counts.entries()) {
    if (count === 0) continue
    // OpenTelemetry counts buckets by their lower bound, Prometheus by the upper one.
    const index = offset + i + 1
    let last = spans[spans.length - 1]
    const gap = index - end
    if (last === undefined || gap > MAX_GAP) {
      spans.push((last = { offset: gap, length: 0 }))
    } else {
      for (let empty = 0; empty < gap; empty++) {
        deltas.push(zigzag(-before))
        before = 0
        last.length++
      }
    }
    deltas.push(zigzag(count - before))
    before = count
    last.length++
    end = index + 1
  }
  for (const span of spans) {
    writer.begin(spanNumber).sint32(SPAN.offset, span.offset).varint(SPAN.length, span.length).end()
  }
  // Not packed: the field is of proto2.
  for (const delta of deltas) writer.varint64(deltaNumber, delta)
}

function writeExemplar(writer: Writer, number: number, exemplar: Exemplar): void {
  const { traceId, spanId, value, timeMs } = exemplar
  writer.begin(number)
  for (const [name, text] of [
    ['trace_id', traceId],
    ['span_id', spanId],
  ]) {
    if (text === '') continue
    writer.begin(EXEMPLAR.label).string(LABEL.name, name).string(LABEL.value, text).end()
  }
  writer.double(EXEMPLAR.value, value)
  if (timeMs > 0) writeTime(writer, EXEMPLAR.time, BigInt(Math.round(timeMs * 1e6)))
  writer.end()
}

function writeCreated(writer: Writer, number: number, nano: bigint): void {
  if (nano >= 1_000_000_000n) writeTime(writer, number, nano)
}

function writeTime(writer: Writer, number: number, nano: bigint): void {
  writer.begin(number).varint64(TIMESTAMP.seconds, nano / 1_000_000_000n)
  writer.varint(TIMESTAMP.nanos, Number(nano % 1_000_000_000n)).end()
}

/** Of sint64, for counts that a double holds exactly. */
function zigzag(value: number): bigint {
  const big = BigInt(value)
  return BigInt.asUintN(64, big < 0n ? -2n * big - 1n : 2n * big)
}
