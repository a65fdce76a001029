/**
 * Names of resources and metric streams that are the same wherever they are computed: hashes over sorted attributes, as
 * the Go collector's `identity` packages make them.
 */
import { hashAttributes } from '../../../otlp/attributes-hash.ts'
import type { AttributesView } from '../../../otlp/attributes-view.ts'
import type { MetricKind, MetricsView } from '../../../otlp/metrics-view.ts'

/** As pdata numbers them. */
const TYPES: Readonly<Record<MetricKind, number>> = {
  gauge: 1,
  sum: 2,
  histogram: 3,
  exponential_histogram: 4,
  summary: 5,
}

export function resourceIdentity(attributes: AttributesView, bytes: Uint8Array): string {
  return `resource/${new Fnv().add(hashAttributes(attributes, bytes)).text}`
}

/** What all points of one metric share. */
export class MetricIdentity {
  readonly #shared: Fnv
  readonly #bytes: Uint8Array

  /** The view stands on a point of the metric. */
  constructor({ resource, scope, metric }: MetricsView, bytes: Uint8Array) {
    this.#bytes = bytes
    const { kind } = metric
    const isHistogram = kind === 'histogram' || kind === 'exponential_histogram'
    const isMonotonic = metric.isMonotonic || isHistogram
    this.#shared = new Fnv()
      .add(hashAttributes(resource.attributes, bytes))
      .add(Buffer.from(scope.name))
      .add(Buffer.from(scope.version))
      .add(hashAttributes(scope.attributes, bytes))
      .add(Buffer.from(metric.name))
      .add(Buffer.from(metric.unit))
      .add(Uint8Array.of(TYPES[kind], isMonotonic ? 1 : 0, metric.temporality))
  }

  stream(attributes: AttributesView): string {
    return `stream/${this.#shared.copy().add(hashAttributes(attributes, this.#bytes)).text}`
  }
}

/** FNV-1a of 64 bits, in two words. */
class Fnv {
  #high = 0xcbf29ce4
  #low = 0x84222325

  copy(): Fnv {
    const copy = new Fnv()
    copy.#high = this.#high
    copy.#low = this.#low
    return copy
  }

  /** Times 2^40 + 435 for each byte. */
  add(bytes: Uint8Array): this {
    let high = this.#high
    let low = this.#low
    for (let i = 0; i < bytes.length; i++) {
      low = (low ^ bytes[i]) >>> 0
      const product = low * 435
      high = (Math.imul(high, 435) + Math.floor(product / 0x1_0000_0000) + (low << 8)) >>> 0
      low = product >>> 0
    }
    this.#high = high
    this.#low = low
    return this
  }

  /** As Go's %x: without leading zeros. */
  get text(): string {
    return ((BigInt(this.#high) << 32n) | BigInt(this.#low)).toString(16)
  }
}
