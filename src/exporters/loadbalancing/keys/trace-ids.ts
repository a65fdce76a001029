/** Routing by trace id: spans by its 16 bytes, log records by its 32 hexadecimal digits, as upstream has it. */
import type { Part } from '../../../core/batch.ts'
import { END, ROW, START } from '../../../otlp/request-index.ts'
import { TRACE_ID_BYTES, TraceIdCursor } from '../../../otlp/trace-ids.ts'
import { POSITIONS, positionOf } from '../ring.ts'

const NO_ID = new Uint8Array(TRACE_ID_BYTES)
const spanId = new TraceIdCursor('traces')
const logId = new TraceIdCursor('logs')

// hot: bench/micro/loadbalancing.ts
export function traceIdsOfSpans({ payload: { bytes }, index }: Part, out: Int32Array): void {
  const spans = index.levels[2]
  let last = -1
  for (let item = 0, row = 0; item < index.items; item++, row += ROW) {
    const at = spanId.find(bytes, spans[row + START], spans[row + END])
    // Spans of one trace often follow each other.
    if (last >= 0 && at >= 0 && isSameId(bytes, last, bytes, at)) out[item] = out[item - 1]
    else out[item] = at < 0 ? positionOf(NO_ID) : positionOf(bytes, at, at + TRACE_ID_BYTES)
    last = at
  }
}

function isSameId(a: Uint8Array, atA: number, b: Uint8Array, atB: number): boolean {
  for (let i = TRACE_ID_BYTES - 1; i >= 0; i--) if (a[atA + i] !== b[atB + i]) return false
  return true
}

const DIGITS = Buffer.from('0123456789abcdef')
const hex = new Uint8Array(2 * TRACE_ID_BYTES)

/** Records without a trace go anywhere, so that they do not all go to one backend. */
export function traceIdsOfLogs({ payload: { bytes }, index }: Part, out: Int32Array): void {
  const records = index.levels[2]
  for (let item = 0, row = 0; item < index.items; item++, row += ROW) {
    const at = logId.find(bytes, records[row + START], records[row + END])
    if (at < 0 || isSameId(bytes, at, NO_ID, 0)) out[item] = Math.floor(Math.random() * POSITIONS)
    else {
      for (let i = 0; i < TRACE_ID_BYTES; i++) {
        hex[2 * i] = DIGITS[bytes[at + i] >>> 4]
        hex[2 * i + 1] = DIGITS[bytes[at + i] & 15]
      }
      out[item] = positionOf(hex)
    }
  }
}
