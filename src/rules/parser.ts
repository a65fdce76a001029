/** Builds the syntax tree from tokens by recursive descent; depth is bounded, so hostile text cannot overflow the stack. */
import type {
  Argument,
  BooleanNode,
  Call,
  CompareOp,
  FieldNode,
  LambdaNode,
  MathOp,
  PathNode,
  Statement,
  ValueNode,
} from './ast.ts'
import { SyntaxFault, type Token, type TokenType, tokenize } from './lexer.ts'
import { parseHex, parseInt64 } from './numbers.ts'
import { unquote } from './unquote.ts'

/** Deepest nesting of parentheses, calls, lists, maps and keys. */
export const MAX_EXPRESSION_DEPTH = 200

export function parseStatement(text: string): Statement {
  return new Parser(text).statement()
}

export function parseCondition(text: string): BooleanNode {
  return new Parser(text).condition()
}

export function parseValue(text: string): ValueNode {
  return new Parser(text).wholeValue()
}

class Parser {
  readonly #tokens: readonly Token[]
  readonly #maxSteps: number
  #at = 0
  #depth = 0
  #steps = 0
  /** The number at this position has lent its sign as an operator: `1-1`. */
  #unsigned = -1

  constructor(text: string) {
    this.#tokens = tokenize(text)
    this.#maxSteps = BASE_STEPS + STEPS_PER_TOKEN * this.#tokens.length
  }

