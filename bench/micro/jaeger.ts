/**
 * Answers: how many spans a second does one core take in as Jaeger Thrift (both protocols) and protobuf, and give out as
 * protobuf and JSON? Nanoseconds per span, best of many rounds.
 *
 *   node --import tsx bench/micro/jaeger.ts
 */
import { isTranslateFault, type TranslateFault } from '../../src/translate/fault.ts'
import { readJaegerSpanJson } from '../../src/translate/jaeger/json.ts'
import { readJaegerBatch } from '../../src/translate/jaeger/proto.ts'
import {
  readJaegerThriftBinary,
  readJaegerThriftCompact,
} from '../../src/translate/jaeger/thrift.ts'
import {
  writeJaegerBatches,
  writeJaegerSpans,
  writeJaegerSpansJson,
} from '../../src/translate/jaeger/write.ts'
import { makeBatch } from '../../test/translate/jaeger/thrift-maker.ts'
import { jaegerBatch } from '../corpus/foreign.ts'

const SPANS = 512
const ROUNDS = 30
const ROUND_NANOS = 5e6

const batch = jaegerBatch(SPANS)
const binary = makeBatch(batch, 'binary')
const compact = makeBatch(batch, 'compact')
const otlp = check(readJaegerThriftCompact(compact))
const [proto] = writeJaegerBatches(otlp)
const [json] = writeJaegerSpansJson(otlp).map(({ value }) => value)

measure('Thrift binary in', binary.length, SPANS, () => check(readJaegerThriftBinary(binary)))
measure('Thrift compact in', compact.length, SPANS, () => check(readJaegerThriftCompact(compact)))
measure('protobuf in', proto.length, SPANS, () => check(readJaegerBatch(proto)))
measure('JSON in', json.length, 1, () => check(readJaegerSpanJson(json)))
measure('protobuf batch out', otlp.length, SPANS, () => writeJaegerBatches(otlp))
measure('protobuf spans out', otlp.length, SPANS, () => writeJaegerSpans(otlp))
measure('JSON spans out', otlp.length, SPANS, () => writeJaegerSpansJson(otlp))

function check(result: Uint8Array | TranslateFault): Uint8Array {
  if (isTranslateFault(result)) throw new Error(result.message)
  return result
}

function measure(title: string, bytes: number, spans: number, way: () => void): void {
  for (let i = 0; i < 60; i++) way()
  const calls = Math.max(1, Math.ceil(ROUND_NANOS / time(way, 5)))
  let best = Number.POSITIVE_INFINITY
  for (let round = 0; round < ROUNDS; round++) best = Math.min(best, time(way, calls))
  const perSpan = best / spans
  const rate = Math.round(1e9 / perSpan).toLocaleString('en')
  const size = (bytes / spans).toFixed(0)
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
