/** Random requests in OTLP/JSON, with few keys and texts so that generated expressions hit, and with awkward values. */
import type { Random } from '../../../src/cli/generate/random.ts'
import type { Signal } from '../../../src/otlp/signal.ts'

// biome-ignore lint/suspicious/noExplicitAny: OTLP/JSON
export type Json = any

export const KEYS = ['a', 'b', 'http.method', 'url.path', 'list', 'map', 'empty', 'größe', '']

export const TEXTS = [
  '',
  'a',
  'GET',
  'hello world',
  '/api/v1/users/42',
  'größe 😀',
  '12',
  '-7',
  '3.5',
  'true',
  'a=1 b=2',
  '{"k": [1, "x"]}',
  '<a b="1">t</a>',
  'a,b,c',
  '10.1.2.3',
  'fooBar_baz Qux',
  'x'.repeat(70),
  ' \t\n',
  '2024-02-29T12:34:56Z',
  'aGVsbG8=',
]

const INTS = ['0', '1', '-1', '42', '9223372036854775807', '-9223372036854775808', '1000000007']
const DOUBLES = [0, 1.5, -2.25, 1e21, 1e-7, 'NaN', 'Infinity', '-Infinity', 3, -0.0]
const TIMES = ['0', '1', '1700000000123456789', '9223372036854775807', '1582934400000000000']

export function pick<T>(random: Random, values: readonly T[]): T {
  return values[random.below(values.length)]
}

export function telemetryJson(random: Random, signal: Signal): Json {
  const scoped = (name: string, item: () => Json) => ({
    ...maybe(random, 'scope', () => ({
      name: pick(random, TEXTS),
      version: pick(random, ['', '1.0']),
      attributes: attributes(random),
    })),
    ...maybe(random, 'schemaUrl', () => 'https://s/2'),
    [name]: some(random, item),
  })
  const tree = (outer: string, middle: string, inner: string, item: () => Json) => ({
    [outer]: some(random, () => ({
      ...maybe(random, 'resource', () => ({
        attributes: attributes(random),
        ...maybe(random, 'droppedAttributesCount', () => random.below(3)),
      })),
      ...maybe(random, 'schemaUrl', () => 'https://s/1'),
      [middle]: some(random, () => scoped(inner, item)),
    })),
  })
  if (signal === 'traces') return tree('resourceSpans', 'scopeSpans', 'spans', () => span(random))
  if (signal === 'logs') return tree('resourceLogs', 'scopeLogs', 'logRecords', () => log(random))
  return tree('resourceMetrics', 'scopeMetrics', 'metrics', () => metric(random))
}

function some(random: Random, make: () => Json): Json[] {
  return Array.from({ length: 1 + random.below(2) }, make)
}

function maybe(random: Random, name: string, make: () => Json): Json {
  return random.below(4) === 0 ? {} : { [name]: make() }
}

export function attributes(random: Random): Json[] {
  const keys = KEYS.filter(() => random.below(2) === 0)
  return keys.map(key => ({ key, value: anyValue(random, 2, key) }))
}

function anyValue(random: Random, depth: number, key = ''): Json {
  if (key === 'list' && depth > 0) return listValue(random, depth)
  if (key === 'map' && depth > 0) return mapValue(random, depth)
  switch (random.below(depth > 0 ? 10 : 8)) {
    case 0:
      return {}
    case 1:
      return { boolValue: random.below(2) === 0 }
    case 2:
      return { intValue: pick(random, INTS) }
    case 3:
      return { doubleValue: pick(random, DOUBLES) }
    case 4:
      return { bytesValue: pick(random, ['', 'AQID', '/w==']) }
    case 8:
      return listValue(random, depth)
    case 9:
      return mapValue(random, depth)
    default:
      return { stringValue: pick(random, TEXTS) }
  }
}

function listValue(random: Random, depth: number): Json {
  const values = Array.from({ length: random.below(4) }, () => anyValue(random, depth - 1))
  return { arrayValue: { values } }
}

function mapValue(random: Random, depth: number): Json {
  const keys = KEYS.filter(() => random.below(4) === 0)
  const values = keys.map(key => ({ key, value: anyValue(random, depth - 1) }))
  return { kvlistValue: { values } }
}

function ids(random: Random): Json {
  return {
    ...maybe(random, 'traceId', () => '0123456789abcdef0123456789abcdef'),
    ...maybe(random, 'spanId', () => '0123456789abcdef'),
  }
}

