/** The resource out of a Jaeger process: of a batch, or of a single span, which then counts for that span only. */
import { MessageWriter } from '../../otlp/json/message-writer.ts'
import { isText } from '../utf8.ts'
import { STRING, Tag, TagSink } from './tag-sink.ts'
import * as T from './tags.ts'

const ATTRIBUTE_FIELD = 0x0a
const SERVICE = Buffer.from(T.SERVICE_KEY)
const NONE = Buffer.from(T.NO_SERVICE)

export class ProcessSink {
  readonly #out = new MessageWriter()
  readonly tags = new TagSink(this.#out, ATTRIBUTE_FIELD)
  readonly #service = new Tag()
  /** Where the resource stands that counts now. */
  start = 0
  end = 0
  #batchEnd = 0

  /** Of a new request, without any process yet. */
  clear(): void {
    this.#out.pos = 0
    this.start = this.end = this.#batchEnd = 0
  }

  release(): void {
    this.#out.release()
    this.tags.release()
  }

  get bytes(): Uint8Array {
    return this.#out.bytes
  }

  /** Begins the process of a batch. */
  beginBatch(): void {
    this.#out.pos = 0
    this.#begin()
  }

  endBatch(): void {
    this.#end()
    this.#batchEnd = this.end
  }

  /** Begins the process of the span at hand, behind that of the batch. */
  beginSpan(): void {
    this.#out.pos = this.#batchEnd
    this.#begin()
  }

  endSpan(): void {
    this.#end()
  }

  /** From now on the process of the batch counts. */
  useBatch(): void {
    this.start = 0
    this.end = this.#batchEnd
  }

  #begin(): void {
    this.start = this.#out.pos
    this.#out.reserve(0)
    this.tags.begin()
  }

  /** The service's name; false when there is no memory. */
  setService(source: Uint8Array, start: number, end: number): boolean {
    if (start === end || isNone(source, start, end)) return true
    const tag = this.#service
    // The key is not in the source, so the value is brought beside it.
    const both = Buffer.allocUnsafe(SERVICE.length + end - start)
    both.set(SERVICE)
    both.set(source.subarray(start, end), SERVICE.length)
    tag.keyEnd = SERVICE.length
    tag.textStart = SERVICE.length
    tag.textEnd = both.length
    return this.tags.add(new Uint8Array(both.buffer, both.byteOffset, both.length), tag)
  }

  #end(): void {
    const { tags } = this
    if (tags.has(T.HOSTNAME) && !tags.has(T.HOST_NAME)) {
      tags.copyAs(T.HOST_NAME, T.HOSTNAME, '')
      tags.forget(T.HOSTNAME)
    }
    if (tags.type(T.JAEGER_VERSION) === STRING && !tags.has(T.EXPORTER_VERSION)) {
      tags.copyAs(T.EXPORTER_VERSION, T.JAEGER_VERSION, 'Jaeger-')
      tags.forget(T.JAEGER_VERSION)
    }
    tags.compact()
    this.end = this.#out.pos
  }
}

function isNone(bytes: Uint8Array, start: number, end: number): boolean {
  if (end - start !== NONE.length || !isText(bytes, start, end)) return false
  return NONE.every((byte, i) => bytes[start + i] === byte)
}
