/** Cuts OTTL text into tokens, first match wins as in the reference's lexer; the sign belongs to a number that follows it. */

export type TokenType =
  | 'Bytes'
  | 'Float'
  | 'Int'
  | 'String'
  | 'OpNot'
  | 'OpOr'
  | 'OpAnd'
  | 'OpComparison'
  | 'Arrow'
  | 'OpAddSub'
  | 'OpMultDiv'
  | 'Boolean'
  | 'Equal'
  | 'LParen'
  | 'RParen'
  | 'Punct'
  | 'Uppercase'
  | 'Lowercase'
  | 'EOF'

export interface Token {
  readonly type: TokenType
  readonly text: string
  readonly start: number
  readonly end: number
}

/** The text is not OTTL; `offset` is where that was noticed. Turned into a positioned load error by the caller. */
export class SyntaxFault extends Error {
  readonly offset: number
  readonly end: number

  constructor(message: string, offset: number, end = offset + 1) {
    // The parser tries readings that fail, and a stack for each costs more than the reading.
    const limit = Error.stackTraceLimit
    Error.stackTraceLimit = 0
    super(message)
    Error.stackTraceLimit = limit
    this.name = 'SyntaxFault'
    this.offset = offset
    this.end = end
  }
}

/** Longest text of one expression, in UTF-16 units. */
export const MAX_EXPRESSION_LENGTH = 1 << 18

const WORD_TYPES: ReadonlyMap<string, TokenType> = new Map([
  ['not', 'OpNot'],
  ['or', 'OpOr'],
  ['and', 'OpAnd'],
  ['true', 'Boolean'],
  ['false', 'Boolean'],
])

/** Sticky, in the order of the reference's rules; none of them can backtrack over more than its own token. */
const RULES: readonly (readonly [TokenType | 'word' | 'space', RegExp])[] = [
  ['Bytes', /0x[0-9a-fA-F]+/y],
  ['Float', /[-+]?(?:\d+\.\d*|\.\d+)(?:[eE][-+]?\d+)?/y],
  ['Int', /[-+]?\d+/y],
  ['Arrow', /=>/y],
  ['OpComparison', /==|!=|>=|<=|>|</y],
  ['OpAddSub', /[+-]/y],
  ['OpMultDiv', /[/*]/y],
  ['Equal', /=/y],
  ['LParen', /\(/y],
  ['RParen', /\)/y],
  ['Punct', /[,.[\]{}:_](?![A-Za-z0-9])/y],
  ['Punct', /[,.[\]{}:]/y],
  ['Uppercase', /[A-Z][A-Z0-9_]*/y],
  ['word', /[a-z][a-z0-9_]*/y],
  ['space', /[\t\n\f\r ]+/y],
]

export function tokenize(text: string): Token[] {
  if (text.length > MAX_EXPRESSION_LENGTH) {
    throw new SyntaxFault(`expression is longer than ${MAX_EXPRESSION_LENGTH} characters`, 0)
  }
  const tokens: Token[] = []
  let at = 0
  while (at < text.length) {
    const token = text[at] === '"' ? readString(text, at) : readToken(text, at)
    at = token.end
    if (token.type !== 'EOF') tokens.push(token)
  }
  tokens.push({ type: 'EOF', text: '', start: text.length, end: text.length })
  return tokens
}

/** White space comes back as EOF, which the caller leaves out. */
function readToken(text: string, at: number): Token {
  for (const [type, pattern] of RULES) {
    pattern.lastIndex = at
    const match = pattern.exec(text)
    if (match === null) continue
    const end = pattern.lastIndex
    const token = match[0]
    if (type === 'space') return { type: 'EOF', text: token, start: at, end }
    if (type === 'word') return { type: wordType(text, token, end), text: token, start: at, end }
    return { type, text: token, start: at, end }
  }
  throw new SyntaxFault(`unexpected character ${JSON.stringify(text[at])}`, at)
}

/** A keyword only where a word ends: `not` is an operator, `nothing` and `notX` are not. */
function wordType(text: string, word: string, end: number): TokenType {
  const type = WORD_TYPES.get(word)
  return type !== undefined && !/[A-Za-z0-9_]/.test(text[end] ?? '') ? type : 'Lowercase'
}

function readString(text: string, start: number): Token {
  let at = start + 1
  while (at < text.length && text[at] !== '"') at += text[at] === '\\' ? 2 : 1
  if (at >= text.length)
    throw new SyntaxFault('string is not closed with a quotation mark', start, text.length)
  return { type: 'String', text: text.slice(start, at + 1), start, end: at + 1 }
}
