/** Prints one value for one verb as Go's fmt does; maps and lists as Go's maps and slices of any. */
import { compareText } from '../compare.ts'
import { Duration, EvaluationError, Id, ProfileId, SpanId, Time, type Value } from '../value.ts'
import { floatText, integerText } from './go-number.ts'
import { type Flags, pad } from './go-pad.ts'
import { canBackquote, quoteGo, textOfBytes } from './go-quote.ts'
import { goDurationText, goTimeText } from './go-time-text.ts'

/** Longest text that is printed, in UTF-16 units. */
const MAX_LENGTH = 16 * 1024 * 1024
/** Lists and maps within each other. */
const MAX_DEPTH = 64

export function goTypeName(value: Value): string {
  if (value === null) return '<nil>'
  if (typeof value === 'bigint') return 'int64'
  if (typeof value === 'number') return 'float64'
  if (typeof value === 'boolean') return 'bool'
  if (typeof value === 'string') return 'string'
  if (value instanceof SpanId) return 'pcommon.SpanID'
  if (value instanceof ProfileId) return 'pprofile.ProfileID'
  if (value instanceof Id) return 'pcommon.TraceID'
  if (value instanceof Uint8Array) return '[]uint8'
  if (value instanceof Time) return 'time.Time'
  if (value instanceof Duration) return 'time.Duration'
  if (value instanceof Map) return 'map[string]interface {}'
  return '[]interface {}'
}

function isBytes(value: Value): value is Uint8Array {
  return value instanceof Uint8Array && !(value instanceof Id)
}

/** What Go's String method of the type gives; undefined for types without it. */
function ownText(value: Value): string | undefined {
  if (value instanceof Time) return goTimeText(value)
  if (value instanceof Duration) return goDurationText(value)
  if (!(value instanceof Id)) return undefined
  return value.every(byte => byte === 0) ? '' : Buffer.from(value).toString('hex')
}

export class GoPrinter {
  out = ''
  flags!: Flags
  #isErroring = false

  write(text: string): void {
    this.out += text
    if (this.out.length > MAX_LENGTH) {
      throw new EvaluationError(`the text is longer than ${MAX_LENGTH}`)
    }
  }

  print(value: Value, verb: string): void {
    if (value === null) {
      this.write(verb === 'v' || verb === 'T' ? pad('<nil>', this.flags) : `%!${verb}(<nil>)`)
    } else if (verb === 'T') this.#text(goTypeName(value))
    else if (verb === 'p' || (verb === 'w' && !isBytes(value))) this.#badVerb(value, verb)
    else this.#value(value, verb, 0)
  }

