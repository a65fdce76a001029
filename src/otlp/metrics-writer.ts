/**
 * Lays out metrics requests for those who make metrics: resource, scope, metric, point, in this order, each closed by
 * whoever opened it. Field numbers are those of opentelemetry/proto/metrics/v1/metrics.proto.
 */
import { Writer, writeDouble, writeVarint, writeVarint64 } from './wire-writer.ts'

const REQUEST = { resourceMetrics: 1 }
const RESOURCE_METRICS = { resource: 1, scopeMetrics: 2 }
const RESOURCE = { attributes: 1 }
const SCOPE_METRICS = { scope: 1, metrics: 2 }
const SCOPE = { name: 1 }
const METRIC = { name: 1, description: 2, unit: 3 }
const DATA = { sum: 7, histogram: 9, exponential: 10 }
const AGGREGATE = { points: 1, temporality: 2, isMonotonic: 3 }
const POINT = { start: 2, time: 3 }
const NUMBER = { exemplars: 5, integer: 6, attributes: 7 }
const HISTOGRAM = { count: 4, sum: 5, counts: 6, bounds: 7, exemplars: 8, attributes: 9 }
const EXPONENTIAL = {
  attributes: 1,
  count: 4,
  sum: 5,
  scale: 6,
  zeroCount: 7,
  positive: 8,
  exemplars: 11,
  min: 12,
  max: 13,
}
const BUCKETS = { offset: 1, counts: 2 }
const EXEMPLAR = { time: 2, double: 3, spanId: 4, traceId: 5 }

const NANOS_PER_MS = 1_000_000n
const TWO_32 = 2 ** 32
/** Largest doubles that the types hold: weights of a sender's choice must not make counts wrap. */
const MAX_INT64 = 2 ** 63 - 1024
const MAX_UINT64 = 2 ** 64 - 2048

export const DELTA = 1
export const CUMULATIVE = 2

export type MadeKind = keyof typeof DATA

/** Spans that stand for what a point counts. */
export interface MadeExemplars {
  readonly length: number
  /** 16 bytes of the trace and 8 of the span, one after the other. */
  readonly ids: Uint8Array
  readonly values: Float64Array
}

/** What all kinds of points have. */
export interface MadePoint {
  /** The content of each KeyValue. */
  readonly attributes: readonly Uint8Array[]
  readonly startMs: number
  readonly timeMs: number
  readonly exemplars: MadeExemplars | null
}

export interface MadeBuckets {
  readonly count: number
  readonly sum: number
  readonly zeroCount: number
  readonly scale: number
  readonly min: number
  readonly max: number
  readonly offset: number
  readonly length: number
  at(i: number): number
}

export class MetricsWriter {
  /** Points written since the last `finish`. */
  points = 0
  readonly #writer = new Writer(16 << 10)
  #packed = new Uint8Array(512)

  get length(): number {
    return this.#writer.length
  }

  openResource(attributes: readonly Uint8Array[]): void {
    this.#writer.begin(REQUEST.resourceMetrics).begin(RESOURCE_METRICS.resource)
    for (const each of attributes) this.#writer.bytes(RESOURCE.attributes, each)
    this.#writer.end()
  }

  openScope(name: string): void {
    this.#writer.begin(RESOURCE_METRICS.scopeMetrics)
    this.#writer.begin(SCOPE_METRICS.scope).string(SCOPE.name, name).end()
  }

  /** A sum is monotonic. */
  openMetric(kind: MadeKind, name: string, unit: string, temporality: number): void {
    const writer = this.#writer.begin(SCOPE_METRICS.metrics).string(METRIC.name, name)
    if (unit !== '') writer.string(METRIC.unit, unit)
    writer.begin(DATA[kind]).varint(AGGREGATE.temporality, temporality)
    if (kind === 'sum') writer.bool(AGGREGATE.isMonotonic, true)
  }

  closeMetric(): void {
    this.#writer.end().end()
  }

  /** Scope or resource. */
  close(): void {
    this.#writer.end()
  }

  sumPoint(point: MadePoint, value: number): void {
    const writer = this.#open(point)
    writer.fixed64(NUMBER.integer, BigInt(Math.min(value, MAX_INT64)))
    this.#close(point, NUMBER.attributes, NUMBER.exemplars)
  }

