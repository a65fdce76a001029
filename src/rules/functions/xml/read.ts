/**
 * Reads XML text into tokens by the rules of Go's encoding/xml in its strict mode: no DTD is followed and no entity is
 * known but the five of XML, so that nothing expands. One pass over the text.
 */
import { EvaluationError } from '../../value.ts'

/** Longest document, in UTF-16 units. */
export const MAX_XML_LENGTH = 1024 * 1024
/** Most tags, texts, attributes and entities in one: reading them stays within some tens of milliseconds. */
export const MAX_XML_PARTS = 65_536
/** Deepest nesting of elements, as in the reference. */
export const MAX_XML_DEPTH = 10_000

export interface XmlName {
  /** The prefix as written; empty without one. */
  readonly space: string
  readonly local: string
}

export interface XmlAttribute {
  readonly name: XmlName
  readonly value: string
}

export type XmlToken =
  | {
      readonly kind: 'start'
      readonly name: XmlName
      readonly attributes: readonly XmlAttribute[]
      /** Where the name begins in the text. */
      readonly at: number
    }
  | { readonly kind: 'end'; readonly name: XmlName }
  | { readonly kind: 'text'; readonly data: string; readonly isCdata: boolean }
  | { readonly kind: 'comment'; readonly data: string }
  | { readonly kind: 'instruction'; readonly target: string; readonly data: string }
  | { readonly kind: 'directive'; readonly data: string }

