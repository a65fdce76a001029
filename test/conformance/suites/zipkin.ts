/**
 * Zipkin traces of real systems, and the inputs of the reference's translator: what OTLP says must be what the file says,
 * and what is written from it must be the file again, as far as the mapping specification keeps it.
 */
import assert from 'node:assert/strict'
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { gunzipSync } from 'node:zlib'
import type { TranslateFault } from '../../../src/translate/fault.ts'
import { readZipkinJsonV1 } from '../../../src/translate/zipkin/json-v1.ts'
import { readZipkinJson } from '../../../src/translate/zipkin/json-v2.ts'
import { readZipkinProto } from '../../../src/translate/zipkin/proto.ts'
import { readZipkinThrift } from '../../../src/translate/zipkin/thrift.ts'
import { writeZipkinJson } from '../../../src/translate/zipkin/write-json.ts'
import { writeZipkinProto } from '../../../src/translate/zipkin/write-proto.ts'
import {
  binary,
  type FlatSpan,
  i16,
  i32,
  i64,
  type Json,
  list,
  partOf,
  spansOf,
  struct,
  type Thrift,
} from '../../translate/zipkin/kit.ts'
import { type CaseResult, judge, type Suite } from '../suite.ts'

export const zipkinCaptures: Suite = {
  name: 'zipkin/captures',
  path: 'zipkin',
  async *run(path) {
    for (const folder of ['captures', 'benchmarks']) {
      for (const file of readdirSync(join(path, folder)).sort()) {
        yield await capture(join(path, folder, file), `${folder}/${file}`)
      }
    }
  },
}

function capture(path: string, id: string): Promise<CaseResult> {
  return judge(id, () => {
    const spans = readSpans(path)
    const request = readZipkinJson(readText(path))
    const read = spansOf(request)
    assert.equal(read.length, spans.length)
    const left = [...spans]
    for (const span of read) {
      const at = left.findIndex(other => isSame(span, other))
      assert.ok(at >= 0, `no span of the file is ${span.spanId} ${span.name}`)
      left.splice(at, 1)
    }
    const part = partOf(request as Uint8Array)
    const written = writeZipkinJson([part])
    const again = JSON.parse(Buffer.from(written.bytes).toString()) as Json[]
    assert.deepEqual(sorted(again.map(withoutStatus)), sorted(spans.map(canonical)))
    assert.deepEqual(spansOf(readZipkinJson(written.bytes)).length, spans.length)
    assert.deepEqual(
      spansOf(readZipkinProto(writeZipkinProto([part]).bytes)),
      spansOf(readZipkinJson(written.bytes)),
    )
  })
}

const KINDS: Readonly<Record<string, number>> = { SERVER: 2, CLIENT: 3, PRODUCER: 4, CONSUMER: 5 }

/** Whether a span read is this one of the file, by what was told apart before any mapping. */
function isSame(span: FlatSpan, other: Json): boolean {
  const start = BigInt((other.timestamp as number | undefined) ?? 0)
  const end = start + BigInt((other.duration as number | undefined) ?? 0)
  const tags = (other.tags ?? {}) as Json
  const host = (other.localEndpoint ?? {}) as Json
  return (
    span.traceId === String(other.traceId).padStart(32, '0') &&
    span.spanId === String(other.id).padStart(16, '0') &&
    span.parentSpanId === parentOf(other) &&
    span.name === (other.name ?? '') &&
    span.kind === (KINDS[String(other.kind)] ?? 0) &&
    span.start === String(start * 1000n) &&
    span.end === String(end * 1000n) &&
    span.resource['service.name'] === (host.serviceName === '' ? undefined : host.serviceName) &&
    span.events.length === ((other.annotations as unknown[] | undefined) ?? []).length &&
    span.status.code === ('error' in tags ? 2 : 0) &&
    Object.entries(tags).every(
      ([key, value]) => key === 'error' || { ...span.resource, ...span.attributes }[key] === value,
    )
  )
}

function parentOf(span: Json): string {
  const parent = span.parentId === undefined ? '' : String(span.parentId).padStart(16, '0')
  return parent === String(span.id).padStart(16, '0') ? '' : parent
}

