/**
 * Jaeger's own fixtures: Thrift batches beside what Jaeger makes of them, batches of the Go collector's translator, OTLP
 * beside Jaeger's answer, and OTLP traces that must come back from Jaeger's formats as they were.
 */
import assert from 'node:assert/strict'
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { decodeJson } from '../../../src/otlp/json/decode.ts'
import { isJsonFault } from '../../../src/otlp/json/fault.ts'
import { readJaegerBatchJson, readJaegerSpanJson } from '../../../src/translate/jaeger/json.ts'
import { readJaegerBatch } from '../../../src/translate/jaeger/proto.ts'
import {
  readJaegerAgentBinary,
  readJaegerAgentCompact,
  readJaegerThriftBinary,
  readJaegerThriftCompact,
} from '../../../src/translate/jaeger/thrift.ts'
import { writeJaegerBatches, writeJaegerSpansJson } from '../../../src/translate/jaeger/write.ts'
import { decodeJaeger } from '../../translate/jaeger/oracle.ts'
import { good, type PlainSpan, plain } from '../../translate/jaeger/plain.ts'
import { makeBatch, makeMessage, parseBatch } from '../../translate/jaeger/thrift-maker.ts'
import { judge, type Suite } from '../suite.ts'

// biome-ignore lint/suspicious/noExplicitAny: fixtures of many shapes
type Any = any

/** Tags that become something else than an attribute. */
const TAKEN = new Set(['span.kind', 'hostname', 'jaeger.version'])

export const jaeger: Suite = {
  name: 'jaeger',
  path: 'jaeger',
  async *run(path) {
    for (const name of ['01', '02']) {
      yield await judge(`model/thrift_batch_${name}`, () => likeDomain(path, name))
      yield await judge(`translator/thrift_batch_${name}`, () => likeOpenCensus(path, name))
      for (const batch of ['jaegerproto_batch', 'proto_batch_no_binary_tags']) {
        const file = `translator/${batch}_${name}`
        yield await judge(file, () => likeItself(path, file))
      }
    }
    yield await judge('model/domain_03', () => likeItself(path, 'model/domain_03'))
    yield await judge('model/otlp2jaeger', () => likeJaeger(path))
    const traces = join(path, 'integration-traces')
    for (const file of readdirSync(traces).sort()) {
      if (file.startsWith('_')) continue
      yield await judge(`integration-traces/${file}`, () => comesBack(join(traces, file)))
    }
  },
}

function readThrift(file: string): PlainSpan[] {
  const batch = parseBatch(readFileSync(file, 'utf8'))
  const read = [
    readJaegerThriftBinary(makeBatch(batch, 'binary')),
    readJaegerThriftCompact(makeBatch(batch, 'compact')),
    readJaegerAgentBinary(makeMessage(batch, 'binary')),
    readJaegerAgentCompact(makeMessage(batch, 'compact')),
  ].map(result => plain(good(result)))
  for (const other of read) assert.deepEqual(other, read[0])
  return read[0] ?? []
}

/** The same spans as of the model that Jaeger itself makes of the Thrift. */
function likeDomain(path: string, name: string): void {
  const domain = readFileSync(join(path, `model/domain_${name}.json`))
  const expected = plain(good(readJaegerBatchJson(domain)))
  assert.ok(expected.length > 0)
  assert.deepEqual(readThrift(join(path, `model/thrift_batch_${name}.json`)), expected)
}

function likeOpenCensus(path: string, name: string): void {
  const read = readThrift(join(path, `translator/thrift_batch_${name}.json`))
  const census = JSON.parse(
    readFileSync(join(path, `translator/ocproto_batch_${name}.json`), 'utf8'),
  )
  assert.equal(read.length, census.Spans.length)
  for (const [i, span] of read.entries()) {
    const other = census.Spans[i]
    assert.equal(span.resource['service.name'], census.Node.service_info.name)
    assert.equal(span.resource['host.name'], census.Node.identifier.host_name)
    const version = census.Node.library_info.exporter_version
    assert.equal(span.resource['opencensus.exporterversion'], version)
    assert.deepEqual(
      [span.traceId, span.spanId, span.parent],
      [hex(other.trace_id), hex(other.span_id), hex(other.parent_span_id)],
    )
    assert.deepEqual([span.start, span.end], [nanos(other.start_time), nanos(other.end_time)])
    const attributes = Object.keys(other.attributes?.attribute_map ?? {})
    assert.deepEqual(
      Object.keys(span.attributes).sort(),
      attributes.filter(key => !TAKEN.has(key)).sort(),
    )
    assert.equal(span.events.length, other.time_events?.time_event.length ?? 0)
    assert.equal(span.links.length, other.links?.link.length ?? 0)
  }
}

