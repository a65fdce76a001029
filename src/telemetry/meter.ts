/**
 * Self-metrics: plain numbers while running, prom-client's exposition when somebody asks. Until then prom-client is not
 * even loaded: it costs 40 ms of start and 4 MB.
 */
import type { Metric, Registry } from 'prom-client'
import type { Counter, Gauge, Histogram, Labels, Meter, MetricSpec } from '../core/meter.ts'

interface Slot {
  readonly labels: Labels
  value: number
  /** Who is asked at each scrape; several instances of one component may stand behind one series, which is their sum. */
  readonly reads: Set<() => number>
}

interface Family {
  readonly spec: MetricSpec
  readonly slots: Map<string, Slot>
  readonly histograms: Map<string, PlainHistogram>
}

/** One line of the exposition. */
interface Sample {
  readonly labels: Labels
  readonly value: number
  readonly metricName?: string
}

/** Series of one metric; what would be more shares one series whose labels all say `overflow`. */
const MAX_SERIES = 10_000

export class PromMeter implements Meter {
  readonly contentType = 'text/plain; version=0.0.4; charset=utf-8'
  readonly #constant: Labels
  readonly #families = new Map<string, Family>()
  #registry: Promise<Registry> | null = null

  /** `constant` labels stand on every series (`service_instance_id`). */
  constructor(constant: Labels = {}) {
    this.#constant = constant
  }

  counter(spec: MetricSpec, labels: Labels): Counter {
    return this.#slot(spec, labels)
  }

  gauge(spec: MetricSpec, labels: Labels): Gauge {
    return this.#slot(spec, labels)
  }

  observe(spec: MetricSpec, labels: Labels, read: () => number): () => void {
    const { slots } = this.#family(spec)
    const slot = this.#slot(spec, labels)
    slot.reads.add(read)
    return () => {
      if (!slot.reads.delete(read) || slot.reads.size > 0) return
      for (const [key, each] of slots) if (each === slot) slots.delete(key)
    }
  }

  histogram(spec: MetricSpec, labels: Labels): Histogram {
    const { histograms } = this.#family(spec)
    const { key, used } = within(histograms, labels)
    let histogram = histograms.get(key)
    if (histogram === undefined) {
      histogram = new PlainHistogram(used, spec.buckets ?? [])
      histograms.set(key, histogram)
    }
    return histogram
  }

  /** Prometheus text format. */
  async exposition(): Promise<string> {
    this.#registry ??= this.#load()
    const registry = await this.#registry
    for (const family of this.#families.values()) {
      const metric = exposed(family)
      if (registry.getSingleMetric(metric.name) === undefined) {
        registry.registerMetric(metric as unknown as Metric)
      }
    }
    return registry.metrics()
  }

  async #load(): Promise<Registry> {
    const { Registry } = await import('prom-client')
    const registry = new Registry()
    registry.setDefaultLabels(this.#constant)
    return registry
  }

  #slot(spec: MetricSpec, labels: Labels): Slot {
    const { slots } = this.#family(spec)
    const { key, used } = within(slots, labels)
    let slot = slots.get(key)
    if (slot === undefined) slots.set(key, (slot = { labels: used, value: 0, reads: new Set() }))
    return slot
  }

  #family(spec: MetricSpec): Family {
    let family = this.#families.get(spec.name)
    if (family === undefined) {
      family = { spec, slots: new Map(), histograms: new Map() }
      this.#families.set(spec.name, family)
    }
    return family
  }
}

/** Counts by bucket; sums them up only when asked. */
class PlainHistogram implements Histogram {
  readonly labels: Labels
  readonly #bounds: readonly number[]
  readonly #counts: number[]
  #sum = 0

  constructor(labels: Labels, bounds: readonly number[]) {
    this.labels = labels
    this.#bounds = bounds
    this.#counts = new Array(bounds.length + 1).fill(0)
  }

  observe(value: number): void {
    let i = 0
    while (i < this.#bounds.length && value > this.#bounds[i]) i++
    this.#counts[i]++
    this.#sum += value
  }

  samples(name: string): Sample[] {
    const { labels } = this
    let count = 0
    const buckets = this.#counts.map((each, i) => {
      count += each
      const le = i < this.#bounds.length ? String(this.#bounds[i]) : '+Inf'
      return { labels: { le, ...labels }, value: count, metricName: `${name}_bucket` }
    })
    return [
      ...buckets,
      { labels, value: this.#sum, metricName: `${name}_sum` },
      { labels, value: count, metricName: `${name}_count` },
    ]
  }
}

/** The shape that prom-client's registry asks at each scrape. */
function exposed({ spec, slots, histograms }: Family) {
  const { type, help } = spec
  const name =
    type === 'counter' && !spec.name.endsWith('_total') ? `${spec.name}_total` : spec.name
  const read = (): Sample[] =>
    type === 'histogram'
      ? [...histograms.values()].flatMap(histogram => histogram.samples(name))
      : [...slots.values()].map(slot => ({ labels: slot.labels, value: readSlot(slot) }))
  return { name, get: async () => ({ name, help, type, aggregator: 'sum', values: read() }) }
}

function readSlot(slot: Slot): number {
  let sum = slot.value
  for (const read of slot.reads) sum += read()
  return sum
}

/** The series for these labels, or the one that takes what is too much. */
function within(
  series: ReadonlyMap<string, unknown>,
  labels: Labels,
): { key: string; used: Labels } {
  const key = JSON.stringify(labels)
  if (series.size < MAX_SERIES || series.has(key)) return { key, used: labels }
  const used = Object.fromEntries(Object.keys(labels).map(name => [name, 'overflow']))
  return { key: JSON.stringify(used), used }
}