  /** `bounds` as `packBounds` made them. */
  histogramPoint(
    point: MadePoint,
    count: number,
    sum: number,
    bounds: Uint8Array,
    counts: Float64Array,
  ): void {
    const writer = this.#open(point)
    writer.fixed64(HISTOGRAM.count, BigInt(Math.min(count, MAX_UINT64))).double(HISTOGRAM.sum, sum)
    writer.bytes(HISTOGRAM.counts, this.#pack(counts))
    if (bounds.length > 0) writer.bytes(HISTOGRAM.bounds, bounds)
    this.#close(point, HISTOGRAM.attributes, HISTOGRAM.exemplars)
  }

  exponentialPoint(point: MadePoint, buckets: MadeBuckets): void {
    const writer = this.#open(point)
    writer
      .fixed64(EXPONENTIAL.count, BigInt(Math.min(buckets.count, MAX_UINT64)))
      .double(EXPONENTIAL.sum, buckets.sum)
    if (buckets.scale !== 0) writer.sint32(EXPONENTIAL.scale, buckets.scale)
    if (buckets.zeroCount > 0) {
      writer.fixed64(EXPONENTIAL.zeroCount, BigInt(Math.min(buckets.zeroCount, MAX_UINT64)))
    }
    if (buckets.length > 0) {
      writer.begin(EXPONENTIAL.positive).sint32(BUCKETS.offset, buckets.offset)
      writer.bytes(BUCKETS.counts, this.#packVarints(buckets)).end()
    }
    if (buckets.count > 0) {
      writer.double(EXPONENTIAL.min, buckets.min).double(EXPONENTIAL.max, buckets.max)
    }
    this.#close(point, EXPONENTIAL.attributes, EXPONENTIAL.exemplars)
  }

  /** The request; the next one begins. */
  finish(): Uint8Array {
    const bytes = this.#writer.finish()
    this.discard()
    return bytes
  }

  /** Forgets what is written, whatever is open. */
  discard(): void {
    this.#writer.reset()
    this.points = 0
  }

  #open({ startMs, timeMs }: MadePoint): Writer {
    this.points++
    const writer = this.#writer.begin(AGGREGATE.points)
    return writer.fixed64(POINT.start, nanosOf(startMs)).fixed64(POINT.time, nanosOf(timeMs))
  }

  #close({ attributes, exemplars, timeMs }: MadePoint, number: number, exemplar: number): void {
    const writer = this.#writer
    for (const each of attributes) writer.bytes(number, each)
    for (let i = 0; exemplars !== null && i < exemplars.length; i++) {
      const { ids, values } = exemplars
      writer.begin(exemplar).fixed64(EXEMPLAR.time, nanosOf(timeMs))
      writer.double(EXEMPLAR.double, values[i])
      writer.bytes(EXEMPLAR.spanId, ids.subarray(i * 24 + 16, i * 24 + 24))
      writer.bytes(EXEMPLAR.traceId, ids.subarray(i * 24, i * 24 + 16)).end()
    }
    writer.end()
  }

  #pack(counts: Float64Array): Uint8Array {
    const size = counts.length * 8
    this.#reserve(size)
    const view = new DataView(this.#packed.buffer)
    for (let i = 0; i < counts.length; i++) {
      const count = Math.min(counts[i], MAX_UINT64)
      view.setUint32(i * 8, count % TWO_32, true)
      view.setUint32(i * 8 + 4, Math.floor(count / TWO_32), true)
    }
    return this.#packed.subarray(0, size)
  }

  #packVarints(buckets: MadeBuckets): Uint8Array {
    this.#reserve(buckets.length * 10)
    let pos = 0
    for (let i = 0; i < buckets.length; i++) {
      const count = Math.min(buckets.at(i), MAX_UINT64)
      pos =
        count < TWO_32
          ? writeVarint(this.#packed, pos, count)
          : writeVarint64(this.#packed, pos, BigInt(count))
    }
    return this.#packed.subarray(0, pos)
  }

  #reserve(size: number): void {
    if (size > this.#packed.length) this.#packed = new Uint8Array(size)
  }
}

/** The bounds of a histogram as the field has them. */
export function packBounds(bounds: readonly number[]): Uint8Array {
  const packed = new Uint8Array(bounds.length * 8)
  for (const [i, bound] of bounds.entries()) writeDouble(packed, i * 8, bound)
  return packed
}

function nanosOf(ms: number): bigint {
  return BigInt(Math.round(ms)) * NANOS_PER_MS
}
