/** Random requests with few distinct texts, keys and numbers, so that conditions made from the same words hit. */
import type { Random } from '../../../src/cli/generate/random.ts'
import type { Signal } from '../../../src/otlp/signal.ts'
import type { Model } from '../../otlp/request-models.ts'

export const TEXTS = [
  '',
  'a',
  'GET',
  'POST',
  '/healthz',
  '/readyz',
  '/api/v1/users',
  'größe',
  '🙂',
  'x'.repeat(150),
]
export const KEYS = ['k', 'http.method', 'url.path', 'größe']

export function pick<T>(random: Random, values: readonly T[]): T {
  return values[random.below(values.length)]
}

/** In protobufjs's own shape. */
export function requestModel(random: Random, signal: Signal): Model {
  const some = (make: () => Model) => Array.from({ length: 1 + random.below(3) }, make)
  const scopes = () =>
    some(() => ({
      scope: { name: pick(random, TEXTS), attributes: attributes(random) },
      ...items(),
    }))
  const items = () => {
    if (signal === 'traces') return { spans: some(() => span(random)) }
    if (signal === 'logs') return { logRecords: some(() => log(random)) }
    return {
      metrics: some(() => ({
        name: 'm',
        [pick(random, DATA)]: { dataPoints: some(() => point(random)) },
      })),
    }
  }
  const resource = () => ({ resource: { attributes: attributes(random) } })
  if (signal === 'traces')
    return { resourceSpans: some(() => ({ ...resource(), scopeSpans: scopes() })) }
  if (signal === 'logs')
    return { resourceLogs: some(() => ({ ...resource(), scopeLogs: scopes() })) }
  return { resourceMetrics: some(() => ({ ...resource(), scopeMetrics: scopes() })) }
}

const DATA = ['gauge', 'sum', 'histogram', 'exponentialHistogram', 'summary']

function span(random: Random): Model {
  return sometimes(random, {
    name: pick(random, TEXTS),
    traceState: pick(random, TEXTS),
    parentSpanId: pick(random, [
      Buffer.alloc(8),
      Buffer.alloc(8, 1),
      Buffer.alloc(3),
      Buffer.alloc(0),
    ]),
    kind: pick(random, [0, 1, 2, -1]),
    startTimeUnixNano: pick(random, INTEGERS),
    status: sometimes(random, { code: random.below(3), message: pick(random, TEXTS) }),
    attributes: attributes(random),
  })
}

function log(random: Random): Model {
  return sometimes(random, {
    severityNumber: pick(random, [0, 1, 17, 2_000_000_000]),
    severityText: pick(random, TEXTS),
    body: value(random, 1),
    attributes: attributes(random),
  })
}

function point(random: Random): Model {
  return sometimes(random, {
    flags: pick(random, [0, 1, 4_294_967_295]),
    timeUnixNano: pick(random, INTEGERS),
    attributes: attributes(random),
  })
}

function sometimes(random: Random, model: Model): Model {
  return Object.fromEntries(Object.entries(model).filter(() => random.below(4) > 0))
}

function attributes(random: Random): Model[] {
  return Array.from({ length: random.below(6) }, () =>
    sometimes(random, { key: pick(random, KEYS), value: value(random, 1) }),
  )
}

const INTEGERS = [
  '0',
  '1',
  '-1',
  '2',
  '17',
  '9007199254740993',
  '9223372036854775807',
  '-9223372036854775808',
]

function value(random: Random, depth: number): Model {
  switch (random.below(depth === 0 ? 9 : 11)) {
    case 0:
      return {}
    case 1:
      return { boolValue: random.below(2) === 1 }
    case 2:
    case 3:
      return { intValue: pick(random, INTEGERS) }
    case 4:
      return {
        doubleValue: pick(random, [
          0,
          -0,
          1,
          1.5,
          17,
          2 ** 53,
          Number.NaN,
          Number.POSITIVE_INFINITY,
        ]),
      }
    case 5:
      return { bytesValue: pick(random, [Buffer.alloc(0), Buffer.from('ab')]) }
    case 9:
      return { arrayValue: { values: [value(random, 0)] } }
    case 10:
      return { kvlistValue: { values: [{ key: 'k', value: value(random, 0) }] } }
    default:
      return { stringValue: pick(random, TEXTS) }
  }
}
