/** Sums for series that several sources share: all are added up first and set at once, so that no scrape sees half of one. */
import type { Counter, Labels, Meter, MetricSpec } from '../core/meter.ts'

export class GatheredSeries {
  readonly #meter: Meter
  readonly #sums = new Map<Counter, number>()

  constructor(meter: Meter) {
    this.#meter = meter
  }

  add(spec: MetricSpec, labels: Labels, value: number): void {
    const { type } = spec
    const slot =
      type === 'gauge' ? this.#meter.gauge(spec, labels) : this.#meter.counter(spec, labels)
    this.#sums.set(slot, (this.#sums.get(slot) ?? 0) + value)
  }

  publish(): void {
    for (const [slot, sum] of this.#sums) slot.value = sum
  }
}
