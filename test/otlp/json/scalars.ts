/**
 * One JSON value of a given scalar type through `decodeJson`, for tables of cases: the value is put where the schema has
 * a field of that type. OTLP has no float; float cases are read as doubles.
 */
import { decodeJson } from '../../../src/otlp/json/decode.ts'
import { isJsonFault, type JsonFault } from '../../../src/otlp/json/fault.ts'
import { REQUEST_MESSAGE } from '../../../src/otlp/schema.ts'
import type { Signal } from '../../../src/otlp/signal.ts'
import { decode } from '../oracle.ts'

export type ScalarType =
  | 'Int32'
  | 'Sint32'
  | 'Uint32'
  | 'Int64'
  | 'Uint64'
  | 'Float32'
  | 'Float64'
  | 'EnumValue'
  | 'Bool'
  | 'Bytes'
  | 'Id'
  | 'String'

interface Place {
  readonly signal: Signal
  readonly before: string
  readonly after: string
}

function place(signal: Signal, path: string): Place {
  const opened = path
    .split('.')
    .map(step => (step.endsWith('[]') ? `{"${step.slice(0, -2)}":[` : `{"${step}":`))
  const closed = path.split('.').map(step => (step.endsWith('[]') ? ']}' : '}'))
  return { signal, before: opened.join(''), after: closed.reverse().join('') }
}

const SPAN = 'resourceSpans[].scopeSpans[].spans[]'
const VALUE = 'resourceSpans[].resource.attributes[].value'
const BUCKETS =
  'resourceMetrics[].scopeMetrics[].metrics[].exponentialHistogram.dataPoints[].positive'

const PLACES: Readonly<Record<ScalarType, Place>> = {
  Int32: place('traces', 'resourceSpans[].resource.attributes[].keyStrindex'),
  Sint32: place('metrics', `${BUCKETS}.offset`),
  Uint32: place('traces', `${SPAN}.droppedAttributesCount`),
  Int64: place('traces', `${VALUE}.intValue`),
  Uint64: place('traces', `${SPAN}.startTimeUnixNano`),
  Float32: place('traces', `${VALUE}.doubleValue`),
  Float64: place('traces', `${VALUE}.doubleValue`),
  EnumValue: place('traces', `${SPAN}.kind`),
  Bool: place('traces', `${VALUE}.boolValue`),
  Bytes: place('traces', `${VALUE}.bytesValue`),
  Id: place('traces', `${SPAN}.traceId`),
  String: place('traces', `${VALUE}.stringValue`),
}

/** What protobufjs finds in that field afterwards (undefined for a plain default), or the fault. */
export function readScalar(type: ScalarType, json: string): { value: unknown } | JsonFault {
  const { signal, before, after } = PLACES[type]
  const bytes = decodeJson(signal, Buffer.from(before + json + after))
  if (isJsonFault(bytes)) return bytes
  let value: unknown = decode(REQUEST_MESSAGE[signal], bytes)
  for (const step of before.match(/\w+/g)!) {
    value = (value as Record<string, unknown> | undefined)?.[step]
    if (Array.isArray(value)) value = value[0]
  }
  return { value }
}
