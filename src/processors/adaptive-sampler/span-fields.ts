/** What is written into kept spans beside `ot=th`: attributes as encoded fields of a span, ready to be put at its end. */
import { REASON_LATE, REASON_NAMES } from '../../sampler/decide/options.ts'

/** Span.attributes, length-delimited. */
const SPAN_ATTRIBUTE = (9 << 3) | 2
/** KeyValue.key and KeyValue.value. */
const KEY = (1 << 3) | 2
const VALUE = (2 << 3) | 2
/** AnyValue.string_value, .bool_value and .double_value. */
const STRING_VALUE = (1 << 3) | 2
const BOOL_VALUE = 2 << 3
const DOUBLE_VALUE = (4 << 3) | 1
const DOUBLE_BYTES = 8
/** Lengths are written in one byte. */
const MAX_LENGTH = 127

const text = new TextEncoder()

export class SpanFields {
  /** By reason: reason, model, and the score whose last 8 bytes are written anew for each trace. */
  readonly #explained: readonly Uint8Array[]
  readonly #counted: readonly Uint8Array[]
  readonly #adjusted: Uint8Array
  /** Of an error that came after its trace was dropped. */
  readonly lateError: Uint8Array

  constructor(model: string) {
    this.#explained = REASON_NAMES.map(reason =>
      join(textField('sampling.reason', reason), textField('sampling.model', model), score()),
    )
    this.#adjusted = doubleField('sampling.adjusted_count')
    this.#counted = this.#explained.map(fields => join(this.#adjusted, fields))
    this.lateError = join(
      textField('sampling.reason', REASON_NAMES[REASON_LATE]),
      boolField('sampling.late'),
    )
  }

  /** Valid until the next call. */
  explained(reason: number, score: number): Uint8Array {
    return withDouble(this.#explained[reason], score)
  }

  /** For spans whose `th` cannot be written: how many they stand for. Valid until the next call. */
  adjusted(count: number): Uint8Array {
    return withDouble(this.#adjusted, count)
  }

  /** Both. Valid until the next call. */
  explainedAndAdjusted(reason: number, score: number, count: number): Uint8Array {
    const fields = withDouble(this.#counted[reason], score)
    fields.set(withDouble(this.#adjusted, count))
    return fields
  }
}

function score(): Uint8Array {
  return doubleField('sampling.score')
}

/** The double stands at the end. */
function withDouble(fields: Uint8Array, value: number): Uint8Array {
  const at = fields.byteOffset + fields.length - DOUBLE_BYTES
  new DataView(fields.buffer).setFloat64(at, value, true)
  return fields
}

function textField(key: string, value: string): Uint8Array {
  const bytes = text.encode(value)
  return attribute(key, [STRING_VALUE, lengthOf(bytes), ...bytes])
}

function boolField(key: string): Uint8Array {
  return attribute(key, [BOOL_VALUE, 1])
}

function doubleField(key: string): Uint8Array {
  return attribute(key, [DOUBLE_VALUE, ...new Uint8Array(DOUBLE_BYTES)])
}

function attribute(key: string, value: readonly number[]): Uint8Array {
  const name = text.encode(key)
  const pair = [KEY, lengthOf(name), ...name, VALUE, lengthOf(value), ...value]
  return Uint8Array.from([SPAN_ATTRIBUTE, lengthOf(pair), ...pair])
}

function lengthOf(bytes: { readonly length: number }): number {
  if (bytes.length > MAX_LENGTH) throw new Error('an attribute of the sampler is too long')
  return bytes.length
}

function join(...pieces: readonly Uint8Array[]): Uint8Array {
  const whole = new Uint8Array(pieces.reduce((sum, piece) => sum + piece.length, 0))
  let at = 0
  for (const piece of pieces) {
    whole.set(piece, at)
    at += piece.length
  }
  return whole
}
