/**
 * Finds the ids and times in an encoded request, and changes them in a copy. Encoding 512 spans from objects costs over a
 * millisecond, stamping them a few dozen microseconds; so a load generator need not be larger than what it loads.
 */
import type { Signal } from '../../core/signal.ts'
import { MESSAGES, REQUEST_MESSAGE } from '../../otlp/schema.ts'
import { TEMPLATE_EPOCH_MS } from './traces.ts'

/**
 * Ids keep their relations: the same id in templates of several signals becomes the same id for the same sequence.
 * The first and the last four bytes change, because samplers look at the last seven and stores at the first.
 */
export interface Stamps {
  /** A copy with ids of its own for each `sequence` and times moved so that the template's end is `nowMs`. */
  apply(template: Buffer, sequence: number, nowMs: number): Buffer
}

/** Mixes so that neighbouring numbers differ in all bits; one to one (MurmurHash3's finalizer). */
function mix(sequence: number): number {
  let h = sequence | 0
  h = Math.imul(h ^ (h >>> 16), 0x85ebca6b)
  h = Math.imul(h ^ (h >>> 13), 0xc2b2ae35)
  return (h ^ (h >>> 16)) >>> 0
}

/** Offsets of id and time values in a protobuf request. */
export class ProtoStamps implements Stamps {
  readonly #firstWords: number[] = []
  readonly #lastWords: number[] = []
  readonly #times: number[] = []

  constructor(signal: Signal, template: Buffer) {
    this.#scan(template, 0, template.length, REQUEST_MESSAGE[signal])
  }

  apply(template: Buffer, sequence: number, nowMs: number): Buffer {
    const bytes = Buffer.from(template)
    const mixed = mix(sequence)
    for (const at of this.#firstWords) xorWord(bytes, at, sequence)
    for (const at of this.#lastWords) xorWord(bytes, at, mixed)
    const delta = BigInt(Math.round((nowMs - TEMPLATE_EPOCH_MS) * 1000)) * 1000n
    const deltaLow = Number(delta & 0xffff_ffffn)
    const deltaHigh = Number(delta >> 32n)
    for (const at of this.#times) {
      const low = bytes.readUInt32LE(at) + deltaLow
      bytes.writeUInt32LE(low >>> 0, at)
      const carry = low > 0xffff_ffff ? 1 : 0
      bytes.writeUInt32LE((bytes.readUInt32LE(at + 4) + deltaHigh + carry) >>> 0, at + 4)
    }
    return bytes
  }

  #scan(bytes: Buffer, start: number, end: number, message: string): void {
    const fields = new Map(MESSAGES.get(message)!.fields.map(field => [field.number, field]))
    let at = start
    while (at < end) {
      const [tag, afterTag] = readVarint(bytes, at)
      const field = fields.get(tag >>> 3)
      const [length, value] = valueSpan(bytes, afterTag, tag & 7)
      at = value + length
      if (field?.kind === 'message' && (tag & 7) === 2) this.#scan(bytes, value, at, field.type)
      else if (field?.kind === 'id' && length >= 8) {
        if (length === 16) this.#firstWords.push(value)
        this.#lastWords.push(at - 4)
      } else if (field?.kind === 'fixed64' && field.name.endsWith('UnixNano')) {
        this.#times.push(value)
      }
    }
  }
}

function xorWord(bytes: Buffer, at: number, word: number): void {
  bytes.writeUInt32BE((bytes.readUInt32BE(at) ^ word) >>> 0, at)
}

/** Length and beginning of a value. Templates are our own, so nothing is checked. */
function valueSpan(bytes: Buffer, at: number, wireType: number): [length: number, start: number] {
  if (wireType === 2) return readVarint(bytes, at)
  if (wireType === 1) return [8, at]
  if (wireType === 5) return [4, at]
  return [readVarint(bytes, at)[1] - at, at]
}

function readVarint(bytes: Buffer, start: number): [value: number, next: number] {
  let value = 0
  let scale = 1
  let at = start
  for (;;) {
    const byte = bytes[at++]
    value += (byte & 0x7f) * scale
    if (byte < 0x80) return [value, at]
    scale *= 128
  }
}

/** Offsets of hex ids and 19-digit times in a JSON request; inside strings their quotes would be escaped. */
export class JsonStamps implements Stamps {
  readonly #firstWords: number[] = []
  readonly #lastWords: number[] = []
  readonly #times: { readonly at: number; readonly nanos: bigint }[] = []

  constructor(template: Buffer) {
    // One character a byte, so that positions in the text are offsets in the bytes.
    const text = template.toString('latin1')
    for (const match of text.matchAll(/"(?:traceId|spanId|parentSpanId)":"([0-9a-fA-F]+)"/g)) {
      const at = match.index + match[0].length - 1 - match[1].length
      if (match[1].length === 32) this.#firstWords.push(at)
      this.#lastWords.push(at + match[1].length - 8)
    }
    for (const match of text.matchAll(/"\w*[tT]imeUnixNano":"(\d{19})"/g)) {
      this.#times.push({ at: match.index + match[0].length - 20, nanos: BigInt(match[1]) })
    }
  }

  apply(template: Buffer, sequence: number, nowMs: number): Buffer {
    const bytes = Buffer.from(template)
    const mixed = mix(sequence)
    for (const at of this.#firstWords) xorHex(bytes, at, sequence)
    for (const at of this.#lastWords) xorHex(bytes, at, mixed)
    const delta = BigInt(Math.round((nowMs - TEMPLATE_EPOCH_MS) * 1000)) * 1000n
    for (const { at, nanos } of this.#times) bytes.write(String(nanos + delta), at, 'latin1')
    return bytes
  }
}

function xorHex(bytes: Buffer, at: number, word: number): void {
  const before = Number.parseInt(bytes.toString('latin1', at, at + 8), 16)
  const after = ((before ^ word) >>> 0).toString(16).padStart(8, '0')
  bytes.write(after, at, 'latin1')
}
