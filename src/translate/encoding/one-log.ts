/** Messages that are no telemetry format: the whole of one becomes the body of one log record. */
import { MAX_VALUE_DEPTH } from '../../otlp/any-value.ts'
import { Writer } from '../../otlp/wire-writer.ts'
import type { TranslateFault } from '../fault.ts'
import type { EncodingReader } from './readers.ts'

/** Fields on the way from the request to the record: resource_logs, scope_logs, log_records. */
const RESOURCE_LOGS = 1
const SCOPE_LOGS = 2
const LOG_RECORDS = 2
/** Fields of a LogRecord. */
const BODY = 5
const OBSERVED_TIME = 11
/** Members of an AnyValue. */
const STRING = 1
const BOOL = 2
const DOUBLE = 4
const LIST = 5
const MAP = 6
const BYTES = 7

const NANOS_PER_MS = 1_000_000n

/** The bytes as they are. Upstream sets no time here, so neither is one set here. */
export function readRawLog(value: Uint8Array): Uint8Array {
  const writer = begin(value.length)
  writer.begin(BODY).bytes(BYTES, value).end()
  return finish(writer)
}

/** Bytes that the charset does not have become U+FFFD. Null for a charset that is not known. */
export function textLogReader(charset: string): EncodingReader | null {
  const decoder = decoderOf(charset)
  if (decoder === null) return null
  return (value, nowMs) => {
    const writer = begin(value.length)
    writer.begin(BODY).string(STRING, decoder.decode(value)).end()
    return finish(observed(writer, nowMs))
  }
}

function decoderOf(charset: string): InstanceType<typeof TextDecoder> | null {
  try {
    return new TextDecoder(charset, { ignoreBOM: true })
  } catch {
    return null
  }
}

const STRICT_UTF8 = new TextDecoder('utf-8', { fatal: true })

/** An object; its numbers are doubles, as in upstream. */
export function readJsonLog(value: Uint8Array, nowMs: number): Uint8Array | TranslateFault {
  let text: string
  try {
    text = STRICT_UTF8.decode(value)
  } catch {
    return { fault: 'utf8', offset: 0, message: 'the message is not UTF-8' }
  }
  let parsed: unknown
  try {
    parsed = JSON.parse(text)
  } catch (error) {
    return { fault: 'syntax', offset: 0, message: `not JSON: ${(error as Error).message}` }
  }
  if (typeof parsed !== 'object' || parsed === null || Array.isArray(parsed)) {
    return { fault: 'type', offset: 0, message: 'expected an object' }
  }
  const writer = begin(value.length)
  writer.begin(BODY)
  const isWhole = write(writer, parsed, MAX_VALUE_DEPTH)
  if (isWhole) return finish(observed(writer.end(), nowMs))
  return { fault: 'depth', offset: 0, message: `nested deeper than ${MAX_VALUE_DEPTH}` }
}

/** Writes the member of an AnyValue; false when it nests too deeply. */
function write(writer: Writer, value: unknown, depth: number): boolean {
  if (typeof value === 'string') writer.string(STRING, value)
  else if (typeof value === 'number') writer.double(DOUBLE, value)
  else if (typeof value === 'boolean') writer.bool(BOOL, value)
  else if (value !== null) {
    if (depth === 0) return false
    return Array.isArray(value)
      ? writeList(writer, value, depth - 1)
      : writeMap(writer, value as Readonly<Record<string, unknown>>, depth - 1)
  }
  return true
}

function writeList(writer: Writer, list: readonly unknown[], depth: number): boolean {
  writer.begin(LIST)
  for (const item of list) {
    writer.begin(1)
    if (!write(writer, item, depth)) return false
    writer.end()
  }
  writer.end()
  return true
}

function writeMap(writer: Writer, map: Readonly<Record<string, unknown>>, depth: number): boolean {
  writer.begin(MAP)
  for (const key of Object.keys(map)) {
    writer.begin(1).string(1, key).begin(2)
    if (!write(writer, map[key], depth)) return false
    writer.end().end()
  }
  writer.end()
  return true
}

function begin(valueBytes: number): Writer {
  return new Writer(valueBytes + 64).begin(RESOURCE_LOGS).begin(SCOPE_LOGS).begin(LOG_RECORDS)
}

function observed(writer: Writer, nowMs: number): Writer {
  return writer.fixed64(OBSERVED_TIME, BigInt(Math.trunc(nowMs)) * NANOS_PER_MS)
}

function finish(writer: Writer): Uint8Array {
  return writer.end().end().end().finish()
}
