/** OTLP requests to what goes over the wire to Jaeger: batches over gRPC, single spans over Kafka, in protobuf or JSON. */
import type { SpanView } from '../../otlp/traces-view.ts'
import { FieldCursor } from '../../otlp/wire-reader.ts'
import { Writer } from '../../otlp/wire-writer.ts'
import { jsonOf } from './json-writer.ts'
import { SPAN } from './schema.ts'
import { SpanWriter } from './writer.ts'

const NO_TRACE = '0'.repeat(32)
const NO_SPAN = '0'.repeat(16)
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

/** Of one resource: content of a Batch, to be cut between its spans. */
export interface JaegerPost {
  /** Fields of the spans, one behind the other, and where each ends. */
  readonly spans: Uint8Array
  readonly ends: readonly number[]
  /** The field of the process. */
  readonly process: Uint8Array
}

/** As `writeJaegerBatches`, without resources that have no spans, and without spans that Jaeger cannot know by their ids. */
export function writeJaegerPosts(request: Uint8Array): { posts: JaegerPost[]; refused: number } {
  const posts: JaegerPost[] = []
  const out = new Writer(16 * 1024)
  let ends: number[] = []
  let refused = 0
  walk(
    request,
    (start, end) => {
      const span = writer.write(request, start, end, false)
      if (!hasIds(writer.span)) refused++
      else ends.push(out.bytes(SPANS, span).length)
    },
    () => {
      const spans = out.finish()
      const process = out.reset().bytes(PROCESS, writer.process).finish()
      if (ends.length > 0) posts.push({ spans, ends, process })
      out.reset()
      ends = []
    },
  )
  return { posts, refused }
}

function hasIds({ traceId, spanId }: SpanView): boolean {
  return (
    traceId.length === NO_TRACE.length &&
    traceId !== NO_TRACE &&
    spanId.length === NO_SPAN.length &&
    spanId !== NO_SPAN
  )
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
