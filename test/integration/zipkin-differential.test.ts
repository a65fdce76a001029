/**
 * Zipkin to OTLP and back beside the Go collector: what it makes of a message is what we make of it, and what it writes
 * we read. Where we depart from it on purpose (ADR 0012) is said here, one by one.
 */
import assert from 'node:assert/strict'
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { createServer } from 'node:http'
import { join, resolve } from 'node:path'
import test, { type TestContext } from 'node:test'
import { gunzipSync } from 'node:zlib'
import type { TranslateFault } from '../../src/translate/fault.ts'
import { readZipkinJsonV1 } from '../../src/translate/zipkin/json-v1.ts'
import { readZipkinJson } from '../../src/translate/zipkin/json-v2.ts'
import { readZipkinProto } from '../../src/translate/zipkin/proto.ts'
import { readZipkinThrift } from '../../src/translate/zipkin/thrift.ts'
import { startBackend } from '../harness/backend.ts'
import { freePorts } from '../harness/ports.ts'
import { eventually, startProcess } from '../harness/process.ts'
import { encode } from '../otlp/oracle.ts'
import {
  binary,
  encodeZipkinProto,
  type FlatSpan,
  flatten,
  i16,
  i32,
  i64,
  type Json,
  list,
  spansOf,
  struct,
} from '../translate/zipkin/kit.ts'
import { GO_ZIPKIN, goCollector } from './peers.ts'

const DATA = resolve(process.env.CONFORMANCE_DATA ?? '../shared/data', 'zipkin')

const HOST = { serviceName: 'shop', ipv4: '10.0.0.1', port: 80 }
const V2 = {
  traceId: '4d1e00c0db9010db86154a4ba6e91385',
  parentId: '86154a4ba6e91385',
  id: '4d1e00c0db9010db',
  kind: 'CLIENT',
  name: 'get',
  timestamp: 1472470996199000,
  duration: 207000,
  localEndpoint: HOST,
  remoteEndpoint: { serviceName: 'orders', ipv6: '2001:DB8::0:1', port: 9 },
  annotations: [{ timestamp: 1472470996238000, value: 'a|{"x":1,"y":"z"}|2' }],
  tags: {
    'host.name': 'h',
    'otel.library.name': 'lib',
    'otel.library.version': '1',
    'w3c.tracestate': 'a=b',
    'otel.status_code': 'Error',
    'otel.status_description': 'why',
    error: 'true',
    n: '12',
    f: '1.5',
    b: 'true',
    'otlp.link.0': `${'1'.repeat(32)}|${'2'.repeat(16)}|s=t|{"k":"v"}|3`,
  },
}
const V1 = {
  traceId: '0ed2e63cbe71f5a8',
  id: 'fe351a053fbcac1f',
  name: 'v1',
  annotations: [
    { timestamp: 1544805927448081, value: 'sr', endpoint: HOST },
    { timestamp: 1544805927450000, value: 'event', endpoint: HOST },
    { timestamp: 1544805927460102, value: 'ss', endpoint: HOST },
  ],
  binaryAnnotations: [
    { key: 'lc', value: 'part', endpoint: HOST },
    { key: 'http.status_code', value: '503', endpoint: HOST },
    { key: 'census.status_code', value: '14', endpoint: HOST },
    { key: 'census.status_description', value: 'm', endpoint: HOST },
  ],
}
const THRIFT = list([
  struct([
    [1, i64(-5)],
    [4, i64(7)],
    [3, binary('thrift')],
    [10, i64(1544805927448081)],
    [11, i64(5)],
    [
      6,
      list([
        struct([
          [1, i64(1544805927448081)],
          [2, binary('cs')],
          [
            3,
            struct([
              [1, i32(167772161)],
              [2, i16(80)],
              [3, binary('shop')],
            ]),
          ],
        ]),
      ]),
    ],
    [
      8,
      list([
        struct([
          [1, binary('i')],
          [2, binary(i32(6)[1])],
          [3, i32(3)],
        ]),
      ]),
    ],
  ]),
])[1]

type Read = (bytes: Uint8Array) => Uint8Array | TranslateFault

