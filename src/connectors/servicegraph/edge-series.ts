/** Counts and durations of finished edges by what tells them apart, and how they are written as metrics. */
import type { MemoryBudget } from '../../core/memory.ts'
import { CUMULATIVE, type MadePoint, MetricsWriter, packBounds } from '../../otlp/metrics-writer.ts'
import { Writer } from '../../otlp/wire-writer.ts'
import { ExponentialHistogram } from '../../util/exponential-histogram.ts'
import type { ServicegraphConfig } from './config.ts'
import type { Edge } from './edges.ts'

const SCOPE_NAME = 'traces_service_graph'
const DEFAULT_BUCKETS_MS = [
  2, 4, 6, 8, 10, 50, 100, 200, 400, 800, 1000, 1400, 2000, 5000, 10_000, 15_000,
]
/** A series without edges for so long is forgotten. */
const STALE_MS = 15 * 60_000
/** A request is closed once it has so many points; others get their turn then. */
const MAX_POINTS = 2048
/** Of a series besides its texts and buckets. */
const SERIES_BYTES = 1000

class Durations {
  count = 0
  sum = 0
  readonly buckets: Float64Array | null
  readonly exponential: ExponentialHistogram | null

  constructor(bounds: readonly number[] | null, maxSize: number) {
    this.buckets = bounds === null ? null : new Float64Array(bounds.length + 1)
    this.exponential = bounds === null ? new ExponentialHistogram(maxSize) : null
  }

  add(seconds: number, times: number, bounds: readonly number[] | null): void {
    if (bounds === null || this.buckets === null) {
      this.exponential?.add(seconds, times)
      return
    }
    this.count += times
    this.sum += seconds * times
    let bucket = 0
    while (bucket < bounds.length && bounds[bucket] < seconds) bucket++
    this.buckets[bucket] += times
  }
}

interface EdgeSeries {
  readonly attributes: readonly Uint8Array[]
  readonly bytes: number
  requests: number
  failed: number
  readonly client: Durations
  readonly server: Durations
  lastEdgeMs: number
}

interface MadeMetric {
  readonly name: string
  readonly unit: string
  readonly kind: 'sum' | 'histogram' | 'exponential'
  readonly has: (series: EdgeSeries) => boolean
  readonly write: (writer: MetricsWriter, point: MadePoint, series: EdgeSeries) => void
}

export class SeriesOfEdges {
  /** Edges that found no room of their own, since somebody asked. */
  overflowed = 0
  readonly #series = new Map<string, EdgeSeries>()
  #overflow: EdgeSeries | null = null
  readonly #config: ServicegraphConfig
  readonly #memory: MemoryBudget
  readonly #startMs: number
  /** In seconds; null for exponential histograms. */
  readonly #bounds: readonly number[] | null
  readonly #packed: Uint8Array
  readonly #metrics: readonly MadeMetric[]

  constructor(config: ServicegraphConfig, memory: MemoryBudget, startMs: number) {
    const { latency_histogram_buckets: buckets, exponential_histogram_max_size: size } = config
    this.#config = config
    this.#memory = memory
    this.#startMs = startMs
    this.#bounds =
      size > 0 ? null : (buckets ?? DEFAULT_BUCKETS_MS).map(ms => Math.round(ms * 1e6) / 1e9)
    this.#packed = packBounds(this.#bounds ?? [])
    this.#metrics = this.#describe()
  }

  get isEmpty(): boolean {
    return this.#series.size === 0 && this.#overflow === null
  }

