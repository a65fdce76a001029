/** OTLP spans to Zipkin v2 protobuf, one `ListOfSpans` for a batch. */
import type { EncodePart } from '../../otlp/encode-part.ts'
import { Writer } from '../../otlp/wire-writer.ts'
import { type SpanWriter, writeSpans, type ZipkinMessage, type ZipkinOptions } from './each-span.ts'
import type { ZipkinSpan } from './from-span.ts'
import type { Host } from './hosts.ts'
import { address, parseIp } from './ip.ts'

/** Between batches a buffer of this size is kept; a larger one goes back to the heap. */
const KEPT_BYTES = 4 * 1024 * 1024

const KINDS = new Map([
  ['CLIENT', 1],
  ['SERVER', 2],
  ['PRODUCER', 3],
  ['CONSUMER', 4],
])

/** Writes what is still in as `zipkin.proto3.ListOfSpans`; trace ids always have 16 bytes, which every reader takes. */
export function writeZipkinProto(
  parts: readonly EncodePart[],
  options?: ZipkinOptions,
): ZipkinMessage {
  return writeSpans(parts, writer, options)
}

class ProtoWriter implements SpanWriter {
  #out = new Writer()

  get length(): number {
    return this.#out.length
  }

  begin(): void {
    this.#out.reset()
  }

  finish(): Uint8Array {
    const bytes = this.#out.finish()
    if (bytes.length > KEPT_BYTES) this.#out = new Writer()
    else this.#out.reset()
    return bytes
  }

  write(span: ZipkinSpan): void {
    const out = this.#out.begin(1)
    out.bytes(1, Buffer.from(span.traceId.padStart(32, '0'), 'hex'))
    if (span.parentId !== '') out.bytes(2, Buffer.from(span.parentId, 'hex'))
    out.bytes(3, Buffer.from(span.id, 'hex'))
    const kind = KINDS.get(span.kind)
    if (kind !== undefined) out.varint(4, kind)
    if (span.name !== '') out.string(5, span.name)
    if (span.timestamp !== 0n) out.fixed64(6, span.timestamp)
    if (span.duration !== 0n) out.varint64(7, span.duration)
    this.#host(8, span.local)
    this.#host(9, span.remote)
    for (let i = 0; i < span.annotations; i++) {
      out.begin(10).fixed64(1, span.times[i]).string(2, span.values[i]).end()
    }
    for (const [key, value] of span.common) out.begin(11).string(1, key).string(2, value).end()
    for (const [key, value] of span.tags) out.begin(11).string(1, key).string(2, value).end()
    if (span.debug) out.bool(12, true)
    if (span.shared) out.bool(13, true)
    out.end()
  }

  #host(number: number, host: Host): void {
    if (host.service === '' && host.ip === '' && host.port === 0) return
    const out = this.#out.begin(number)
    if (host.service !== '') out.string(1, host.service)
    if (host.ip !== '') {
      const text = Buffer.from(host.ip)
      const version = parseIp(text, 0, text.length)
      if (version === 4) out.bytes(2, address.subarray(12))
      else if (version === 6) out.bytes(3, address)
    }
    if (host.port !== 0) out.varint(4, host.port)
    out.end()
  }
}

const writer = new ProtoWriter()
