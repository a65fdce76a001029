/** Self-metrics as components see them: plain numbers in the hot path, exposed by `telemetry/meter.ts` at scrape. */

export type Labels = Readonly<Record<string, string>>

/** Declared in a component's `meta.metrics`; the metrics page and the exposition are made from it. */
export interface MetricSpec {
  /** Without the `_total` that Prometheus adds to counters. */
  readonly name: string
  readonly type: 'counter' | 'gauge' | 'histogram'
  readonly help: string
  readonly labels: readonly string[]
  /** For histograms. */
  readonly buckets?: readonly number[]
}

export interface Counter {
  /** Hot code adds to it directly. */
  value: number
}

export interface Gauge {
  value: number
}

export interface Histogram {
  observe(value: number): void
}

export interface Meter {
  /** The same spec and labels give the same counter. */
  counter(spec: MetricSpec, labels: Labels): Counter
  gauge(spec: MetricSpec, labels: Labels): Gauge
  /** Asked at scrape time; returns a function that takes it away again. */
  observe(spec: MetricSpec, labels: Labels, read: () => number): () => void
  histogram(spec: MetricSpec, labels: Labels): Histogram
}
