/** OTLP spans to Zipkin v2 JSON, one list for a batch. */
import type { EncodePart } from '../../otlp/encode-part.ts'
import { type SpanWriter, writeSpans, type ZipkinMessage, type ZipkinOptions } from './each-span.ts'
import type { ZipkinSpan } from './from-span.ts'
import type { Host } from './hosts.ts'

const FIRST_BYTES = 64 * 1024
/** Between batches a buffer of this size is kept; a larger one goes back to the heap. */
const KEPT_BYTES = 4 * 1024 * 1024

/** Writes what is still in as a list of spans; what is empty or zero is left out. */
export function writeZipkinJson(
  parts: readonly EncodePart[],
  options?: ZipkinOptions,
): ZipkinMessage {
  return writeSpans(parts, writer, options)
}

class JsonWriter implements SpanWriter {
  #bytes = Buffer.allocUnsafeSlow(FIRST_BYTES)
  #length = 0

  /** The tags of `common` as they were written last. */
  #common = ''
  #origin = -1

  get length(): number {
    return this.#length
  }

  begin(): void {
    this.#length = 0
    this.#common = ''
    this.#origin = -1
  }

  write(span: ZipkinSpan): void {
    if (span.origin !== this.#origin) this.#common = ''
    this.#origin = span.origin
    if (span.common.size > 0 && this.#common === '') this.#common = members(span.common)
    const common = span.common.size > 0 ? this.#common : ''
    this.#append(`${this.#length === 0 ? '[' : ','}${spanText(span, common)}`)
  }

  finish(): Uint8Array {
    this.#append(this.#length === 0 ? '[]' : ']')
    const text = new Uint8Array(this.#bytes.subarray(0, this.#length))
    this.#length = 0
    if (this.#bytes.length > KEPT_BYTES) this.#bytes = Buffer.allocUnsafeSlow(FIRST_BYTES)
    return text
  }

  #append(text: string): void {
    // A UTF-16 unit is at most three bytes.
    const needed = this.#length + 3 * text.length
    if (needed > this.#bytes.length) {
      const grown = Buffer.allocUnsafeSlow(Math.max(needed, 2 * this.#bytes.length))
      this.#bytes.copy(grown, 0, 0, this.#length)
      this.#bytes = grown
    }
    this.#length += this.#bytes.write(text, this.#length, 'utf8')
  }
}

/** `common`: members of the tags that all spans of the scope have. */
function spanText(span: ZipkinSpan, common: string): string {
  let text = `{"traceId":"${span.traceId}"`
  if (span.parentId !== '') text += `,"parentId":"${span.parentId}"`
  text += `,"id":"${span.id}"`
  if (span.kind !== '') text += `,"kind":"${span.kind}"`
  if (span.name !== '') text += `,"name":${JSON.stringify(span.name)}`
  if (span.timestamp !== 0n) text += `,"timestamp":${span.timestamp}`
  if (span.duration !== 0n) text += `,"duration":${span.duration}`
  text += hostText('localEndpoint', span.local) + hostText('remoteEndpoint', span.remote)
  if (span.annotations > 0) text += annotationsText(span)
  const own = members(span.tags)
  const comma = own === '' || common === '' ? '' : ','
  if (own !== '' || common !== '') text += `,"tags":{${common}${comma}${own}}`
  if (span.debug) text += ',"debug":true'
  if (span.shared) text += ',"shared":true'
  return `${text}}`
}

function hostText(key: string, host: Host): string {
  let text = ''
  if (host.service !== '') text += `,"serviceName":${JSON.stringify(host.service)}`
  if (host.ip !== '') text += `,"${host.ip.includes(':') ? 'ipv6' : 'ipv4'}":"${host.ip}"`
  if (host.port !== 0) text += `,"port":${host.port}`
  return text === '' ? '' : `,"${key}":{${text.slice(1)}}`
}

function annotationsText(span: ZipkinSpan): string {
  let text = ''
  for (let i = 0; i < span.annotations; i++) {
    text += `${i === 0 ? '' : ','}{"timestamp":${span.times[i]},"value":${JSON.stringify(span.values[i])}}`
  }
  return `,"annotations":[${text}]`
}

function members(tags: ReadonlyMap<string, string>): string {
  let text = ''
  for (const [key, value] of tags) {
    text += `${text === '' ? '' : ','}${quoteKey(key)}:${JSON.stringify(value)}`
  }
  return text
}

/** Keys come again and again; of others than the first thousand nothing is kept. */
const MAX_KEYS = 1_000
const quotedKeys = new Map<string, string>()

function quoteKey(key: string): string {
  let quoted = quotedKeys.get(key)
  if (quoted !== undefined) return quoted
  quoted = JSON.stringify(key)
  if (quotedKeys.size < MAX_KEYS) quotedKeys.set(key, quoted)
  return quoted
}

const writer = new JsonWriter()