function span(random: Random): Json {
  return {
    ...ids(random),
    ...maybe(random, 'parentSpanId', () => pick(random, ['', 'fedcba9876543210'])),
    ...maybe(random, 'name', () => pick(random, TEXTS)),
    ...maybe(random, 'traceState', () => pick(random, ['', 'a=1,b=2', 'ot=th:8', 'bad'])),
    ...maybe(random, 'kind', () => pick(random, [0, 1, 2, 3, 4, 5, 9])),
    ...maybe(random, 'startTimeUnixNano', () => pick(random, TIMES)),
    ...maybe(random, 'endTimeUnixNano', () => pick(random, TIMES)),
    ...maybe(random, 'flags', () => pick(random, [0, 1, 256, 4294967295])),
    ...maybe(random, 'droppedAttributesCount', () => random.below(5)),
    attributes: attributes(random),
    ...maybe(random, 'events', () => some(random, () => event(random))),
    ...maybe(random, 'links', () => some(random, () => ({ ...ids(random), traceState: 'x=1' }))),
    ...maybe(random, 'status', () => ({
      ...maybe(random, 'code', () => random.below(4)),
      ...maybe(random, 'message', () => pick(random, TEXTS)),
    })),
  }
}

function event(random: Random): Json {
  return {
    ...maybe(random, 'timeUnixNano', () => pick(random, TIMES)),
    ...maybe(random, 'name', () => pick(random, TEXTS)),
    attributes: attributes(random),
    ...maybe(random, 'droppedAttributesCount', () => random.below(5)),
  }
}

function log(random: Random): Json {
  return {
    ...maybe(random, 'timeUnixNano', () => pick(random, TIMES)),
    ...maybe(random, 'observedTimeUnixNano', () => pick(random, TIMES)),
    ...maybe(random, 'severityNumber', () => pick(random, [0, 1, 9, 17, 24, 99])),
    ...maybe(random, 'severityText', () => pick(random, TEXTS)),
    ...maybe(random, 'body', () => anyValue(random, 2)),
    attributes: attributes(random),
    ...maybe(random, 'flags', () => pick(random, [0, 1, 255])),
    ...maybe(random, 'eventName', () => pick(random, TEXTS)),
    ...ids(random),
  }
}

function metric(random: Random): Json {
  const points = (make: () => Json) => ({ dataPoints: some(random, make) })
  const temporality = () => maybe(random, 'aggregationTemporality', () => random.below(3))
  const data: Json = [
    () => ({ gauge: points(() => numberPoint(random)) }),
    () => ({
      sum: { ...points(() => numberPoint(random)), ...temporality(), isMonotonic: true },
    }),
    () => ({ histogram: { ...points(() => histogramPoint(random)), ...temporality() } }),
    () => ({
      exponentialHistogram: { ...points(() => exponentialPoint(random)), ...temporality() },
    }),
    () => ({ summary: points(() => summaryPoint(random)) }),
  ]
  return {
    ...maybe(random, 'name', () => pick(random, TEXTS)),
    ...maybe(random, 'description', () => pick(random, TEXTS)),
    ...maybe(random, 'unit', () => pick(random, ['', 's', 'By'])),
    ...maybe(random, 'metadata', () => attributes(random)),
    ...pick<() => Json>(random, data)(),
  }
}

function point(random: Random): Json {
  return {
    ...maybe(random, 'startTimeUnixNano', () => pick(random, TIMES)),
    ...maybe(random, 'timeUnixNano', () => pick(random, TIMES)),
    ...maybe(random, 'flags', () => random.below(2)),
    attributes: attributes(random),
  }
}

function numberPoint(random: Random): Json {
  const value =
    random.below(2) === 0 ? { asInt: pick(random, INTS) } : { asDouble: pick(random, DOUBLES) }
  return { ...point(random), ...value }
}

function histogramPoint(random: Random): Json {
  return {
    ...point(random),
    ...maybe(random, 'count', () => '7'),
    ...maybe(random, 'sum', () => pick(random, [0, 12.5])),
    ...maybe(random, 'bucketCounts', () => ['1', '2', '4']),
    ...maybe(random, 'explicitBounds', () => [0.5, 10]),
  }
}

function exponentialPoint(random: Random): Json {
  const buckets = () => ({ offset: random.below(5) - 2, bucketCounts: ['1', '0', '3'] })
  return {
    ...point(random),
    ...maybe(random, 'count', () => '4'),
    ...maybe(random, 'sum', () => 1.5),
    ...maybe(random, 'scale', () => -1),
    ...maybe(random, 'zeroCount', () => '2'),
    ...maybe(random, 'positive', buckets),
    ...maybe(random, 'negative', buckets),
  }
}

function summaryPoint(random: Random): Json {
  const quantileValues = [{ quantile: 0.5, value: 1.25 }, { quantile: 0.99 }]
  return { ...point(random), count: '3', sum: 4.5, quantileValues }
}