  add(edge: Edge, nowMs: number): void {
    const series = this.#find(edge)
    const { times } = edge
    series.lastEdgeMs = nowMs
    series.requests += times
    if (edge.isFailed) series.failed += times
    series.server.add(edge.serverSeconds, times, this.#bounds)
    series.client.add(edge.clientSeconds, times, this.#bounds)
  }

  /** Forgets series that had no edge for long. */
  clean(nowMs: number): void {
    for (const [key, series] of this.#series) {
      if (nowMs - series.lastEdgeMs <= STALE_MS) continue
      this.#series.delete(key)
      this.#memory.free(series.bytes)
    }
  }

  clear(): void {
    for (const { bytes } of this.#series.values()) this.#memory.free(bytes)
    this.#series.clear()
    this.#overflow = null
  }

  /** As requests of a bounded size; returns false when `take` had no room for one. */
  *write(nowMs: number, take: (bytes: Uint8Array) => boolean): Generator<void, boolean> {
    const timeMs = nowMs - this.#config.metrics_timestamp_offset
    const writer = new MetricsWriter()
    const open = (): void => {
      writer.openResource([])
      writer.openScope(SCOPE_NAME)
    }
    const close = (): boolean => {
      writer.close()
      writer.close()
      return writer.points === 0 || take(writer.finish())
    }
    const all = [...this.#series.values()]
    if (this.#overflow !== null) all.push(this.#overflow)
    open()
    for (const metric of this.#metrics) {
      let isOpen = false
      for (const series of all) {
        if (!metric.has(series)) continue
        if (!isOpen) writer.openMetric(metric.kind, metric.name, metric.unit, CUMULATIVE)
        isOpen = true
        const { attributes } = series
        const point = { attributes, startMs: this.#startMs, timeMs, exemplars: null }
        metric.write(writer, point, series)
        if (writer.points < MAX_POINTS) continue
        writer.closeMetric()
        isOpen = false
        if (!close()) return false
        yield
        open()
      }
      if (isOpen) writer.closeMetric()
    }
    return close()
  }

  #describe(): readonly MadeMetric[] {
    const every = (): boolean => true
    const durations = (side: 'client' | 'server'): MadeMetric => ({
      name: `traces_service_graph_request_${side}`,
      unit: 's',
      kind: this.#bounds === null ? 'exponential' : 'histogram',
      has: every,
      write: (writer, point, series) => {
        const { count, sum, buckets, exponential } = series[side]
        if (buckets !== null) writer.histogramPoint(point, count, sum, this.#packed, buckets)
        else writer.exponentialPoint(point, exponential!)
      },
    })
    return [
      {
        name: 'traces_service_graph_request_total',
        unit: '',
        kind: 'sum',
        has: every,
        write: (writer, point, { requests }) => writer.sumPoint(point, requests),
      },
      {
        name: 'traces_service_graph_request_failed_total',
        unit: '',
        kind: 'sum',
        has: ({ failed }) => failed > 0,
        write: (writer, point, { failed }) => writer.sumPoint(point, failed),
      },
      durations('server'),
      durations('client'),
    ]
  }

  #find(edge: Edge): EdgeSeries {
    const { client, server, connection, isFailed, virtual, dimensions } = edge
    const extra = this.#config.virtual_node_extra_label ? virtual : ''
    const named = this.#config.dimensions.flatMap(name =>
      ['client', 'server'].map(side => dimensions.get(`${side}_${name}`) ?? null),
    )
    const key = JSON.stringify([client, server, connection, isFailed, extra, named])
    let series = this.#series.get(key)
    if (series !== undefined) return series
    const attributes = this.#attributesOf(edge)
    const width = this.#bounds?.length ?? this.#config.exponential_histogram_max_size
    const texts = attributes.reduce((sum, each) => sum + each.length + 100, 2 * key.length)
    const bytes = SERIES_BYTES + texts + 16 * width
    if (this.#series.size >= this.#config.max_series || !this.#memory.tryReserve(bytes)) {
      this.overflowed++
      this.#overflow ??= this.#newSeries([bool('otel.metric.overflow', true)], 0)
      return this.#overflow
    }
    series = this.#newSeries(attributes, bytes)
    this.#series.set(key, series)
    return series
  }

  #attributesOf(edge: Edge): Uint8Array[] {
    const { client, server, connection, isFailed, virtual, dimensions } = edge
    const attributes = [
      text('client', client),
      text('server', server),
      text('connection_type', connection),
      bool('failed', isFailed),
    ]
    for (const [name, value] of dimensions) attributes.push(text(name, value))
    if (this.#config.virtual_node_extra_label) attributes.push(text('virtual_node', virtual))
    return attributes
  }

  #newSeries(attributes: readonly Uint8Array[], bytes: number): EdgeSeries {
    const durations = (): Durations =>
      new Durations(this.#bounds, this.#config.exponential_histogram_max_size)
    const [client, server] = [durations(), durations()]
    return { attributes, bytes, requests: 0, failed: 0, client, server, lastEdgeMs: 0 }
  }
}

const KEY_VALUE = { key: 1, value: 2 }
const ANY = { string: 1, bool: 2 }
const writer = new Writer()

/** The content of a KeyValue. */
function text(key: string, value: string): Uint8Array {
  writer.reset().string(KEY_VALUE.key, key).begin(KEY_VALUE.value)
  return writer.string(ANY.string, value).end().finish()
}

function bool(key: string, value: boolean): Uint8Array {
  writer.reset().string(KEY_VALUE.key, key).begin(KEY_VALUE.value)
  return writer.bool(ANY.bool, value).end().finish()
}
