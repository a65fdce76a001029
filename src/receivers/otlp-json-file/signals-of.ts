/** Which signals a record is about: a line may name several, a request in protobuf does not say and is looked into. */
import type { Signal } from '../../core/signal.ts'
import { BYTES, FIXED64, FieldCursor } from '../../otlp/wire-reader.ts'

const KEYS: ReadonlyMap<string, Signal> = new Map([
  ['resourceSpans', 'traces'],
  ['resource_spans', 'traces'],
  ['resourceMetrics', 'metrics'],
  ['resource_metrics', 'metrics'],
  ['resourceLogs', 'logs'],
  ['resource_logs', 'logs'],
])

const QUOTE = 0x22
const BACKSLASH = 0x5c
const COLON = 0x3a
const OPENING = new Set([0x7b, 0x5b])
const CLOSING = new Set([0x7d, 0x5d])

/** By the keys of the outermost object, in the order of the text; whether the text is JSON is not looked at. */
export function signalsOfJson(text: Buffer): readonly Signal[] {
  const named = [...KEYS].filter(([key]) => text.includes(`"${key}"`))
  if (named.length === 0) return []
  const [[key, signal]] = named
  if (named.length === 1 && text.toString('latin1', 0, key.length + 3) === `{"${key}"`) {
    return [signal]
  }
  return signalsOfKeys(text)
}

function signalsOfKeys(text: Uint8Array): Signal[] {
  const found: Signal[] = []
  let depth = 0
  for (let at = 0; at < text.length; at++) {
    const byte = text[at]
    if (byte === QUOTE) {
      const end = endOfString(text, at)
      if (depth === 1 && isKey(text, end)) {
        const signal = KEYS.get(Buffer.from(text.subarray(at + 1, end)).toString('latin1'))
        if (signal !== undefined && !found.includes(signal)) found.push(signal)
      }
      at = end
    } else if (OPENING.has(byte)) depth++
    else if (CLOSING.has(byte)) depth--
  }
  return found
}

/** Of the closing quote; the length of the text when there is none. */
function endOfString(text: Uint8Array, start: number): number {
  let at = start + 1
  while (at < text.length && text[at] !== QUOTE) at += text[at] === BACKSLASH ? 2 : 1
  return Math.min(at, text.length)
}

function isKey(text: Uint8Array, end: number): boolean {
  let at = end + 1
  while (text[at] === 0x20 || text[at] === 0x09 || text[at] === 0x0d) at++
  return text[at] === COLON
}

const TRACE_ID_BYTES = 16
const SPAN_ID_BYTES = 8

/**
 * By the first item: spans begin with two ids, log records with a fixed time, metrics with a name. The bytes need not be a
 * request: then the answer means nothing, and whoever reads them as such a request finds out.
 */
export function signalOfProto(request: Uint8Array): Signal {
  for (const group of fields(request, 0, request.length, 1)) {
    for (const scope of fields(request, group.start, group.end, 2)) {
      for (const item of fields(request, scope.start, scope.end, 2)) {
        return signalOfItem(request, item.start, item.end)
      }
    }
  }
  return 'traces'
}

interface Range {
  readonly start: number
  readonly end: number
}

function* fields(bytes: Uint8Array, start: number, end: number, number: number): Generator<Range> {
  const field = new FieldCursor(bytes, start, end)
  while (field.next() && field.end <= end) {
    if (field.number === number && field.wire === BYTES)
      yield { start: field.start, end: field.end }
  }
}

function signalOfItem(bytes: Uint8Array, start: number, end: number): Signal {
  const field = new FieldCursor(bytes, start, end)
  let ids = 0
  while (field.next() && field.end <= end) {
    const { number, wire } = field
    if (wire === FIXED64 && (number === 1 || number === 11)) return 'logs'
    if (wire === FIXED64 && (number === 7 || number === 8)) return 'traces'
    if (wire === BYTES && number === 1 && field.end - field.start === TRACE_ID_BYTES) ids++
    if (wire === BYTES && number === 2 && field.end - field.start === SPAN_ID_BYTES) ids++
    if (wire !== BYTES && number === 2) return 'logs'
  }
  return ids === 2 ? 'traces' : 'metrics'
}
