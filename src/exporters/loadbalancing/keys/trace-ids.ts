/** Routing by trace id: spans by its 16 bytes, log records by its 32 hexadecimal digits, as upstream has it. */
import type { Part } from '../../../core/batch.ts'
import { END, ROW, START } from '../../../otlp/request-index.ts'
import { BYTES, FieldCursor } from '../../../otlp/wire-reader.ts'
import { POSITIONS, positionOf } from '../ring.ts'

/** Field numbers. */
const SPAN_TRACE_ID = 1
const LOG_TRACE_ID = 9
const ID_BYTES = 16
/** A span usually begins with it: field 1, 16 bytes. A second one further on, which nobody writes, is not looked for. */
const USUAL_TAG = (SPAN_TRACE_ID << 3) | BYTES

const NO_ID = new Uint8Array(ID_BYTES)
const field = new FieldCursor()

// hot: bench/micro/loadbalancing.ts
export function traceIdsOfSpans({ payload: { bytes }, index }: Part, out: Int32Array): void {
  const spans = index.levels[2]
  let last = -1
  for (let item = 0, row = 0; item < index.items; item++, row += ROW) {
    const start = spans[row + START]
    const isUsual = bytes[start] === USUAL_TAG && bytes[start + 1] === ID_BYTES
    const at = isUsual ? start + 2 : findId(bytes, start, spans[row + END], SPAN_TRACE_ID)
    // Spans of one trace often follow each other.
    if (last >= 0 && at >= 0 && isSameId(bytes, last, bytes, at)) out[item] = out[item - 1]
    else out[item] = at < 0 ? positionOf(NO_ID) : positionOf(bytes, at, at + ID_BYTES)
    last = at
  }
}

/** Where the id stands; -1 when there is none, or none of 16 bytes. */
function findId(bytes: Uint8Array, start: number, end: number, number: number): number {
  field.reset(bytes, start, end)
  let at = -1
  while (field.next()) {
    if (field.number !== number || field.wire !== BYTES) continue
    at = field.end - field.start === ID_BYTES ? field.start : -1
  }
  return at
}

function isSameId(a: Uint8Array, atA: number, b: Uint8Array, atB: number): boolean {
  for (let i = ID_BYTES - 1; i >= 0; i--) if (a[atA + i] !== b[atB + i]) return false
  return true
}

const DIGITS = Buffer.from('0123456789abcdef')
const hex = new Uint8Array(2 * ID_BYTES)

/** Records without a trace go anywhere, so that they do not all go to one backend. */
export function traceIdsOfLogs({ payload: { bytes }, index }: Part, out: Int32Array): void {
  const records = index.levels[2]
  for (let item = 0, row = 0; item < index.items; item++, row += ROW) {
    const at = findId(bytes, records[row + START], records[row + END], LOG_TRACE_ID)
    if (at < 0 || isSameId(bytes, at, NO_ID, 0)) out[item] = Math.floor(Math.random() * POSITIONS)
    else {
      for (let i = 0; i < ID_BYTES; i++) {
        hex[2 * i] = DIGITS[bytes[at + i] >>> 4]
        hex[2 * i + 1] = DIGITS[bytes[at + i] & 15]
      }
      out[item] = positionOf(hex)
    }
  }
}
