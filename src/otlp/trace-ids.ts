/** Where the trace ids of spans and log records stand, for whoever sorts items by them without making strings. */
import { BYTES, FieldCursor } from './wire-reader.ts'

/** Field numbers. */
const SPAN_TRACE_ID = 1
const LOG_TRACE_ID = 9
export const TRACE_ID_BYTES = 16
/** A span usually begins with it: field 1, 16 bytes. A second one further on, which nobody writes, is not looked for. */
const USUAL_TAG = (SPAN_TRACE_ID << 3) | BYTES

export class TraceIdCursor {
  /** Of the id that was found last; both 0 when there was none. */
  start = 0
  end = 0
  readonly #number: number
  readonly #field = new FieldCursor()

  constructor(signal: 'traces' | 'logs') {
    this.#number = signal === 'traces' ? SPAN_TRACE_ID : LOG_TRACE_ID
  }

  /** Moves to the id of the item whose content is `start` to `end`; valid ones have 16 bytes, others are found as well. */
  seek(bytes: Uint8Array, start: number, end: number): void {
    const isUsual = bytes[start] === USUAL_TAG && bytes[start + 1] === TRACE_ID_BYTES
    if (isUsual && this.#number === SPAN_TRACE_ID) {
      this.start = start + 2
      this.end = start + 2 + TRACE_ID_BYTES
      return
    }
    const field = this.#field
    this.start = this.end = 0
    field.reset(bytes, start, end)
    while (field.next()) {
      if (field.number !== this.#number || field.wire !== BYTES) continue
      this.start = field.start
      this.end = field.end
    }
  }

  /** The same where only an id of 16 bytes counts: where it starts, -1 = there is none. */
  find(bytes: Uint8Array, start: number, end: number): number {
    this.seek(bytes, start, end)
    return this.end - this.start === TRACE_ID_BYTES ? this.start : -1
  }
}