/** A span of the file as we write it: the same but for zeros, empty members, and the name of a service that has none. */
function canonical(span: Json): Json {
  const { tags, localEndpoint, remoteEndpoint, annotations, ...rest } = span
  const made: Json = { ...rest, id: String(span.id).padStart(16, '0') }
  const trace = String(span.traceId).padStart(32, '0')
  made.traceId = trace.startsWith('0'.repeat(16)) ? trace.slice(16) : trace
  made.parentId = parentOf(span)
  const remaining = { ...(tags as Json) }
  const local = { serviceName: 'unknown_service', ...(localEndpoint as Json) }
  made.localEndpoint = host(local, remaining, 'network.local.address')
  made.remoteEndpoint = host((remoteEndpoint ?? {}) as Json, remaining, 'network.peer.address')
  made.annotations = annotations
  if ('error' in remaining && remaining.error === 'true') remaining.error = ''
  made.tags = remaining
  return pruned(made)
}

/** An address that is none becomes a tag. */
function host(endpoint: Json, tags: Json, key: string): Json {
  const made: Json = { ...endpoint }
  if (/\.0\d/.test(String(made.ipv4))) {
    tags[key] = made.ipv4
    delete made.ipv4
  }
  if (typeof made.ipv6 === 'string' && made.ipv4 !== undefined) delete made.ipv4
  return made
}

/** The specification wants the status beside the tag `error`. */
function withoutStatus(span: Json): Json {
  const tags = { ...(span.tags as Json) }
  delete tags['otel.status_code']
  return pruned({ ...span, tags })
}

function pruned(span: Json): Json {
  return Object.fromEntries(
    Object.entries(span).filter(
      ([, value]) =>
        value !== undefined &&
        value !== '' &&
        value !== 0 &&
        value !== false &&
        !(typeof value === 'object' && value !== null && Object.keys(value).length === 0),
    ),
  )
}

function sorted(spans: readonly Json[]): Json[] {
  const key = (span: Json): string => `${span.id} ${span.kind} ${span.timestamp} ${span.name}`
  return [...spans].sort((a, b) => (key(a) < key(b) ? -1 : 1))
}

export const zipkinTranslator: Suite = {
  name: 'zipkin/translator',
  path: 'zipkin/translator',
  async *run(path) {
    for (const [file, check] of Object.entries(TRANSLATOR)) {
      yield await judge(file, () => check(readText(join(path, file))))
    }
  },
}

const TRACE = '00000000000000000ed2e63cbe71f5a8'
const STATUS = { code: 0, message: '' }

/** The reference's expectation for both single batches: four hosts and one that is not known. */
function expectBatch(spans: readonly FlatSpan[], typed: boolean): void {
  const seen = spans.map(span => [
    span.resource['service.name'],
    span.resource.ipv4,
    span.name,
    span.kind,
    span.start,
    span.end,
    span.events.map(event => `${event.name}@${event.time}`).join(),
  ])
  const micros = (time: number): string => `1544805927${String(time).padStart(6, '0')}000`
  assert.deepEqual(
    new Set(seen.map(String)),
    new Set(
      [
        ['front-proxy', '172.31.0.2', 'checkAvailability', 3, micros(446743), micros(459699), ''],
        [
          'service1',
          '172.31.0.4',
          'checkAvailability',
          2,
          micros(448081),
          micros(460102),
          `custom time event@${micros(450000)}`,
        ],
        ['service1', '172.31.0.4', 'checkStock', 3, micros(453923), micros(457663), ''],
        ['service2', '172.31.0.7', 'checkStock', 2, micros(454487), micros(457320), ''],
        ['unknown-service', undefined, 'checkStock', 0, micros(453923), micros(457663), ''],
      ].map(String),
    ),
  )
  const second = spans.find(span => span.resource['service.name'] === 'service2')
  assert.deepEqual(second?.status, STATUS)
  if (typed) {
    assert.deepEqual(second?.attributes, {
      'http.url': 'http://localhost:9000/trace/2',
      success: true,
      processed: 1.5,
      'http.status_code': 200n,
    })
  }
}

function services(spans: readonly FlatSpan[]): unknown[] {
  return spans.map(span => span.resource['service.name']).sort()
}

