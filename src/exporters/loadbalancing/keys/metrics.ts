/** Routing metrics by their name, and data points by the stream that they belong to. */
import type { Part } from '../../../core/batch.ts'
import { MetricsView } from '../../../otlp/metrics-view.ts'
import { PARENT, type RequestIndex, ROW } from '../../../otlp/request-index.ts'
import { positionOfText } from '../ring.ts'
import { MetricIdentity } from './identity.ts'

const METRIC = 2
const DATA = 3
const POINT = 4

export function metricOfPoint({ levels }: RequestIndex, item: number): number {
  return levels[DATA][levels[POINT][item * ROW + PARENT] * ROW + PARENT]
}

export function scopeOfPoint(index: RequestIndex, item: number): number {
  return index.levels[METRIC][metricOfPoint(index, item) * ROW + PARENT]
}

export function metricNames({ payload: { bytes }, index }: Part, out: Int32Array): void {
  const view = new MetricsView()
  view.reset(bytes, index)
  let last = -1
  let position = 0
  for (let item = 0; item < index.items; item++) {
    const metric = metricOfPoint(index, item)
    if (metric !== last) {
      last = metric
      view.moveTo(item)
      position = positionOfText(view.metric.name)
    }
    out[item] = position
  }
}

/** A stream is what a point shares with those before and after it: resource, scope, metric and its own attributes. */
export function streams({ payload: { bytes }, index }: Part, out: Int32Array): void {
  const view = new MetricsView()
  view.reset(bytes, index)
  let last = -1
  let identity: MetricIdentity | null = null
  for (let item = 0; item < index.items; item++) {
    const metric = metricOfPoint(index, item)
    const point = view.moveTo(item)
    if (metric !== last || identity === null) {
      last = metric
      identity = new MetricIdentity(view, bytes)
    }
    out[item] = positionOfText(identity.stream(point.attributes))
  }
}
