/**
 * Lays out stretches of a resource's spans as PostSpansRequest, without copying them.
 *
 * ```
 * PostSpansRequest { batch = 1 { spans = 1, ...; process = 2 } }
 * ```
 */
import type { Encoded } from '../../otlp/encode.ts'
import { BYTES } from '../../otlp/wire-reader.ts'
import { varintSize, writeTag, writeVarint } from '../../otlp/wire-writer.ts'
import type { JaegerPost } from '../../translate/jaeger/write.ts'
import type { Message } from '../sending/pieces.ts'

const BATCH = 1

export class PostMessage implements Message {
  readonly items: number
  readonly #post: JaegerPost

  constructor(post: JaegerPost) {
    this.#post = post
    this.items = post.ends.length
  }

  size(from: number, to: number): number {
    const length = this.#batchBytes(from, to)
    return 1 + varintSize(length) + length
  }

  encode(from: number, to: number): Encoded {
    const { spans, ends, process } = this.#post
    const length = this.#batchBytes(from, to)
    const head = new Uint8Array(1 + varintSize(length))
    writeVarint(head, writeTag(head, 0, BATCH, BYTES), length)
    const chunks = [head, spans.subarray(this.#start(from), ends[to - 1]), process]
    return { chunks, byteLength: head.length + length }
  }

  #batchBytes(from: number, to: number): number {
    const { ends, process } = this.#post
    return ends[to - 1] - this.#start(from) + process.length
  }

  #start(item: number): number {
    return item === 0 ? 0 : this.#post.ends[item - 1]
  }
}
