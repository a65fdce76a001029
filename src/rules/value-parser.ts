/**
 * The half of the grammar that makes values: calculations, paths, calls, lists, maps and lambdas. Apart from statements and
 * conditions, which are made of values; a lambda alone leads back to them.
 */
import type {
  Argument,
  BooleanNode,
  Call,
  FieldNode,
  LambdaNode,
  MathOp,
  PathNode,
  ValueNode,
} from './ast.ts'
import { SyntaxFault, type Token } from './lexer.ts'
import { parseFloatToken, parseHex, parseInt64 } from './numbers.ts'
import { isParameter, TokenCursor } from './token-cursor.ts'
import { unquote } from './unquote.ts'

/** After one path or converter. */
export const MAX_KEYS = 200

export abstract class ValueParser extends TokenCursor {
  /** The number at this position has lent its sign as an operator: `1-1`. */
  #unsigned = -1

  /** What a lambda may give instead of a value. */
  protected abstract boolean(): BooleanNode

  protected value(): ValueNode {
    return this.nested(() => this.#addSub())
  }

  #listItem(): ValueNode {
    return this.nested(() => this.#addSub(true))
  }

  /** In a list another value may follow without a comma, such as the +2 of `[ONE +2]`. */
  #addSub(isInList = false): ValueNode {
    const start = this.peek().start
    let left = this.#multDiv()
    if (isInList && !OPERANDS.has(left.kind)) return left
    for (;;) {
      const { type, text } = this.peek()
      if (type === 'OpAddSub') this.next()
      else if ((type === 'Int' || type === 'Float') && /^[-+]/.test(text)) this.#unsigned = this.at
      else return left
      const right = this.#multDiv()
      left = this.#math(text[0] as MathOp, left, right, start)
    }
  }

