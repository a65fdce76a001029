/** Walks over tokens for the parser: looking ahead, going back after a failed attempt, and the bounds on both. */
import { SyntaxFault, type Token, type TokenType, tokenize } from './lexer.ts'

/** Deepest nesting of parentheses, calls, lists, maps and keys. */
export const MAX_EXPRESSION_DEPTH = 200

/** Tokens that may be taken, going back included: nested lambdas try each body twice. */
const BASE_STEPS = 30_000
const STEPS_PER_TOKEN = 16

const TOO_TANGLED = 'expression takes too many attempts to parse'
const TOO_DEEP = `expression is nested deeper than ${MAX_EXPRESSION_DEPTH}`
/** Faults that no other reading of the text can avoid. */
const FINAL: ReadonlySet<string> = new Set([TOO_DEEP, TOO_TANGLED])

export class TokenCursor {
  readonly #tokens: readonly Token[]
  readonly #maxSteps: number
  #at = 0
  #depth = 0
  #steps = 0

  constructor(text: string) {
    this.#tokens = tokenize(text)
    this.#maxSteps = BASE_STEPS + STEPS_PER_TOKEN * this.#tokens.length
  }

  /** Where the next token is; `seek` goes there again. */
  get at(): number {
    return this.#at
  }

  seek(at: number): void {
    this.#at = at
  }

  /** The last token is EOF, and so is what lies behind it. */
  peek(ahead = 0): Token {
    return this.#tokens[Math.min(this.#at + ahead, this.#tokens.length - 1)]
  }

  next(): Token {
    if (++this.#steps > this.#maxSteps) throw new SyntaxFault(TOO_TANGLED, this.peek().start)
    return this.#tokens[this.#at++]
  }

  lastEnd(): number {
    return this.#at === 0 ? 0 : this.#tokens[this.#at - 1].end
  }

  attempt<T>(parse: () => T): { node: T; fault: null } | { node: null; fault: SyntaxFault } {
    const [at, depth] = [this.#at, this.#depth]
    try {
      return { node: parse(), fault: null }
    } catch (error) {
      if (!(error instanceof SyntaxFault) || FINAL.has(error.message)) throw error
      this.#at = at
      this.#depth = depth
      return { node: null, fault: error }
    }
  }

  nested<T>(parse: () => T): T {
    if (++this.#depth > MAX_EXPRESSION_DEPTH) throw new SyntaxFault(TOO_DEEP, this.peek().start)
    const node = parse()
    this.#depth--
    return node
  }

  isWord(word: string): boolean {
    const { type, text } = this.peek()
    return type === 'Lowercase' && text === word
  }

  isPunct(text: string, ahead = 0): boolean {
    const token = this.peek(ahead)
    return token.type === 'Punct' && token.text === text
  }

  expect(type: TokenType, text: string): void {
    if (this.peek().type !== type) throw this.expected(`"${text}"`)
    this.next()
  }

  expectPunct(text: string): void {
    if (!this.isPunct(text)) throw this.expected(`"${text}"`)
    this.next()
  }

  expectEnd(): void {
    if (this.peek().type !== 'EOF') throw this.expected('the end of the expression')
  }

  expected(what: string): SyntaxFault {
    const { type, text, start, end } = this.peek()
    const found = type === 'EOF' ? 'the end' : JSON.stringify(text)
    return new SyntaxFault(`expected ${what}, found ${found}`, start, Math.max(end, start + 1))
  }

  /** A function's name is a run of Uppercase and Lowercase tokens, then a parenthesis. */
  startsCall(): boolean {
    if (!isNameToken(this.peek())) return false
    let ahead = 0
    while (isNameToken(this.peek(ahead))) ahead++
    return this.peek(ahead).type === 'LParen'
  }

  startsNamedArgument(): boolean {
    if (this.peek().type !== 'Lowercase') return false
    let ahead = 0
    while (isNameToken(this.peek(ahead))) ahead++
    return this.peek(ahead).type === 'Equal'
  }

  startsLambda(): boolean {
    let ahead = 1
    while (isParameter(this.peek(ahead)) || this.isPunct(',', ahead)) ahead++
    return this.peek(ahead).type === 'RParen' && this.peek(ahead + 1).type === 'Arrow'
  }

  takeName(): { name: string; at: { start: number; end: number } } {
    const { start } = this.peek()
    let name = ''
    while (isNameToken(this.peek())) name += this.next().text
    return { name, at: { start, end: this.lastEnd() } }
  }
}

/** `nil` is a word of its own. */
export function isNameToken({ type, text }: Token): boolean {
  return type === 'Uppercase' || (type === 'Lowercase' && text !== 'nil')
}

export function isParameter(token: Token): boolean {
  return (token.type === 'Lowercase' && token.text !== 'nil') || token.text === '_'
}
