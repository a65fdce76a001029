/** Writes what is counted as metrics requests, each of a bounded size, and starts over where that is asked for. */
import { hash } from 'node:crypto'
import {
  CUMULATIVE,
  DELTA,
  type MadeKind,
  type MadePoint,
  MetricsWriter,
  packBounds,
} from '../../otlp/metrics-writer.ts'
import type { SpanmetricsConfig } from './config.ts'
import type { ResourceGroups } from './groups.ts'
import type { Plan } from './plan.ts'
import type { ResourceGroup } from './resources.ts'
import type { Series, SeriesTable } from './series.ts'

const SCOPE_NAME = 'spanmetricsconnector'
/** A request is closed once it has so many points or bytes; others get their turn then. */
const MAX_POINTS = 2048
const MAX_BYTES = 1 << 20

/** Takes a request; false = there is no room, and nothing may be forgotten. */
export type TakeRequest = (bytes: Uint8Array) => boolean

type Metric = 'calls' | 'durations' | 'events'

/** A metric of a group. */
interface Made {
  readonly metric: Metric
  readonly kind: MadeKind
  readonly name: string
  readonly unit: string
  readonly table: SeriesTable
}

interface Told {
  readonly group: ResourceGroup
  readonly series: Series
  readonly metric: Metric
}

interface Written {
  readonly group: ResourceGroup
  /** Of the group when its telling began: it is another one once more was counted. */
  readonly lastUse: number
}

interface Round {
  readonly groups: ResourceGroups
  readonly nowMs: number
  readonly take: TakeRequest
  readonly isLast: boolean
}

export class Flusher {
  readonly #plan: Plan
  readonly #config: SpanmetricsConfig
  readonly #isDelta: boolean
  readonly #bounds: Uint8Array
  readonly #writer = new MetricsWriter()
  /** Delta: when a series was last told, by what names it, in the order of the telling. */
  readonly #toldMs = new Map<string, { [metric in Metric]?: number }>()
  /** Points and whole groups that are written and not handed on yet. */
  readonly #points: Told[] = []
  readonly #written: Written[] = []

  constructor(plan: Plan, config: SpanmetricsConfig) {
    this.#plan = plan
    this.#config = config
    this.#isDelta = config.aggregation_temporality === 'AGGREGATION_TEMPORALITY_DELTA'
    this.#bounds = packBounds(plan.shape?.bounds ?? [])
  }

