/**
 * Reading metrics and their data points where they stand in the payload; field numbers are those of
 * opentelemetry/proto/metrics/v1/metrics.proto. The kinds of points have a file of their own.
 */
import { AttributesView } from './attributes-view.ts'
import { MessageView } from './message-view.ts'
import {
  ExponentialHistogramPointView,
  HistogramPointView,
  NumberPointView,
  SummaryPointView,
} from './points-view.ts'
import { ROW, TAG } from './request-index.ts'
import { RequestView } from './request-view.ts'
import { readVarint32 } from './wire-reader.ts'

export type MetricKind = 'gauge' | 'sum' | 'histogram' | 'exponential_histogram' | 'summary'

/** By the field number of the data message in its metric. */
const KINDS: Readonly<Record<number, MetricKind>> = {
  5: 'gauge',
  7: 'sum',
  9: 'histogram',
  10: 'exponential_histogram',
  11: 'summary',
}

export type PointView =
  | NumberPointView
  | HistogramPointView
  | ExponentialHistogramPointView
  | SummaryPointView

export class MetricsView extends RequestView {
  readonly metric = new MetricView()
  readonly #number = new NumberPointView()
  readonly #histogram = new HistogramPointView()
  readonly #exponential = new ExponentialHistogramPointView()
  readonly #summary = new SummaryPointView()

  /** Moves `metric`, `scope` and `resource` to a point, and the view of the point's kind, which is the answer. */
  moveTo(item: number): PointView {
    const data = this.parent(4, item)
    const metric = this.parent(3, data)
    const number = readVarint32(this.bytes, this.levels[3][data * ROW + TAG]) >>> 3
    const point = this.#pointView(number)
    this.place(point, 4, item)
    this.place(this.metric, 2, metric)
    this.metric.setKind(number)
    this.placeScope(this.parent(2, metric))
    return point
  }

  #pointView(number: number): PointView {
    if (number === 9) return this.#histogram
    if (number === 10) return this.#exponential
    return number === 11 ? this.#summary : this.#number
  }
}

export class MetricView extends MessageView {
  readonly metadata = new AttributesView(12)
  #number = 5

  override reset(bytes: Uint8Array, start: number, end: number): void {
    super.reset(bytes, start, end)
    this.metadata.reset(bytes, start, end)
  }

  /** Called by the request's view, which knows in which data message the point stands. */
  setKind(number: number): void {
    this.#number = number
  }

  get kind(): MetricKind {
    return KINDS[this.#number]
  }

  get name(): string {
    return this.text(1)
  }

  nameEquals(name: string): boolean {
    return this.textEquals(1, name)
  }

  get description(): string {
    return this.text(2)
  }

  get unit(): string {
    return this.text(3)
  }

  /** 0 unspecified (and gauge, summary), 1 delta, 2 cumulative. */
  get temporality(): number {
    const has = this.#number === 7 || this.#number === 9 || this.#number === 10
    return has ? this.nestedUint32(this.#number, 2) : 0
  }

  get isMonotonic(): boolean {
    return this.#number === 7 && this.nestedUint32(7, 3) !== 0
  }
}