/** The spans of a batch in JSON, field by field, and again after they were written. */
function likeItself(path: string, file: string): void {
  const text = readFileSync(join(path, `${file}.json`))
  const request = good(readJaegerBatchJson(text))
  const read = plain(request)
  const { spans } = JSON.parse(text.toString()) as Any
  assert.equal(read.length, spans.length)
  const byName = (a: { name: string; spanId: string }, b: { name: string; spanId: string }) =>
    `${a.spanId}${a.name}` < `${b.spanId}${b.name}` ? -1 : 1
  const expected = spans
    .map((span: Any) => ({
      traceId: hex(span.trace_id ?? span.traceId),
      spanId: hex(span.span_id ?? span.spanId),
      name: span.operation_name ?? span.operationName,
      start: `${Date.parse(span.start_time ?? span.startTime)}`,
      tags: (span.tags ?? []).map((tag: Any) => tag.key).filter((key: string) => !TAKEN.has(key)),
      logs: (span.logs ?? []).length,
    }))
    .sort(byName)
  const found = read
    .map(span => ({
      traceId: span.traceId,
      spanId: span.spanId,
      name: span.name,
      start: span.start.slice(0, -6),
      tags: Object.keys(span.attributes),
      logs: span.events.length,
    }))
    .sort(byName)
  assert.deepEqual(found, expected)
  assert.deepEqual(back(request), read)
}

function back(request: Uint8Array): PlainSpan[] {
  return writeJaegerBatches(request).flatMap(bytes => plain(good(readJaegerBatch(bytes))))
}

/** OTLP as the batch that Jaeger's own API shows for it. */
function likeJaeger(path: string): void {
  const request = decode(join(path, 'model/otlp2jaeger-in.json'))
  const { data } = JSON.parse(readFileSync(join(path, 'model/otlp2jaeger-out.json'), 'utf8'))
  const [written] = writeJaegerBatches(request)
  const batch = decodeJaeger('Batch', written ?? new Uint8Array(0))
  const [trace] = data
  assert.equal(batch.spans.length, trace.spans.length)
  for (const [i, span] of batch.spans.entries()) {
    const other = trace.spans[i]
    assert.equal(batch.process.service_name, trace.processes[other.processID].serviceName)
    assert.equal(span.operation_name, other.operationName)
    assert.deepEqual(
      [span.trace_id, span.span_id].map(id => id.toString('hex')),
      [other.traceID, other.spanID],
    )
    assert.deepEqual(
      span.references.map((ref: Any) => [
        ref.trace_id.toString('hex'),
        ref.span_id.toString('hex'),
      ]),
      other.references.map((ref: Any) => [ref.traceID, ref.spanID]),
    )
    assert.equal(nanos(span.start_time), `${other.startTime}000`)
    assert.equal(nanos(span.duration), `${other.duration}000`)
    assert.deepEqual(
      span.tags.map((tag: Any) => [tag.key, tag.v_str]),
      other.tags.map((tag: Any) => [tag.key, tag.value]),
    )
  }
}

/** Everything but what Jaeger has no place for: attributes of scopes and links. */
function comesBack(file: string): void {
  const request = decode(file)
  const expected = plain(request).map(comparable)
  assert.ok(expected.length > 0)
  assert.deepEqual(back(request).map(comparable), expected)
  const texts = writeJaegerSpansJson(request)
  const fromJson = texts.flatMap(({ value }) => plain(good(readJaegerSpanJson(value))))
  assert.deepEqual(fromJson.map(comparable), expected)
}

function comparable(span: PlainSpan): unknown {
  const links = span.links.map(link => ({ ...(link as object), attributes: {} }))
  return { ...span, links }
}

function decode(file: string): Uint8Array {
  const request = decodeJson('traces', readFileSync(file))
  if (isJsonFault(request)) assert.fail(request.message)
  return request
}

function hex(base64: string | undefined): string {
  const id = Buffer.from(base64 ?? '', 'base64')
  return id.every(byte => byte === 0) ? '' : id.toString('hex')
}

function nanos(time: Any): string {
  return String(BigInt(time?.seconds ?? 0) * 1_000_000_000n + BigInt(time?.nanos ?? 0))
}
