/** Requests of traces that nobody sent, with what real ones have: several services, errors, attributes, thresholds. */
import { Writer } from '../../otlp/wire-writer.ts'

const SPANS_PER_TRACE = 8
const SERVICES = ['gate', 'cart', 'payment']
const START_NANOS = 1_700_000_000_000_000_000n
const MICROS_IN_NANOS = 1000n
const ID_BYTES = 16
const SPAN_ID_BYTES = 8
const STATUS_ERROR = 2
/** Of all, one trace in so many fails, says an earlier threshold, or is slow. */
const FAILS_EVERY = 20
const SAMPLED_EVERY = 3
const SLOW_EVERY = 15
const SAMPLED_AND_RANDOM = 0x103

/** `count` traces from number `first` on; the same numbers give the same bytes. */
export function madeUpTraces(first: number, count: number): Uint8Array {
  const out = new Writer(count * SPANS_PER_TRACE * 256)
  SERVICES.forEach((service, at) => {
    out.begin(1).begin(1)
    writeText(out, 1, 'service.name', service)
    out.end().begin(2).begin(1).string(1, 'http').end()
    for (let trace = first; trace < first + count; trace++) {
      for (let span = at; span < SPANS_PER_TRACE; span += SERVICES.length) {
        writeSpan(out, trace, span)
      }
    }
    out.end().end()
  })
  return out.finish()
}

function writeSpan(out: Writer, trace: number, span: number): void {
  const isFailed = trace % FAILS_EVERY === 0 && span % 2 === 0
  const start = START_NANOS + BigInt(trace * 1000 + span * 10) * MICROS_IN_NANOS
  const slow = trace % SLOW_EVERY === 0 ? 5000 : 0
  const micros = BigInt(200 * (SPANS_PER_TRACE - span) + (spread(trace, span) & 127) + slow)
  out.begin(2)
  out.bytes(1, idOf(ID_BYTES, trace, 0)).bytes(2, idOf(SPAN_ID_BYTES, trace, span + 1))
  if (trace % SAMPLED_EVERY === 0) out.string(3, 'ot=th:8')
  if (span > 0) out.bytes(4, idOf(SPAN_ID_BYTES, trace, ((span - 1) >> 1) + 1))
  out.string(5, `GET /things/{${span % 5}}`).varint(6, 1 + (span % 3))
  out.fixed64(7, start).fixed64(8, start + micros * MICROS_IN_NANOS)
  writeText(out, 9, 'http.request.method', 'GET')
  writeText(out, 9, 'url.path', `/things/${trace}`)
  writeNumber(out, 9, 'http.response.status_code', isFailed ? 503 : 200)
  out.begin(15)
  if (isFailed) out.varint(3, STATUS_ERROR)
  out.end().fixed32(16, SAMPLED_AND_RANDOM).end()
}

function writeText(out: Writer, field: number, key: string, value: string): void {
  out.begin(field).string(1, key).begin(2).string(1, value).end().end()
}

function writeNumber(out: Writer, field: number, key: string, value: number): void {
  out.begin(field).string(1, key).begin(2).varint(3, value).end().end()
}

/** Bytes that look random. */
function idOf(length: number, trace: number, salt: number): Uint8Array {
  const id = new Uint8Array(length)
  for (let at = 0; at < length; at++) id[at] = spread(trace, salt * ID_BYTES + at)
  return id
}

function spread(a: number, b: number): number {
  let v = Math.imul(a + 1, 0x9e3779b1) ^ Math.imul(b + 1, 0x85ebca6b)
  v = Math.imul(v ^ (v >>> 15), 0x2c1b3c6d)
  return (v ^ (v >>> 13)) >>> 0
}