const TRANSLATOR: Readonly<Record<string, (text: Buffer) => void>> = {
  'sample1.json': text => {
    const spans = spansOf(readZipkinJson(text))
    assert.equal(spans.length, 9)
    assert.deepEqual(new Set(services(spans)), new Set(['frontend']))
  },
  'sample2.json': text => assert.deepEqual(spansOf(readZipkinJson(text))[0].resource, {}),
  'sample3.json': text => assert.equal(spansOf(readZipkinJson(text)).length, 1),
  'sample4.json': text => assert.equal(spansOf(readZipkinJson(text)).length, 1),
  'zipkin_v2_single.json': text => {
    const [span] = spansOf(readZipkinJson(text))
    assert.equal(span.resource['service.name'], 'frontend')
    assert.equal(span.start, '1472470996199000000')
  },
  'zipkin_v2_notimestamp.json': text => {
    const [span] = spansOf(readZipkinJson(text))
    assert.equal(span.start, '0')
    assert.equal(span.attributes['otel.zipkin.absentField.startTime'], true)
  },
  'zipkin_v1_single_batch.json': text => {
    const spans = spansOf(readZipkinJsonV1(text, { parseStringTags: true }))
    assert.ok(spans.every(span => span.traceId === TRACE))
    expectBatch(spans, true)
  },
  'zipkin_v1_multiple_batches.json': text => {
    const batches = JSON.parse(text.toString()) as unknown[]
    const spans = batches.flatMap(batch =>
      spansOf(readZipkinJsonV1(Buffer.from(JSON.stringify(batch)), { parseStringTags: true })),
    )
    expectBatch(spans, true)
  },
  'zipkin_v1_local_component.json': text =>
    assert.deepEqual(services(spansOf(readZipkinJsonV1(text))), [
      'myLocalComponent',
      'myServiceName',
    ]),
  'zipkin_v1_error_batch.json': text => {
    const result = readZipkinJsonV1(text) as TranslateFault
    assert.match(result.message, /parentId/)
  },
  'zipkin_v1_thrift_single_batch.json': text => {
    const spans = spansOf(readZipkinThrift(asThrift(text)))
    expectBatch(spans, false)
    const second = spans.find(span => span.resource['service.name'] === 'service2')
    assert.equal(second?.attributes['http.url'], 'http://localhost:9000/trace/2')
  },
  'zipkin_v1_thrift_local_component.json': text =>
    assert.deepEqual(services(spansOf(readZipkinThrift(asThrift(text)))), [
      'myLocalComponent',
      'myServiceName',
    ]),
}

const TYPES = ['BOOL', 'BYTES', 'I16', 'I32', 'I64', 'DOUBLE', 'STRING']

interface ThriftHost {
  readonly ipv4?: number
  readonly port?: number
  readonly service_name?: string
}

interface ThriftSpan {
  readonly trace_id: string
  readonly id: string
  readonly parent_id?: string
  readonly name: string
  readonly timestamp?: number
  readonly duration?: number
  readonly annotations?: readonly { timestamp: number; value: string; host?: ThriftHost }[]
  readonly binary_annotations?: readonly {
    key: string
    value: string
    annotation_type: string
    host?: ThriftHost
  }[]
}

/** The files hold Thrift structs as JSON; this makes the bytes that were meant. */
function asThrift(text: Buffer): Buffer {
  // Ids keep their bits as texts.
  const exact = text.toString().replace(/("(?:trace_id|id|parent_id)"\s*:\s*)(-?\d+)/g, '$1"$2"')
  const spans = JSON.parse(exact) as ThriftSpan[]
  return list(
    spans.map(span =>
      struct([
        [1, i64(span.trace_id)],
        [3, binary(span.name)],
        [4, i64(span.id)],
        [5, optional(span.parent_id)],
        [6, list((span.annotations ?? []).map(asAnnotation))],
        [8, list((span.binary_annotations ?? []).map(asBinary))],
        [10, optional(span.timestamp)],
        [11, optional(span.duration)],
      ]),
    ),
  )[1]
}

function asAnnotation(a: NonNullable<ThriftSpan['annotations']>[number]): Thrift {
  return struct([
    [1, i64(a.timestamp)],
    [2, binary(a.value)],
    [3, asHost(a.host)],
  ])
}

function asBinary(b: NonNullable<ThriftSpan['binary_annotations']>[number]): Thrift {
  return struct([
    [1, binary(b.key)],
    [2, binary(Buffer.from(b.value, 'base64'))],
    [3, i32(TYPES.indexOf(b.annotation_type))],
    [4, asHost(b.host)],
  ])
}

function asHost(h: ThriftHost | undefined): Thrift | undefined {
  if (h === undefined) return undefined
  return struct([
    [1, i32(h.ipv4 ?? 0)],
    [2, i16(h.port ?? 0)],
    [3, binary(h.service_name ?? '')],
  ])
}

function optional(value: string | number | undefined): Thrift | undefined {
  return value === undefined ? undefined : i64(value)
}

function readText(path: string): Buffer {
  const bytes = readFileSync(path)
  return path.endsWith('.gz') ? gunzipSync(bytes) : bytes
}

function readSpans(path: string): Json[] {
  const value = JSON.parse(readText(path).toString()) as Json | Json[]
  return Array.isArray(value) ? value : [value]
}
