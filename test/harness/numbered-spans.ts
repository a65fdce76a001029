/**
 * Requests whose spans carry numbers, and the book of what became of each: what faults did is found by comparing the
 * sender's book with the destination's. Numbers are found in the bytes by their mark, by none of the product's parsers.
 */
import { REQUEST_MESSAGE } from '../../src/otlp/schema.ts'
import { encode } from '../otlp/oracle.ts'

/** Stands before each trace id: its field's tag and length, then a mark that no other bytes of these requests have. */
const MARK = Buffer.from([0x0a, 0x10, 0xf7, 0x6e, 0x75, 0x6d, 0x62, 0x72])
const GRPC_PREFIX_BYTES = 5
/** Stream and number within a trace id, counted from the mark's begin. */
const STREAM_AT = MARK.length
const NUMBER_AT = MARK.length + 4
const NUMBER_BYTES = 6
/** Spans are numbered within a stream; a book has a byte for each. */
const MAX_NUMBER = 200_000_000
const NOTHING = new Uint8Array(0)

/** Requests of one shape: encoded once, then copied and numbered. */
export class NumberedRequests {
  readonly spans: number
  readonly #template: Buffer
  readonly #places: readonly number[]

  /** `paddingBytes` of text in each span make requests as large as wanted. */
  constructor(spans: number, service = 'numbered', paddingBytes = 40) {
    this.spans = spans
    const bytes = encode(REQUEST_MESSAGE.traces, model(spans, service, paddingBytes))
    this.#template = Buffer.concat([grpcPrefix(bytes.length), bytes])
    this.#places = placesOf(this.#template)
  }

  /** A gRPC message whose spans have the numbers from `first` on. */
  message(stream: number, first: number): Buffer {
    const bytes = Buffer.from(this.#template)
    let number = first
    for (const at of this.#places) {
      bytes.writeUInt16BE(stream, at + STREAM_AT)
      bytes.writeUIntBE(number++, at + NUMBER_AT, NUMBER_BYTES)
    }
    return bytes
  }

  /** The same as a bare request, for HTTP. */
  body(stream: number, first: number): Buffer {
    return this.message(stream, first).subarray(GRPC_PREFIX_BYTES)
  }

  get byteLength(): number {
    return this.#template.length - GRPC_PREFIX_BYTES
  }
}

function grpcPrefix(length: number): Buffer {
  const prefix = Buffer.alloc(GRPC_PREFIX_BYTES)
  prefix.writeUInt32BE(length, 1)
  return prefix
}

function model(spans: number, service: string, paddingBytes: number): object {
  const attribute = (key: string, stringValue: string) => ({ key, value: { stringValue } })
  const traceId = Buffer.alloc(16)
  MARK.copy(traceId, 0, 2)
  const span = (i: number) => ({
    traceId,
    spanId: Buffer.alloc(8, (i % 255) + 1),
    name: 'GET /numbered',
    kind: 2,
    startTimeUnixNano: '1700000000000000000',
    endTimeUnixNano: '1700000000250000000',
    attributes: [
      attribute('http.request.method', 'GET'),
      attribute('padding', 'x'.repeat(paddingBytes)),
    ],
    status: {},
  })
  const resource = { attributes: [attribute('service.name', service)] }
  const scopeSpans = [
    { scope: { name: 'n' }, spans: Array.from({ length: spans }, (_, i) => span(i)) },
  ]
  return { resourceSpans: [{ resource, scopeSpans }] }
}

function placesOf(bytes: Buffer): number[] {
  const places: number[] = []
  for (let at = bytes.indexOf(MARK); at !== -1; at = bytes.indexOf(MARK, at + MARK.length)) {
    places.push(at)
  }
  return places
}

/** Tells `each` the stream and number of every span in the bytes; answers how many there were. */
export function scanNumbers(bytes: Buffer, each: (stream: number, number: number) => void): number {
  let spans = 0
  for (let at = bytes.indexOf(MARK); at !== -1; at = bytes.indexOf(MARK, at + MARK.length)) {
    each(bytes.readUInt16BE(at + STREAM_AT), bytes.readUIntBE(at + NUMBER_AT, NUMBER_BYTES))
    spans++
  }
  return spans
}

/** A small number for each span of each stream: how often it came, or what became of it. */
export class NumberBook {
  readonly #streams = new Map<number, Uint8Array>()

  get(stream: number, number: number): number {
    return this.#streams.get(stream)?.[number] ?? 0
  }

  set(stream: number, number: number, value: number): void {
    this.#room(stream, number)[number] = value
  }

  /** Up to 255. */
  add(stream: number, number: number): void {
    const counts = this.#room(stream, number)
    if (counts[number] < 255) counts[number]++
  }

  get streams(): number[] {
    return [...this.#streams.keys()]
  }

  /** By number; numbers beyond its end have 0. */
  values(stream: number): Uint8Array {
    return this.#streams.get(stream) ?? NOTHING
  }

  count(stream: number, isWanted: (value: number) => boolean): number {
    let found = 0
    for (const value of this.values(stream)) if (isWanted(value)) found++
    return found
  }

  #room(stream: number, number: number): Uint8Array {
    if (number > MAX_NUMBER) throw new RangeError(`number ${number} of stream ${stream}`)
    const has = this.#streams.get(stream)
    if (has !== undefined && number < has.length) return has
    const grown = new Uint8Array(Math.max(1 << 16, 2 ** Math.ceil(Math.log2(number + 1))))
    if (has !== undefined) grown.set(has)
    this.#streams.set(stream, grown)
    return grown
  }
}
