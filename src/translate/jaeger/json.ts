/**
 * Jaeger's JSON, the JSON mapping of its protobuf: keys in camel or snake case, ids and bytes in base64, enums by name or
 * number, 64-bit integers quoted or bare. It becomes protobuf first, which the reader of protobuf then takes in.
 *
 * A key that no message has is left out; a value that is null counts as absent.
 */
import { readBase64 } from '../../otlp/json/binary-text.ts'
import { MessageWriter } from '../../otlp/json/message-writer.ts'
import { NumberReader } from '../../otlp/json/number-reader.ts'
import { skipValue } from '../../otlp/json/skip-value.ts'
import {
  CLOSE_LIST,
  CLOSE_OBJECT,
  COMMA,
  OPEN_LIST,
  OPEN_OBJECT,
  QUOTE,
  TextReader,
} from '../../otlp/json/text-reader.ts'
import { readString } from '../../otlp/wire-reader.ts'
import { isTranslateFault, type TranslateFault } from '../fault.ts'
import { MAX_TIME_TEXT, parseDuration, parseTime } from './json-times.ts'
import { readJaegerBatch, readJaegerSpan } from './proto.ts'
import {
  BATCH,
  type Field,
  type Kind,
  type Message,
  REF_TYPES,
  SPAN,
  VALUE_TYPES,
} from './schema.ts'

const LOWER_N = 0x6e
const GIGA = 1_000_000_000n
/** Seconds of a signed 64-bit time in nanoseconds. */
const MAX_NANOS = 0x7fff_ffff_ffff_ffffn
const MAX_INT32 = 0x7fff_ffff

const ID_BYTES: Readonly<Record<'traceId' | 'spanId', number>> = { traceId: 16, spanId: 8 }

/** Wire types of what is not length-delimited. */
const WIRES: ReadonlyMap<Kind, number> = new Map<Kind, number>([
  ['bool', 0],
  ['uint32', 0],
  ['int64', 0],
  ['valueType', 0],
  ['refType', 0],
  ['double', 1],
])

/** A Span, with its process in it, as an export request. Never throws. */
export function readJaegerSpanJson(text: Uint8Array): Uint8Array | TranslateFault {
  const proto = reader.read(text, SPAN)
  return isTranslateFault(proto) ? proto : whole(readJaegerSpan(proto))
}

/** A Batch as an export request. Never throws. */
export function readJaegerBatchJson(text: Uint8Array): Uint8Array | TranslateFault {
  const proto = reader.read(text, BATCH)
  return isTranslateFault(proto) ? proto : whole(readJaegerBatch(proto))
}

/** What only the second reading finds has no place in the text: it is of the whole. */
function whole(result: Uint8Array | TranslateFault): Uint8Array | TranslateFault {
  return isTranslateFault(result) ? { ...result, offset: 0 } : result
}

class JsonReader {
  readonly #text = new TextReader()
  readonly #out = new MessageWriter()
  readonly #numbers = new NumberReader(this.#text, this.#out)
  /** Keys on the way to the value at hand. */
  readonly #path: string[] = []

  read(bytes: Uint8Array, root: Message): Uint8Array | TranslateFault {
    const text = this.#text
    this.#path.length = 0
    const fine =
      text.start(bytes) &&
      (this.#out.start(bytes.length) ||
        text.fail('too_large', 'expected a text that fits into memory')) &&
      this.#message(root) &&
      ((text.next() === 0 && text.pos === text.end) ||
        text.fail('syntax', 'expected the end of the text'))
    text.release()
    if (fine) return this.#out.take()
    this.#out.release()
    const { fault, offset, message } = text.fault!
    const place = this.#path.join('').replace(/^\./, '')
    return { fault, offset, message: place === '' ? message : `${place}: ${message}` }
  }

  /** Reads the object at the cursor as fields of a message. */
  #message(message: Message): boolean {
    const text = this.#text
    if (text.next() !== OPEN_OBJECT) return text.fail('type', 'expected an object')
    text.pos++
    if (text.next() === CLOSE_OBJECT) {
      text.pos++
      return true
    }
    for (;;) {
      if (!this.#member(message)) return false
      const byte = text.next()
      text.pos++
      if (byte === CLOSE_OBJECT) return true
      if (byte !== COMMA) {
        text.pos--
        return text.fail('syntax', 'expected "," or "}"')
      }
    }
  }

