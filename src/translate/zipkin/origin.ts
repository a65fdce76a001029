/** Who emitted a span: its resource and scope, out of the local endpoint and the tags that are theirs, as message contents. */
import type { MessageWriter } from '../../otlp/json/message-writer.ts'
import { copyBytes } from '../../otlp/wire-writer.ts'
import type { AttributeSink } from './attribute-sink.ts'
import * as T from './tags.ts'

/** What the Go collector writes when there is no service name. */
const NO_SERVICE = 'OTLPResourceNoServiceName'
/** What it reads in format v1 then. */
const UNKNOWN_SERVICE = Buffer.from('unknown-service')
const IPV4 = Buffer.from('ipv4')
const IPV6 = Buffer.from('ipv6')
const PORT = Buffer.from('port')

/** Appends the content of a Resource, tags in the order of their classes, so that equal resources are equal bytes. */
export function writeResource(sink: AttributeSink, out: MessageWriter): void {
  const { aside } = sink
  if (sink.has(T.LOCAL_SERVICE) && !sink.has(T.SERVICE_NAME)) {
    if (!sink.isText(T.LOCAL_SERVICE, NO_SERVICE)) writeService(sink, out)
  }
  sink.forget(T.SERVICE_SOURCE)
  for (let i = 0; i < sink.seenCount && sink.seen[i] <= T.LAST_RESOURCE; i++) {
    const key = sink.seen[i]
    if (!sink.has(key)) continue
    pair(out, T.KEY_BYTES[key], 0, -1, aside.bytes, sink.starts[key], sink.ends[key])
    sink.forget(key)
  }
}

function writeService(sink: AttributeSink, out: MessageWriter): void {
  const { aside } = sink
  const start = sink.starts[T.LOCAL_SERVICE]
  const end = sink.ends[T.LOCAL_SERVICE]
  const source = T.SERVICE_SOURCE
  const hasSource = sink.has(source) && sink.ends[source] > sink.starts[source]
  if (!hasSource) pair(out, T.KEY_BYTES[T.SERVICE_NAME], 0, -1, aside.bytes, start, end)
  else pair(out, aside.bytes, sink.starts[source], sink.ends[source], aside.bytes, start, end)
}

/** Appends the content of a Resource in format v1: the host of the annotations. */
export function writeHostResource(sink: AttributeSink, out: MessageWriter, port: number): void {
  const { aside, starts, ends } = sink
  const name = T.KEY_BYTES[T.SERVICE_NAME]
  const service = T.LOCAL_SERVICE
  if (sink.has(service)) pair(out, name, 0, -1, aside.bytes, starts[service], ends[service])
  else pair(out, name, 0, -1, UNKNOWN_SERVICE, 0, UNKNOWN_SERVICE.length)
  const [four, six] = [T.HOST_IPV4, T.HOST_IPV6]
  if (sink.has(four)) pair(out, IPV4, 0, -1, aside.bytes, starts[four], ends[four])
  if (sink.has(six)) pair(out, IPV6, 0, -1, aside.bytes, starts[six], ends[six])
  if (port === 0) return
  const digits = Buffer.from(String(port))
  pair(out, PORT, 0, -1, digits, 0, digits.length)
}

/** Appends the content of an InstrumentationScope. */
export function writeScope(sink: AttributeSink, out: MessageWriter): void {
  text(sink, out, 0x0a, sink.has(T.SCOPE_NAME) ? T.SCOPE_NAME : T.LIBRARY_NAME)
  text(sink, out, 0x12, sink.has(T.SCOPE_VERSION) ? T.SCOPE_VERSION : T.LIBRARY_VERSION)
  for (let key = T.LIBRARY_NAME; key <= T.SCOPE_VERSION; key++) sink.forget(key)
}

function text(sink: AttributeSink, out: MessageWriter, tag: number, key: number): void {
  const start = sink.starts[key]
  const end = sink.ends[key]
  if (start < 0 || start === end) return
  out.tag(tag)
  out.varint(end - start)
  out.pos = copyBytes(out.bytes, out.pos, sink.aside.bytes, start, end)
}

/** One attribute of a Resource; `keyEnd` -1 = the whole of `keys`. */
function pair(
  out: MessageWriter,
  keys: Uint8Array,
  keyStart: number,
  keyEnd: number,
  values: Uint8Array,
  start: number,
  end: number,
): void {
  const attribute = out.open(0x0a, 1)
  const key = out.open(0x0a, 1)
  out.pos = copyBytes(out.bytes, key, keys, keyStart, keyEnd < 0 ? keys.length : keyEnd)
  out.close(key, 1)
  const any = out.open(0x12, 1)
  const value = out.open(0x0a, 1)
  out.pos = copyBytes(out.bytes, value, values, start, end)
  out.close(value, 1)
  out.close(any, 1)
  out.close(attribute, 1)
}
