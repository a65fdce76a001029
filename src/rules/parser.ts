/** Builds the syntax tree from tokens by recursive descent; depth is bounded, so hostile text cannot overflow the stack. */
import type { BooleanNode, CompareOp, Statement, ValueNode } from './ast.ts'
import { type AnyNode, nodeBelow } from './children.ts'
import { SyntaxFault } from './lexer.ts'
import { checkConverter, ValueParser } from './value-parser.ts'

export function parseStatement(text: string): Statement {
  return bounded(new Parser(text).statement())
}

export function parseCondition(text: string): BooleanNode {
  return bounded(new Parser(text).condition())
}

export function parseValue(text: string): ValueNode {
  return bounded(new Parser(text).wholeValue())
}

/** Most nodes above another: `1 + 1 + 1` is nested to the left without a parenthesis. */
export const MAX_TREE_DEPTH = 1_000

/** What works on the tree, and what it is compiled to, goes down by recursion. */
function bounded<T extends AnyNode>(tree: T): T {
  const tooDeep = nodeBelow(tree, MAX_TREE_DEPTH)
  if (tooDeep === undefined) return tree
  const { start, end } = tooDeep.at
  throw new SyntaxFault(`more than ${MAX_TREE_DEPTH} operations within each other`, start, end)
}

class Parser extends ValueParser {
  statement(): Statement {
    const start = this.peek().start
    const first = this.peek()
    if (first.type === 'Uppercase') {
      throw new SyntaxFault(
        'editor names must start with a lowercase letter',
        first.start,
        first.end,
      )
    }
    if (!this.startsCall()) throw this.expected('an editor such as set(...)')
    const editor = this.call()
    if (editor.keys.length > 0) {
      throw new SyntaxFault(
        'only paths and converters may be indexed, not editors',
        editor.at.start,
        editor.at.end,
      )
    }
    let where: BooleanNode | null = null
    if (this.isWord('where')) {
      this.next()
      where = this.boolean()
    }
    this.expectEnd()
    return { kind: 'statement', editor, where, at: { start, end: this.lastEnd() } }
  }

  condition(): BooleanNode {
    const node = this.boolean()
    this.expectEnd()
    return node
  }

  wholeValue(): ValueNode {
    const node = this.value()
    this.expectEnd()
    return node
  }

  protected boolean(): BooleanNode {
    const start = this.peek().start
    const terms = [this.#and()]
    while (this.peek().type === 'OpOr') {
      this.next()
      terms.push(this.#and())
    }
    if (terms.length === 1) return terms[0]
    return { kind: 'or', terms, at: { start, end: this.lastEnd() } }
  }

  #and(): BooleanNode {
    const start = this.peek().start
    const factors = [this.#factor()]
    while (this.peek().type === 'OpAnd') {
      this.next()
      factors.push(this.#factor())
    }
    if (factors.length === 1) return factors[0]
    return { kind: 'and', factors, at: { start, end: this.lastEnd() } }
  }

  #factor(): BooleanNode {
    const { type, start } = this.peek()
    if (type !== 'OpNot') return this.#bareFactor()
    this.next()
    const operand = this.#bareFactor()
    return { kind: 'not', operand, at: { start, end: this.lastEnd() } }
  }

  /** A parenthesis may open a boolean or a mathematical operand: tried as a comparison first, as the grammar does. */
  #bareFactor(): BooleanNode {
    const comparison = this.attempt(() => this.#comparison())
    if (comparison.node !== null) return comparison.node
    const token = this.peek()
    if (token.type === 'Boolean') {
      this.next()
      return { kind: 'constant', value: token.text === 'true', at: token }
    }
    if (token.type === 'LParen') return this.nested(() => this.#parenthesised())
    if (this.startsCall()) {
      const call = this.call()
      checkConverter(call)
      return { kind: 'condition', call, at: call.at }
    }
    throw comparison.fault
  }

  #parenthesised(): BooleanNode {
    this.expect('LParen', '(')
    const node = this.boolean()
    this.expect('RParen', ')')
    return node
  }

  #comparison(): BooleanNode {
    const start = this.peek().start
    const left = this.value()
    const op = this.peek()
    if (op.type !== 'OpComparison') throw this.expected('a comparison operator')
    this.next()
    const right = this.value()
    const at = { start, end: this.lastEnd() }
    return { kind: 'comparison', left, op: op.text as CompareOp, right, at }
  }
}
