/** Parses XPath 1.0 expressions (with the few additions of the reference, antchfx/xpath) into a tree. */
import { XPathScanner } from './xpath-scan.ts'

export const AXES = [
  'ancestor',
  'ancestor-or-self',
  'attribute',
  'child',
  'descendant',
  'descendant-or-self',
  'following',
  'following-sibling',
  'parent',
  'preceding',
  'preceding-sibling',
  'self',
] as const
export type Axis = (typeof AXES)[number]

export type NodeTest = 'element' | 'attribute' | 'text' | 'comment' | 'any'

export interface StepNode {
  readonly kind: 'step'
  /** Null: the context node. */
  readonly input: XPathNode | null
  readonly axis: Axis
  readonly test: NodeTest
  readonly prefix: string
  /** Empty for any name. */
  readonly name: string
}

export type XPathNode =
  | { readonly kind: 'root' }
  | StepNode
  | { readonly kind: 'filter'; readonly input: XPathNode; readonly condition: XPathNode }
  | { readonly kind: 'call'; readonly name: string; readonly args: readonly XPathNode[] }
  | {
      readonly kind: 'operator'
      readonly op: string
      readonly left: XPathNode
      readonly right: XPathNode
    }
  | { readonly kind: 'constant'; readonly value: string | number }
  | { readonly kind: 'group'; readonly input: XPathNode }

/** Longest expression, in UTF-16 units. */
export const MAX_XPATH_LENGTH = 4096
/** Nested parentheses, predicates and arguments. */
const MAX_NESTING = 200

/** Loosest first; all but `|` bind to the left one level down. */
const SYMBOL_LEVELS: readonly (readonly string[])[] = [
  ['or'],
  ['and'],
  ['=', '!='],
  ['<', '>', '<=', '>='],
  ['+', '-'],
  ['*', 'div', 'mod'],
]

/** Throws Error for what the reference refuses. What follows a complete expression is not looked at, as there. */
export function parseXPath(text: string): XPathNode {
  if (text === '') throw new Error('the XPath is empty')
  if (text.length > MAX_XPATH_LENGTH)
    throw new Error(`the XPath is longer than ${MAX_XPATH_LENGTH}`)
  return new Parser(new XPathScanner(text)).expression()
}

class Parser {
  readonly #scan: XPathScanner
  #depth = 0

  constructor(scan: XPathScanner) {
    this.#scan = scan
  }

