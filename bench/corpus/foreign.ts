/** Spans as clients of Zipkin and Jaeger send them, for benches: about 500 bytes each in JSON, 300 in Thrift. */
import type { BatchModel, SpanModel } from '../../test/translate/jaeger/thrift-maker.ts'

/** A v2 span with six tags, of a service with a front door and neighbours. */
export function zipkinSpan(i: number): object {
  const start = 1_700_000_000_000_000 + i * 1_000
  return {
    traceId: (0x1234_5678_9abcn + BigInt(i >> 3)).toString(16).padStart(32, '0'),
    id: (i + 1).toString(16).padStart(16, '0'),
    parentId: i % 8 === 0 ? undefined : i.toString(16).padStart(16, '0'),
    kind: ['SERVER', 'CLIENT', undefined][i % 3],
    name: `get /api/orders/{id}/${i % 7}`,
    timestamp: start,
    duration: 1_000 + i,
    localEndpoint: { serviceName: 'checkout', ipv4: '10.1.2.3', port: 8080 },
    remoteEndpoint: i % 3 === 1 ? { serviceName: 'orders', ipv4: '10.1.2.4' } : undefined,
    annotations: i % 4 === 0 ? [{ timestamp: start + 5, value: 'cache.miss' }] : undefined,
    tags: {
      'http.method': 'GET',
      'http.path': `/api/orders/${i * 7919}`,
      'http.status_code': '200',
      'mvc.controller.class': 'OrderController',
      'mvc.controller.method': 'find',
      'client.address': '192.168.0.17:53412',
    },
  }
}

/** The same span as Zipkin's protobuf has it, for protobufjs. */
export function zipkinProtoSpan(i: number): object {
  const span = zipkinSpan(i) as Record<string, string> & { tags: object; kind?: string }
  const host = { serviceName: 'checkout', ipv4: Buffer.of(10, 1, 2, 3), port: 8080 }
  return {
    traceId: Buffer.from(span.traceId, 'hex'),
    id: Buffer.from(span.id, 'hex'),
    kind: span.kind === 'SERVER' ? 2 : span.kind === 'CLIENT' ? 1 : 0,
    name: span.name,
    timestamp: span.timestamp,
    duration: span.duration,
    localEndpoint: host,
    tags: span.tags,
  }
}

/** A v1 span with three tags, as clients of before 2018 make it. */
export function zipkinSpanV1(i: number): object {
  const start = 1_700_000_000_000_000 + i * 1_000
  const endpoint = { serviceName: 'checkout', ipv4: '10.1.2.3', port: 8080 }
  const tags = ['http.method', 'http.path', 'mvc.controller.class']
  return {
    traceId: (i + 1).toString(16).padStart(16, '0'),
    id: (i + 1).toString(16).padStart(16, '0'),
    name: 'get',
    annotations: [
      { timestamp: start, value: 'sr', endpoint },
      { timestamp: start + 900, value: 'ss', endpoint },
    ],
    binaryAnnotations: tags.map(key => ({ key, value: `value ${i}`, endpoint })),
  }
}

/** Spans of one process with seven tags each, every fourth with a log. */
export function jaegerBatch(spans: number): BatchModel {
  return {
    process: {
      serviceName: 'checkout',
      tags: [
        { key: 'hostname', vType: 'STRING', vStr: 'checkout-7d9f8' },
        { key: 'jaeger.version', vType: 'STRING', vStr: 'Go-2.30.0' },
        { key: 'ip', vType: 'STRING', vStr: '10.1.2.3' },
      ],
    },
    spans: Array.from({ length: spans }, (_, i) => jaegerSpan(i)),
  }
}

function jaegerSpan(i: number): SpanModel {
  const startTime = 1_700_000_000_000_000 + i * 1_000
  return {
    traceIdLow: 0x1234_5678_9abcn + BigInt(i >> 3),
    traceIdHigh: 0x7edc_ba98_7654_3210n,
    spanId: 0x1111_2222_0000n + BigInt(i),
    parentSpanId: i % 8 === 0 ? 0 : 0x1111_2222_0000n + BigInt(i - 1),
    operationName: `get /api/orders/{id}/${i % 7}`,
    flags: 1,
    startTime,
    duration: 1_000 + i,
    tags: [
      { key: 'span.kind', vType: 'STRING', vStr: i % 3 === 0 ? 'server' : 'client' },
      { key: 'http.method', vType: 'STRING', vStr: 'GET' },
      { key: 'http.url', vType: 'STRING', vStr: `http://orders/api/orders/${i * 7919}` },
      { key: 'http.status_code', vType: 'LONG', vLong: 200 },
      { key: 'component', vType: 'STRING', vStr: 'net/http' },
      { key: 'peer.address', vType: 'STRING', vStr: '192.168.0.17:53412' },
      { key: 'sampler.param', vType: 'BOOL', vBool: true },
    ],
    logs:
      i % 4 === 0
        ? [
            {
              timestamp: startTime + 5,
              fields: [
                { key: 'event', vType: 'STRING', vStr: 'cache.miss' },
                { key: 'cache.key', vType: 'STRING', vStr: `order-${i}` },
              ],
            },
          ]
        : undefined,
  }
}
