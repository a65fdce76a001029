/** Tokens of an XPath expression, as the reference's scanner (antchfx/xpath) tells them apart. */
import { isSpace } from './space.ts'

export type XPathToken =
  | { readonly kind: 'end' }
  | { readonly kind: 'symbol'; readonly text: string }
  | { readonly kind: 'string'; readonly value: string }
  | { readonly kind: 'number'; readonly value: number }
  | { readonly kind: 'axis'; readonly name: string }
  | {
      readonly kind: 'name'
      readonly prefix: string
      readonly name: string
      /** A parenthesis follows. */
      readonly isCall: boolean
    }

const SYMBOLS = ['<=', '>=', '!=', '..', '//', ...',@()|*[]+-=$<>!./']
const NUMBER = /(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)/y
const NAME = /[\p{L}\p{Nl}\p{M}\p{Nd}_.\-\u00b7\u0387]+/uy

export class XPathScanner {
  readonly #text: string
  #at = 0
  #token: XPathToken = { kind: 'end' }

  constructor(text: string) {
    this.#text = text
    this.advance()
  }

  get token(): XPathToken {
    return this.#token
  }

  advance(): void {
    this.#token = this.#read()
  }

  isSymbol(text: string): boolean {
    return this.#token.kind === 'symbol' && this.#token.text === text
  }

  /** An operator that is written as a name: or, and, div, mod. */
  isWord(text: string): boolean {
    const token = this.#token
    return token.kind === 'name' && token.prefix === '' && token.name === text
  }

  #read(): XPathToken {
    this.#skipSpaces()
    const char = this.#text[this.#at]
    if (char === undefined || char === '\0') return { kind: 'end' }
    const number = this.#match(NUMBER)
    if (number !== '') return { kind: 'number', value: Number(number) }
    if (char === '"' || char === "'") return this.#string(char)
    const symbol = SYMBOLS.find(each => this.#text.startsWith(each, this.#at))
    if (symbol !== undefined) {
      this.#at += symbol.length
      return { kind: 'symbol', text: symbol }
    }
    const name = this.#match(NAME)
    if (name === '') throw new Error(`${this.#text} has an invalid token`)
    return this.#named(name)
  }

  #string(quote: string): XPathToken {
    const end = this.#text.indexOf(quote, this.#at + 1)
    if (end < 0) throw new Error('unclosed string')
    const value = this.#text.slice(this.#at + 1, end)
    this.#at = end + 1
    return { kind: 'string', value }
  }

  /** `foo::` and `foo ::` are axes, `foo:bar` and `foo:*` qualified names. */
  #named(first: string): XPathToken {
    const isAdjacent = this.#text[this.#at] === ':'
    this.#skipSpaces()
    if (this.#text.startsWith('::', this.#at)) {
      this.#at += 2
      return { kind: 'axis', name: first }
    }
    let name = first
    let prefix = ''
    if (this.#text[this.#at] === ':') {
      this.#at++
      const local = this.#text[this.#at] === '*' ? '*' : this.#match(NAME)
      if (!isAdjacent || local === '')
        throw new Error(`${this.#text} has an invalid qualified name`)
      if (local === '*') this.#at++
      prefix = first
      name = local
    }
    this.#skipSpaces()
    return { kind: 'name', prefix, name, isCall: this.#text[this.#at] === '(' }
  }

  #match(pattern: RegExp): string {
    pattern.lastIndex = this.#at
    const found = pattern.exec(this.#text)?.[0] ?? ''
    this.#at += found.length
    return found
  }

  #skipSpaces(): void {
    while (isSpace(this.#text.charCodeAt(this.#at))) this.#at++
  }
}
