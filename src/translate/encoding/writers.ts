/**
 * Encodings by their names in configurations, as the Go collector calls them: what an export request becomes as the
 * values of messages. The partner of `readers.ts`.
 */
import { encodeParts, flatten } from '../../otlp/encode.ts'
import type { EncodePart } from '../../otlp/encode-part.ts'
import { encodeJson } from '../../otlp/json/encode.ts'
import type { Signal } from '../../otlp/signal.ts'
import { type JaegerMessage, writeJaegerSpans, writeJaegerSpansJson } from '../jaeger/write.ts'
import type { ZipkinMessage } from '../zipkin/each-span.ts'
import { writeZipkinJson } from '../zipkin/write-json.ts'
import { writeZipkinProto } from '../zipkin/write-proto.ts'
import { writeRawLogs } from './raw-logs.ts'

export interface EncodedMessage {
  /** What partitions by it: the trace id in hexadecimal. Null where the encoding has no opinion. */
  readonly key: string | null
  /** In order; may be the payloads themselves. */
  readonly chunks: readonly Uint8Array[]
  readonly byteLength: number
  /** Of the signal, in it. */
  readonly items: number
}

export interface EncodedMessages {
  readonly messages: readonly EncodedMessage[]
  /** Items that the encoding cannot say. */
  readonly refused: number
  /** Items of which nothing is to be sent: a log record without a body. */
  readonly empty: number
}

export interface EncodingWriter {
  /** One message for all of it, so that too much is cut beforehand; otherwise each item is one. */
  readonly isWhole: boolean
  /** The bytes are those of the request, so that their number is known without writing them. */
  readonly isOtlp: boolean
  write(parts: readonly EncodePart[]): EncodedMessages
}

const OTLP_PROTO: EncodingWriter = {
  isWhole: true,
  isOtlp: true,
  write: parts => whole(encodeParts(parts), parts),
}

const WRITERS: Readonly<Record<Signal, Readonly<Record<string, EncodingWriter>>>> = {
  traces: {
    otlp_proto: OTLP_PROTO,
    otlp_json: otlpJson('traces'),
    jaeger_proto: jaeger(writeJaegerSpans),
    jaeger_json: jaeger(writeJaegerSpansJson),
    zipkin_proto: zipkin(writeZipkinProto),
    zipkin_json: zipkin(writeZipkinJson),
  },
  metrics: { otlp_proto: OTLP_PROTO, otlp_json: otlpJson('metrics') },
  logs: {
    otlp_proto: OTLP_PROTO,
    otlp_json: otlpJson('logs'),
    raw: { isWhole: false, isOtlp: false, write: writeRawLogs },
  },
}

/** Null for a name that the signal does not have. */
export function writerOf(encoding: string, signal: Signal): EncodingWriter | null {
  const writers = WRITERS[signal]
  return Object.hasOwn(writers, encoding) ? writers[encoding] : null
}

/** For messages to people. */
export function writableEncodings(signal: Signal): readonly string[] {
  return Object.keys(WRITERS[signal])
}

function whole(
  { chunks, byteLength }: { readonly chunks: readonly Uint8Array[]; readonly byteLength: number },
  parts: readonly EncodePart[],
): EncodedMessages {
  const items = parts.reduce((sum, part) => sum + part.items, 0)
  return { messages: [{ key: null, chunks, byteLength, items }], refused: 0, empty: 0 }
}

function otlpJson(signal: Signal): EncodingWriter {
  const write = (parts: readonly EncodePart[]): EncodedMessages => {
    const text = encodeJson(signal, flatten(encodeParts(parts)))
    return whole({ chunks: [text], byteLength: text.length }, parts)
  }
  return { isWhole: true, isOtlp: false, write }
}

function jaeger(writeSpans: (request: Uint8Array) => JaegerMessage[]): EncodingWriter {
  const write = (parts: readonly EncodePart[]): EncodedMessages => {
    const messages = writeSpans(flatten(encodeParts(parts))).map(({ traceId, value }) => ({
      key: traceId,
      chunks: [value],
      byteLength: value.length,
      items: 1,
    }))
    return { messages, refused: 0, empty: 0 }
  }
  return { isWhole: false, isOtlp: false, write }
}

function zipkin(writeSpans: (parts: readonly EncodePart[]) => ZipkinMessage): EncodingWriter {
  const write = (parts: readonly EncodePart[]): EncodedMessages => {
    const { bytes, spans, refused } = writeSpans(parts)
    if (spans === 0) return { messages: [], refused, empty: 0 }
    const message = { key: null, chunks: [bytes], byteLength: bytes.length, items: spans }
    return { messages: [message], refused, empty: 0 }
  }
  return { isWhole: true, isOtlp: false, write }
}
