/**
 * Answers: how many spans a second does one core take in as Zipkin JSON, protobuf and v1, and give out as JSON and
 * protobuf? Nanoseconds per span, best of many rounds, beside `JSON.parse` alone, which is where others begin.
 *
 *   node --import tsx bench/micro/zipkin.ts
 */
import { indexRequest } from '../../src/otlp/kernel/kernel.ts'
import { isWireFault } from '../../src/otlp/request-index.ts'
import { isTranslateFault, type TranslateFault } from '../../src/translate/fault.ts'
import { readZipkinJsonV1 } from '../../src/translate/zipkin/json-v1.ts'
import { readZipkinJson } from '../../src/translate/zipkin/json-v2.ts'
import { readZipkinProto } from '../../src/translate/zipkin/proto.ts'
import { writeZipkinJson } from '../../src/translate/zipkin/write-json.ts'
import { writeZipkinProto } from '../../src/translate/zipkin/write-proto.ts'
import { zipkinSpan, zipkinSpanV1 } from '../corpus/foreign.ts'

const SPANS = 512
const ROUNDS = 40
const ROUND_NANOS = 5e6

const spans = Array.from({ length: SPANS }, (_, i) => zipkinSpan(i))
const json = Buffer.from(JSON.stringify(spans))
const v1 = Buffer.from(JSON.stringify(Array.from({ length: SPANS }, (_, i) => zipkinSpanV1(i))))
const request = taken(readZipkinJson(json))
const index = indexRequest('traces', request)
if (isWireFault(index)) throw new Error(index.fault)
const part = { payload: { bytes: request }, index, selection: null, edits: null, items: SPANS }
const proto = writeZipkinProto([part]).bytes

measure('JSON.parse alone', json, () => JSON.parse(json.toString()))
measure('v2 JSON in', json, () => taken(readZipkinJson(json)))
measure('v2 JSON in, typed', json, () => taken(readZipkinJson(json, { parseStringTags: true })))
measure('protobuf in', proto, () => taken(readZipkinProto(proto)))
measure('v1 JSON in', v1, () => taken(readZipkinJsonV1(v1)))
measure('v2 JSON out', json, () => writeZipkinJson([part]))
measure('protobuf out', proto, () => writeZipkinProto([part]))

function taken(result: Uint8Array | TranslateFault): Uint8Array {
  if (isTranslateFault(result)) throw new Error(result.message)
  return result
}

function measure(title: string, bytes: Uint8Array, way: () => void): void {
  for (let i = 0; i < 60; i++) way()
  const calls = Math.max(1, Math.ceil(ROUND_NANOS / time(way, 5)))
  let best = Number.POSITIVE_INFINITY
  for (let round = 0; round < ROUNDS; round++) best = Math.min(best, time(way, calls))
  const perSpan = best / SPANS
  const rate = Math.round(1e9 / perSpan).toLocaleString('en')
  const size = (bytes.length / SPANS).toFixed(0)
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
