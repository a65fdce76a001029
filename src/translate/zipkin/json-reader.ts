/**
 * What both JSON formats of Zipkin have in common: a list of span objects, read in one pass without a JavaScript value
 * of the text. Which keys there are is said by the format; unknown keys are skipped, `null` is absent.
 */
import type { MessageWriter } from '../../otlp/json/message-writer.ts'
import { latin1, NumberReader } from '../../otlp/json/number-reader.ts'
import { skipValue } from '../../otlp/json/skip-value.ts'
import {
  BACKSLASH,
  CLOSE_LIST,
  CLOSE_OBJECT,
  COMMA,
  HEX,
  isDigit,
  MINUS,
  numberEnd,
  OPEN_LIST,
  OPEN_OBJECT,
  QUOTE,
  TextReader,
} from '../../otlp/json/text-reader.ts'
import { copyBytes } from '../../otlp/wire-writer.ts'
import type { TranslateFault } from '../fault.ts'
import { parseIp, writeIp } from './ip.ts'
import { type SpanSink, TOO_LONG } from './span-sink.ts'
import { TEXT } from './typed-tag.ts'

const LOWER_N = 0x6e
/** Longest key that is named in a fault. */
const MAX_NAMED = 40

/** What the object is whose members are read; formats add their own. */
export const SPAN = 0

export interface ReadOptions {
  /** Tags that read as numbers or booleans become attributes of that type (`parse_string_tags`). */
  readonly parseStringTags?: boolean
}

export abstract class JsonReader {
  protected readonly text = new TextReader()
  protected readonly sink: SpanSink
  protected readonly numbers: NumberReader
  readonly #isLegacy: boolean
  /** Where the fault is, built from the inside out while the calls return. */
  #path = ''

  constructor(sink: SpanSink, isLegacy: boolean) {
    this.sink = sink
    this.numbers = new NumberReader(this.text, sink.aside)
    this.#isLegacy = isLegacy
  }

  read(bytes: Uint8Array, options: ReadOptions): Uint8Array | TranslateFault {
    const { text, sink } = this
    this.#path = ''
    const fine =
      text.start(bytes, firstByte(bytes) === OPEN_OBJECT ? OPEN_OBJECT : OPEN_LIST) &&
      (sink.startRequest(bytes.length, this.#isLegacy, options.parseStringTags === true) ||
        text.fail('too_large', 'expected a smaller text')) &&
      (text.bytes[text.pos] === OPEN_OBJECT ? this.#span() : this.list(SPAN)) &&
      ((text.next() === 0 && text.pos === text.end) ||
        text.fail('syntax', 'expected nothing after the list of spans'))
    text.release()
    const request = fine ? sink.takeRequest() : null
    if (request !== null) return request
    sink.release()
    const { fault, offset, message } = text.fault ?? TOO_LARGE
    const place = this.#path === '' ? '' : `${this.#path.replace(/^\./, '')}: `
    return { fault, offset, message: place + message }
  }

  /** Reads the value of a key of such an object; the key is `keys[start..end)`. Null never comes here. */
  protected abstract member(
    context: number,
    keys: Uint8Array,
    start: number,
    end: number,
    byte: number,
  ): boolean

  /** After the last member of an object in a list. */
  protected abstract ended(context: number): boolean

  /** Before the first one. */
  protected abstract began(context: number): void

  #span(): boolean {
    this.sink.beginSpan()
    this.began(SPAN)
    return this.object(SPAN) && this.ended(SPAN) && this.#endSpan()
  }

  #endSpan(): boolean {
    const wrong = this.sink.endSpan()
    if (wrong === null) return true
    return this.text.fail(wrong.fault, wrong.message)
  }