interface Case {
  readonly path: string
  readonly type: string
  readonly body: Uint8Array
  readonly read: Read
}

test('makes of Zipkin messages what the Go collector makes of them', async t => {
  for (const parse of [false, true]) {
    const { port, backend } = await startZipkin(t, parse)
    for (const { path, type, body, read } of cases(parse)) {
      const before = backend.items('traces')
      const ours = spansOf(read(body))
      const response = await fetch(`http://127.0.0.1:${port}${path}`, {
        method: 'POST',
        headers: { 'content-type': type },
        body: Buffer.from(body),
      })
      assert.equal(response.status, 202, await response.text())
      await eventually(() => backend.items('traces') >= before + ours.length, 10_000, 'spans')
      const last = backend.requests.at(-1)
      assert.ok(last)
      assert.deepEqual(alike(ours), alike(flatten(last.bytes)), `${path} ${type}`)
    }
  }
})

test('reads what the Go collector writes', async t => {
  const bodies: Buffer[] = []
  const server = createServer((request, response) => {
    const chunks: Buffer[] = []
    request.on('data', chunk => chunks.push(chunk))
    request.on('end', () => {
      bodies.push(Buffer.concat(chunks))
      response.writeHead(202).end()
    })
  })
  await new Promise<void>(done => server.listen(0, '127.0.0.1', done))
  t.after(() => server.close())
  const { port: sink } = server.address() as { port: number }
  for (const [format, read] of [
    ['json', readZipkinJson],
    ['proto', readZipkinProto],
  ] as const) {
    const [port] = await freePorts(1)
    const go = await startProcess(
      goCollector(GO_ZIPKIN),
      ['--config', `yaml:${exporterConfig(port, sink, format)}`],
      port,
    )
    t.after(() => go.stop())
    const request = sample()
    await fetch(`http://127.0.0.1:${port}/v1/traces`, {
      method: 'POST',
      headers: { 'content-type': 'application/x-protobuf' },
      body: Buffer.from(request),
    })
    await eventually(() => bodies.length > 0, 10_000, 'a body')

    assert.deepEqual(spansOf(read(bodies.pop()!)), flatten(request))
  }
})

async function startZipkin(
  t: TestContext,
  parse: boolean,
): Promise<{ port: number; backend: Awaited<ReturnType<typeof startBackend>> }> {
  const backend = await startBackend()
  t.after(() => backend.close())
  const [port] = await freePorts(1)
  const config = JSON.stringify({
    receivers: { zipkin: { endpoint: `127.0.0.1:${port}`, parse_string_tags: parse } },
    exporters: {
      otlp_http: {
        endpoint: `http://127.0.0.1:${backend.httpPort}`,
        sending_queue: { enabled: false },
      },
    },
    service: {
      telemetry: { metrics: { level: 'none' } },
      pipelines: { traces: { receivers: ['zipkin'], exporters: ['otlp_http'] } },
    },
  })
  const go = await startProcess(goCollector(GO_ZIPKIN), ['--config', `yaml:${config}`], port)
  t.after(() => go.stop())
  return { port, backend }
}

function exporterConfig(port: number, sink: number, format: string): string {
  return JSON.stringify({
    receivers: { otlp: { protocols: { http: { endpoint: `127.0.0.1:${port}` } } } },
    exporters: { zipkin: { endpoint: `http://127.0.0.1:${sink}/api/v2/spans`, format } },
    service: {
      telemetry: { metrics: { level: 'none' } },
      pipelines: { traces: { receivers: ['otlp'], exporters: ['zipkin'] } },
    },
  })
}

