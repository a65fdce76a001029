/**
 * The last value of each series, as scrapes want it: cumulative, one by name and labels, forgotten when nothing comes any
 * more. What cannot be kept is told to the caller with the reason.
 */
import { DEFAULT_TENANT, type Part, type TenantId } from '../../core/batch.ts'
import type { MemoryBudget } from '../../core/memory.ts'
import {
  type MetricKind,
  MetricsView,
  type MetricView,
  type PointView,
} from '../../otlp/metrics-view.ts'
import { PARENT, ROW } from '../../otlp/request-index.ts'
import type { PrometheusConfig } from './config.ts'
import {
  type Attributes,
  asText,
  joinLabels,
  type Label,
  labelsText,
  type ScopeFacts,
  scopeAttributes,
  scopeLabels,
  type Target,
  targetOf,
  withoutService,
} from './labels.ts'
import { type FamilyType, metricName, type Naming } from './names.ts'
import { addDelta, type PointValue, readPoint } from './points.ts'

const DELTA = 1
const CUMULATIVE = 2
/** DataPointFlags: the series has ended. */
const NO_RECORDED_VALUE = 1
/** Of a series besides its texts and buckets. */
const SERIES_BYTES = 600
/** Points after which others get their turn. */
const SLICE = 64

export type Reason =
  | 'unsupported_temporality' // unspecified, or a delta of a sum that may fall
  | 'out_of_order' // older than what is kept
  | 'misaligned_delta' // begins before the end of what is kept
  | 'type_conflict' // another metric has the name, with another type
  | 'invalid_name' // nothing is left of the name
  | 'unsupported_scale' // an exponential histogram coarser than Prometheus knows
  | 'too_large' // more buckets than are kept for one point
  | 'too_many_series'
  | 'out_of_memory'

export interface Family {
  readonly name: string
  readonly type: FamilyType
  readonly help: string
  /** Series that it has now. */
  size: number
}

export interface PromSeries {
  readonly family: Family
  readonly labels: readonly Label[]
  /** The labels as a scrape shows them to those who take any names; with the name it tells series apart there. */
  readonly text: string
  readonly target: Target
  /** Reserved for it; grows with its buckets. */
  bytes: number
  value: PointValue
  updatedMs: number
}

/** Facts of the scope and the resource at hand, read once for all their points. */
interface Around {
  readonly target: Target
  readonly scope: ScopeFacts
  /** Their part of what tells series apart. */
  readonly signature: string
}

/** Of the metric at hand: finding its temporality means going through all its points. */
interface MetricFacts {
  readonly name: string
  readonly description: string
  readonly unit: string
  readonly kind: MetricKind
  readonly temporality: number
  readonly isMonotonic: boolean
}

/** Coarsest exponential histogram that Prometheus takes. */
const MIN_SCALE = -4

export class Accumulator {
  readonly series = new Map<string, PromSeries>()
  readonly #families = new Map<string, Family>()
  readonly #config: PrometheusConfig
  readonly #naming: Naming
  readonly #memory: MemoryBudget
  readonly #constant: readonly Label[]
  readonly #view = new MetricsView()

  constructor(config: PrometheusConfig, naming: Naming, memory: MemoryBudget) {
    this.#config = config
    this.#naming = naming
    this.#memory = memory
    this.#constant = joinLabels([], [new Map(Object.entries(config.const_labels))], naming)
  }

  /** Takes the points of a part; calls `refuse` for each that is not kept. Yields while it works; one part at a time. */
  *add(
    part: Part,
    tenant: TenantId,
    nowMs: number,
    refuse: (reason: Reason) => void,
  ): Generator<void, void> {
    const { payload, index, selection } = part
    const [, , metrics, data] = index.levels
    const points = index.levels[4]
    const view = this.#view
    view.reset(payload.bytes, index)
    let scopeRow = -1
    let dataRow = -1
    let around: Around | null = null
    let metric: MetricFacts | null = null
    for (let item = 0; item < index.items; item++) {
      if (selection !== null && !selection.has(item)) continue
      const point = view.moveTo(item)
      const here = points[item * ROW + PARENT]
      const row = metrics[data[here * ROW + PARENT] * ROW + PARENT]
      if (here !== dataRow || metric === null) {
        dataRow = here
        metric = readMetric(view.metric)
      }
      if (row !== scopeRow || around === null) {
        scopeRow = row
        around = this.#readAround()
      }
      const reason = this.#addPoint(point, metric, around, tenant, nowMs)
      if (reason !== undefined) refuse(reason)
      if (item % SLICE === SLICE - 1) yield
    }
  }

  /** Forgets what has not come for longer than the configuration says. */
  expire(nowMs: number): void {
    const { metric_expiration } = this.#config
    if (metric_expiration === 0) return
    for (const [key, series] of this.series) {
      if (nowMs - series.updatedMs > metric_expiration) this.#remove(key, series)
    }
  }

  clear(): void {
    for (const [key, series] of this.series) this.#remove(key, series)
  }

