/** What the Zipkin tests share: decoding by protobufjs, a writer of Zipkin's protobuf and Thrift that shares no code with ours. */
import assert from 'node:assert/strict'
import protobuf from 'protobufjs'
import type { EncodePart } from '../../../src/otlp/encode-part.ts'
import { indexRequest } from '../../../src/otlp/kernel/kernel.ts'
import { isWireFault } from '../../../src/otlp/request-index.ts'
import { isTranslateFault, type TranslateFault } from '../../../src/translate/fault.ts'
import { decode } from '../../otlp/oracle.ts'

export type Json = Record<string, unknown>

export interface FlatSpan {
  readonly resource: Json
  readonly scope: { readonly name: string; readonly version: string }
  readonly traceId: string
  readonly spanId: string
  readonly parentSpanId: string
  readonly traceState: string
  readonly name: string
  readonly kind: number
  readonly start: string
  readonly end: string
  readonly attributes: Json
  readonly events: readonly { time: string; name: string; attributes: Json; dropped: number }[]
  readonly links: readonly Json[]
  readonly status: { readonly code: number; readonly message: string }
  readonly dropped: readonly number[]
}

/** The spans of a translated request, each with its resource and scope; fails on a fault or on a request that is not valid OTLP. */
export function spansOf(result: Uint8Array | TranslateFault): FlatSpan[] {
  assert.ok(!isTranslateFault(result), JSON.stringify(result))
  const index = indexRequest('traces', result)
  assert.ok(!isWireFault(index), JSON.stringify(index))
  return flatten(result)
}

export function flatten(request: Uint8Array): FlatSpan[] {
  const spans: FlatSpan[] = []
  for (const group of decode('TracesRequest', request).resourceSpans ?? []) {
    const resource = attributesOf(group.resource?.attributes)
    for (const { scope, spans: inner } of group.scopeSpans ?? []) {
      for (const span of inner ?? []) {
        spans.push({
          resource,
          scope: { name: scope?.name ?? '', version: scope?.version ?? '' },
          traceId: span.traceId?.toString('hex') ?? '',
          spanId: span.spanId?.toString('hex') ?? '',
          parentSpanId: span.parentSpanId?.toString('hex') ?? '',
          traceState: span.traceState ?? '',
          name: span.name ?? '',
          kind: span.kind ?? 0,
          start: span.startTimeUnixNano ?? '0',
          end: span.endTimeUnixNano ?? '0',
          attributes: attributesOf(span.attributes),
          // biome-ignore lint/suspicious/noExplicitAny: protobufjs's shape
          events: (span.events ?? []).map((event: any) => ({
            time: event.timeUnixNano ?? '0',
            name: event.name ?? '',
            attributes: attributesOf(event.attributes),
            dropped: event.droppedAttributesCount ?? 0,
          })),
          // biome-ignore lint/suspicious/noExplicitAny: protobufjs's shape
          links: (span.links ?? []).map((link: any) => ({
            traceId: link.traceId?.toString('hex') ?? '',
            spanId: link.spanId?.toString('hex') ?? '',
            traceState: link.traceState ?? '',
            attributes: attributesOf(link.attributes),
            dropped: link.droppedAttributesCount ?? 0,
          })),
          status: { code: span.status?.code ?? 0, message: span.status?.message ?? '' },
          dropped: [
            span.droppedAttributesCount ?? 0,
            span.droppedEventsCount ?? 0,
            span.droppedLinksCount ?? 0,
          ],
        })
      }
    }
  }
  return spans
}

/** As a plain object; integers are bigint. Fails on a key that stands twice. */
// biome-ignore lint/suspicious/noExplicitAny: protobufjs's shape
export function attributesOf(list: any[] | undefined): Json {
  const attributes: Json = {}
  for (const { key = '', value } of list ?? []) {
    assert.ok(!Object.hasOwn(attributes, key), `attribute ${key} stands twice`)
    Object.defineProperty(attributes, key, {
      value: readValue(value ?? {}),
      enumerable: true,
      configurable: true,
      writable: true,
    })
  }
  return attributes
}

// biome-ignore lint/suspicious/noExplicitAny: protobufjs's shape
function readValue(value: any): unknown {
  if (value.intValue !== undefined) return BigInt(value.intValue)
  if (value.arrayValue) return (value.arrayValue.values ?? []).map(readValue)
  if (value.kvlistValue) return attributesOf(value.kvlistValue.values)
  return value.stringValue ?? value.boolValue ?? value.doubleValue ?? value.bytesValue ?? null
}

export function partOf(bytes: Uint8Array): EncodePart {
  const index = indexRequest('traces', bytes)
  assert.ok(!isWireFault(index), JSON.stringify(index))
  return { payload: { bytes }, index, selection: null, edits: null, items: index.items }
}

const root = protobuf.parse(`syntax = "proto3"; package zipkin.proto3;
message Span {
  bytes trace_id = 1; bytes parent_id = 2; bytes id = 3; uint32 kind = 4; string name = 5;
  fixed64 timestamp = 6; uint64 duration = 7; Endpoint local_endpoint = 8; Endpoint remote_endpoint = 9;
  repeated Annotation annotations = 10; map<string, string> tags = 11; bool debug = 12; bool shared = 13;
}
message Endpoint { string service_name = 1; bytes ipv4 = 2; bytes ipv6 = 3; int32 port = 4; }
message Annotation { fixed64 timestamp = 1; string value = 2; }
message ListOfSpans { repeated Span spans = 1; }`).root
const ListOfSpans = root.lookupType('zipkin.proto3.ListOfSpans')

export function encodeZipkinProto(spans: readonly object[]): Uint8Array {
  return ListOfSpans.encode(ListOfSpans.fromObject({ spans })).finish()
}

// biome-ignore lint/suspicious/noExplicitAny: tests read whatever shape the message has
export function decodeZipkinProto(bytes: Uint8Array): any[] {
  return ListOfSpans.toObject(ListOfSpans.decode(bytes), { longs: String, bytes: Buffer }).spans
}

/** A Thrift value in the binary protocol: `[type, content]`; structs are `[12, [[id, value], ...]]`. */
export type Thrift = readonly [type: number, content: Buffer]

export function i16(value: number): Thrift {
  const buffer = Buffer.alloc(2)
  buffer.writeUInt16BE(value & 0xffff)
  return [6, buffer]
}

export function i32(value: number): Thrift {
  const buffer = Buffer.alloc(4)
  buffer.writeInt32BE(value | 0)
  return [8, buffer]
}

export function i64(value: bigint | number | string): Thrift {
  const buffer = Buffer.alloc(8)
  buffer.writeBigInt64BE(BigInt.asIntN(64, BigInt(value)))
  return [10, buffer]
}

export function binary(content: string | Uint8Array): Thrift {
  const bytes = Buffer.from(content as Uint8Array)
  return [11, Buffer.concat([i32(bytes.length)[1], bytes])]
}

export function struct(
  fields: readonly (readonly [id: number, value: Thrift | undefined])[],
): Thrift {
  const chunks: Buffer[] = []
  for (const [id, value] of fields) {
    if (value === undefined) continue
    chunks.push(Buffer.of(value[0]), i16(id)[1], value[1])
  }
  return [12, Buffer.concat([...chunks, Buffer.of(0)])]
}

export function list(values: readonly Thrift[], type = 12): Thrift {
  return [
    15,
    Buffer.concat([Buffer.of(type), i32(values.length)[1], ...values.map(value => value[1])]),
  ]
}
