/**
 * Answers: how many spans a second does one core take in as Zipkin JSON, protobuf and v1, and give out as JSON and
 * protobuf? Nanoseconds per span, best of many rounds, beside `JSON.parse` alone, which is where others begin.
 *
 *   node --import tsx bench/micro/zipkin.ts
 */
import { readZipkinJson } from '../../src/translate/zipkin/json-v2.ts'

const SPANS = 512
const ROUNDS = 40
const ROUND_NANOS = 5e6

const text = Buffer.from(JSON.stringify(Array.from({ length: SPANS }, (_, i) => span(i))))
measure('JSON.parse alone', text.length, () => JSON.parse(text.toString()))
measure('v2 JSON in', text.length, () => check(readZipkinJson(text)))

function span(i: number): object {
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

function check(result: Uint8Array | { message: string }): void {
  if ('message' in result) throw new Error(result.message)
}

function measure(title: string, bytes: number, way: () => void): void {
  for (let i = 0; i < 60; i++) way()
  const calls = Math.max(1, Math.ceil(ROUND_NANOS / time(way, 5)))
  let best = Number.POSITIVE_INFINITY
  for (let round = 0; round < ROUNDS; round++) best = Math.min(best, time(way, calls))
  const perSpan = best / SPANS
  const rate = Math.round(1e9 / perSpan).toLocaleString('en')
  const size = (bytes / SPANS).toFixed(0)
  console.log(
    `${title.padEnd(20)}${perSpan.toFixed(0).padStart(6)} ns/span ${rate.padStart(12)} spans/s  ${size} B/span`,
  )
}

/** Nanoseconds per call. */
function time(way: () => void, calls: number): number {
  const start = process.hrtime.bigint()
  for (let i = 0; i < calls; i++) way()
  return Number(process.hrtime.bigint() - start) / calls
}
