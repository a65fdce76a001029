/** Small valid requests of each signal, encoded by protobufjs, for tests that only need something to send. */
import type { Signal } from '../../src/core/signal.ts'
import { REQUEST_MESSAGE } from '../../src/otlp/schema.ts'
import { encode } from '../otlp/oracle.ts'

export interface Sample {
  readonly bytes: Uint8Array
  readonly items: number
}

/** Request number `n` of a signal: 5 items, distinct ids for distinct `n`. */
export function sampleRequest(signal: Signal, n: number, items = 5): Sample {
  const list = Array.from({ length: items }, (_, i) => i)
  const resource = { attributes: [attribute('service.name', `sample-${n % 3}`)] }
  const scope = { name: 'sample', version: '1.0.0' }
  const model = {
    traces: () => ({
      resourceSpans: [{ resource, scopeSpans: [{ scope, spans: list.map(i => span(n, i)) }] }],
    }),
    logs: () => ({
      resourceLogs: [
        { resource, scopeLogs: [{ scope, logRecords: list.map(i => logRecord(n, i)) }] },
      ],
    }),
    metrics: () => ({
      resourceMetrics: [{ resource, scopeMetrics: [{ scope, metrics: [counter(n, list)] }] }],
    }),
  }[signal]()
  return { bytes: encode(REQUEST_MESSAGE[signal], model), items }
}

function attribute(key: string, stringValue: string): object {
  return { key, value: { stringValue } }
}

function id(bytes: number, n: number, i: number): Buffer {
  const buffer = Buffer.alloc(bytes, 1)
  buffer.writeUInt32BE(n, 0)
  buffer.writeUInt16BE(i, 4)
  return buffer
}

function span(n: number, i: number): object {
  return {
    traceId: id(16, n, 0),
    spanId: id(8, n, i + 1),
    name: `GET /items/${i}`,
    kind: 2,
    startTimeUnixNano: '1700000000000000000',
    endTimeUnixNano: '1700000000250000000',
    attributes: [attribute('http.request.method', 'GET'), attribute('url.path', `/items/${i}`)],
    status: i % 4 === 3 ? { code: 2, message: 'no such item' } : {},
  }
}

function logRecord(n: number, i: number): object {
  return {
    timeUnixNano: '1700000000000000000',
    severityNumber: 9,
    severityText: 'INFO',
    body: { stringValue: `request ${n} item ${i}` },
    traceId: id(16, n, 0),
    spanId: id(8, n, i + 1),
  }
}

function counter(n: number, list: readonly number[]): object {
  return {
    name: 'items.served',
    unit: '{item}',
    sum: {
      aggregationTemporality: 2,
      isMonotonic: true,
      dataPoints: list.map(i => ({
        startTimeUnixNano: '1700000000000000000',
        timeUnixNano: '1700000001000000000',
        asInt: String(n * 100 + i),
        attributes: [attribute('shard', String(i))],
      })),
    },
  }
}