const ENTITIES: ReadonlyMap<string, string> = new Map([
  ['lt', '<'],
  ['gt', '>'],
  ['amp', '&'],
  ['apos', "'"],
  ['quot', '"'],
])
const ENTITY = /&(?:#([0-9]+)|#x([0-9a-fA-F]+)|([a-z]+));/y
const NAME_RUN = /[A-Za-z0-9_:.\-\u0080-\u{10ffff}]*/uy
const NAME = /^[:_\p{L}\p{Nl}][:_\p{L}\p{Nl}\p{M}\p{Nd}.\-\u00b7\u0387]*$/u
const SPACES = /[ \r\n\t]*/y
const MAX_RUNE = 0x10ffff
const CR = 0x0d
const LF = 0x0a
const EOF = 'unexpected EOF'

/** Becomes an EvaluationError with the line. */
class Fault extends Error {}

export class XmlReader {
  #text: string
  #at = 0
  readonly #open: XmlName[] = []
  #selfClosed: XmlName | null = null
  #parts = 0
  readonly #onEncoding: (label: string, rest: string) => string

  /** `onEncoding` is asked for the rest of the text when the declaration names another encoding than UTF-8. */
  constructor(text: string, onEncoding: (label: string, rest: string) => string) {
    if (text.length > MAX_XML_LENGTH) {
      throw new EvaluationError(`the XML is longer than ${MAX_XML_LENGTH}`)
    }
    this.#text = text
    this.#onEncoding = onEncoding
  }

  get text(): string {
    return this.#text
  }

  get position(): number {
    return this.#at
  }

  get depth(): number {
    return this.#open.length
  }

  /** Null at the end of the text. Elements are properly nested; `<a/>` gives a start and an end. */
  next(): XmlToken | null {
    try {
      return this.#token()
    } catch (error) {
      if (error instanceof Fault) throw new EvaluationError(this.#located(error.message))
      throw error
    }
  }

  #located(message: string): string {
    const read = message.startsWith(EOF) ? this.#text : this.#text.slice(0, this.#at)
    return `XML syntax error on line ${read.split('\n').length}: ${message}`
  }

  #token(): XmlToken | null {
    this.#count()
    if (this.#selfClosed !== null) {
      const name = this.#selfClosed
      this.#selfClosed = null
      return this.#close(name)
    }
    if (this.#at >= this.#text.length) {
      if (this.#open.length > 0) throw new Fault(EOF)
      return null
    }
    if (this.#text[this.#at] !== '<') return this.#characters()
    switch (this.#text[this.#at + 1]) {
      case '/':
        return this.#endTag()
      case '?':
        return this.#instruction()
      case '!':
        return this.#declaration()
      default:
        return this.#startTag()
    }
  }

  #characters(): XmlToken {
    const found = this.#text.indexOf('<', this.#at)
    const end = found < 0 ? this.#text.length : found
    const raw = this.#text.slice(this.#at, end)
    if (raw.includes(']]>')) throw new Fault('unescaped ]]> not in CDATA section')
    this.#at = end
    return {
      kind: 'text',
      data: checked(resolveEntities(raw, () => this.#count())),
      isCdata: false,
    }
  }

  #startTag(): XmlToken {
    const at = ++this.#at
    const name = this.#name('expected element name after <')
    const attributes: XmlAttribute[] = []
    for (;;) {
      this.#skipSpaces()
      const next = this.#text[this.#at]
      if (next === '>') break
      if (next === '/') {
        if (this.#text[this.#at + 1] !== '>') throw new Fault('expected /> in element')
        this.#at++
        this.#selfClosed = name
        break
      }
      attributes.push(this.#attribute())
    }
    this.#at++
    if (this.#open.push(name) > MAX_XML_DEPTH) {
      throw new EvaluationError(`exceeded maximum XML nesting depth of ${MAX_XML_DEPTH}`)
    }
    return { kind: 'start', name, attributes, at }
  }

  #count(): void {
    if (++this.#parts > MAX_XML_PARTS) {
      throw new EvaluationError(
        `the XML has more than ${MAX_XML_PARTS} tags, texts, attributes and entities`,
      )
    }
  }

  #attribute(): XmlAttribute {
    this.#count()
    const name = this.#name('expected attribute name in element')
    this.#skipSpaces()
    if (this.#text[this.#at] !== '=') throw new Fault('attribute name without = in element')
    this.#at++
    this.#skipSpaces()
    const quote = this.#text[this.#at]
    if (quote !== '"' && quote !== "'") {
      throw new Fault('unquoted or missing attribute value in element')
    }
    const end = this.#find(quote, this.#at + 1)
    const raw = this.#text.slice(this.#at + 1, end)
    if (raw.includes('<')) throw new Fault('unescaped < inside quoted string')
    this.#at = end + 1
    return { name, value: checked(resolveEntities(raw, () => this.#count())) }
  }

  #endTag(): XmlToken {
    this.#at += 2
    const name = this.#name('expected element name after </')
    this.#skipSpaces()
    if (this.#text[this.#at] !== '>') {
      throw new Fault(`invalid characters between </${name.local} and >`)
    }
    this.#at++
    return this.#close(name)
  }

  #close(name: XmlName): XmlToken {
    const open = this.#open.pop()
    if (open === undefined) throw new Fault(`unexpected end element </${name.local}>`)
    if (open.local !== name.local || open.space !== name.space) {
      throw new Fault(`element <${open.local}> closed by </${name.local}>`)
    }
    return { kind: 'end', name }
  }

  #instruction(): XmlToken {
    this.#at += 2
    const target = this.#plainName('expected target name after <?')
    this.#skipSpaces()
    const end = this.#find('?>', this.#at)
    const data = this.#text.slice(this.#at, end)
    this.#at = end + 2
    if (target === 'xml') this.#xmlDeclaration(data)
    return { kind: 'instruction', target, data }
  }

  #xmlDeclaration(data: string): void {
    const version = parameterOf('version', data)
    if (version !== '' && version !== '1.0') throw new Fault(`unsupported version ${version}`)
    const encoding = parameterOf('encoding', data)
    if (encoding === '' || encoding.toLowerCase() === 'utf-8') return
    this.#text = this.#onEncoding(encoding, this.#text.slice(this.#at))
    this.#at = 0
  }

  #declaration(): XmlToken {
    if (this.#text.startsWith('<!-', this.#at)) return this.#comment()
    if (this.#text.startsWith('<![', this.#at)) return this.#cdata()
    return this.#directive()
  }

  #comment(): XmlToken {
    if (this.#text[this.#at + 3] !== '-') throw new Fault('invalid sequence <!- not part of <!--')
    const end = this.#find('--', this.#at + 4)
    if (this.#text[end + 2] !== '>')
      throw new Fault('invalid sequence "--" not allowed in comments')
    const data = this.#text.slice(this.#at + 4, end)
    this.#at = end + 3
    return { kind: 'comment', data }
  }

  #cdata(): XmlToken {
    if (!this.#text.startsWith('CDATA[', this.#at + 3)) throw new Fault('invalid <![ sequence')
    const end = this.#find(']]>', this.#at + 9)
    const data = this.#text.slice(this.#at + 9, end)
    this.#at = end + 3
    return { kind: 'text', data: checked(joinLineEnds(data)), isCdata: true }
  }

  /** `<!DOCTYPE …>` and the like: kept as text; quoted and nested angle brackets belong to it, comments do not. */
  #directive(): XmlToken {
    const text = this.#text
    const parts: string[] = []
    let from = this.#at + 2
    let at = from + 1
    let quote = ''
    let depth = 0
    for (; at < text.length; at++) {
      const char = text[at]
      if (quote !== '') {
        if (char === quote) quote = ''
      } else if (char === '"' || char === "'") quote = char
      else if (char === '>' && depth-- === 0) break
      else if (char === '<') {
        if (!text.startsWith('<!--', at)) depth++
        else {
          parts.push(text.slice(from, at), ' ')
          at = this.#find('-->', at + 4) + 2
          from = at + 1
        }
      }
    }
    if (at >= text.length) throw new Fault(EOF)
    parts.push(text.slice(from, at))
    this.#at = at + 1
    return { kind: 'directive', data: parts.join('') }
  }

  #name(missing: string): XmlName {
    const name = this.#plainName(missing)
    const colon = name.indexOf(':')
    if (colon >= 0 && name.indexOf(':', colon + 1) >= 0) throw new Fault(missing)
    if (colon <= 0 || colon === name.length - 1) return { space: '', local: name }
    return { space: name.slice(0, colon), local: name.slice(colon + 1) }
  }

  #plainName(missing: string): string {
    NAME_RUN.lastIndex = this.#at
    const name = NAME_RUN.exec(this.#text)?.[0] ?? ''
    if (this.#at + name.length >= this.#text.length) throw new Fault(EOF)
    if (name === '') throw new Fault(missing)
    if (!NAME.test(name)) throw new Fault(`invalid XML name: ${name}`)
    this.#at += name.length
    return name
  }

  #skipSpaces(): void {
    SPACES.lastIndex = this.#at
    this.#at += SPACES.exec(this.#text)?.[0].length ?? 0
    if (this.#at >= this.#text.length) throw new Fault(EOF)
  }

  #find(wanted: string, from: number): number {
    const found = this.#text.indexOf(wanted, from)
    if (found < 0) throw new Fault(EOF)
    return found
  }
}

function resolveEntities(raw: string, onEntity: () => void): string {
  let amp = raw.indexOf('&')
  if (amp < 0) return joinLineEnds(raw)
  const parts: string[] = []
  let from = 0
  for (; amp >= 0; amp = raw.indexOf('&', from)) {
    ENTITY.lastIndex = amp
    const match = ENTITY.exec(raw)
    if (match === null) throw new Fault('invalid character entity')
    onEntity()
    const [, decimal, hex, name] = match
    parts.push(joinLineEnds(raw.slice(from, amp)))
    parts.push(name === undefined ? character(decimal, hex) : named(name))
    from = ENTITY.lastIndex
  }
  parts.push(joinLineEnds(raw.slice(from)))
  return parts.join('')
}

function named(name: string): string {
  const text = ENTITIES.get(name)
  if (text === undefined) throw new Fault(`invalid character entity &${name};`)
  return text
}

function character(decimal: string | undefined, hex: string | undefined): string {
  const code = decimal === undefined ? Number.parseInt(hex ?? '', 16) : Number(decimal)
  if (!(code <= MAX_RUNE)) throw new Fault('invalid character entity')
  return code >= 0xd800 && code <= 0xdfff ? '\ufffd' : String.fromCodePoint(code)
}

/** `\r\n` and `\r` are `\n`; over units, since replacing text costs much more where there are many. */
function joinLineEnds(text: string): string {
  if (!text.includes('\r')) return text
  const bytes = Buffer.from(text, 'utf16le')
  let end = 0
  for (let i = 0; i < text.length; i++) {
    const unit = text.charCodeAt(i)
    if (unit === LF && i > 0 && text.charCodeAt(i - 1) === CR) continue
    bytes.writeUInt16LE(unit === CR ? LF : unit, end)
    end += 2
  }
  return bytes.toString('utf16le', 0, end)
}

/** Refuses what the production Char of XML leaves out. */
function checked(text: string): string {
  for (let i = 0; i < text.length; i++) {
    const code = text.charCodeAt(i)
    const isAllowed = code >= 0x20 ? code < 0xfffe : code === 9 || code === 10 || code === 13
    if (!isAllowed) throw new Fault(`illegal character code ${code}`)
  }
  return text
}

/** The value of `name="…"` in a declaration; empty when absent. */
function parameterOf(name: string, data: string): string {
  const start = data.search(new RegExp(`${name}=["']`))
  if (start < 0) return ''
  const from = start + name.length + 2
  const end = data.indexOf(data[from - 1], from)
  return end < 0 ? '' : data.slice(from, end)
}
