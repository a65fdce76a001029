/** What decides about the backend of an item: a key, of which only its place on the ring is kept. */
import type { Part } from '../../../core/batch.ts'
import type { Signal } from '../../../core/signal.ts'
import { attributesOfLogs } from './log-attributes.ts'
import { attributesOfPoints } from './metric-attributes.ts'
import { metricNames, streams } from './metrics.ts'
import { resourcesById, servicesOf } from './resources.ts'
import { attributesOfSpans } from './span-attributes.ts'
import { traceIdsOfLogs, traceIdsOfSpans } from './trace-ids.ts'

export const ROUTING_KEYS = [
  'traceID',
  'service',
  'resource',
  'metric',
  'attributes',
  'streamID',
] as const

export type RoutingKey = (typeof ROUTING_KEYS)[number]

/**
 * Writes the position of each item of a part that has no edits; what is written for items that are not selected does
 * not count. `out` has room for every item of the index.
 */
export type Locate = (part: Part, out: Int32Array) => void

/** By signal: what it can be routed by. */
const KEYS: Readonly<
  Record<Signal, Partial<Record<RoutingKey, (attributes: readonly string[]) => Locate>>>
> = {
  traces: {
    traceID: () => traceIdsOfSpans,
    service: () => attributesOfSpans(['service.name']),
    resource: () => resourcesById,
    attributes: attributesOfSpans,
  },
  metrics: {
    service: () => servicesOf,
    resource: () => resourcesById,
    metric: () => metricNames,
    streamID: () => streams,
    attributes: attributesOfPoints,
  },
  logs: {
    traceID: () => traceIdsOfLogs,
    service: () => servicesOf,
    resource: () => resourcesById,
    attributes: attributesOfLogs,
  },
}

/** What is used when the configuration does not say, as upstream. */
export function defaultKey(signal: Signal): RoutingKey {
  return signal === 'traces' ? 'traceID' : 'service'
}

/** Undefined where the signal cannot be routed by that key. */
export function locator(
  signal: Signal,
  key: RoutingKey,
  attributes: readonly string[],
): Locate | undefined {
  return KEYS[signal][key]?.(attributes)
}

export function keysOf(signal: Signal): readonly string[] {
  return Object.keys(KEYS[signal])
}