  #multDiv(): ValueNode {
    const start = this.peek().start
    let left = this.#operand()
    while (this.peek().type === 'OpMultDiv') {
      const op = this.next()
      const right = this.#operand()
      left = this.#math(op.text as MathOp, left, right, start)
    }
    return left
  }

  #math(op: MathOp, left: ValueNode, right: ValueNode, start: number): ValueNode {
    for (const side of [left, right]) {
      requireOperand(side, `beside ${op}`)
    }
    return { kind: 'math', op, left, right, at: { start, end: this.lastEnd() } }
  }

  #operand(): ValueNode {
    const token = this.peek()
    switch (token.type) {
      case 'Int':
        this.next()
        return { kind: 'int', value: parseInt64(this.#withoutLentSign(token)), at: token }
      case 'Float':
        this.next()
        return { kind: 'float', value: parseFloatToken(this.#withoutLentSign(token)), at: token }
      case 'String':
        this.next()
        return { kind: 'string', value: unquote(token), at: token }
      case 'Bytes':
        this.next()
        return { kind: 'bytes', value: parseHex(token), at: token }
      case 'Boolean':
        this.next()
        return { kind: 'bool', value: token.text === 'true', at: token }
      case 'OpAddSub':
        return this.#signed()
      case 'LParen':
        return this.startsLambda() ? this.#lambda() : this.nested(() => this.#parenthesisedMath())
      case 'Punct':
        if (token.text === '[') return this.#list()
        if (token.text === '{') return this.#map()
        throw this.expected('a value')
      case 'Uppercase':
      case 'Lowercase':
        return this.#named()
      default:
        throw this.expected('a value')
    }
  }

  /** A sign apart from its number, or before a path, a call or a parenthesis; there is only one. */
  #signed(): ValueNode {
    const sign = this.next()
    if (this.peek().type === 'OpAddSub' || /^[-+]/.test(this.peek().text)) {
      throw this.expected('a value after the sign')
    }
    const operand = this.#operand()
    requireOperand(operand, `after ${sign.text}`)
    const at = { start: sign.start, end: operand.at.end }
    if (sign.text === '+') return operand
    if (operand.kind === 'int') return { ...operand, value: -operand.value, at }
    if (operand.kind === 'float') return { ...operand, value: -operand.value, at }
    return { kind: 'negate', operand, at }
  }

  /** Asked just after the token was taken. */
  #withoutLentSign(token: Token): Token {
    const lent = this.#unsigned === this.at - 1
    this.#unsigned = -1
    return lent ? { ...token, text: token.text.slice(1), start: token.start + 1 } : token
  }

  #parenthesisedMath(): ValueNode {
    this.expect('LParen', '(')
    const inner = this.#addSub()
    this.expect('RParen', ')')
    requireOperand(inner, 'in parentheses')
    return inner
  }

  /** `nil`, a call, a converter's name, an ENUM, or a path. */
  #named(): ValueNode {
    if (this.startsCall()) {
      const call = this.call()
      checkConverter(call)
      return call
    }
    const token = this.peek()
    if (token.type === 'Uppercase') {
      this.next()
      return { kind: 'enum', name: token.text, at: { start: token.start, end: token.end } }
    }
    if (token.text === 'nil') {
      this.next()
      return { kind: 'nil', at: token }
    }
    return this.#path()
  }

  #path(): PathNode {
    const start = this.peek().start
    const fields: FieldNode[] = [this.#field()]
    while (this.isPunct('.')) {
      this.next()
      fields.push(this.#field())
    }
    const at = { start, end: this.lastEnd() }
    const hasContext = fields.length > 1 && fields[0].keys.length === 0
    if (!hasContext) return { kind: 'path', context: '', fields, at }
    return { kind: 'path', context: fields[0].name, fields: fields.slice(1), at }
  }

  #field(): FieldNode {
    const name = this.peek()
    if (!isParameter(name) || name.text === '_') throw this.expected('a name in lower case')
    this.next()
    return { name: name.text, keys: this.#keys() }
  }

  #keys(): ValueNode[] {
    const keys: ValueNode[] = []
    while (this.isPunct('[')) {
      if (keys.length >= MAX_KEYS) throw this.expected(`at most ${MAX_KEYS} keys`)
      this.next()
      keys.push(this.#key())
      this.expectPunct(']')
    }
    return keys
  }

  /** Text and plain numbers stand alone; only what begins otherwise may be a calculation. */
  #key(): ValueNode {
    const { type, text } = this.peek()
    if (type === 'String' || (type === 'Int' && !/^[-+]/.test(text))) return this.#operand()
    const key = this.value()
    requireOperand(key, 'as a key')
    return key
  }

  protected call(): Call {
    return this.nested(() => {
      const { name, at } = this.takeName()
      this.expect('LParen', '(')
      const args: Argument[] = []
      while (this.peek().type !== 'RParen') {
        if (args.length > 0) this.expectPunct(',')
        args.push(this.#argument())
      }
      this.expect('RParen', ')')
      const keys = this.#keys()
      return { kind: 'call', name, args, keys, at: { start: at.start, end: this.lastEnd() } }
    })
  }

  #argument(): Argument {
    if (this.startsNamedArgument()) {
      const { name } = this.takeName()
      this.next()
      return { name, value: this.#argumentValue() }
    }
    return { name: '', value: this.#argumentValue() }
  }

  /** Only an argument may be a converter named without parentheses. */
  #argumentValue(): ValueNode {
    if (this.peek().type !== 'Uppercase' || this.startsCall()) return this.value()
    const from = this.at
    const { name, at } = this.takeName()
    if (this.at - from > 1 && (this.isPunct(',') || this.peek().type === 'RParen')) {
      return { kind: 'functionName', name, at }
    }
    this.seek(from)
    return this.value()
  }

  #list(): ValueNode {
    const start = this.next().start
    const values: ValueNode[] = []
    // The reference takes values side by side, and a comma before the first; not one at the end.
    while (!this.isPunct(']') && !this.isPunct(',')) values.push(this.#listItem())
    while (this.isPunct(',')) {
      this.next()
      values.push(this.#listItem())
    }
    this.expectPunct(']')
    return { kind: 'list', values, at: { start, end: this.lastEnd() } }
  }

  #map(): ValueNode {
    const start = this.next().start
    const entries: { key: string; value: ValueNode }[] = []
    while (!this.isPunct('}')) {
      const key = this.peek()
      if (key.type !== 'String') throw this.expected('a key in quotation marks')
      this.next()
      this.expectPunct(':')
      entries.push({ key: unquote(key), value: this.value() })
      if (this.isPunct(',')) this.next()
    }
    this.next()
    return { kind: 'map', entries, at: { start, end: this.lastEnd() } }
  }

  #lambda(): LambdaNode {
    const start = this.next().start
    const params: string[] = []
    while (this.peek().type !== 'RParen') {
      if (params.length > 0) this.expectPunct(',')
      if (!isParameter(this.peek())) throw this.expected('a parameter of the lambda')
      params.push(this.next().text)
    }
    this.expect('RParen', ')')
    this.expect('Arrow', '=>')
    const asValue = this.attempt(() => this.#lambdaValue())
    const body = asValue.node ?? this.boolean()
    if (body.kind === 'lambda') {
      throw new SyntaxFault('a lambda cannot give another lambda', body.at.start, body.at.end)
    }
    return { kind: 'lambda', params, body, at: { start, end: this.lastEnd() } }
  }

  /** The body is a value when nothing that continues a boolean follows. */
  #lambdaValue(): ValueNode {
    const value = this.value()
    const next = this.peek()
    if (['OpComparison', 'OpAnd', 'OpOr'].includes(next.type))
      throw this.expected('the end of the lambda')
    return value
  }
}

const OPERANDS = new Set(['int', 'float', 'path', 'call', 'math', 'negate'])

function requireOperand({ kind, at }: ValueNode, place: string): void {
  if (!OPERANDS.has(kind)) throw new SyntaxFault(`${kind} cannot stand ${place}`, at.start, at.end)
}

export function checkConverter(call: Call): void {
  if (!/^[A-Z]/.test(call.name)) {
    throw new SyntaxFault(
      `converter names must start with an uppercase letter but got '${call.name}'`,
      call.at.start,
      call.at.end,
    )
  }
}