  #member(message: Message): boolean {
    const text = this.#text
    const out = this.#out
    if (text.next() !== QUOTE) return text.fail('syntax', 'expected a key in quotes')
    if (!this.#reserve()) return false
    const start = out.pos
    if (!text.string(out)) return false
    const field = message.byName.get(readString(out.bytes, start, out.pos))
    out.pos = start
    const first = text.value()
    if (text.fault !== null) return false
    if (first === LOWER_N) return text.null()
    if (field === undefined) return skipValue(text, out)
    this.#path.push(`.${field.json}`)
    if (!(field.isRepeated ? this.#list(field) : this.#value(field))) return false
    this.#path.pop()
    return true
  }

  #reserve(): boolean {
    const text = this.#text
    return (
      this.#out.reserve(text.end - text.pos) ||
      text.fail('too_large', 'expected a text that fits into memory')
    )
  }

  #list(field: Field): boolean {
    const text = this.#text
    if (text.next() !== OPEN_LIST) return text.fail('type', 'expected a list')
    text.pos++
    if (text.next() === CLOSE_LIST) {
      text.pos++
      return true
    }
    for (let index = 0; ; index++) {
      this.#path.push(`[${index}]`)
      if (!this.#value(field)) return false
      this.#path.pop()
      const byte = text.next()
      text.pos++
      if (byte === CLOSE_LIST) return true
      if (byte !== COMMA) {
        text.pos--
        return text.fail('syntax', 'expected "," or "]"')
      }
    }
  }

  #value(field: Field): boolean {
    if (!this.#reserve()) return false
    this.#text.next()
    const out = this.#out
    const { kind, number } = field
    const wire = WIRES.get(kind)
    if (wire !== undefined) {
      out.tag((number << 3) | wire)
      return this.#scalar(kind)
    }
    const start = out.open((number << 3) | 2, 1)
    if (!this.#content(kind)) return false
    out.close(start, 1)
    return true
  }

  #scalar(kind: Kind): boolean {
    const out = this.#out
    switch (kind) {
      case 'bool': {
        const bit = this.#text.bool()
        out.varint(Math.max(0, bit))
        return bit >= 0
      }
      case 'double':
        if (!this.#numbers.readDouble()) return false
        out.double(this.#numbers.double)
        return true
      case 'valueType':
        return this.#enum(VALUE_TYPES)
      case 'refType':
        return this.#enum(REF_TYPES)
      default:
        return this.#integer(kind === 'uint32')
    }
  }

  #integer(is32: boolean): boolean {
    const numbers = this.#numbers
    if (!numbers.readInteger()) return false
    const { negative, high, low } = numbers
    const isIn = is32
      ? high === 0 && !negative
      : high < 0x8000_0000 || (negative && low === 0 && high === 0x8000_0000)
    if (!isIn)
      return this.#text.fail(
        'range',
        `expected a${is32 ? 'n unsigned 32' : ' signed 64'}-bit integer`,
      )
    if (negative) this.#out.varint64((~high + (low === 0 ? 1 : 0)) >>> 0, -low >>> 0)
    else this.#out.varint64(high, low)
    return true
  }

  #enum(names: readonly string[]): boolean {
    const text = this.#text
    if (text.bytes[text.pos] !== QUOTE) {
      if (!this.#numbers.readInteger()) return false
      if (this.#numbers.negative || this.#numbers.high > 0 || this.#numbers.low > MAX_INT32) {
        return text.fail('range', 'expected the number of an enum')
      }
      this.#out.varint(this.#numbers.low)
      return true
    }
    const from = text.pos
    const name = this.#string()
    if (name === undefined) return false
    const at = names.indexOf(name)
    if (at < 0) {
      text.pos = from
      return text.fail('value', `expected one of ${names.join(', ')}`)
    }
    this.#out.varint(at)
    return true
  }

  /** The string at the cursor, which leaves no bytes behind; undefined for a fault. */
  #string(): string | undefined {
    const out = this.#out
    const start = out.pos
    if (!this.#text.string(out)) return undefined
    const text = readString(out.bytes, start, out.pos)
    out.pos = start
    return text
  }

  #content(kind: Kind): boolean {
    const text = this.#text
    if (typeof kind === 'object') return this.#message(kind)
    if (kind === 'duration' && text.bytes[text.pos] !== QUOTE) return this.#bareDuration()
    if (text.bytes[text.pos] !== QUOTE) return text.fail('type', 'expected a string')
    if (kind === 'string') return text.string(this.#out)
    if (kind === 'timestamp' || kind === 'duration') return this.#time(kind)
    const from = text.pos
    const start = this.#out.pos
    if (!readBase64(text, this.#out)) return false
    const length = this.#out.pos - start
    if (kind !== 'traceId' && kind !== 'spanId') return true
    if (length === ID_BYTES[kind] || length === 0 || length === 8) return true
    text.pos = from
    return text.fail('value', `expected ${ID_BYTES[kind]} bytes in base64`)
  }

  #time(kind: 'timestamp' | 'duration'): boolean {
    const text = this.#text
    const from = text.pos
    const written = this.#string()
    if (written === undefined) return false
    const isShort = written.length <= MAX_TIME_TEXT
    const parse = kind === 'timestamp' ? parseTime : parseDuration
    const nanos = isShort ? parse(written) : undefined
    if (nanos !== undefined && nanos <= MAX_NANOS && nanos >= -MAX_NANOS) return this.#nanos(nanos)
    text.pos = from
    if (nanos !== undefined && kind === 'duration')
      return text.fail('range', 'expected a duration below 292 years')
    // The year 1 is how Go writes that there is no time.
    if (nanos !== undefined && nanos < 0n) {
      text.pos = from
      this.#string()
      return true
    }
    if (nanos !== undefined) return text.fail('range', 'expected a time before 2262-04-11')
    return text.fail(
      'value',
      kind === 'timestamp'
        ? 'expected a time as in "2026-01-31T12:00:00.5Z"'
        : 'expected a duration as in "0.25s"',
    )
  }

  /** Go's own JSON has nanoseconds. */
  #bareDuration(): boolean {
    const numbers = this.#numbers
    if (!numbers.readInteger()) return false
    const size = (BigInt(numbers.high) << 32n) | BigInt(numbers.low)
    if (size > MAX_NANOS) return this.#text.fail('range', 'expected a duration below 292 years')
    return this.#nanos(numbers.negative ? -size : size)
  }

  /** A Timestamp or Duration. */
  #nanos(nanos: bigint): boolean {
    const out = this.#out
    const seconds = BigInt.asUintN(64, nanos / GIGA)
    const rest = BigInt.asUintN(64, nanos % GIGA)
    out.tag(0x08)
    out.varint64(Number(seconds >> 32n), Number(seconds & 0xffff_ffffn))
    out.tag(0x10)
    out.varint64(Number(rest >> 32n), Number(rest & 0xffff_ffffn))
    return true
  }
}

const reader = new JsonReader()
