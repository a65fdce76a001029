/**
 * The same files of Zipkin and Jaeger as their clients would send them, to running receivers: over HTTP in every format,
 * compressed and not, over gRPC, and in UDP packets. What arrives must be what the translation alone makes of them.
 */
import assert from 'node:assert/strict'
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { gunzipSync, gzipSync } from 'node:zlib'
import { decodeJson } from '../../../src/otlp/json/decode.ts'
import { isJsonFault } from '../../../src/otlp/json/fault.ts'
import { isTranslateFault } from '../../../src/translate/fault.ts'
import { readJaegerRequest } from '../../../src/translate/jaeger/proto.ts'
import { readJaegerThriftBinary } from '../../../src/translate/jaeger/thrift.ts'
import { writeJaegerRequests } from '../../../src/translate/jaeger/write.ts'
import { readZipkinJsonV1 } from '../../../src/translate/zipkin/json-v1.ts'
import { readZipkinJson } from '../../../src/translate/zipkin/json-v2.ts'
import { readZipkinProto } from '../../../src/translate/zipkin/proto.ts'
import { writeZipkinProto } from '../../../src/translate/zipkin/write-proto.ts'
import {
  POST_SPANS,
  type RunningJaeger,
  startJaegerReceiver,
} from '../../receivers/jaeger/running.ts'
import { type Scope, type Surroundings, until } from '../../receivers/kit.ts'
import { type RunningZipkin, startZipkinReceiver } from '../../receivers/zipkin/running.ts'
import { good } from '../../translate/jaeger/plain.ts'
import { makeBatch, makeMessage, parseBatch } from '../../translate/jaeger/thrift-maker.ts'
import { partOf, spansOf } from '../../translate/zipkin/kit.ts'
import { type CaseResult, judge, type Suite } from '../suite.ts'

const JSON_TYPE = { 'content-type': 'application/json' }
const PROTO = { 'content-type': 'application/x-protobuf' }
const GZIP = { 'content-encoding': 'gzip' }

export const zipkinReceiver: Suite = {
  name: 'zipkin/receiver',
  path: 'zipkin',
  async *run(path) {
    const closing = new Closing()
    const zipkin = await startZipkinReceiver(closing)
    for (const folder of ['captures', 'benchmarks', 'translator']) {
      for (const file of readdirSync(join(path, folder)).sort()) {
        // Texts of Thrift, not Thrift.
        if (file.includes('thrift')) continue
        yield await judge(`${folder}/${file}`, () => arrives(zipkin, join(path, folder, file)))
      }
    }
    yield await closing.judge('nothing is left behind')
  },
}

export const jaegerReceiver: Suite = {
  name: 'jaeger/receiver',
  path: 'jaeger',
  async *run(path) {
    const closing = new Closing()
    const jaeger = await startJaegerReceiver(closing)
    for (const folder of ['model', 'translator']) {
      for (const name of ['thrift_batch_01', 'thrift_batch_02']) {
        const file = join(path, folder, `${name}.json`)
        yield await judge(`${folder}/${name}`, () => arrivesAsThrift(jaeger, file))
      }
    }
    const traces = join(path, 'integration-traces')
    for (const file of readdirSync(traces).sort()) {
      if (file.startsWith('_')) continue
      yield await judge(`integration-traces/${file}`, () =>
        arrivesByGrpc(jaeger, join(traces, file)),
      )
    }
    yield await closing.judge('nothing is left behind')
  },
}

async function arrives(zipkin: RunningZipkin, file: string): Promise<void> {
  const bytes = readFileSync(file)
  const text = file.endsWith('.gz') ? gunzipSync(bytes) : bytes
  if (file.includes('zipkin_v1')) {
    for (const batch of batchesOf(text)) await arrivesAsV1(zipkin, batch)
    return
  }
  const request = good(readZipkinJson(text))
  const proto = writeZipkinProto([partOf(request)]).bytes
  const packed = { ...JSON_TYPE, ...GZIP }
  const again = good(readZipkinProto(proto))
  await takes(zipkin, request, () => zipkin.send('/api/v2/spans', text, JSON_TYPE))
  await takes(zipkin, request, () => zipkin.send('/api/v2/spans', gzipSync(text), packed))
  await takes(zipkin, again, () => zipkin.send('/api/v2/spans', proto, PROTO))
}

/** One file is a list of bodies. */
function batchesOf(text: Buffer): Buffer[] {
  const value = JSON.parse(text.toString()) as unknown[]
  return Array.isArray(value[0]) ? value.map(batch => Buffer.from(JSON.stringify(batch))) : [text]
}

async function arrivesAsV1(zipkin: RunningZipkin, text: Buffer): Promise<void> {
  const send = () => zipkin.send('/api/v1/spans', text, JSON_TYPE)
  const request = readZipkinJsonV1(text)
  if (!isTranslateFault(request)) return takes(zipkin, request, send)
  const { status, body } = await send()
  assert.equal(status, 400)
  assert.ok(body.toString().includes(request.message), body.toString())
}

async function arrivesAsThrift(jaeger: RunningJaeger, file: string): Promise<void> {
  const batch = parseBatch(readFileSync(file, 'utf8'))
  const [binary, compact] = [makeBatch(batch, 'binary'), makeBatch(batch, 'compact')]
  const compactType = { 'content-type': 'application/vnd.apache.thrift.compact' }
  const packed = { 'content-type': 'application/x-thrift', ...GZIP }
  const request = good(readJaegerThriftBinary(binary))
  await takes(jaeger, request, () => jaeger.post(binary))
  await takes(jaeger, request, () => jaeger.post(gzipSync(binary), packed))
  await takes(jaeger, request, () => jaeger.post(compact, compactType))
  await takes(jaeger, request, () => jaeger.packet('binary', makeMessage(batch, 'binary')))
  await takes(jaeger, request, () => jaeger.packet('compact', makeMessage(batch, 'compact')))
}

async function arrivesByGrpc(jaeger: RunningJaeger, file: string): Promise<void> {
  const otlp = decodeJson('traces', readFileSync(file))
  if (isJsonFault(otlp)) assert.fail(otlp.message)
  for (const request of writeJaegerRequests(otlp)) {
    const expected = good(readJaegerRequest(request))
    await takes(jaeger, expected, () => jaeger.call(POST_SPANS, request))
  }
}

/** Sends, and compares the one batch that comes of it. */
async function takes(
  { next, services }: Surroundings,
  request: Uint8Array,
  send: () => Promise<unknown>,
): Promise<void> {
  const { status, code } = ((await send()) ?? {}) as { status?: number; code?: number }
  // Packets have neither.
  assert.ok([202, undefined].includes(status) && [0, undefined].includes(code), `${status ?? code}`)
  await until(() => next.batches.length > 0)
  const [batch, ...more] = next.batches.splice(0)
  services.ledger.sent(batch.tenant, batch.signal, batch.items)
  const found = spansOf(batch.parts[0].payload.bytes)
  batch.release()
  assert.equal(more.length, 0)
  assert.ok(found.length > 0)
  assert.deepEqual(found, spansOf(request))
}

/** Closes what was started for a suite, and is a case of it: closing checks the books. */
class Closing implements Scope {
  readonly #closers: (() => unknown)[] = []

  after(close: () => unknown): void {
    this.#closers.push(close)
  }

  judge(id: string): Promise<CaseResult> {
    return judge(id, async () => {
      for (const close of this.#closers.reverse()) await close()
    })
  }
}
