/** Encoded attributes of one key: the values that rules write are mostly the same few, item after item. */
import { fieldWriter } from './field-writer.ts'

/** A power of two. */
const PLACES = 64
/** Longer texts are encoded each time. */
const MAX_TEXT = 256

const NO_BYTES = new Uint8Array(0)

/** A text has one place, from which another one pushes it out. Its bytes are kept when it comes for the second time. */
export class PairCache {
  readonly #key: string
  readonly #texts: (string | null)[] = new Array(PLACES).fill(null)
  readonly #numbers = new Uint8Array(PLACES)
  readonly #fields: Uint8Array[] = new Array(PLACES).fill(NO_BYTES)

  constructor(key: string) {
    this.#key = key
  }

  // hot: bench/micro/rule-contexts.ts
  /** The key with this text as a field of this number (below 32); null = to be encoded by the caller. */
  find(number: number, text: string): Uint8Array | null {
    const { length } = text
    if (length > MAX_TEXT) return null
    const place = length === 0 ? 0 : placeOf(text, length)
    if (this.#texts[place] !== text || this.#numbers[place] !== number) {
      this.#texts[place] = text
      this.#numbers[place] = number
      this.#fields[place] = NO_BYTES
      return null
    }
    const field = this.#fields[place]
    return field.length > 0 ? field : (this.#fields[place] = this.#encode(number, text))
  }

  #encode(number: number, text: string): Uint8Array {
    const { bytes, length } = fieldWriter.pair(number, this.#key, text)
    return new Uint8Array(bytes.subarray(0, length))
  }
}

function placeOf(text: string, length: number): number {
  const last = text.charCodeAt(length - 1)
  const middle = text.charCodeAt(length >>> 1)
  return (length + last * 7 + middle * 31) & (PLACES - 1)
}
