/** Links out of tags `otlp.link.N`: `trace id|span id|trace state|{attributes}|dropped attributes`, as the Go collector writes them. */
import type { MessageWriter } from '../../otlp/json/message-writer.ts'
import { HEX } from '../../otlp/json/text-reader.ts'
import { copyBytes } from '../../otlp/wire-writer.ts'
import { count, countBar, OPEN, PIPE } from './event.ts'
import type { JsonAttributes } from './json-attributes.ts'

const TRACE_ID_FIELD = 0x0a
const SPAN_ID_FIELD = 0x12
const STATE_FIELD = 0x1a
const ATTRIBUTE_FIELD = 0x22
const DROPPED_FIELD = 0x28

/** Appends the content of a link; false when the text is none, and then what was appended is to be taken back. */
export function writeLink(
  out: MessageWriter,
  json: JsonAttributes,
  from: Uint8Array,
  start: number,
  end: number,
): boolean {
  const trace = nextBar(from, start, end)
  const span = nextBar(from, trace + 1, end)
  // A trace state may have bars in it, but no brace.
  let open = span + 1
  while (open < end && from[open] !== OPEN) open++
  const close = countBar(from, open, end)
  if (open >= end || from[open - 1] !== PIPE || open - 1 <= span || close < 0) return false
  if (!id(out, TRACE_ID_FIELD, 16, from, start, trace)) return false
  if (!id(out, SPAN_ID_FIELD, 8, from, trace + 1, span)) return false
  if (open - 1 > span + 1) {
    out.tag(STATE_FIELD)
    out.varint(open - 2 - span)
    out.pos = copyBytes(out.bytes, out.pos, from, span + 1, open - 1)
  }
  if (!json.read(from, open, close, ATTRIBUTE_FIELD)) return false
  count(out, DROPPED_FIELD, from, close + 1, end)
  return true
}

function nextBar(from: Uint8Array, pos: number, end: number): number {
  while (pos < end && from[pos] !== PIPE) pos++
  return pos
}

/** An id of exactly this many bytes, or none. */
function id(
  out: MessageWriter,
  tag: number,
  length: number,
  from: Uint8Array,
  start: number,
  end: number,
): boolean {
  if (start === end) return true
  if (end - start !== 2 * length) return false
  out.tag(tag)
  out.varint(length)
  for (let pos = start; pos < end; pos += 2) {
    const high = HEX[from[pos]]
    const low = HEX[from[pos + 1]]
    if (high > 15 || low > 15) return false
    out.bytes[out.pos++] = (high << 4) | low
  }
  return true
}