  /** Reads a list of objects; null elements are passed over. */
  protected list(context: number): boolean {
    const { text } = this
    if (text.next() !== OPEN_LIST) return text.fail('type', 'expected a list')
    text.pos++
    let byte = text.next()
    if (byte === CLOSE_LIST) {
      text.pos++
      return true
    }
    for (let index = 0; ; index++) {
      const fine = byte === LOWER_N ? text.null() : this.#element(context)
      if (!fine) {
        this.#path = `[${index}]${this.#path}`
        return false
      }
      byte = text.next()
      if (byte !== COMMA) break
      text.pos++
      byte = text.next()
    }
    if (byte !== CLOSE_LIST) return text.fail('syntax', 'expected "," or "]"')
    text.pos++
    return true
  }

  #element(context: number): boolean {
    if (context === SPAN) return this.#span()
    this.began(context)
    return this.object(context) && this.ended(context)
  }

  // hot: bench/micro/zipkin.ts
  /** Reads the object at the cursor, member by member. */
  protected object(context: number): boolean {
    const { text } = this
    if (text.next() !== OPEN_OBJECT) return text.fail('type', 'expected an object')
    text.pos++
    let byte = text.next()
    if (byte === CLOSE_OBJECT) {
      text.pos++
      return true
    }
    for (;;) {
      if (byte !== QUOTE) return text.fail('syntax', 'expected a key in double quotes')
      const { bytes } = text
      const start = text.pos + 1
      let end = start
      while (bytes[end] !== QUOTE && bytes[end] !== BACKSLASH && end < text.end) end++
      const fine =
        bytes[end] === BACKSLASH
          ? this.#escapedMember(context)
          : this.#plainMember(context, start, end)
      if (!fine) {
        if (end - start <= MAX_NAMED) this.#path = `.${latin1(bytes, start, end)}${this.#path}`
        return false
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

  #plainMember(context: number, start: number, end: number): boolean {
    const { text } = this
    text.pos = end + 1
    const byte = text.value()
    if (byte === LOWER_N) return text.null()
    if (byte === 0) return text.fail('syntax', 'expected a JSON value')
    return this.member(context, text.bytes, start, end, byte)
  }

  #escapedMember(context: number): boolean {
    const { text } = this
    const { aside } = this.sink
    aside.reserve(text.end - text.pos)
    const start = aside.pos
    if (!text.string(aside)) return false
    const key = aside.bytes.slice(start, aside.pos)
    aside.pos = start
    const byte = text.value()
    if (byte === LOWER_N) return text.null()
    if (byte === 0) return text.fail('syntax', 'expected a JSON value')
    return this.member(context, key, 0, key.length, byte)
  }

  /** Steps over a value that nothing is known of. The key is judged too: it was only looked at. */
  protected skip(): boolean {
    const { aside } = this.sink
    aside.reserve(this.text.end - this.text.pos)
    return skipValue(this.text, aside)
  }

  /** Reads a string into `aside` as the text of a class. */
  protected string(key: number, byte: number): boolean {
    const { text } = this
    const { aside } = this.sink
    if (byte !== QUOTE) return text.fail('type', 'expected a string')
    aside.reserve(text.end - text.pos)
    const start = aside.pos
    if (!text.string(aside)) return false
    if (aside.pos > start) this.sink.put(key, start, aside.pos)
    return true
  }

  /**
   * Reads an IP address, which is written as RFC 5952 wants it whatever it was; an empty one is none. Clients put host
   * names and masked addresses there: what is no address stays as it is.
   */
  protected ip(key: number, byte: number): boolean {
    const { text } = this
    const { aside } = this.sink
    if (byte !== QUOTE) return text.fail('type', 'expected a string')
    aside.reserve(text.end - text.pos)
    const start = aside.pos
    if (!text.string(aside)) return false
    if (aside.pos === start) return true
    if (parseIp(aside.bytes, start, aside.pos) !== 0) {
      aside.pos = start
      writeIp(aside)
    }
    this.sink.put(key, start, aside.pos)
    return true
  }

  /** Reads an id of at most 8 * `words` hexadecimal digits; shorter ones are filled up from the left. */
  protected id(at: number, words: number, byte: number): boolean {
    const { text } = this
    const { bytes } = text
    const { ids } = this.sink
    if (byte !== QUOTE) return text.fail('type', 'expected a string')
    const start = text.pos + 1
    let end = start
    while (HEX[bytes[end]] < 16) end++
    if (bytes[end] !== QUOTE || end - start > 8 * words) {
      text.pos = end
      return text.fail('value', `expected an id of at most ${8 * words} hexadecimal digits`)
    }
    // From the last digit on, eight make a word.
    let pos = end
    for (let word = at + words - 1; word >= at; word--) {
      let value = 0
      for (let shift = 0; shift < 32 && pos > start; shift += 4) value |= HEX[bytes[--pos]] << shift
      ids[word] = value
    }
    text.pos = end + 1
    return true
  }

  /** Reads a number of microseconds into `numbers`. */
  protected micros(): boolean {
    if (!this.#integer()) return false
    const { negative, high, low } = this.numbers
    if (!negative || (high === 0 && low === 0)) return true
    return this.text.fail('range', 'expected no negative number')
  }

  #integer(): boolean {
    const { text, sink } = this
    // One in quotes may pass through `aside`.
    if (text.bytes[text.pos] === QUOTE) sink.aside.reserve(text.end - text.pos)
    return this.numbers.readInteger()
  }

  /** Reads a port; -1 for a fault. */
  protected port(): number {
    if (!this.#integer()) return -1
    const { negative, high, low } = this.numbers
    if (high === 0 && low <= 0xffff && (!negative || low === 0)) return low
    this.text.fail('range', 'expected a port from 0 to 65535')
    return -1
  }

  /** Reads a value that stands for its text: a string, or a number or boolean as it is written; null is empty. */
  protected scalar(out: MessageWriter, byte: number): boolean {
    const { text } = this
    if (byte === QUOTE) return text.string(out)
    const start = text.pos
    if (byte === MINUS || isDigit(byte)) {
      const end = numberEnd(text.bytes, start)
      if (end < 0) return text.fail('syntax', 'expected a JSON number')
      text.pos = end
    } else if (byte === LOWER_N) return text.null()
    else if (!text.isBool()) return text.fail('type', 'expected a string')
    out.pos = copyBytes(out.bytes, out.pos, text.bytes, start, text.pos)
    return true
  }

  // hot: bench/micro/zipkin.ts
  /** Reads an object of tags. */
  protected tags(): boolean {
    const { text, sink } = this
    if (text.next() !== OPEN_OBJECT) return text.fail('type', 'expected an object')
    text.pos++
    let byte = text.next()
    if (byte === CLOSE_OBJECT) {
      text.pos++
      return true
    }
    for (;;) {
      if (byte !== QUOTE) return text.fail('syntax', 'expected a key in double quotes')
      const rest = text.end - text.pos
      if (!sink.out.reserve(rest)) return text.fail('too_large', 'expected a smaller text')
      sink.openTag()
      if (!text.string(sink.out)) return false
      byte = text.value()
      const to = sink.openValue()
      to.reserve(rest)
      if (byte === 0 || !this.scalar(to, byte)) {
        return text.fail('syntax', 'expected a string')
      }
      sink.closeTag(TEXT)
      byte = text.next()
      text.pos++
      if (byte === CLOSE_OBJECT) return true
      if (byte !== COMMA) {
        text.pos--
        return text.fail('syntax', 'expected "," or "}"')
      }
      byte = text.next()
    }
  }
}

const TOO_LARGE: TranslateFault = {
  fault: 'too_large',
  offset: 0,
  message: TOO_LONG,
}

function firstByte(bytes: Uint8Array): number {
  let pos = 0
  while (bytes[pos] === 0x20 || (bytes[pos] >= 0x09 && bytes[pos] <= 0x0d)) pos++
  return bytes[pos]
}

/** Whether the key `keys[start..end)` is this one. */
export function keyIs(name: Uint8Array, keys: Uint8Array, start: number, end: number): boolean {
  if (end - start !== name.length) return false
  for (let i = 0; i < name.length; i++) if (keys[start + i] !== name[i]) return false
  return true
}
