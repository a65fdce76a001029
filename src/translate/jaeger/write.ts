/** OTLP requests to what goes over the wire to Jaeger: batches over gRPC, single spans over Kafka, in protobuf or JSON. */
import { FieldCursor } from '../../otlp/wire-reader.ts'
import { Writer } from '../../otlp/wire-writer.ts'
import { jsonOf } from './json-writer.ts'
import { SPAN } from './schema.ts'
import { SpanWriter } from './writer.ts'

const EMPTY = new Uint8Array(0)
/** Field numbers of Batch. */
const SPANS = 1
const PROCESS = 2

export interface JaegerMessage {
  /** Of its span, in hexadecimal: what Kafka partitions by. */
  readonly traceId: string
  readonly value: Uint8Array
}

/** One Batch for each resource of an export request in protobuf that has been found valid. */
export function writeJaegerBatches(request: Uint8Array): Uint8Array[] {
  const batches: Uint8Array[] = []
  const out = new Writer(16 * 1024)
  walk(
    request,
    (start, end) => out.bytes(SPANS, writer.write(request, start, end, false)),
    () => {
      batches.push(out.bytes(PROCESS, writer.process).finish())
      out.reset()
    },
  )
  return batches
}

/** One PostSpansRequest for each resource. */
export function writeJaegerRequests(request: Uint8Array): Uint8Array[] {
  return writeJaegerBatches(request).map(batch =>
    new Writer(batch.length + 8).bytes(1, batch).finish(),
  )
}

/** One Span for each span, with its process inside. */
export function writeJaegerSpans(request: Uint8Array): JaegerMessage[] {
  const messages: JaegerMessage[] = []
  walk(request, (start, end) => {
    const value = writer.write(request, start, end, true)
    messages.push({ traceId: writer.span.traceId, value })
  })
  return messages
}

/** As `writeJaegerSpans`, in JSON. */
export function writeJaegerSpansJson(request: Uint8Array): JaegerMessage[] {
  return writeJaegerSpans(request).map(({ traceId, value }) => ({
    traceId,
    value: jsonOf(value, SPAN),
  }))
}

/** Calls back for each span, and after each resource that has scopes or attributes. */
function walk(
  request: Uint8Array,
  onSpan: (start: number, end: number) => void,
  onResource?: () => void,
): void {
  const groups = new FieldCursor(request)
  while (groups.next()) {
    if (groups.number !== 1 || groups.start === groups.end) continue
    const resource = find(request, groups.start, groups.end, 1)
    writer.beginResource(request, resource.start, resource.end)
    const scopes = new FieldCursor(request, groups.start, groups.end)
    while (scopes.next()) if (scopes.number === 2) walkScope(request, scopes, onSpan)
    onResource?.()
  }
  writer.process = EMPTY
}

function walkScope(
  request: Uint8Array,
  group: FieldCursor,
  onSpan: (start: number, end: number) => void,
): void {
  const scope = find(request, group.start, group.end, 1)
  writer.beginScope(request, scope.start, scope.end)
  const spans = new FieldCursor(request, group.start, group.end)
  while (spans.next()) if (spans.number === 2) onSpan(spans.start, spans.end)
}

/** Where the content of a field stands; empty when there is none. */
function find(
  bytes: Uint8Array,
  start: number,
  end: number,
  number: number,
): { start: number; end: number } {
  const field = new FieldCursor(bytes, start, end)
  while (field.next()) if (field.number === number) return { start: field.start, end: field.end }
  return { start, end: start }
}

const writer = new SpanWriter()