  #remove(key: string, { family, bytes }: PromSeries): void {
    this.series.delete(key)
    this.#memory.free(bytes)
    if (--family.size === 0) this.#families.delete(family.name)
  }

  #readAround(): Around {
    const { resource, scope } = this.#view
    const target = targetOf(resource.attributes.toMap(), this.#naming)
    const facts = {
      name: scope.name,
      version: scope.version,
      schemaUrl: scope.schemaUrl,
      attributes: scope.attributes.toMap(),
    }
    const { job, instance } = target
    const all = this.#config.resource_to_telemetry_conversion.enabled
    const signature = JSON.stringify([
      facts.name,
      facts.version,
      facts.schemaUrl,
      textsOf(facts.attributes),
      job ?? null,
      instance ?? null,
      // Labels of the series then, as upstream copies them before it looks at series.
      all ? textsOf(target.attributes) : null,
    ])
    return { target, scope: facts, signature }
  }

  #addPoint(
    point: PointView,
    metric: MetricFacts,
    around: Around,
    tenant: TenantId,
    nowMs: number,
  ): Reason | undefined {
    const { name, unit, kind, temporality, isMonotonic } = metric
    const isSum = kind === 'sum'
    const isDelta = temporality === DELTA
    const hasTemporality = kind !== 'gauge' && kind !== 'summary'
    if (hasTemporality && !isDelta && temporality !== CUMULATIVE) return 'unsupported_temporality'
    if (isSum && isDelta && !isMonotonic) return 'unsupported_temporality'
    const attributes = point.attributes.toMap()
    const key = JSON.stringify([tenant, name, kind, textsOf(attributes)]) + around.signature
    const kept = this.series.get(key)
    if ((point.flags & NO_RECORDED_VALUE) !== 0) {
      if (kept !== undefined) this.#remove(key, kept)
      return undefined
    }
    const value = readPoint(point)
    if (value === undefined) return 'too_large'
    if (value.kind === 'exponential' && value.scale < MIN_SCALE) return 'unsupported_scale'
    if (kept !== undefined) return this.#update(kept, value, isDelta, nowMs)
    const type = typeOf(kind, isMonotonic)
    const made = metricName(name, unit, type, this.#naming)
    if (made === undefined) return 'invalid_name'
    const family = this.#families.get(made) ?? newFamily(made, type, metric)
    if (family.type !== type) return 'type_conflict'
    return this.#keep(key, family, this.#labelsOf(attributes, around, tenant), around, value, nowMs)
  }

  #keep(
    key: string,
    family: Family,
    labels: readonly Label[],
    { target }: Around,
    value: PointValue,
    updatedMs: number,
  ): Reason | undefined {
    if (this.series.size >= this.#config.max_series) return 'too_many_series'
    const text = labelsText(labels)
    const bytes =
      SERIES_BYTES + 64 * labels.length + 2 * key.length + 4 * text.length + bytesOf(value)
    if (!this.#memory.tryReserve(bytes)) return 'out_of_memory'
    this.#families.set(family.name, family)
    family.size++
    this.series.set(key, { family, labels, text, target, bytes, value, updatedMs })
    return undefined
  }

  #update(
    kept: PromSeries,
    value: PointValue,
    isDelta: boolean,
    nowMs: number,
  ): Reason | undefined {
    if (value.timeNano < kept.value.timeNano) return 'out_of_order'
    const merged = isDelta ? addDelta(kept.value, value) : { value }
    if ('reason' in merged) return merged.reason
    const more = bytesOf(merged.value) - bytesOf(kept.value)
    if (more > 0 && !this.#memory.tryReserve(more)) return 'out_of_memory'
    if (more < 0) this.#memory.free(-more)
    kept.bytes += more
    kept.value = merged.value
    kept.updatedMs = nowMs
    return undefined
  }

  #labelsOf(attributes: Attributes, { target, scope }: Around, tenant: TenantId): Label[] {
    const { without_scope_info, resource_to_telemetry_conversion } = this.#config
    const given: Label[] = [...this.#constant]
    if (!without_scope_info) given.push(...scopeLabels(scope))
    if (target.job !== undefined) given.push(['job', target.job])
    if (target.instance !== undefined) given.push(['instance', target.instance])
    // Tenants share the page, and must not share series.
    if (tenant !== DEFAULT_TENANT) given.push(['tenant', tenant])
    const sources = without_scope_info ? [] : [scopeAttributes(scope)]
    sources.push(attributes)
    const { enabled, exclude_service_attributes } = resource_to_telemetry_conversion
    if (enabled) {
      const all = target.attributes
      sources.push(exclude_service_attributes ? withoutService(all) : all)
    }
    return joinLabels(given, sources, this.#naming)
  }
}

function readMetric(metric: MetricView): MetricFacts {
  const { name, description, unit, kind, temporality, isMonotonic } = metric
  return { name, description, unit, kind, temporality, isMonotonic }
}

function newFamily(name: string, type: FamilyType, metric: MetricFacts): Family {
  // A metric without description at least tells what OpenTelemetry calls it.
  return { name, type, help: metric.description || metric.name, size: 0 }
}

function typeOf(kind: MetricKind, isMonotonic: boolean): FamilyType {
  if (kind === 'sum') return isMonotonic ? 'counter' : 'gauge'
  if (kind === 'gauge' || kind === 'summary') return kind
  return 'histogram'
}

function textsOf(attributes: Attributes): string[] {
  const texts: string[] = []
  for (const [key, value] of attributes) texts.push(`${key}\0${asText(value)}`)
  return texts.sort()
}

function bytesOf(value: PointValue): number {
  const { kind } = value
  if (kind === 'number') return 100 * value.exemplars.length
  if (kind === 'summary') return 48 * value.quantiles.length
  if (kind === 'histogram') return 16 * value.bounds.length + 100 * value.exemplars.length
  const buckets = value.positive.counts.length + value.negative.counts.length
  return 16 * buckets + 100 * value.exemplars.length
}
