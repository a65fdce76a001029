/** Metrics of the invented shop, of every kind that SDKs send, as the SDK's serializer takes them. */
import type { Random } from './random.ts'
import { resourceOf, type SdkResource } from './resources.ts'
import { SERVICES } from './shop.ts'
import { type HrTime, hrTime, TEMPLATE_EPOCH_MS } from './traces.ts'

interface SdkPoint {
  readonly startTime: HrTime
  readonly endTime: HrTime
  readonly attributes: Readonly<Record<string, string | number>>
  readonly value: unknown
}

interface SdkMetric {
  readonly descriptor: {
    readonly name: string
    readonly description: string
    readonly unit: string
    readonly valueType: number
  }
  readonly aggregationTemporality: number
  readonly dataPointType: number
  readonly isMonotonic?: boolean
  readonly dataPoints: SdkPoint[]
}

/** One resource: a metrics request of an SDK has one. */
export interface SdkMetrics {
  readonly resource: SdkResource
  readonly scopeMetrics: readonly {
    readonly scope: { readonly name: string; readonly version: string }
    readonly metrics: readonly SdkMetric[]
  }[]
}

/** The SDK's numbers. */
const HISTOGRAM = 0
const EXPONENTIAL_HISTOGRAM = 1
const GAUGE = 2
const SUM = 3
const INT = 0
const DOUBLE = 1
const DELTA = 0
const CUMULATIVE = 1

const BOUNDARIES = [0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1, 2.5, 5, 7.5, 10]

interface Instrument {
  readonly name: string
  readonly description: string
  readonly unit: string
  readonly valueType: number
  readonly temporality: number
  readonly type: number
  readonly monotonic?: boolean
  value(random: Random): unknown
}

const INSTRUMENTS: readonly Instrument[] = [
  {
    name: 'http.server.request.duration',
    description: 'Duration of HTTP server requests.',
    unit: 's',
    valueType: DOUBLE,
    temporality: CUMULATIVE,
    type: HISTOGRAM,
    value: makeHistogram,
  },
  {
    name: 'http.server.active_requests',
    description: 'Number of active HTTP server requests.',
    unit: '{request}',
    valueType: INT,
    temporality: CUMULATIVE,
    type: SUM,
    monotonic: false,
    value: random => random.below(64),
  },
  {
    name: 'orders.placed',
    description: 'Orders placed since the last report.',
    unit: '{order}',
    valueType: INT,
    temporality: DELTA,
    type: SUM,
    monotonic: true,
    value: random => random.below(500),
  },
  {
    name: 'process.cpu.time',
    description: 'Total CPU seconds broken down by states.',
    unit: 's',
    valueType: DOUBLE,
    temporality: CUMULATIVE,
    type: SUM,
    monotonic: true,
    value: random => random.next() * 10_000,
  },
  {
    name: 'process.memory.utilization',
    description: 'Share of the memory limit that is in use.',
    unit: '1',
    valueType: DOUBLE,
    temporality: CUMULATIVE,
    type: GAUGE,
    value: random => 0.2 + random.next() * 0.7,
  },
  {
    name: 'queue.depth',
    description: 'Messages that wait.',
    unit: '{message}',
    valueType: INT,
    temporality: CUMULATIVE,
    type: GAUGE,
    value: random => random.below(10_000),
  },
  {
    name: 'rpc.client.call.duration',
    description: 'Duration of outgoing calls.',
    unit: 's',
    valueType: DOUBLE,
    temporality: DELTA,
    type: EXPONENTIAL_HISTOGRAM,
    value: makeExponential,
  },
]

/** Exactly so many data points, spread over the instruments; each point of an instrument has attributes of its own. */
export function makeMetrics(random: Random, count: number, template: number): SdkMetrics {
  const service = SERVICES[template % SERVICES.length]
  const metrics = INSTRUMENTS.map(toMetric)
  for (let i = 0; i < count; i++) {
    const at = i % INSTRUMENTS.length
    metrics[at].dataPoints.push({
      startTime: hrTime(TEMPLATE_EPOCH_MS - 60_000),
      endTime: hrTime(TEMPLATE_EPOCH_MS),
      attributes: {
        'http.request.method': random.pick(['GET', 'POST', 'PUT']),
        'http.route': `/api/v1/resource-${Math.floor(i / INSTRUMENTS.length)}`,
        'http.response.status_code': random.pick([200, 200, 200, 404, 500]),
      },
      value: INSTRUMENTS[at].value(random),
    })
  }
  const used = metrics.filter(({ dataPoints }) => dataPoints.length > 0)
  const scope = { name: service.scope, version: '1.30.0' }
  return {
    resource: resourceOf(service, template % service.instances),
    scopeMetrics: [{ scope, metrics: used }],
  }
}

function toMetric(instrument: Instrument): SdkMetric {
  const { name, description, unit, valueType, temporality, type, monotonic } = instrument
  return {
    descriptor: { name, description, unit, valueType },
    aggregationTemporality: temporality,
    dataPointType: type,
    isMonotonic: monotonic,
    dataPoints: [],
  }
}

function makeHistogram(random: Random): unknown {
  const counts = new Array<number>(BOUNDARIES.length + 1).fill(0)
  const values = Array.from({ length: 20 }, () => random.lognormal(0.06, 0.9))
  for (const value of values) {
    const bucket = BOUNDARIES.findIndex(boundary => value <= boundary)
    counts[bucket < 0 ? BOUNDARIES.length : bucket]++
  }
  return { buckets: { boundaries: BOUNDARIES, counts }, ...summarize(values) }
}

function makeExponential(random: Random): unknown {
  const scale = 3
  const values = Array.from({ length: 20 }, () => random.lognormal(0.02, 0.7))
  const indexes = values.map(value => Math.ceil(Math.log2(value) * 2 ** scale) - 1)
  const offset = Math.min(...indexes)
  const bucketCounts = new Array<number>(Math.max(...indexes) - offset + 1).fill(0)
  for (const index of indexes) bucketCounts[index - offset]++
  const positive = { offset, bucketCounts }
  const negative = { offset: 0, bucketCounts: [] }
  return { scale, zeroCount: 0, positive, negative, ...summarize(values) }
}

function summarize(values: readonly number[]) {
  const sum = values.reduce((a, b) => a + b, 0)
  return { count: values.length, sum, min: Math.min(...values), max: Math.max(...values) }
}
