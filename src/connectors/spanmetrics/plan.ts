/** A configuration compiled for counting: what belongs to a series' key, which attributes it gets, how durations are kept. */
import { DEFAULT_MAX_SIZE } from '../../util/exponential-histogram.ts'
import { INSTANCE_ID } from '../../util/instance-id.ts'
import type { SpanmetricsConfig } from './config.ts'
import {
  DimensionList,
  type Fallback,
  KeyNumbers,
  keyValue,
  type SpanPlace,
  text,
} from './dimensions.ts'
import type { ResourceOptions } from './resources.ts'
import type { Scope } from './scopes.ts'
import type { HistogramShape } from './series.ts'

const DEFAULT_BUCKETS_MS = [
  2, 4, 6, 8, 10, 50, 100, 200, 400, 800, 1000, 1400, 2000, 5000, 10_000, 15_000,
]
const NANOS = { ms: 1e6, s: 1e9 }

const KINDS = ['UNSPECIFIED', 'INTERNAL', 'SERVER', 'CLIENT', 'PRODUCER', 'CONSUMER'].map(
  kind => `SPAN_KIND_${kind}`,
)
const STATUSES = ['UNSET', 'OK', 'ERROR'].map(status => `STATUS_CODE_${status}`)

/** Dimensions that a series has unless they are excluded. */
interface Given {
  readonly service: boolean
  readonly name: boolean
  readonly kind: boolean
  readonly status: boolean
  readonly instance: boolean
}

export class Plan implements ResourceOptions {
  /** Keys of attributes that are looked for in spans, by number. */
  readonly names: readonly string[]
  readonly keyAttributes: readonly string[]
  readonly scopes: readonly string[]
  readonly dimensions: DimensionList
  readonly callsDimensions: DimensionList
  readonly durationDimensions: DimensionList
  readonly eventDimensions: DimensionList
  /** By metric (calls, durations, events): its lists in order. */
  readonly listsOf: readonly (readonly DimensionList[])[]
  readonly hasEvents: boolean
  readonly has: Given
  /** Calls and durations have the same dimensions, so one series is both. */
  readonly isShared: boolean
  readonly keyHasService: boolean
  readonly hasMethod: boolean
  readonly isWeighted: boolean
  /** Null: durations are not kept. */
  readonly shape: HistogramShape | null
  readonly nanosPerUnit: number
  /** Most examples of a point; 0 = none. */
  readonly exemplars: number
  /** Most series of one metric of one resource; 0 = no limit. */
  readonly limit: number
  readonly maxSeries: number
  readonly maxResources: number

  constructor(config: SpanmetricsConfig) {
    const { histogram, events, exemplars } = config
    const numbers = new KeyNumbers()
    this.dimensions = new DimensionList(config.dimensions, numbers)
    this.callsDimensions = new DimensionList(config.calls_dimensions, numbers)
    this.durationDimensions = new DimensionList(histogram.dimensions, numbers)
    this.eventDimensions = new DimensionList(events.enabled ? events.dimensions : [], numbers)
    this.listsOf = [this.callsDimensions, this.durationDimensions, this.eventDimensions].map(
      list => [this.dimensions, list],
    )
    this.names = numbers.names
    this.keyAttributes = config.resource_metrics_key_attributes
    this.scopes = config.include_instrumentation_scope
    this.hasEvents = events.enabled
    this.has = given(config.exclude_dimensions)
    this.isShared = this.callsDimensions.isEmpty && this.durationDimensions.isEmpty
    this.keyHasService = this.has.service && this.keyAttributes.length > 0
    this.hasMethod = config.enable_metrics_sampling_method
    this.isWeighted = config.weighting === 'adjusted_count'
    this.shape = shapeOf(config)
    this.nanosPerUnit = NANOS[histogram.unit]
    this.exemplars = exemplars.enabled ? exemplars.max_per_data_point : 0
    this.limit = config.aggregation_cardinality_limit
    this.maxSeries = config.max_series
    this.maxResources = config.resource_metrics_cache_size
  }

  /** The content of each KeyValue of a new series. */
  attributesOf(
    bytes: Uint8Array,
    place: SpanPlace,
    fallback: Fallback & { readonly service: string | null },
    scope: Scope | null,
    isAdjusted: boolean,
    lists: readonly DimensionList[],
  ): Uint8Array[] {
    const { has } = this
    const { nameStart, nameEnd, kind, status } = place.fields
    const all = new Map<string, Uint8Array>()
    const put = (key: string, value: string) => all.set(key, keyValue(key, text(value)))
    if (has.service) put('service.name', fallback.service ?? '')
    if (has.name) {
      put('span.name', Buffer.from(bytes.subarray(nameStart, nameEnd)).toString())
    }
    if (has.kind) put('span.kind', KINDS[kind] ?? '')
    if (has.status) put('status.code', STATUSES[status] ?? '')
    if (has.instance) put('collector.instance.id', INSTANCE_ID)
    if (scope !== null) {
      put('span.instrumentation.scope.name', scope.name)
      if (scope.version !== '') put('span.instrumentation.scope.version', scope.version)
    }
    if (this.hasMethod) put('sampling.method', isAdjusted ? 'extrapolated' : 'counted')
    for (const list of lists) list.collect(all, bytes, place, fallback)
    return [...all.values()]
  }
}

function given(excluded: readonly string[]): Given {
  const has = (name: string): boolean => !excluded.includes(name)
  return {
    service: has('service.name'),
    name: has('span.name'),
    kind: has('span.kind'),
    status: has('status.code'),
    instance: has('collector.instance.id'),
  }
}

function shapeOf({ histogram }: SpanmetricsConfig): HistogramShape | null {
  const { disable, exponential, explicit, unit } = histogram
  if (disable) return null
  if (exponential !== undefined) {
    return { bounds: null, maxSize: exponential.max_size || DEFAULT_MAX_SIZE }
  }
  const buckets = explicit?.buckets ?? DEFAULT_BUCKETS_MS
  // By way of nanoseconds, as upstream: the same quotient is the same double.
  return { bounds: buckets.map(ms => Math.round(ms * 1e6) / NANOS[unit]), maxSize: 0 }
}
