/** Metrics of receivers: the collector's own names for items, ours for what happens on connections. */
import type { Counter, Meter, MetricSpec } from '../../core/meter.ts'
import { ITEM_NOUN, SIGNALS, type Signal } from '../../core/signal.ts'
import { CUT_REASONS } from '../../net/grpc-transport.ts'
import { HTTP_CUT_REASONS } from '../../net/http-server.ts'

/** What listens; the transport of items may say more, as upstream's does. */
export type ServerTransport = 'grpc' | 'http'

const ITEM_LABELS = ['receiver', 'transport']

function itemMetric(verb: 'accepted' | 'refused', signal: Signal, help: string): MetricSpec {
  const noun = ITEM_NOUN[signal]
  return {
    name: `otelcol_receiver_${verb}_${noun}`,
    type: 'counter',
    help: `Number of ${noun.replace('_', ' ')} ${help}`,
    labels: ITEM_LABELS,
  }
}

function itemMetrics(verb: 'accepted' | 'refused', help: string): Record<Signal, MetricSpec> {
  const specs = SIGNALS.map(signal => [signal, itemMetric(verb, signal, help)])
  return Object.fromEntries(specs) as Record<Signal, MetricSpec>
}

const ACCEPTED = itemMetrics('accepted', 'taken into the pipeline.')
const REFUSED = itemMetrics('refused', 'that could not be taken into the pipeline.')

export const REFUSED_REQUESTS: MetricSpec = {
  name: 'millrace_receiver_refused_requests',
  type: 'counter',
  help: 'Requests that were refused before their items could be counted.',
  labels: ['receiver', 'transport', 'reason'],
}

const CUT: MetricSpec = {
  name: 'millrace_receiver_cut',
  type: 'counter',
  help: 'Connections or calls that were cut because the client misbehaved.',
  labels: ['receiver', 'transport', 'reason'],
}

export const CONNECTIONS: MetricSpec = {
  name: 'millrace_receiver_connections',
  type: 'gauge',
  help: 'Open client connections.',
  labels: ['receiver', 'transport'],
}

/** For the `meta` of a receiver of these signals that listens. */
export function serverMetrics(signals: readonly Signal[]): readonly MetricSpec[] {
  return [...itemMetricsOf(signals), REFUSED_REQUESTS, CUT, CONNECTIONS]
}

/** Of what is taken, however it comes. */
export function itemMetricsOf(signals: readonly Signal[]): readonly MetricSpec[] {
  return [...signals.map(signal => ACCEPTED[signal]), ...signals.map(signal => REFUSED[signal])]
}

/** Why a request was refused as a whole. */
export type RequestRefusal =
  | 'malformed'
  | 'too_large'
  | 'busy'
  | 'quota'
  | 'unauthenticated'
  | 'denied'

/** Counters of one transport; hot code adds to them directly. */
export interface TransportCounters {
  readonly accepted: Readonly<Record<Signal, Counter>>
  readonly refused: Readonly<Record<Signal, Counter>>
  readonly requests: Readonly<Record<RequestRefusal, Counter>>
}

/** `signals`: those that can come by this transport; of others nothing is shown. */
export function countTransport(
  meter: Meter,
  receiver: string,
  transport: string,
  signals: readonly Signal[] = SIGNALS,
): TransportCounters {
  const labels = { receiver, transport }
  const count = (spec: MetricSpec, signal: Signal): Counter =>
    signals.includes(signal) ? meter.counter(spec, labels) : { value: 0 }
  const items = (specs: Record<Signal, MetricSpec>) => ({
    traces: count(specs.traces, 'traces'),
    metrics: count(specs.metrics, 'metrics'),
    logs: count(specs.logs, 'logs'),
  })
  const requests = (reason: RequestRefusal) =>
    meter.counter(REFUSED_REQUESTS, { ...labels, reason })
  return {
    accepted: items(ACCEPTED),
    refused: items(REFUSED),
    requests: {
      malformed: requests('malformed'),
      too_large: requests('too_large'),
      busy: requests('busy'),
      quota: requests('quota'),
      unauthenticated: requests('unauthenticated'),
      denied: requests('denied'),
    },
  }
}

/** By reason. */
export function countCuts(
  meter: Meter,
  receiver: string,
  transport: ServerTransport,
): ReadonlyMap<string, Counter> {
  const reasons: readonly string[] = transport === 'grpc' ? CUT_REASONS : HTTP_CUT_REASONS
  const count = (reason: string) => meter.counter(CUT, { receiver, transport, reason })
  return new Map(reasons.map(reason => [reason, count(reason)]))
}
