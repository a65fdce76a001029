/** Lays out stretches of a written list of spans as lists of their own, without copying them. */
import type { Encoded } from '../../otlp/encode.ts'
import type { ZipkinMessage } from '../../translate/zipkin/each-span.ts'
import type { Message } from '../sending/pieces.ts'

const OPEN = Buffer.from('[')
const CLOSE = Buffer.from(']')
const NOTHING = new Uint8Array(0)

export class SpanList implements Message {
  readonly items: number
  readonly #bytes: Uint8Array
  readonly #ends: readonly number[]
  readonly #open: Uint8Array
  readonly #close: Uint8Array

  constructor({ bytes, ends }: ZipkinMessage, format: 'json' | 'proto') {
    this.items = ends.length
    this.#bytes = bytes
    this.#ends = ends
    this.#open = format === 'json' ? OPEN : NOTHING
    this.#close = format === 'json' ? CLOSE : NOTHING
  }

  size(from: number, to: number): number {
    return this.#ends[to - 1] - this.#start(from) + this.#open.length + this.#close.length
  }

  encode(from: number, to: number): Encoded {
    const byteLength = this.size(from, to)
    if (byteLength === this.#bytes.length) return { chunks: [this.#bytes], byteLength }
    const spans = this.#bytes.subarray(this.#start(from), this.#ends[to - 1])
    const chunks = this.#open === NOTHING ? [spans] : [OPEN, spans, CLOSE]
    return { chunks, byteLength }
  }

  /** In JSON a bracket or a comma stands before each span. */
  #start(item: number): number {
    return (item === 0 ? 0 : this.#ends[item - 1]) + this.#open.length
  }
}