function cases(parseStringTags: boolean): Case[] {
  const v2: Read = bytes => readZipkinJson(bytes, { parseStringTags })
  const v1: Read = bytes => readZipkinJsonV1(bytes, { parseStringTags })
  const json = (path: string, body: Uint8Array, read: Read): Case => ({
    path,
    type: 'application/json',
    body,
    read,
  })
  const proto = encodeZipkinProto([
    {
      ...V2,
      traceId: Buffer.from(V2.traceId, 'hex'),
      parentId: Buffer.from(V2.parentId, 'hex'),
      id: Buffer.from(V2.id, 'hex'),
      kind: 4,
      localEndpoint: { serviceName: 'shop', ipv4: Buffer.of(10, 0, 0, 1), port: 80 },
      remoteEndpoint: { serviceName: 'orders' },
    },
  ])
  const found = [
    json('/api/v2/spans', asJson([V2, { ...V2, localEndpoint: undefined, tags: undefined }]), v2),
    json('/api/v1/spans', asJson([V1, { ...V1, annotations: [], timestamp: 5, duration: 6 }]), v1),
    { path: '/api/v1/spans', type: 'application/x-thrift', body: THRIFT, read: readZipkinThrift },
    {
      path: '/api/v2/spans',
      type: 'application/x-protobuf',
      body: proto,
      read: (bytes: Uint8Array) => readZipkinProto(bytes, { parseStringTags }),
    },
  ]
  if (!existsSync(DATA)) return found
  for (const file of readdirSync(join(DATA, 'captures'))) {
    // Holds an address with a leading zero, for which the Go collector refuses the whole message.
    if (file.startsWith('smartthings-oauth')) continue
    const bytes = readFileSync(join(DATA, 'captures', file))
    found.push(json('/api/v2/spans', file.endsWith('.gz') ? gunzipSync(bytes) : bytes, v2))
  }
  return found
}

function asJson(spans: readonly Json[]): Buffer {
  return Buffer.from(JSON.stringify(spans))
}

/** What both must say alike, in an order that does not depend on who says it. */
function alike(spans: readonly FlatSpan[]): unknown[] {
  const texts = spans.map(span => {
    const attributes: Json = { ...span.attributes }
    // Kept by us alone.
    delete attributes['otel.zipkin.shared']
    delete attributes['otel.zipkin.debug']
    // The specification says `peer.service`, the Go collector newer conventions.
    if ('service.peer.name' in attributes) {
      attributes['peer.service'] ??= attributes['service.peer.name']
      delete attributes['service.peer.name']
    }
    // The description of the status, which the Go collector leaves an attribute when it is in the tag `error`.
    delete attributes.error
    return JSON.stringify({ ...span, attributes }, inOrder)
  })
  return texts.sort()
}

/** Keys in order, for Go's maps have none. */
function inOrder(_: string, value: unknown): unknown {
  if (typeof value === 'bigint') return `${value}n`
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return value
  return Object.fromEntries(Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1)))
}

/** Says nothing that Go's format has no way to say: its names of services and spans are in lower case. */
function sample(): Uint8Array {
  const text = (key: string, stringValue: string): object => ({ key, value: { stringValue } })
  return encode('TracesRequest', {
    resourceSpans: [
      {
        resource: { attributes: [text('service.name', 'shop'), text('k8s.pod.name', 'p')] },
        scopeSpans: [
          {
            scope: { name: 'lib', version: '1' },
            spans: [
              {
                traceId: Buffer.alloc(16, 7),
                spanId: Buffer.alloc(8, 8),
                parentSpanId: Buffer.alloc(8, 9),
                traceState: 'a=b',
                name: 'get',
                kind: 3,
                startTimeUnixNano: '1472470996199000000',
                endTimeUnixNano: '1472470996406000000',
                attributes: [
                  text('k', 'ü"'),
                  text('network.peer.address', '10.0.0.2'),
                  text('peer.service', 'orders'),
                ],
                events: [
                  {
                    timeUnixNano: '1472470996238000000',
                    name: 'e',
                    attributes: [text('x', 'y'), { key: 'n', value: { intValue: '5' } }],
                    droppedAttributesCount: 2,
                  },
                  { timeUnixNano: '1472470996239000000', name: 'plain' },
                ],
                links: [
                  {
                    traceId: Buffer.alloc(16, 1),
                    spanId: Buffer.alloc(8, 2),
                    attributes: [text('l', 'm')],
                  },
                ],
                status: { code: 2, message: 'why' },
              },
            ],
          },
        ],
      },
    ],
  })
}
