/** Captured telemetry from files: one request, requests with their length before them, or lines of OTLP/JSON. */
import type { Signal } from '../../core/signal.ts'
import { MillraceError } from '../../errors.ts'
import { decodeJson } from '../../otlp/json/decode.ts'
import { isJsonFault } from '../../otlp/json/fault.ts'
import { indexRequest } from '../../otlp/kernel/kernel.ts'
import { isWireFault, ROW, START } from '../../otlp/request-index.ts'
import { FieldCursor } from '../../otlp/wire-reader.ts'
import { readBytes } from '../../rules/files/read-file.ts'

/** A capture is read whole. */
const MAX_CAPTURE_BYTES = 512 * 1024 * 1024
const LENGTH_BYTES = 4
const TRACE_ID_BYTES = 16
const METRIC_DATA_LEVEL = 3

const JSON_KEYS: Readonly<Record<string, Signal>> = {
  resourceSpans: 'traces',
  resource_spans: 'traces',
  resourceMetrics: 'metrics',
  resource_metrics: 'metrics',
  resourceLogs: 'logs',
  resource_logs: 'logs',
}

export interface CapturedRequest {
  readonly signal: Signal
  readonly bytes: Uint8Array
  /** For people: file and number of the request in it. */
  readonly name: string
}

/** Throws a coded error that says which request is wrong. `signal` settles what protobuf bytes are. */
export function readCapture(
  path: string,
  folder: string,
  signal?: Signal,
): readonly CapturedRequest[] {
  const bytes = readBytes(path, folder, MAX_CAPTURE_BYTES)
  const isText = /\.(json|jsonl|ndjson)$/.test(path) || bytes[0] === 0x7b
  return isText ? readText(path, bytes) : readProtobuf(path, bytes, signal)
}

function readText(path: string, bytes: Buffer): CapturedRequest[] {
  const lines = isOneDocument(bytes) ? [bytes] : splitLines(bytes)
  return lines.map((line, i) => {
    const name = lines.length === 1 ? path : `${path}:${i + 1}`
    const signal = signalOfJson(line)
    if (signal === undefined)
      throw unreadable(name, 'there is no resourceSpans, resourceLogs or resourceMetrics in it')
    const request = decodeJson(signal, line)
    if (isJsonFault(request)) throw unreadable(name, `${request.message} (byte ${request.offset})`)
    return { signal, bytes: request, name }
  })
}

function isOneDocument(bytes: Buffer): boolean {
  try {
    JSON.parse(bytes.toString('utf8'))
    return true
  } catch {
    return false
  }
}

function splitLines(bytes: Buffer): Buffer[] {
  const lines: Buffer[] = []
  for (let from = 0; from < bytes.length; ) {
    const newline = bytes.indexOf(0x0a, from)
    const to = newline < 0 ? bytes.length : newline
    const line = bytes.subarray(from, to)
    if (line.some(byte => byte > 0x20)) lines.push(line)
    from = to + 1
  }
  return lines
}

/** By the first key that says it. */
function signalOfJson(line: Buffer): Signal | undefined {
  const match = /"(resource_?(?:Spans|Metrics|Logs|spans|metrics|logs))"\s*:/.exec(
    line.toString('utf8'),
  )
  return match === null ? undefined : JSON_KEYS[match[1]]
}

function readProtobuf(path: string, bytes: Buffer, signal: Signal | undefined): CapturedRequest[] {
  const records = splitRecords(bytes) ?? [bytes]
  return records.map((record, i) => {
    const name = records.length === 1 ? path : `${path}:${i + 1}`
    const found = signal ?? guessSignal(record)
    if (found === undefined) throw unreadable(name, 'it is no export request of any signal')
    const index = indexRequest(found, record)
    if (isWireFault(index)) throw unreadable(name, `${index.fault} at byte ${index.offset}`)
    return { signal: found, bytes: record, name }
  })
}

/** As the file exporter writes them; undefined where the lengths do not add up. */
function splitRecords(bytes: Buffer): Buffer[] | undefined {
  const records: Buffer[] = []
  let from = 0
  while (from + LENGTH_BYTES <= bytes.length) {
    const start = from + LENGTH_BYTES
    from = start + bytes.readUInt32BE(from)
    if (from > bytes.length) return undefined
    records.push(bytes.subarray(start, from))
  }
  return from === bytes.length && records.length > 0 ? records : undefined
}

/** The three requests look alike from outside; what stands in their items does not. */
function guessSignal(bytes: Buffer): Signal | undefined {
  const valid = (['traces', 'metrics', 'logs'] as const).filter(
    signal => !isWireFault(indexRequest(signal, bytes)),
  )
  return valid.find(signal => looksLike(signal, bytes)) ?? valid[0]
}

function looksLike(signal: Signal, bytes: Buffer): boolean {
  const index = indexRequest(signal, bytes)
  if (isWireFault(index) || index.items === 0) return false
  if (signal === 'metrics') return index.levels[METRIC_DATA_LEVEL].length > 0
  if (signal === 'logs') return true
  const [spans] = index.levels.slice(-1)
  const field = new FieldCursor(bytes, spans[START], spans[START + 1])
  while (field.next()) if (field.number === 1) return field.end - field.start === TRACE_ID_BYTES
  return spans.length / ROW === 0
}

function unreadable(name: string, why: string): MillraceError {
  return new MillraceError('MILLRACE_RULES_UNREADABLE', `${name}: ${why}.`)
}
