/** Jaeger's formats against the Go collector's jaeger receiver: the same OTLP out of the same bytes, and ours understood by it. */
import assert from 'node:assert/strict'
import { createSocket } from 'node:dgram'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import test from 'node:test'
import { setTimeout as delay } from 'node:timers/promises'
import { Client, credentials } from '@grpc/grpc-js'
import { request } from 'undici'
import { decodeJson } from '../../src/otlp/json/decode.ts'
import { isJsonFault } from '../../src/otlp/json/fault.ts'
import { readJaegerBatch } from '../../src/translate/jaeger/proto.ts'
import {
  readJaegerAgentBinary,
  readJaegerAgentCompact,
  readJaegerThriftBinary,
} from '../../src/translate/jaeger/thrift.ts'
import { writeJaegerRequests } from '../../src/translate/jaeger/write.ts'
import { freePorts } from '../harness/ports.ts'
import { startProcess, waitForPort } from '../harness/process.ts'
import { encodeJaeger } from '../translate/jaeger/oracle.ts'
import { good, type PlainSpan, plain } from '../translate/jaeger/plain.ts'
import {
  type BatchModel,
  makeBatch,
  makeMessage,
  type SpanModel,
  type TagModel,
} from '../translate/jaeger/thrift-maker.ts'
import { GO_JAEGER, goCollector } from './peers.ts'

const PROTOCOLS = ['thrift_http', 'grpc', 'thrift_compact', 'thrift_binary'] as const
type Protocol = (typeof PROTOCOLS)[number]
const PATIENCE_MS = 15_000

const START = 1_700_000_000_000_123
const IDS = { traceIdLow: 5n, traceIdHigh: -3n, spanId: -1n, startTime: START, duration: 77 }

const str = (key: string, vStr: string): TagModel => ({ key, vType: 'STRING', vStr })
const long = (key: string, vLong: number | bigint): TagModel => ({ key, vType: 'LONG', vLong })
const bool = (key: string, vBool: boolean): TagModel => ({ key, vType: 'BOOL', vBool })

const SPANS: readonly SpanModel[] = [
  {
    ...IDS,
    operationName: 'all types',
    flags: 1,
    tags: [
      str('s', 'ö'),
      long('l', -(2n ** 63n)),
      bool('b', true),
      bool('nb', false),
      { key: 'd', vType: 'DOUBLE', vDouble: -1.5e300 },
      { key: 'x', vType: 'BINARY', vBinary: [0, 1, 255] },
      str('s', 'again'),
      str('', 'no key'),
      str('empty', ''),
    ],
  },
  { ...IDS, flags: 2, tags: [str('span.kind', 'server'), long('http.status_code', 404)] },
  { ...IDS, tags: [str('span.kind', 'client'), long('http.status_code', 404)] },
  {
    ...IDS,
    tags: [
      str('span.kind', 'nonsense'),
      str('http.status_code', '503'),
      str('http.status_message', 'm'),
    ],
  },
  { ...IDS, tags: [long('http.status_code', 302), str('otel.status_description', 'alone')] },
  {
    ...IDS,
    tags: [bool('error', true), str('otel.status_code', 'OK'), str('otel.status_description', 'd')],
  },
  { ...IDS, tags: [bool('error', true), str('http.status_message', 'm')] },
  { ...IDS, tags: [bool('error', false), str('otel.status_code', 'error')] },
  {
    ...IDS,
    tags: [
      str('error', 'true'),
      str('otel.status_code', 'unknown'),
      str('otel.status_description', 'd'),
    ],
  },
  { ...IDS, tags: [long('span.kind', 5), long('otel.status_code', 2)] },
  {
    ...IDS,
    parentSpanId: 9,
    references: [
      { refType: 'CHILD_OF', traceIdLow: 5n, traceIdHigh: -3n, spanId: 9 },
      { refType: 'FOLLOWS_FROM', traceIdLow: 5n, traceIdHigh: -3n, spanId: 10 },
      { refType: 'CHILD_OF', traceIdLow: 7, spanId: 11 },
    ],
  },
  {
    ...IDS,
    references: [{ refType: 'FOLLOWS_FROM', traceIdLow: 5n, traceIdHigh: -3n, spanId: 12 }],
  },
  { ...IDS, references: [{ refType: 'CHILD_OF', traceIdLow: 6n, spanId: 12 }] },
  {
    ...IDS,
    logs: [
      { timestamp: START + 1, fields: [str('event', 'e'), str('k', 'v'), long('n', 1)] },
      { timestamp: START + 2, fields: [str('event', '')] },
      { timestamp: START + 3 },
    ],
  },
  { traceIdLow: 1, operationName: 'no time and no id' },
]

