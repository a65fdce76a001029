/** Counts the spans of one tenant: finds the series of each span, and makes those that are new within the bounds. */
import type { Part } from '../../core/batch.ts'
import type { MemoryBudget } from '../../core/memory.ts'
import { END, PARENT, ROW, START } from '../../otlp/request-index.ts'
import { BYTES, FieldCursor } from '../../otlp/wire-reader.ts'
import { AdjustedCounts } from '../../sampler/adjusted-count.ts'
import { bool, type Fallback, keyValue, readPairs, type SpanPlace } from './dimensions.ts'
import { ResourceGroups } from './groups.ts'
import { KeyBuffer } from './key-buffer.ts'
import type { Plan } from './plan.ts'
import { type ResourceGroup, type SeenResource, SeenResources } from './resources.ts'
import { type Scope, ScopeReader } from './scopes.ts'
import { Exemplars, Series, type SeriesTable, seriesBytes } from './series.ts'
import { SpanFields, WantedKeys } from './span-fields.ts'

/** Span.events, Event.attributes. */
const EVENTS = 11
const EVENT_ATTRIBUTES = 3

const OVERFLOW_ATTRIBUTES = [keyValue('otel.metric.overflow', bool(true))]
const NO_KEY = new Int32Array(0)

/** Of `Plan.listsOf`. */
const CALLS = 0
const DURATIONS = 1
const EVENTS_METRIC = 2

export class Aggregator {
  readonly groups: ResourceGroups
  /** Counts that went to a series of what is too much, since somebody asked. */
  overflowed = 0
  readonly #plan: Plan
  readonly #seen: SeenResources
  readonly #scopes: ScopeReader
  readonly #place: SpanPlace
  readonly #key = new KeyBuffer()
  readonly #weights = new AdjustedCounts()
  #nowMs = 0

  constructor(plan: Plan, memory: MemoryBudget) {
    this.#plan = plan
    this.#seen = new SeenResources(plan)
    this.groups = new ResourceGroups(plan, memory, () => this.#seen.forget())
    this.#scopes = new ScopeReader(plan.scopes)
    this.#place = { fields: new SpanFields(new WantedKeys(plan.names)), start: 0, end: 0 }
  }

  // hot: bench/micro/spanmetrics.ts
  /** Answers how many spans were not counted because their resource has no `service.name`. */
  add({ payload: { bytes }, index, selection }: Part, nowMs: number): number {
    const [resources, scopes, spans] = index.levels
    this.#nowMs = nowMs
    this.#place.fields.wanted.open(bytes)
    let skipped = 0
    let scopeRow = -1
    let resourceRow = -1
    let resource: SeenResource | null = null
    let group: ResourceGroup | null = null
    let scope: Scope | null = null
    for (let item = 0; item < index.items; item++) {
      if (selection !== null && !selection.has(item)) continue
      const at = item * ROW
      if (spans[at + PARENT] !== scopeRow) {
        scopeRow = spans[at + PARENT]
        const row = scopes[scopeRow * ROW + PARENT]
        scope = this.#scopes.read(bytes, scopes, scopeRow)
        if (row !== resourceRow) {
          resourceRow = row
          const start = resources[row * ROW + START]
          resource = this.#seen.find(bytes, start, resources[row * ROW + END])
          group = resource.service === null ? null : this.groups.of(resource, nowMs)
        }
      }
      if (group === null) skipped++
      else this.#count(bytes, spans[at + START], spans[at + END], resource!, group, scope)
    }
    return skipped
  }

  // hot: bench/micro/spanmetrics.ts
  #count(
    bytes: Uint8Array,
    start: number,
    end: number,
    resource: SeenResource,
    group: ResourceGroup,
    scope: Scope | null,
  ): void {
    const plan = this.#plan
    const place = this.#place
    const span = place.fields
    place.start = start
    place.end = end
    span.read(bytes, start, end)
    const times = plan.isWeighted ? this.#weights.of(bytes, span.stateStart, span.stateEnd) : 1
    const duration = span.duration / plan.nanosPerUnit
    const key = this.#key
    this.#beginKey(bytes, span, resource, scope)
    plan.dimensions.writeKey(key, bytes, place, resource)
    const base = key.length
    plan.callsDimensions.writeKey(key, bytes, place, resource)
    const calls = this.#find(group.calls, CALLS, bytes, resource, scope)
    calls.count += times
    this.#note(calls, bytes, span, duration)
    if (plan.shape !== null) {
      let series = calls
      if (!plan.isShared) {
        key.length = base
        plan.durationDimensions.writeKey(key, bytes, place, resource)
        series = this.#find(group.durations, DURATIONS, bytes, resource, scope)
        this.#note(series, bytes, span, duration)
      }
      series.observe(duration, times, plan.shape.bounds)
    }
    if (plan.hasEvents && span.hasEvents) {
      this.#countEvents(bytes, resource, group, scope, times, duration)
    }
  }