  statement(): Statement {
    const start = this.#peek().start
    const first = this.#peek()
    if (first.type === 'Uppercase') {
      throw new SyntaxFault(
        'editor names must start with a lowercase letter',
        first.start,
        first.end,
      )
    }
    if (!this.#startsCall()) throw this.#expected('an editor such as set(...)')
    const editor = this.#call()
    if (editor.keys.length > 0) {
      throw new SyntaxFault(
        'only paths and converters may be indexed, not editors',
        editor.at.start,
        editor.at.end,
      )
    }
    let where: BooleanNode | null = null
    if (this.#isWord('where')) {
      this.#next()
      where = this.#or()
    }
    this.#end()
    return { kind: 'statement', editor, where, at: { start, end: this.#lastEnd() } }
  }

  condition(): BooleanNode {
    const node = this.#or()
    this.#end()
    return node
  }

  wholeValue(): ValueNode {
    const node = this.#value()
    this.#end()
    return node
  }

  #or(): BooleanNode {
    const start = this.#peek().start
    const terms = [this.#and()]
    while (this.#peek().type === 'OpOr') {
      this.#next()
      terms.push(this.#and())
    }
    if (terms.length === 1) return terms[0]
    return { kind: 'or', terms, at: { start, end: this.#lastEnd() } }
  }

  #and(): BooleanNode {
    const start = this.#peek().start
    const factors = [this.#factor()]
    while (this.#peek().type === 'OpAnd') {
      this.#next()
      factors.push(this.#factor())
    }
    if (factors.length === 1) return factors[0]
    return { kind: 'and', factors, at: { start, end: this.#lastEnd() } }
  }

  #factor(): BooleanNode {
    const { type, start } = this.#peek()
    if (type !== 'OpNot') return this.#bareFactor()
    this.#next()
    const operand = this.#bareFactor()
    return { kind: 'not', operand, at: { start, end: this.#lastEnd() } }
  }

  /** A parenthesis may open a boolean or a mathematical operand: tried as a comparison first, as the grammar does. */
  #bareFactor(): BooleanNode {
    const comparison = this.#attempt(() => this.#comparison())
    if (comparison.node !== null) return comparison.node
    const token = this.#peek()
    if (token.type === 'Boolean') {
      this.#next()
      return { kind: 'constant', value: token.text === 'true', at: token }
    }
    if (token.type === 'LParen') return this.#nested(() => this.#parenthesised())
    if (this.#startsCall()) {
      const call = this.#call()
      checkConverter(call)
      return { kind: 'condition', call, at: call.at }
    }
    throw comparison.fault
  }

  #parenthesised(): BooleanNode {
    this.#expect('LParen', '(')
    const node = this.#or()
    this.#expect('RParen', ')')
    return node
  }

  #comparison(): BooleanNode {
    const start = this.#peek().start
    const left = this.#value()
    const op = this.#peek()
    if (op.type !== 'OpComparison') throw this.#expected('a comparison operator')
    this.#next()
    const right = this.#value()
    const at = { start, end: this.#lastEnd() }
    return { kind: 'comparison', left, op: op.text as CompareOp, right, at }
  }

  #value(): ValueNode {
    return this.#nested(() => this.#addSub())
  }

  #addSub(): ValueNode {
    const start = this.#peek().start
    let left = this.#multDiv()
    for (;;) {
      const { type, text } = this.#peek()
      if (type === 'OpAddSub') this.#next()
      else if ((type === 'Int' || type === 'Float') && /^[-+]/.test(text)) this.#unsigned = this.#at
      else return left
      const right = this.#multDiv()
      left = this.#math(text[0] as MathOp, left, right, start)
    }
  }

  #multDiv(): ValueNode {
    const start = this.#peek().start
    let left = this.#operand()
    while (this.#peek().type === 'OpMultDiv') {
      const op = this.#next()
      const right = this.#operand()
      left = this.#math(op.text as MathOp, left, right, start)
    }
    return left
  }

  #math(op: MathOp, left: ValueNode, right: ValueNode, start: number): ValueNode {
    for (const side of [left, right]) {
      if (!['int', 'float', 'path', 'call', 'math'].includes(side.kind)) {
        throw new SyntaxFault(
          `${side.kind} cannot be an operand of ${op}`,
          side.at.start,
          side.at.end,
        )
      }
    }
    return { kind: 'math', op, left, right, at: { start, end: this.#lastEnd() } }
  }

  #operand(): ValueNode {
    const token = this.#peek()
    switch (token.type) {
      case 'Int':
        this.#next()
        return { kind: 'int', value: parseInt64(this.#withoutLentSign(token)), at: token }
      case 'Float':
        this.#next()
        return { kind: 'float', value: Number(this.#withoutLentSign(token).text), at: token }
      case 'String':
        this.#next()
        return { kind: 'string', value: unquote(token), at: token }
      case 'Bytes':
        this.#next()
        return { kind: 'bytes', value: parseHex(token), at: token }
      case 'Boolean':
        this.#next()
        return { kind: 'bool', value: token.text === 'true', at: token }
      case 'LParen':
        return this.#startsLambda() ? this.#lambda() : this.#nested(() => this.#parenthesisedMath())
      case 'Punct':
        if (token.text === '[') return this.#list()
        if (token.text === '{') return this.#map()
        throw this.#expected('a value')
      case 'Uppercase':
      case 'Lowercase':
        return this.#named()
      default:
        throw this.#expected('a value')
    }
  }

  /** Asked just after the token was taken. */
  #withoutLentSign(token: Token): Token {
    const lent = this.#unsigned === this.#at - 1
    this.#unsigned = -1
    return lent ? { ...token, text: token.text.slice(1), start: token.start + 1 } : token
  }

  #parenthesisedMath(): ValueNode {
    this.#expect('LParen', '(')
    const inner = this.#addSub()
    this.#expect('RParen', ')')
    if (!['int', 'float', 'path', 'call', 'math'].includes(inner.kind)) {
      throw new SyntaxFault(
        `${inner.kind} cannot stand in parentheses`,
        inner.at.start,
        inner.at.end,
      )
    }
    return inner
  }

  /** `nil`, a call, a converter's name, an ENUM, or a path. */
  #named(): ValueNode {
    if (this.#startsCall()) {
      const call = this.#call()
      checkConverter(call)
      return call
    }
    const token = this.#peek()
    if (token.type === 'Uppercase') {
      this.#next()
      return { kind: 'enum', name: token.text, at: { start: token.start, end: token.end } }
    }
    if (token.text === 'nil' && !this.#isPunct('.', 1)) {
      this.#next()
      return { kind: 'nil', at: token }
    }
    return this.#path()
  }

  #path(): PathNode {
    const start = this.#peek().start
    const fields: FieldNode[] = [this.#field()]
    while (this.#isPunct('.')) {
      this.#next()
      fields.push(this.#field())
    }
    const at = { start, end: this.#lastEnd() }
    const hasContext = fields.length > 1 && fields[0].keys.length === 0
    if (!hasContext) return { kind: 'path', context: '', fields, at }
    return { kind: 'path', context: fields[0].name, fields: fields.slice(1), at }
  }

  #field(): FieldNode {
    const name = this.#peek()
    if (name.type !== 'Lowercase') throw this.#expected('a name in lower case')
    this.#next()
    return { name: name.text, keys: this.#keys() }
  }

  #keys(): ValueNode[] {
    const keys: ValueNode[] = []
    while (this.#isPunct('[')) {
      this.#next()
      const key = this.#value()
      if (!['string', 'int', 'path', 'call', 'math'].includes(key.kind)) {
        throw new SyntaxFault(`${key.kind} cannot be a key`, key.at.start, key.at.end)
      }
      keys.push(key)
      this.#expectPunct(']')
    }
    return keys
  }

  /** A function's name is a run of Uppercase and Lowercase tokens without space between them, then a parenthesis. */
  #startsCall(): boolean {
    let i = this.#at
    const first = this.#tokens[i].type
    if (first !== 'Uppercase' && first !== 'Lowercase') return false
    while (isNameToken(this.#tokens[i])) i++
    return this.#tokens[i].type === 'LParen'
  }

  #callName(): { name: string; at: { start: number; end: number } } {
    const start = this.#peek().start
    let name = ''
    while (isNameToken(this.#peek())) name += this.#next().text
    return { name, at: { start, end: this.#lastEnd() } }
  }

  #call(): Call {
    return this.#nested(() => {
      const { name, at } = this.#callName()
      this.#expect('LParen', '(')
      const args: Argument[] = []
      while (this.#peek().type !== 'RParen') {
        if (args.length > 0) this.#expectPunct(',')
        args.push(this.#argument())
      }
      this.#expect('RParen', ')')
      const keys = this.#keys()
      return { kind: 'call', name, args, keys, at: { start: at.start, end: this.#lastEnd() } }
    })
  }

  #argument(): Argument {
    let i = this.#at
    if (this.#tokens[i].type === 'Lowercase') while (isNameToken(this.#tokens[i])) i++
    if (i > this.#at && this.#tokens[i].type === 'Equal') {
      const { name } = this.#callName()
      this.#next()
      return { name, value: this.#argumentValue() }
    }
    return { name: '', value: this.#argumentValue() }
  }

  /** Only an argument may be a converter named without parentheses. */
  #argumentValue(): ValueNode {
    if (this.#peek().type !== 'Uppercase' || this.#startsCall()) return this.#value()
    const from = this.#at
    const { name, at } = this.#callName()
    if (this.#at - from > 1 && (this.#isPunct(',') || this.#peek().type === 'RParen')) {
      return { kind: 'functionName', name, at }
    }
    this.#at = from
    return this.#value()
  }

  #list(): ValueNode {
    const start = this.#next().start
    const values: ValueNode[] = []
    while (!this.#isPunct(']')) {
      if (values.length > 0) this.#expectPunct(',')
      values.push(this.#value())
    }
    this.#next()
    return { kind: 'list', values, at: { start, end: this.#lastEnd() } }
  }

  #map(): ValueNode {
    const start = this.#next().start
    const entries: { key: string; value: ValueNode }[] = []
    while (!this.#isPunct('}')) {
      if (entries.length > 0) this.#expectPunct(',')
      if (this.#isPunct('}')) break
      const key = this.#peek()
      if (key.type !== 'String') throw this.#expected('a key in quotation marks')
      this.#next()
      this.#expectPunct(':')
      entries.push({ key: unquote(key), value: this.#value() })
    }
    this.#next()
    return { kind: 'map', entries, at: { start, end: this.#lastEnd() } }
  }

  #startsLambda(): boolean {
    let i = this.#at + 1
    while (this.#tokens[i].type === 'Lowercase' || /^[_,]$/.test(this.#tokens[i].text)) i++
    return this.#tokens[i].type === 'RParen' && this.#tokens[i + 1]?.type === 'Arrow'
  }

  #lambda(): LambdaNode {
    const start = this.#next().start
    const params: string[] = []
    while (this.#peek().type !== 'RParen') {
      if (params.length > 0) this.#expectPunct(',')
      params.push(this.#next().text)
    }
    this.#expect('RParen', ')')
    this.#expect('Arrow', '=>')
    const asValue = this.#attempt(() => this.#lambdaValue())
    const body = asValue.node ?? this.#or()
    return { kind: 'lambda', params, body, at: { start, end: this.#lastEnd() } }
  }

  /** The body is a value when nothing that continues a boolean follows. */
  #lambdaValue(): ValueNode {
    const value = this.#value()
    const next = this.#peek()
    if (['OpComparison', 'OpAnd', 'OpOr'].includes(next.type))
      throw this.#expected('the end of the lambda')
    return value
  }

  #attempt<T>(parse: () => T): { node: T; fault: null } | { node: null; fault: SyntaxFault } {
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

  #nested<T>(parse: () => T): T {
    if (++this.#depth > MAX_EXPRESSION_DEPTH) throw new SyntaxFault(TOO_DEEP, this.#peek().start)
    const node = parse()
    this.#depth--
    return node
  }

  #peek(): Token {
    return this.#tokens[this.#at]
  }

  #next(): Token {
    if (++this.#steps > this.#maxSteps) throw new SyntaxFault(TOO_TANGLED, this.#peek().start)
    return this.#tokens[this.#at++]
  }

  #lastEnd(): number {
    return this.#at === 0 ? 0 : this.#tokens[this.#at - 1].end
  }

  #isWord(word: string): boolean {
    const token = this.#peek()
    return token.type === 'Lowercase' && token.text === word
  }

  #isPunct(text: string, ahead = 0): boolean {
    const token = this.#tokens[this.#at + ahead]
    return token !== undefined && token.type === 'Punct' && token.text === text
  }

  #expect(type: TokenType, text: string): void {
    if (this.#peek().type !== type) throw this.#expected(`"${text}"`)
    this.#next()
  }

  #expectPunct(text: string): void {
    if (!this.#isPunct(text)) throw this.#expected(`"${text}"`)
    this.#next()
  }

  #end(): void {
    if (this.#peek().type !== 'EOF') throw this.#expected('the end of the expression')
  }

  #expected(what: string): SyntaxFault {
    const { type, text, start, end } = this.#peek()
    const found = type === 'EOF' ? 'the end' : JSON.stringify(text)
    return new SyntaxFault(`expected ${what}, found ${found}`, start, Math.max(end, start + 1))
  }
}

/** Tokens that may be taken, going back included: nested lambdas try each body twice. */
const BASE_STEPS = 100_000
const STEPS_PER_TOKEN = 16

const TOO_TANGLED = 'expression takes too many attempts to parse'
const TOO_DEEP = `expression is nested deeper than ${MAX_EXPRESSION_DEPTH}`
/** Faults that no other reading of the text can avoid. */
const FINAL: ReadonlySet<string> = new Set([TOO_DEEP, TOO_TANGLED])

function isNameToken(token: Token): boolean {
  return token.type === 'Uppercase' || token.type === 'Lowercase'
}

function checkConverter(call: Call): void {
  if (!/^[A-Z]/.test(call.name)) {
    throw new SyntaxFault(
      `converter names must start with an uppercase letter but got '${call.name}'`,
      call.at.start,
      call.at.end,
    )
  }
}