  expression(): XPathNode {
    if (++this.#depth > MAX_NESTING) throw new Error(`the XPath nests deeper than ${MAX_NESTING}`)
    const node = this.#binary(0)
    this.#depth--
    return node
  }

  #binary(level: number): XPathNode {
    const operators = SYMBOL_LEVELS[level]
    if (operators === undefined) return this.#unary()
    let left = this.#binary(level + 1)
    for (;;) {
      const op = operators.find(each => this.#scan.isSymbol(each) || this.#scan.isWord(each))
      if (op === undefined) return left
      this.#scan.advance()
      left = { kind: 'operator', op, left, right: this.#binary(level + 1) }
    }
  }

  #unary(): XPathNode {
    let isNegative = false
    for (; this.#scan.isSymbol('-'); this.#scan.advance()) isNegative = !isNegative
    const operand = this.#union()
    if (!isNegative) return operand
    return { kind: 'operator', op: '*', left: operand, right: { kind: 'constant', value: -1 } }
  }

  #union(): XPathNode {
    let left = this.#path()
    while (this.#scan.isSymbol('|')) {
      this.#scan.advance()
      left = { kind: 'operator', op: '|', left, right: this.#path() }
    }
    return left
  }

  #path(): XPathNode {
    const primary = this.#primary()
    if (primary === undefined) return this.#location()
    const node = this.#scan.isSymbol('[') ? this.#filter(primary) : primary
    if (this.#take('/')) return this.#steps(node)
    return this.#take('//') ? this.#steps(anyBelow(node)) : node
  }

  /** Undefined when a location path begins here. */
  #primary(): XPathNode | undefined {
    const { token } = this.#scan
    if (token.kind === 'string' || token.kind === 'number') {
      this.#scan.advance()
      return { kind: 'constant', value: token.value }
    }
    if (this.#scan.isSymbol('$')) throw new Error('variables are not declared anywhere')
    if (this.#take('(')) {
      const inner = this.expression()
      this.#expect(')')
      return inner.kind === 'constant' ? inner : { kind: 'group', input: inner }
    }
    if (token.kind !== 'name' || !token.isCall || isNodeType(token)) return undefined
    return this.#call(token.name)
  }

  #call(name: string): XPathNode {
    this.#scan.advance()
    this.#expect('(')
    const args: XPathNode[] = []
    if (!this.#scan.isSymbol(')')) {
      do args.push(this.expression())
      while (this.#take(','))
    }
    this.#expect(')')
    return { kind: 'call', name, args }
  }

  #location(): XPathNode {
    const root: XPathNode = { kind: 'root' }
    if (this.#take('/')) return this.#beginsStep() ? this.#steps(root) : root
    return this.#take('//') ? this.#steps(anyBelow(root)) : this.#steps(null)
  }

  #beginsStep(): boolean {
    const { token } = this.#scan
    if (token.kind === 'symbol') return ['.', '..', '@', '*'].includes(token.text)
    return token.kind === 'axis' || token.kind === 'name'
  }

  #steps(from: XPathNode | null): XPathNode {
    let node = this.#step(from)
    for (;;) {
      if (this.#take('//')) node = this.#step(anyBelow(node))
      else if (this.#take('/')) node = this.#step(node)
      else return node
    }
  }

  #step(input: XPathNode | null): XPathNode {
    if (this.#scan.isSymbol('(')) return this.#sequence(input)
    let node: XPathNode
    if (this.#take('.')) node = { ...anyBelow(input), axis: 'self' }
    else if (this.#take('..')) node = { ...anyBelow(input), axis: 'parent' }
    else node = this.#nodeTest(input, this.#axis())
    while (this.#scan.isSymbol('[')) node = this.#filter(node)
    return node
  }

  #axis(): Axis {
    if (this.#take('@')) return 'attribute'
    const { token } = this.#scan
    if (token.kind !== 'axis') return 'child'
    const axis = AXES.find(each => each === token.name)
    if (axis === undefined) throw new Error(`unknown axis: ${token.name}`)
    this.#scan.advance()
    return axis
  }

  #nodeTest(input: XPathNode | null, axis: Axis): StepNode {
    const test = axis === 'attribute' ? 'attribute' : 'element'
    const { token } = this.#scan
    if (this.#take('*')) return { kind: 'step', input, axis, test, prefix: '', name: '' }
    if (token.kind !== 'name') throw new Error('expression must evaluate to a node-set')
    this.#scan.advance()
    if (token.isCall && isNodeType(token)) return this.#kindTest(input, axis, test, token.name)
    return { kind: 'step', input, axis, test, prefix: token.prefix, name: nameOf(token.name) }
  }

  #kindTest(input: XPathNode | null, axis: Axis, own: NodeTest, type: string): StepNode {
    this.#expect('(')
    let name = ''
    const { token } = this.#scan
    if (type === 'processing-instruction' && token.kind === 'string') {
      name = token.value
      this.#scan.advance()
    }
    this.#expect(')')
    // Instructions count as elements in the reference.
    const test = type === 'processing-instruction' ? own : KIND_TESTS[type]
    return { kind: 'step', input, axis, test, prefix: '', name }
  }

  /** `a/(b, c)` */
  #sequence(input: XPathNode | null): XPathNode {
    this.#expect('(')
    let left = this.#step(input)
    while (this.#take(',')) left = { kind: 'operator', op: '|', left, right: this.#step(input) }
    this.#expect(')')
    return left
  }

  #filter(input: XPathNode): XPathNode {
    this.#expect('[')
    const condition = this.expression()
    this.#expect(']')
    return { kind: 'filter', input, condition }
  }

  #take(symbol: string): boolean {
    if (!this.#scan.isSymbol(symbol)) return false
    this.#scan.advance()
    return true
  }

  #expect(symbol: string): void {
    if (!this.#take(symbol)) throw new Error(`expected ${symbol}`)
  }
}

const KIND_TESTS: Readonly<Record<string, NodeTest>> = {
  node: 'any',
  text: 'text',
  comment: 'comment',
}

function isNodeType({ prefix, name }: { prefix: string; name: string }): boolean {
  return prefix === '' && (name === 'processing-instruction' || Object.hasOwn(KIND_TESTS, name))
}

/** `ns:*` keeps its prefix and, in the reference, matches nothing; a lone `*` never comes here. */
function nameOf(name: string): string {
  return name === '*' ? '' : name
}

function anyBelow(input: XPathNode | null): StepNode {
  return { kind: 'step', input, axis: 'descendant-or-self', test: 'any', prefix: '', name: '' }
}
