/**
 * OTLP/JSON to protobuf in one pass: the schema drives a parser that writes the fields of the message as it meets their
 * keys. No JavaScript value is made of the text, so 64-bit numbers keep every bit and `__proto__` is a string like any.
 *
 * What is taken beyond the letter of the mapping, as the Go collector does: snake_case keys, enum names, numbers in
 * quotes. Unknown keys are skipped, `null` is absent. A key that comes twice counts as protobuf says: the last one
 * wins, messages merge, lists are joined.
 * https://opentelemetry.io/docs/specs/otlp/#json-protobuf-encoding
 */
import { MAX_DEPTH } from '../request-index.ts'
import type { Signal } from '../signal.ts'
import type { JsonFault } from './fault.ts'
import { MessageWriter } from './message-writer.ts'
import { type FieldPlan, MESSAGE, type MessagePlan, requestPlan } from './plan.ts'
import { ScalarReader } from './scalar-reader.ts'
import { skipValue } from './skip-value.ts'
import {
  CLOSE_LIST,
  CLOSE_OBJECT,
  COMMA,
  OPEN_LIST,
  OPEN_OBJECT,
  QUOTE,
  TextReader,
} from './text-reader.ts'

const LOWER_N = 0x6e

/**
 * The export request in protobuf, at most MAX_EXPANSION times as long as its text. Never throws; defaults of plain
 * fields are left out, members of oneofs never.
 */
export function decodeJson(signal: Signal, text: Uint8Array): Uint8Array | JsonFault {
  return decoder.decode(requestPlan(signal), text)
}

/** Decoding is synchronous, so one decoder with its buffer serves all requests. */
class JsonDecoder {
  readonly #text = new TextReader()
  readonly #out = new MessageWriter()
  readonly #scalars = new ScalarReader(this.#text, this.#out)
  #depth = 0
  /** Where the fault is, built from the inside out while the calls return. */
  #path = ''

  decode(plan: MessagePlan, bytes: Uint8Array): Uint8Array | JsonFault {
    const text = this.#text
    this.#depth = 0
    this.#path = ''
    const fine = text.start(bytes) && this.#room() && this.#message(plan) && this.#atEnd()
    text.release()
    if (fine) return this.#out.take()
    this.#out.pos = 0
    this.#out.release()
    const { fault, offset, message } = text.fault!
    const place = this.#path === '' ? '' : `${this.#path.slice(1)}: `
    return { fault, offset, message: place + message }
  }

  #room(): boolean {
    const { pos, end } = this.#text
    return this.#out.reserve(end - pos) || this.#text.fail('too_large', 'expected a smaller text')
  }

  #atEnd(): boolean {
    const text = this.#text
    if (text.next() === 0 && text.pos === text.end) return true
    return text.fail('syntax', 'expected nothing after the object')
  }

  // hot: bench/micro/json.ts
  /** Reads the object at the cursor into the message that is open in `#out`. */
  #message(plan: MessagePlan): boolean {
    const text = this.#text
    if (text.next() !== OPEN_OBJECT) return text.fail('type', 'expected an object')
    text.pos++
    let byte = text.next()
    if (byte === CLOSE_OBJECT) {
      text.pos++
      return true
    }
    let seen = 0
    let previous: FieldPlan | null = null
    for (;;) {
      if (byte !== QUOTE) return text.fail('syntax', 'expected a key in double quotes')
      const guess: FieldPlan = previous === null ? plan.first : previous.next
      let field: FieldPlan | null = guess
      if (this.#isNext(guess)) {
        text.pos += guess.keyLength + 1
        byte = text.next()
      } else {
        field = this.#findKey(plan)
        if (field !== null && previous === null) plan.first = field
        else if (field !== null && previous !== null) previous.next = field
        byte = text.fault === null ? text.value() : 0
      }
      if (byte === 0) return text.fail('syntax', 'expected a JSON value')
      if (field === null) {
        if (!skipValue(text, this.#out)) return false
      } else if (byte === LOWER_N) {
        if (!text.null()) return this.#at(field)
      } else {
        if (!this.#field(field, byte, (seen & field.bit) !== 0)) return this.#at(field)
        seen |= field.bit
        previous = field
      }
      byte = text.next()
      if (byte === COMMA) {
        text.pos++
        byte = text.next()
      } else if (byte === CLOSE_OBJECT) {
        text.pos++
        return true
      } else return text.fail('syntax', 'expected "," or "}"')
    }
  }

  /** Whether the key at the cursor is this field's, with the colon right behind it. */
  #isNext(field: FieldPlan): boolean {
    const { view, pos, end } = this.#text
    const words = field.key
    const last = words.length - 1
    let at = pos + 1
    if (at + 4 * last + 4 > end) return false
    for (let i = 0; i < last; i++, at += 4) {
      if (view.getInt32(at, true) !== words[i]) return false
    }
    return (view.getInt32(at, true) & field.keyMask) === words[last]
  }

  /** Reads a key that was not guessed; null for one that the message does not have, or a fault. */
  #findKey(plan: MessagePlan): FieldPlan | null {
    const out = this.#out
    const start = out.pos
    const field = this.#text.string(out) ? plan.find(out.bytes, start, out.pos) : null
    out.pos = start
    return field
  }

  /** Names the field in the place of the fault; always false. */
  #at(field: FieldPlan): false {
    this.#path = `.${field.name}${this.#path}`
    return false
  }

  /** `again`: the field has been met before in this message, so even a default value must override. */
  #field(field: FieldPlan, byte: number, again: boolean): boolean {
    if (!this.#room()) return false
    if (field.repeated) {
      if (byte === OPEN_LIST) return this.#list(field)
      return this.#text.fail('type', 'expected a list')
    }
    if (field.kind === MESSAGE) return this.#nested(field)
    return this.#scalars.field(field, byte, again || field.presence)
  }

  #nested(field: FieldPlan): boolean {
    if (this.#depth === MAX_DEPTH) {
      return this.#text.fail('depth', `expected at most ${MAX_DEPTH} messages inside each other`)
    }
    this.#depth++
    const width = field.width
    const start = this.#out.open(field.tag, width)
    if (!this.#message(field.message)) return false
    field.width = this.#out.close(start, width)
    this.#depth--
    return true
  }

  #list(field: FieldPlan): boolean {
    const text = this.#text
    text.pos++
    let byte = text.next()
    if (byte === CLOSE_LIST) {
      text.pos++
      return true
    }
    const width = field.width
    const start = field.packed ? this.#out.open(field.tag, width) : 0
    for (let count = 0; ; count++) {
      if (!this.#room() || !this.#element(field, byte)) {
        this.#path = `[${count}]${this.#path}`
        return false
      }
      byte = text.next()
      if (byte !== COMMA) break
      text.pos++
      byte = text.next()
    }
    if (byte !== CLOSE_LIST) return text.fail('syntax', 'expected "," or "]"')
    text.pos++
    if (field.packed) field.width = this.#out.close(start, width)
    return true
  }

  #element(field: FieldPlan, byte: number): boolean {
    if (field.packed) return this.#scalars.number(field, byte)
    if (field.kind !== MESSAGE) return this.#scalars.field(field, byte, true)
    if (byte !== LOWER_N) return this.#nested(field)
    // An attribute value that the sender had no value for: the place in the list counts, so it is an empty message.
    this.#out.tag(field.tag)
    this.#out.varint(0)
    return this.#text.null()
  }
}

const decoder = new JsonDecoder()