  #beginKey(
    bytes: Uint8Array,
    span: SpanFields,
    resource: SeenResource,
    scope: Scope | null,
  ): void {
    const plan = this.#plan
    const key = this.#key
    key.reset()
    // With all attributes telling resources apart, a group has one name of a service.
    if (plan.keyHasService) {
      key.text(resource.serviceBytes, 0, resource.serviceBytes.length)
    }
    if (plan.has.name) key.text(bytes, span.nameStart, span.nameEnd)
    key.byte(
      (plan.has.kind ? Math.min(span.kind, 6) : 0) +
        (plan.has.status ? Math.min(span.status, 3) * 8 : 0) +
        (plan.hasMethod && this.#weights.isAdjusted ? 64 : 0),
    )
    if (scope !== null) key.text(scope.key, 0, scope.key.length)
  }

  #find(
    table: SeriesTable,
    metric: number,
    bytes: Uint8Array,
    fallback: Fallback & { readonly service: string | null },
    scope: Scope | null,
  ): Series {
    const key = this.#key
    if (!key.isTooLong && !table.isClosed) {
      const hash = key.hash()
      const found = table.find(key, hash)
      if (found !== undefined) {
        found.lastSeenMs = this.#nowMs
        return found
      }
      const made = this.#make(table, hash, metric, bytes, fallback, scope)
      if (made !== null) return made
    }
    this.overflowed++
    table.overflow ??= this.#newSeries(NO_KEY, 0, OVERFLOW_ATTRIBUTES, 0, metric)
    table.overflow.lastSeenMs = this.#nowMs
    return table.overflow
  }

  /** Null when there is no room. */
  #make(
    table: SeriesTable,
    hash: number,
    metric: number,
    bytes: Uint8Array,
    fallback: Fallback & { readonly service: string | null },
    scope: Scope | null,
  ): Series | null {
    const plan = this.#plan
    const isFull = plan.limit > 0 && table.all.length >= plan.limit
    if (isFull || this.groups.isFull) return null
    const attributes = plan.attributesOf(
      bytes,
      this.#place,
      fallback,
      scope,
      this.#weights.isAdjusted,
      plan.listsOf[metric],
    )
    const size = seriesBytes(this.#key.length, attributes, plan.shape, plan.exemplars)
    if (!this.groups.tryAdd(size)) return null
    const series = this.#newSeries(this.#key.copy(), hash, attributes, size, metric)
    table.add(series)
    return series
  }

  #newSeries(
    key: Int32Array,
    hash: number,
    attributes: readonly Uint8Array[],
    size: number,
    metric: number,
  ): Series {
    const { shape, isShared } = this.#plan
    const has = metric === DURATIONS || (metric === CALLS && isShared)
    return new Series(key, hash, attributes, this.#nowMs, size, has ? shape : null)
  }

  /** Keeps the span as an example. */
  #note(series: Series, bytes: Uint8Array, span: SpanFields, duration: number): void {
    const { exemplars } = this.#plan
    if (exemplars === 0 || series.key.length === 0) return
    if (span.traceEnd - span.traceStart !== 16) return
    if (isZero(bytes, span.traceStart, span.traceEnd)) return
    series.exemplars ??= new Exemplars(exemplars)
    series.exemplars.add(bytes, span.traceStart, span.spanStart, span.spanEnd, duration)
  }

  #countEvents(
    bytes: Uint8Array,
    resource: SeenResource,
    group: ResourceGroup,
    scope: Scope | null,
    times: number,
    duration: number,
  ): void {
    const plan = this.#plan
    const place = this.#place
    const field = new FieldCursor(bytes, place.start, place.end)
    while (field.next()) {
      if (field.number !== EVENTS || field.wire !== BYTES) continue
      const fallback = overlay(bytes, field.start, field.end, resource, plan.names)
      this.#beginKey(bytes, place.fields, resource, scope)
      plan.dimensions.writeKey(this.#key, bytes, place, fallback)
      plan.eventDimensions.writeKey(this.#key, bytes, place, fallback)
      const series = this.#find(group.events, EVENTS_METRIC, bytes, fallback, scope)
      series.count += times
      this.#note(series, bytes, place.fields, duration)
    }
  }
}

/** Attributes of an event, and behind them those of the resource. */
function overlay(
  bytes: Uint8Array,
  start: number,
  end: number,
  resource: SeenResource,
  names: readonly string[],
): Fallback & { readonly service: string | null } {
  const own = readPairs(bytes, start, end, EVENT_ATTRIBUTES)
  const byKey = new Map(own.map(pair => [pair.key, pair]))
  const others = resource.pairs.filter(({ key }) => !byKey.has(key))
  return {
    service: resource.service,
    values: names.map((name, number) => {
      const pair = byKey.get(name)
      return pair === undefined
        ? resource.values[number]
        : pair.bytes.subarray(pair.start, pair.end)
    }),
    pairs: [...own, ...others].sort((a, b) => (a.key < b.key ? -1 : 1)),
  }
}

function isZero(bytes: Uint8Array, start: number, end: number): boolean {
  for (let i = start; i < end; i++) if (bytes[i] !== 0) return false
  return true
}
