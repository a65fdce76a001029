/**
 * Encodings by their names in configurations, as the Go collector calls them: what the value of one message becomes as an
 * export request. Apart from the formats because brokers carry any of them, and only the name says which.
 */
import { decodeJson } from '../../otlp/json/decode.ts'
import type { Signal } from '../../otlp/signal.ts'
import type { TranslateFault } from '../fault.ts'
import { readJaegerSpanJson } from '../jaeger/json.ts'
import { readJaegerSpan } from '../jaeger/proto.ts'
import { readZipkinJson } from '../zipkin/json-v2.ts'
import { readZipkinProto } from '../zipkin/proto.ts'
import { readZipkinThrift } from '../zipkin/thrift.ts'
import { readJsonLog, readRawLog, textLogReader } from './one-log.ts'

/**
 * The value as an export request in protobuf; never throws. The result of `otlp_proto` is the value itself, which is not
 * validated here. `nowMs` is when a log record without a time of its own was seen, in milliseconds since 1970.
 */
export type EncodingReader = (value: Uint8Array, nowMs: number) => Uint8Array | TranslateFault

const READERS: Readonly<Record<Signal, Readonly<Record<string, EncodingReader>>>> = {
  traces: {
    otlp_proto: asItIs,
    otlp_json: otlpJson('traces'),
    jaeger_proto: value => readJaegerSpan(value),
    jaeger_json: value => readJaegerSpanJson(value),
    zipkin_proto: value => readZipkinProto(value),
    zipkin_json: value => readZipkinJson(value),
    zipkin_thrift: value => readZipkinThrift(value),
  },
  metrics: { otlp_proto: asItIs, otlp_json: otlpJson('metrics') },
  logs: {
    otlp_proto: asItIs,
    otlp_json: otlpJson('logs'),
    raw: readRawLog,
    json: readJsonLog,
    text: textLogReader('utf-8')!,
  },
}

const TEXT_PREFIX = 'text_'

/** Null for a name that the signal does not have. `text_<charset>` is known for charsets of the platform. */
export function readerOf(encoding: string, signal: Signal): EncodingReader | null {
  const readers = READERS[signal]
  if (Object.hasOwn(readers, encoding)) return readers[encoding]
  if (signal !== 'logs' || !encoding.startsWith(TEXT_PREFIX)) return null
  return textLogReader(encoding.slice(TEXT_PREFIX.length))
}

/** For messages to people. */
export function readableEncodings(signal: Signal): readonly string[] {
  const names = Object.keys(READERS[signal])
  return signal === 'logs' ? [...names, `${TEXT_PREFIX}<charset>`] : names
}

function asItIs(value: Uint8Array): Uint8Array {
  return value
}

function otlpJson(signal: Signal): EncodingReader {
  return value => decodeJson(signal, value)
}