const BATCH: BatchModel = {
  process: {
    serviceName: 'api',
    tags: [
      str('hostname', 'h'),
      str('jaeger.version', 'Go-1'),
      long('pid', 4),
      str('x', '1'),
      str('x', '2'),
    ],
  },
  spans: SPANS,
}

test('the Go collector reads Jaeger as we do, and what we write for Jaeger', {
  timeout: 120_000,
}, async t => {
  const folder = mkdtempSync(join(tmpdir(), 'millrace-jaeger-'))
  t.after(() => rmSync(folder, { recursive: true, force: true }))
  const ports = await freePorts(PROTOCOLS.length)
  const port = (protocol: Protocol): number => ports[PROTOCOLS.indexOf(protocol)] ?? 0
  const file = (protocol: Protocol): string => join(folder, `${protocol}.jsonl`)
  const go = await startProcess(
    goCollector(GO_JAEGER),
    ['--config', `yaml:${JSON.stringify(goConfig(port, file))}`],
    port('thrift_http'),
  )
  const binary = makeBatch(BATCH, 'binary')
  const udpBinary = makeMessage(BATCH, 'binary')
  const udpCompact = makeMessage(BATCH, 'compact')
  const proto = encodeJaeger('Batch', protoBatch())
  const [ours] = writeJaegerRequests(good(readJaegerThriftBinary(binary)))
  assert.ok(ours)
  try {
    await waitForPort(port('thrift_http'), PATIENCE_MS)
    await waitForPort(port('grpc'), PATIENCE_MS)
    await post(port('thrift_http'), binary)
    await postSpans(port('grpc'), encodeJaeger('PostSpansRequest', { batch: protoBatch() }))
    await postSpans(port('grpc'), ours)
    await sendPacket(port('thrift_compact'), udpCompact)
    await sendPacket(port('thrift_binary'), udpBinary)
    await arrived(file('thrift_compact'))
    await arrived(file('thrift_binary'))
  } finally {
    await go.stop()
  }
  assert.deepEqual(read(file('thrift_http'))[0], plain(good(readJaegerThriftBinary(binary))))
  assert.deepEqual(read(file('thrift_compact'))[0], plain(good(readJaegerAgentCompact(udpCompact))))
  assert.deepEqual(read(file('thrift_binary'))[0], plain(good(readJaegerAgentBinary(udpBinary))))
  const [theirs, back] = read(file('grpc'))
  assert.deepEqual(theirs?.toSorted(byName), plain(good(readJaegerBatch(proto))).toSorted(byName))
  assert.deepEqual(back, plain(good(readJaegerThriftBinary(binary))).map(afterWriting))
})

/** What writing leaves out: `error: false` beside the status ERROR, and a message without a code. */
function afterWriting(span: PlainSpan): PlainSpan {
  const { error, ...attributes } = span.attributes
  const { code } = span.status
  const status = code === 0 ? { code, message: '' } : span.status
  return { ...span, status, attributes: error === false ? attributes : span.attributes }
}

function byName(a: PlainSpan, b: PlainSpan): number {
  return a.name < b.name ? -1 : 1
}