  /**
   * Yields where others may have their turn: all that is written then is told. Returns false when something could not be
   * handed on: it stays, and is part of the next flush. After the last one nobody tells what its first 0 has left out.
   */
  *flush(
    groups: ResourceGroups,
    nowMs: number,
    take: TakeRequest,
    isLast = false,
  ): Generator<void, boolean> {
    const round = { groups, nowMs, take, isLast }
    // A flush that was broken off has left its beginning.
    this.#writer.discard()
    this.#points.length = this.#written.length = 0
    for (const group of groups.all()) {
      const { lastUse } = group
      if (!(yield* this.#tell(group, round))) return false
      this.#written.push({ group, lastUse })
    }
    return this.#handOn(round)
  }

  /** Hands on what is written so far; only then it counts as told. */
  #handOn({ groups, nowMs, take }: Round): boolean {
    const isTaken = this.#writer.points === 0 || take(this.#writer.finish())
    if (isTaken) {
      for (const each of this.#points) this.#settlePoint(each, nowMs)
      for (const each of this.#written) this.#settleGroup(groups, each, nowMs)
    }
    this.#points.length = 0
    this.#written.length = 0
    return isTaken
  }

  #settlePoint({ group, series, metric }: Told, nowMs: number): void {
    if (!this.#isDelta) {
      series.isFirst = false
      return
    }
    if (metric === 'durations') series.clearDurations()
    else series.count = 0
    // The next point of the series begins where this one ends.
    const name = nameOf(group, series)
    const told = this.#toldMs.get(name)
    this.#toldMs.delete(name)
    this.#toldMs.set(name, { ...told, [metric]: nowMs })
    if (this.#toldMs.size > this.#config.metric_timestamp_cache_size) {
      this.#toldMs.delete(this.#toldMs.keys().next().value as string)
    }
  }

  #settleGroup(groups: ResourceGroups, { group, lastUse }: Written, nowMs: number): void {
    // What was counted since its telling began is told by the next flush.
    if ((this.#isDelta || this.#isOver(group, nowMs)) && group.lastUse === lastUse) {
      groups.remove(group)
      return
    }
    for (const table of group.tables) {
      if (this.#plan.exemplars > 0) {
        for (const { exemplars } of everySeries(table)) if (exemplars !== null) exemplars.length = 0
      }
      if (this.#config.series_expiration === 0) continue
      const gone = table.sweep(series => this.#isSeriesOver(series, nowMs))
      for (const series of gone) groups.release(series)
    }
  }

  /** To be forgotten once it is told. */
  #isOver({ isEvicted, lastSeenMs }: ResourceGroup, nowMs: number): boolean {
    const { metrics_expiration } = this.#config
    return isEvicted || (metrics_expiration > 0 && nowMs - lastSeenMs >= metrics_expiration)
  }

  #isSeriesOver({ lastSeenMs }: Series, nowMs: number): boolean {
    const { series_expiration } = this.#config
    return series_expiration > 0 && nowMs - lastSeenMs >= series_expiration
  }

  #metricsOf(group: ResourceGroup): Made[] {
    const { namespace, histogram } = this.#config
    const { shape, hasEvents } = this.#plan
    const name = (metric: string): string => (namespace === '' ? metric : `${namespace}.${metric}`)
    const metrics: Made[] = [
      { metric: 'calls', kind: 'sum', name: name('calls'), unit: '', table: group.calls },
    ]
    if (shape !== null) {
      const kind = shape.bounds === null ? 'exponential' : 'histogram'
      const { unit } = histogram
      metrics.push({
        metric: 'durations',
        kind,
        name: name('duration'),
        unit,
        table: group.durations,
      })
    }
    if (hasEvents) {
      const { events } = group
      metrics.push({ metric: 'events', kind: 'sum', name: name('events'), unit: '', table: events })
    }
    return metrics
  }

  /** False when a request that became full could not be handed on. */
  *#tell(group: ResourceGroup, round: Round): Generator<void, boolean> {
    const isOnly = round.isLast || this.#isOver(group, round.nowMs)
    this.#openGroup(group)
    for (const metric of this.#metricsOf(group)) {
      let isOpen = false
      for (const series of everySeries(metric.table)) {
        if (this.#isDelta && isEmpty(series, metric)) continue
        if (!isOpen) this.#openMetric(metric)
        isOpen = true
        this.#point(metric, group, series, round.nowMs, isOnly)
        if (!this.#isFull) continue
        this.#writer.closeMetric()
        this.#closeGroup()
        isOpen = false
        if (!this.#handOn(round)) return false
        yield
        this.#openGroup(group)
      }
      if (isOpen) this.#writer.closeMetric()
    }
    this.#closeGroup()
    return true
  }

  get #isFull(): boolean {
    return this.#writer.points >= MAX_POINTS || this.#writer.length >= MAX_BYTES
  }

  #openGroup({ attributes }: ResourceGroup): void {
    this.#writer.openResource(attributes)
    this.#writer.openScope(SCOPE_NAME)
  }

  #closeGroup(): void {
    this.#writer.close()
    this.#writer.close()
  }

  #openMetric({ kind, name, unit }: Made): void {
    this.#writer.openMetric(kind, name, unit, this.#isDelta ? DELTA : CUMULATIVE)
  }

  #point(
    { metric }: Made,
    group: ResourceGroup,
    series: Series,
    timeMs: number,
    isOnly: boolean,
  ): void {
    const { attributes, exemplars } = series
    const before = this.#isDelta ? this.#toldMs.get(nameOf(group, series)) : undefined
    const startMs = before?.[metric] ?? series.startMs
    this.#points.push({ group, series, metric })
    const point: MadePoint = { attributes, startMs, timeMs, exemplars }
    if (metric !== 'durations') {
      const isLast = isOnly || this.#isSeriesOver(series, timeMs)
      const isZero = series.isFirst && !this.#isDelta && !isLast
      this.#writer.sumPoint(point, isZero ? 0 : series.count)
    } else if (series.buckets !== null) {
      const { observed, sum, buckets } = series
      this.#writer.histogramPoint(point, observed, sum, this.#bounds, buckets)
    } else this.#writer.exponentialPoint(point, series.exponential!)
  }
}

/** Nothing came of it since it was told. */
function isEmpty({ count, observed, exponential }: Series, { metric }: Made): boolean {
  return (metric === 'durations' ? (exponential?.count ?? observed) : count) === 0
}

/** Short, whatever the key. */
function nameOf({ key }: ResourceGroup, series: Series): string {
  return hash(
    'sha1',
    Buffer.concat([Buffer.from(`${key}\0`), new Uint8Array(series.key.buffer)]),
    'base64',
  )
}

function* everySeries({ all, overflow }: SeriesTable): Generator<Series> {
  yield* all
  if (overflow !== null) yield overflow
}
