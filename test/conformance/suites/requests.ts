/** Whole valid requests through a running collector: what comes out equals what went in. */
import assert from 'node:assert/strict'
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { gunzipSync } from 'node:zlib'
import { SIGNALS, type Signal } from '../../../src/core/signal.ts'
import { encodeJson } from '../../../src/otlp/json/encode.ts'
import { LiveCollector } from '../live.ts'
import { type CaseResult, judge, type Suite } from '../suite.ts'

export const examples: Suite = {
  name: 'otlp/examples',
  path: 'otlp/examples',
  run: path =>
    withCollector(async function* (live) {
      for (const file of readdirSync(path).filter(name => name.endsWith('.json'))) {
        const text = readFileSync(join(path, file), 'utf8')
        yield await judge(file, () => sameAfterJson(live, JSON.parse(text) as object))
      }
    }),
}

export const goldenTraces = goldenSuite('otlp/goldendataset/traces')
export const goldenMetrics = goldenSuite('otlp/goldendataset/metrics')

function goldenSuite(name: string): Suite {
  return {
    name,
    path: `${name}.jsonl.gz`,
    run: path =>
      withCollector(async function* (live) {
        const lines = gunzipSync(readFileSync(path)).toString().split('\n').filter(Boolean)
        for (const [i, line] of lines.entries()) {
          const { request } = JSON.parse(line) as { request: object }
          yield await judge(String(i + 1), () => sameAfterJson(live, request))
        }
      }),
  }
}

interface Capture {
  readonly file: string
  readonly transport: string
  readonly path: string
  readonly headers: Readonly<Record<string, string>>
}

export const captures: Suite = {
  name: 'captures/otel-js-0.223',
  path: 'captures/otel-js-0.223',
  run: path =>
    withCollector(async function* (live) {
      const { requests } = JSON.parse(readFileSync(join(path, 'index.json'), 'utf8')) as {
        requests: Capture[]
      }
      for (const capture of requests) {
        yield await judge(capture.file, () => sameAfterCapture(live, path, capture))
      }
    }),
}

async function sameAfterCapture(
  live: LiveCollector,
  folder: string,
  capture: Capture,
): Promise<void> {
  const body = readFileSync(join(folder, capture.file))
  const signal = SIGNALS.find(s => capture.path.toLowerCase().includes(s.slice(0, -1)))!
  live.received.length = 0
  if (capture.transport === 'grpc') {
    const answer = await live.exportGrpc(signal, body.subarray(5))
    assert.equal(answer.code, 0, answer.message)
    assert.ok(body.subarray(5).equals(live.received[0].bytes), 'bytes differ')
    return
  }
  const { 'content-type': type, 'content-encoding': encoding } = capture.headers
  const headers = { 'content-type': type, ...(encoding ? { 'content-encoding': encoding } : {}) }
  const answer = await live.http('POST', capture.path, headers, body)
  assert.equal(answer.status, 200, answer.body.toString())
  const got = live.received[0].bytes
  if (type.includes('protobuf')) {
    assert.ok(body.equals(got), 'bytes differ')
  } else {
    const sent = JSON.parse(gunzipSync(body).toString()) as object
    assert.deepEqual(
      normal(JSON.parse(Buffer.from(encodeJson(signal, got)).toString())),
      normal(sent),
    )
  }
}

async function sameAfterJson(live: LiveCollector, request: object): Promise<void> {
  const signal = signalOf(request)
  live.received.length = 0
  const answer = await live.exportHttp(signal, JSON.stringify(request), 'application/json')
  assert.equal(answer.status, 200, answer.body.toString())
  const got = live.received[0]?.bytes
  if (got === undefined) {
    assert.doesNotMatch(
      JSON.stringify(request),
      /"(spans|logRecords|dataPoints)":\[\{/,
      'nothing came through',
    )
    return
  }
  assert.deepEqual(
    normal(JSON.parse(Buffer.from(encodeJson(signal, got)).toString())),
    normal(request),
  )
}

function signalOf(request: object): Signal {
  if ('resourceSpans' in request) return 'traces'
  if ('resourceMetrics' in request) return 'metrics'
  return 'logs'
}

/** JSON that means the same becomes the same: ids in lower case, 64-bit numbers as text, proto3 defaults left out. */
function normal(value: unknown, key = ''): unknown {
  if (Array.isArray(value)) {
    return value.map(x => (typeof x === 'number' && key === 'bucketCounts' ? String(x) : normal(x)))
  }
  if (typeof value === 'object' && value !== null) {
    const entries = Object.entries(value)
      .map(([k, v]) => [k, normal(v, k)] as const)
      .filter(([k, v]) => k.endsWith('Value') || !isDefault(v))
    return Object.fromEntries(entries.sort(([a], [b]) => (a < b ? -1 : 1)))
  }
  if (/(traceId|spanId)$/i.test(key) && typeof value === 'string') return value.toLowerCase()
  if (typeof value === 'number' && /(Nano|^intValue|^asInt|^count|Count)$/.test(key))
    return String(value)
  return value
}

function isDefault(value: unknown): boolean {
  return (
    value === 0 ||
    value === '0' ||
    value === '' ||
    value === false ||
    value === null ||
    (Array.isArray(value) && value.length === 0)
  )
}

async function* withCollector(
  run: (live: LiveCollector) => AsyncIterable<CaseResult>,
): AsyncIterable<CaseResult> {
  const live = await LiveCollector.start()
  try {
    yield* run(live)
  } finally {
    await live.stop()
  }
}