function goConfig(port: (p: Protocol) => number, file: (p: Protocol) => string): object {
  const section = (make: (p: Protocol) => object) =>
    Object.fromEntries(PROTOCOLS.map(p => [p, make(p)]))
  const named = (prefix: string, of: Record<string, object>) =>
    Object.fromEntries(Object.entries(of).map(([key, value]) => [`${prefix}/${key}`, value]))
  return {
    receivers: named(
      'jaeger',
      section(p => ({ protocols: { [p]: { endpoint: `127.0.0.1:${port(p)}` } } })),
    ),
    exporters: named(
      'file',
      section(p => ({ path: file(p) })),
    ),
    service: {
      telemetry: { metrics: { level: 'none' } },
      pipelines: named(
        'traces',
        section(p => ({ receivers: [`jaeger/${p}`], exporters: [`file/${p}`] })),
      ),
    },
  }
}

/** Spans that only protobuf can have: scopes, trace states, nanoseconds. */
function protoBatch(): object {
  const ids = { trace_id: Buffer.alloc(16, 7), span_id: Buffer.alloc(8, 8) }
  const time = { seconds: 1_700_000_000, nanos: 123_456_789 }
  const spans = [
    {
      operation_name: 'a',
      flags: 1,
      duration: { seconds: 1, nanos: 5 },
      tags: [
        { key: 'otel.scope.name', v_str: 'lib' },
        { key: 'otel.scope.version', v_str: '1' },
        { key: 'w3c.tracestate', v_str: 'a=1' },
        { key: 'odd', v_type: 9 },
      ],
    },
    {
      operation_name: 'b',
      duration: { nanos: -5 },
      tags: [{ key: 'otel.scope.version', v_str: '1' }],
    },
    {
      operation_name: 'c',
      tags: [{ key: 'otel.scope.name', v_str: 'lib' }],
      references: [{ trace_id: Buffer.alloc(16, 7), span_id: Buffer.alloc(8, 9) }],
    },
    {
      operation_name: 'd',
      process: { service_name: 'other', tags: [{ key: 'k', v_str: 'v' }] },
      logs: [{ timestamp: time, fields: [{ key: 'event', v_str: 'e' }] }],
    },
  ].map(span => ({ ...ids, start_time: time, ...span }))
  return { spans, process: { service_name: 'api' } }
}

async function post(port: number, body: Buffer): Promise<void> {
  const answer = await request(`http://127.0.0.1:${port}/api/traces?format=jaeger.thrift`, {
    method: 'POST',
    headers: { 'content-type': 'application/vnd.apache.thrift.binary' },
    body,
  })
  assert.equal(answer.statusCode, 202, await answer.body.text())
}

async function postSpans(port: number, message: Uint8Array): Promise<void> {
  const client = new Client(`127.0.0.1:${port}`, credentials.createInsecure())
  const raw = (bytes: Buffer): Buffer => bytes
  try {
    await new Promise<void>((resolve, reject) => {
      client.makeUnaryRequest(
        '/jaeger.api_v2.CollectorService/PostSpans',
        raw,
        raw,
        Buffer.from(message),
        error => (error === null ? resolve() : reject(error)),
      )
    })
  } finally {
    client.close()
  }
}

async function sendPacket(port: number, packet: Buffer): Promise<void> {
  const socket = createSocket('udp4')
  try {
    await new Promise<void>((resolve, reject) => {
      socket.send(packet, port, '127.0.0.1', error => (error === null ? resolve() : reject(error)))
    })
  } finally {
    socket.close()
  }
}

async function arrived(file: string): Promise<void> {
  for (let waited = 0; readFileSync(file, 'utf8') === ''; waited += 50) {
    assert.ok(waited < PATIENCE_MS, `nothing came to ${file}`)
    await delay(50)
  }
}

/** Spans of each request that was written. */
function read(file: string): PlainSpan[][] {
  return readFileSync(file, 'utf8')
    .split('\n')
    .filter(Boolean)
    .map(line => {
      const request = decodeJson('traces', Buffer.from(line))
      if (isJsonFault(request)) assert.fail(request.message)
      return plain(request)
    })
}
