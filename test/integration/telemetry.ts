/** Small requests of each signal with something of everything that conditions and statements may ask for. */

type Json = Record<string, unknown>

function attributes(values: Json): Json[] {
  return Object.entries(values).map(([key, value]) => ({ key, value: anyValue(value) }))
}

function anyValue(value: unknown): Json {
  if (typeof value === 'string') return { stringValue: value }
  if (typeof value === 'boolean') return { boolValue: value }
  if (typeof value === 'bigint') return { intValue: String(value) }
  if (typeof value === 'number') return { doubleValue: value }
  if (Array.isArray(value)) return { arrayValue: { values: value.map(anyValue) } }
  if (value === null) return {}
  return { kvlistValue: { values: attributes(value as Json) } }
}

const RESOURCES: readonly Json[] = [
  { 'service.name': 'shop', 'host.name': 'a1', zone: 1n },
  { 'service.name': 'payments', 'host.name': 'b2', flags: [1n, 'x'] },
  { zone: 2n },
]

const SCOPES: readonly Json[] = [{ name: 'http', version: '1.2' }, { name: 'db' }]

function groups(resourceKey: string, scopeKey: string, itemKey: string, items: Json[][]): object {
  const perResource = RESOURCES.map((resource, r) => ({
    resource: { attributes: attributes(resource) },
    schemaUrl: r === 1 ? 'https://schema/1' : undefined,
    [scopeKey]: SCOPES.map((scope, s) => ({
      scope: { ...scope, attributes: attributes({ level: BigInt(s) }) },
      [itemKey]: items[(r * SCOPES.length + s) % items.length],
    })),
  }))
  return JSON.parse(JSON.stringify({ [resourceKey]: perResource })) as object
}

function id(n: number, length: number): string {
  return (n + 1).toString(16).padStart(length, '5')
}

function span(n: number): Json {
  return {
    traceId: id(n, 32),
    spanId: id(n, 16),
    parentSpanId: n % 3 === 0 ? '' : id(n + 1, 16),
    traceState: n % 2 === 0 ? 'a=1,b=2' : '',
    name: ['GET /', 'POST /pay', 'SELECT 1', 'healthz'][n % 4],
    kind: n % 6,
    startTimeUnixNano: String(1_700_000_000_000_000_000n + BigInt(n) * 1_000_000n),
    endTimeUnixNano: String(1_700_000_000_000_000_000n + BigInt(n * n) * 10_000_000n),
    attributes: attributes({
      'http.method': ['GET', 'POST'][n % 2],
      'http.status_code': BigInt(200 + (n % 4) * 100),
      'url.path': `/p/${n}`,
      duration: n / 3,
      cached: n % 5 === 0,
      tags: ['a', `t${n}`],
      nested: { deep: { n: BigInt(n) }, list: [1.5, null] },
    }),
    droppedAttributesCount: n % 2,
    events: Array.from({ length: n % 3 }, (_, e) => ({
      timeUnixNano: String(1_700_000_000_000_000_000n + BigInt(e)),
      name: ['exception', 'retry'][e % 2],
      attributes: attributes({ attempt: BigInt(e), 'exception.type': 'IOError' }),
    })),
    links: n % 4 === 0 ? [{ traceId: id(n + 9, 32), spanId: id(n + 9, 16) }] : [],
    status: n % 3 === 1 ? { code: 2, message: 'failed' } : {},
  }
}

export const TRACES = groups(
  'resourceSpans',
  'scopeSpans',
  'spans',
  Array.from({ length: 6 }, (_, g) => Array.from({ length: 4 }, (__, i) => span(g * 4 + i))),
)

function record(n: number): Json {
  return {
    timeUnixNano: String(1_700_000_000_000_000_000n + BigInt(n)),
    severityNumber: (n * 5) % 25,
    severityText: ['INFO', 'WARN', 'ERROR', ''][n % 4],
    body: anyValue([`line ${n}`, { code: BigInt(n), text: 'x' }, 5n, null][n % 4]),
    attributes: attributes({
      'http.method': ['GET', 'POST'][n % 2],
      user: `u${n}@example.com`,
      card: '4111111111111111',
      size: BigInt(n * 100),
    }),
    flags: n % 2,
    traceId: n % 2 === 0 ? id(n, 32) : '',
    spanId: n % 2 === 0 ? id(n, 16) : '',
  }
}

export const LOGS = groups(
  'resourceLogs',
  'scopeLogs',
  'logRecords',
  Array.from({ length: 6 }, (_, g) => Array.from({ length: 4 }, (__, i) => record(g * 4 + i))),
)

function point(n: number): Json {
  return {
    startTimeUnixNano: '1700000000000000000',
    timeUnixNano: String(1_700_000_000_000_000_000n + BigInt(n)),
    attributes: attributes({ route: `/r${n % 3}`, code: BigInt(200 + n), host: `h${n % 2}` }),
    flags: n % 2,
  }
}

function metricsOf(g: number): Json[] {
  const points = (count: number, more: (n: number) => Json): Json[] =>
    Array.from({ length: count }, (_, i) => ({ ...point(g * 10 + i), ...more(g * 10 + i) }))
  const exemplars = [{ timeUnixNano: '5', asInt: '3', filteredAttributes: attributes({ e: 1n }) }]
  const temporality = { aggregationTemporality: 1 + (g % 2) }
  return [
    {
      name: 'requests',
      description: 'd',
      unit: '1',
      sum: {
        dataPoints: points(3, n => ({ asInt: String(n), exemplars })),
        isMonotonic: g % 3 !== 0,
        ...temporality,
      },
    },
    { name: 'load', unit: 'By', gauge: { dataPoints: points(4, n => ({ asDouble: n / 4 })) } },
    {
      name: 'latency',
      histogram: {
        dataPoints: points(2, n => ({
          count: '6',
          sum: n * 1.5,
          bucketCounts: ['1', '2', '3'],
          explicitBounds: [1, 5],
          min: 0.5,
          max: 9,
        })),
        ...temporality,
      },
    },
    {
      name: 'sizes',
      exponentialHistogram: {
        dataPoints: points(2, n => ({
          count: '9',
          sum: n * 2,
          scale: 1,
          zeroCount: '1',
          positive: { offset: 1, bucketCounts: ['1', '2', '3'] },
          negative: { offset: 0, bucketCounts: ['2'] },
        })),
        ...temporality,
      },
    },
    {
      name: 'rpc',
      summary: {
        dataPoints: points(2, n => ({
          count: '4',
          sum: n,
          quantileValues: [
            { quantile: 0.5, value: 1 },
            { quantile: 0.99, value: 2 },
          ],
        })),
      },
    },
  ]
}

export const METRICS = groups(
  'resourceMetrics',
  'scopeMetrics',
  'metrics',
  Array.from({ length: 6 }, (_, g) => metricsOf(g)),
)
