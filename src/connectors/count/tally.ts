/**
 * Counts of one batch: by resource group, metric and set of attribute values. Bounded: what has no room for a series of
 * its own is counted in one point for each metric that says so, so that the sum stays right.
 */
import { Writer } from '../../otlp/wire-writer.ts'
import type { CountedMetric, Section } from './sections.ts'

/** Most series that are kept apart for one batch. */
export const MAX_SERIES = 10_000
/** Most bytes of attributes in all series of one batch. */
export const MAX_SERIES_BYTES = 4 << 20

/** Fields in data points and key-value pairs. */
const POINT_ATTRIBUTES = 7
const VALUE = 2

/** An attribute's value as it is counted. */
export type CountedValue = string | bigint | number

export interface Series {
  /** Fields of a data point. */
  readonly attributes: Uint8Array
  count: number
}

/** What one section has counted in one resource. */
export interface SectionCounts {
  readonly section: Section
  /** By number of the metric. */
  readonly series: readonly Map<string, Series>[]
  /** Of all items there, also of those that were not counted; 0 = none has a time. */
  start: bigint
  end: bigint
}

export interface Group {
  /** The resource's attributes, as whole fields. */
  readonly resource: Uint8Array
  readonly sections: Map<Section, SectionCounts>
}

const NO_BYTES = new Uint8Array(0)
/** How OpenTelemetry's SDKs mark such points too. */
const OVERFLOW_ATTRIBUTE = new Writer()
  .begin(POINT_ATTRIBUTES)
  .string(1, 'otel.metric.overflow')
  .begin(VALUE)
  .bool(2, true)
  .end()
  .end()
  .finish()

const writer = new Writer()

export class Tally {
  /** In the order of their first count; the last may be that of what had no room. */
  readonly groups: Group[] = []
  series = 0
  /** What was counted without a series of its own. */
  overflowed = 0
  #bytes = 0
  #overflow: Group | null = null
  #byRow = new Map<number, Group>()

  /** From now on resource rows are those of another part. */
  nextPart(): void {
    this.#byRow.clear()
  }

  /** One more of a metric. `values` belong to its attributes; `resource` is asked for when the group is new. */
  add(
    row: number,
    section: Section,
    metric: number,
    values: readonly CountedValue[],
    resource: () => Uint8Array,
  ): void {
    const key = values.length === 0 ? '' : keyOf(values)
    const known = this.#byRow.get(row)?.sections.get(section)?.series[metric].get(key)
    if (known !== undefined) known.count++
    else if (!this.#addSeries(row, section, metric, key, values, resource)) {
      this.#addOverflow(section, metric)
    }
  }

  /** Widens the time of what a section has counted in a resource. */
  setTimes(row: number, section: Section, start: bigint, end: bigint): void {
    if (start === 0n) return
    for (const group of [this.#byRow.get(row), this.#overflow]) {
      const counts = group?.sections.get(section)
      if (counts === undefined) continue
      if (counts.start === 0n || start < counts.start) counts.start = start
      if (end > counts.end) counts.end = end
    }
  }

  #addSeries(
    row: number,
    section: Section,
    metric: number,
    key: string,
    values: readonly CountedValue[],
    resource: () => Uint8Array,
  ): boolean {
    if (this.series >= MAX_SERIES) return false
    const attributes = values.length === 0 ? NO_BYTES : encode(section.metrics[metric], values)
    if (this.#bytes + attributes.length > MAX_SERIES_BYTES) return false
    this.series++
    this.#bytes += attributes.length
    let group = this.#byRow.get(row)
    if (group === undefined) {
      group = { resource: resource(), sections: new Map() }
      this.#byRow.set(row, group)
      this.groups.push(group)
    }
    countsOf(group, section).series[metric].set(key, { attributes, count: 1 })
    return true
  }

  /** Belongs to no resource: there may be as many of them as there are items. */
  #addOverflow(section: Section, metric: number): void {
    this.overflowed++
    if (this.#overflow === null) {
      this.#overflow = { resource: NO_BYTES, sections: new Map() }
      this.groups.push(this.#overflow)
    }
    const series = countsOf(this.#overflow, section).series[metric]
    const point = series.get('')
    if (point !== undefined) point.count++
    else series.set('', { attributes: OVERFLOW_ATTRIBUTE, count: 1 })
  }
}

function countsOf(group: Group, section: Section): SectionCounts {
  let counts = group.sections.get(section)
  if (counts === undefined) {
    counts = { section, series: section.metrics.map(() => new Map()), start: 0n, end: 0n }
    group.sections.set(section, counts)
  }
  return counts
}

/** Different for different values: texts come with their length. */
function keyOf(values: readonly CountedValue[]): string {
  let key = ''
  for (const value of values) {
    if (typeof value === 'string') key += `s${value.length}:${value}`
    else key += typeof value === 'bigint' ? `i${value};` : `d${value};`
  }
  return key
}

function encode({ attributes }: CountedMetric, values: readonly CountedValue[]): Uint8Array {
  writer.reset()
  for (const [i, value] of values.entries()) {
    writer.begin(POINT_ATTRIBUTES).string(1, attributes[i].key).begin(VALUE)
    if (typeof value === 'string') writer.string(1, value)
    else if (typeof value === 'bigint') writer.varint64(3, value)
    else writer.double(4, value)
    writer.end().end()
  }
  return writer.finish()
}