  #value(value: Value, verb: string, depth: number): void {
    if (depth > MAX_DEPTH) throw new EvaluationError(`nested deeper than ${MAX_DEPTH}`)
    if (value === null) this.write(this.flags.sharpV ? 'interface {}(nil)' : '<nil>')
    else if (typeof value === 'boolean') this.#boolean(value, verb)
    else if (typeof value === 'bigint')
      this.#number(integerText(value, verb, this.flags, false), value, verb)
    else if (typeof value === 'number')
      this.#number(floatText(value, verb, this.flags), value, verb)
    else if (typeof value === 'string') this.#string(value, verb, value)
    else if (value instanceof Map) this.#map(value, verb, depth)
    else if (Array.isArray(value)) this.#list(value, verb, depth)
    else if (isBytes(value)) {
      this.#bytes(value, verb, depth === 0 && verb !== 'w' ? '[]byte' : '[]uint8')
    } else this.#withOwnText(value, verb)
  }

  #withOwnText(value: Value, verb: string): void {
    const text = ownText(value)
    const isAsked = 'vsxXq'.includes(verb) && !this.flags.sharpV && !this.#isErroring
    if (text !== undefined && isAsked) this.#string(text, verb, value)
    else if (value instanceof Id) this.#bytes(value, verb, goTypeName(value))
    else if (value instanceof Duration) {
      this.#number(integerText(value.nanos, verb, this.flags, false), value, verb)
    } else if (text !== undefined) this.#text(text)
    else this.write(goTypeName(value))
  }

  #boolean(value: boolean, verb: string): void {
    if (verb === 't' || verb === 'v') this.write(pad(String(value), this.flags))
    else this.#badVerb(value, verb)
  }

  #number(text: string | undefined, value: Value, verb: string): void {
    if (text === undefined) this.#badVerb(value, verb)
    else this.write(text)
  }

  #list(list: readonly Value[], verb: string, depth: number): void {
    this.#open('[]interface {}', '')
    for (const [i, item] of list.entries()) {
      if (i > 0) this.#separate()
      this.#value(item, verb, depth + 1)
    }
    this.#close()
  }

  #map(map: ReadonlyMap<string, Value>, verb: string, depth: number): void {
    this.#open('map[string]interface {}', 'map')
    for (const [i, key] of [...map.keys()].sort(compareText).entries()) {
      if (i > 0) this.#separate()
      this.#string(key, verb, key)
      this.write(':')
      this.#value(map.get(key) as Value, verb, depth + 1)
    }
    this.#close()
  }

  #open(type: string, word: string): void {
    this.write(this.flags.sharpV ? `${type}{` : `${word}[`)
  }

  #separate(): void {
    this.write(this.flags.sharpV ? ', ' : ' ')
  }

  #close(): void {
    this.write(this.flags.sharpV ? '}' : ']')
  }

  #badVerb(value: Value, verb: string): void {
    this.#isErroring = true
    this.write(`%!${verb}(${goTypeName(value)}=`)
    this.print(value, 'v')
    this.write(')')
    this.#isErroring = false
  }

  #string(text: string, verb: string, whole: Value): void {
    if (verb === 'q' || (verb === 'v' && this.flags.sharpV)) this.#quoted(text)
    else if (verb === 'v' || verb === 's') this.#text(text)
    else if (verb === 'x' || verb === 'X') this.#hex(Buffer.from(text), verb)
    else this.#badVerb(whole, verb)
  }

  #bytes(bytes: Uint8Array, verb: string, type: string): void {
    const buffer = Buffer.from(bytes)
    if (verb === 's') this.#text(buffer.toString())
    else if (verb === 'x' || verb === 'X') this.#hex(buffer, verb)
    else if (verb === 'q') this.#quoted(textOfBytes(buffer))
    else this.#eachByte(buffer, verb, type)
  }

  #eachByte(bytes: Uint8Array, verb: string, type: string): void {
    this.#open(type, '')
    for (const [i, byte] of bytes.entries()) {
      if (i > 0) this.#separate()
      const text = integerText(BigInt(byte), verb, this.flags, true)
      const plain = () => integerText(BigInt(byte), 'v', this.flags, true)
      this.write(text ?? `%!${verb}(uint8=${plain()})`)
    }
    this.#close()
  }

  #text(text: string): void {
    this.write(pad(this.#cut(text), this.flags))
  }

  /** To as many characters as the precision says. */
  #cut(text: string): string {
    const { precision } = this.flags
    if (precision === undefined || precision >= text.length) return text
    return Array.from(text).slice(0, precision).join('')
  }

  #quoted(text: string): void {
    const cut = this.#cut(text)
    const isRaw = this.flags.sharp && canBackquote(cut)
    this.write(pad(isRaw ? `\`${cut}\`` : quoteGo(cut, '"', this.flags.plus), this.flags))
  }

  #hex(bytes: Buffer, verb: string): void {
    const { flags } = this
    const hex = bytes.subarray(0, flags.precision ?? bytes.length).toString('hex')
    const pairs = (verb === 'X' ? hex.toUpperCase() : hex).match(/../g) ?? []
    const prefix = flags.sharp && pairs.length > 0 ? `0${verb}` : ''
    const text = flags.space ? pairs.map(pair => prefix + pair).join(' ') : prefix + pairs.join('')
    this.write(pad(text, flags))
  }
}
