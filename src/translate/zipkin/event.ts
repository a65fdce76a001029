/**
 * Events out of annotations. An annotation is a time and a text; writers that had attributes put them into the text, in
 * one of two ways, and only a text that is exactly one of them is taken apart.
 *
 * ```
 * "name": { "key": "value" }       the mapping specification
 * name|{"key":"value"}|3           the Go collector; 3 attributes were dropped
 * ```
 */
import type { MessageWriter } from '../../otlp/json/message-writer.ts'
import { copyBytes } from '../../otlp/wire-writer.ts'
import type { JsonAttributes } from './json-attributes.ts'

const EVENT_FIELD = 0x5a
const TIME_FIELD = 0x09
const NAME_FIELD = 0x12
const ATTRIBUTE_FIELD = 0x1a
const DROPPED_FIELD = 0x20

export const PIPE = 0x7c
const QUOTE = 0x22
const COLON = 0x3a
const SPACE = 0x20
const BACKSLASH = 0x5c
export const OPEN = 0x7b
export const CLOSE = 0x7d

/** Digits of an unsigned 32-bit count. */
const COUNT_DIGITS = 10

/** Appends an event at the time (halves of nanoseconds) with the value `from[start..end)`. */
export function writeEvent(
  out: MessageWriter,
  json: JsonAttributes,
  high: number,
  low: number,
  from: Uint8Array,
  start: number,
  end: number,
): void {
  out.reserve(2 * (end - start))
  const event = out.open(EVENT_FIELD, 1)
  if ((high | low) !== 0) {
    out.tag(TIME_FIELD)
    out.fixed64(high, low)
  }
  const content = out.pos
  const last = end > start + 4 ? from[end - 1] : 0
  const taken =
    (last === CLOSE && from[start] === QUOTE && specified(out, json, from, start, end)) ||
    (last >= 0x30 && last <= 0x39 && piped(out, json, from, start, end))
  if (!taken) {
    out.pos = content
    name(out, from, start, end)
  }
  out.close(event, 1)
}

function name(out: MessageWriter, from: Uint8Array, start: number, end: number): void {
  if (start === end) return
  out.tag(NAME_FIELD)
  out.varint(end - start)
  out.pos = copyBytes(out.bytes, out.pos, from, start, end)
}

function specified(
  out: MessageWriter,
  json: JsonAttributes,
  from: Uint8Array,
  start: number,
  end: number,
): boolean {
  let quote = start + 1
  while (quote < end && from[quote] !== QUOTE) quote += from[quote] === BACKSLASH ? 2 : 1
  let open = quote + 1
  if (from[open] !== COLON) return false
  do open++
  while (from[open] === SPACE)
  if (open >= end || from[open] !== OPEN) return false
  let text: string
  try {
    text = JSON.parse(
      Buffer.from(from.buffer, from.byteOffset + start, quote + 1 - start).toString(),
    ) as string
  } catch {
    return false
  }
  const bytes = Buffer.from(text)
  out.reserve(bytes.length + 2 * (end - open))
  name(out, bytes, 0, bytes.length)
  if (!json.read(from, open, end, ATTRIBUTE_FIELD)) return false
  if (json.dropped > 0) {
    out.tag(DROPPED_FIELD)
    out.varint(json.dropped)
  }
  return true
}

function piped(
  out: MessageWriter,
  json: JsonAttributes,
  from: Uint8Array,
  start: number,
  end: number,
): boolean {
  let bar = start
  while (bar < end && from[bar] !== PIPE) bar++
  if (bar + 1 >= end || from[bar + 1] !== OPEN) return false
  const close = countBar(from, bar + 1, end)
  if (close < 0) return false
  name(out, from, start, bar)
  if (!json.read(from, bar + 1, close, ATTRIBUTE_FIELD)) return false
  count(out, DROPPED_FIELD, from, close + 1, end)
  return true
}

/** Where the `|` before the closing count stands, behind a `}`; -1 when there is no such end. */
export function countBar(from: Uint8Array, start: number, end: number): number {
  let pos = end - 1
  while (pos > start && from[pos] >= 0x30 && from[pos] <= 0x39) pos--
  const digits = end - 1 - pos
  if (digits === 0 || digits > COUNT_DIGITS) return -1
  return from[pos] === PIPE && from[pos - 1] === CLOSE ? pos : -1
}

/** A count of at most ten digits, taken modulo 2^32; zero is left out. */
export function count(
  out: MessageWriter,
  tag: number,
  from: Uint8Array,
  start: number,
  end: number,
): void {
  let value = 0
  for (let pos = start; pos < end; pos++) value = value * 10 + from[pos] - 0x30
  if (value === 0) return
  out.tag(tag)
  out.varint(value >>> 0)
}
