/** Writes a syntax tree as OTTL text; parsed again it gives an equal tree, save for positions. */
import type { Argument, BooleanNode, Call, FieldNode, Statement, ValueNode } from './ast.ts'

export function printStatement({ editor, where }: Statement): string {
  return where === null ? printCall(editor) : `${printCall(editor)} where ${printCondition(where)}`
}

export function printCondition(node: BooleanNode): string {
  if (node.kind !== 'or') return printAnd(node)
  return node.terms
    .map(term => (term.kind === 'or' ? `(${printCondition(term)})` : printAnd(term)))
    .join(' or ')
}

function printAnd(node: BooleanNode): string {
  return node.kind === 'and' ? node.factors.map(printFactor).join(' and ') : printFactor(node)
}

function printFactor(node: BooleanNode): string {
  switch (node.kind) {
    case 'or':
    case 'and':
      return `(${printCondition(node)})`
    case 'not':
      return `not ${node.operand.kind === 'not' ? `(${printFactor(node.operand)})` : printFactor(node.operand)}`
    case 'constant':
      return String(node.value)
    case 'condition':
      return printCall(node.call)
    case 'comparison': {
      const text = `${printValue(node.left)} ${node.op} ${printValue(node.right)}`
      // The body of a lambda would take in what follows.
      return node.right.kind === 'lambda' ? `(${text})` : text
    }
  }
}

export function printValue(node: ValueNode): string {
  switch (node.kind) {
    case 'nil':
      return 'nil'
    case 'int':
    case 'bool':
      return String(node.value)
    case 'float':
      return printFloat(node.value)
    case 'string':
      return quote(node.value)
    case 'bytes':
      return `0x${Buffer.from(node.value).toString('hex')}`
    case 'enum':
    case 'functionName':
      return node.name
    case 'list':
      return `[${node.values.map(printValue).join(', ')}]`
    case 'map':
      return `{${node.entries.map(({ key, value }) => `${quote(key)}: ${printValue(value)}`).join(', ')}}`
    case 'math':
      return printMath(node)
    case 'negate':
      return `-${node.operand.kind === 'math' || node.operand.kind === 'negate' ? `(${printValue(node.operand)})` : printValue(node.operand)}`
    case 'path':
      return [node.context, ...node.fields.map(printField)].filter(part => part !== '').join('.')
    case 'call':
      return printCall(node)
    case 'lambda':
      return `(${node.params.join(', ')}) => ${isValue(node.body) ? printValue(node.body) : printCondition(node.body)}`
  }
}

/** Operations group to the left, so the right side keeps parentheses around an equal precedence. */
function printMath(node: Extract<ValueNode, { kind: 'math' }>): string {
  const product = node.op === '*' || node.op === '/'
  const side = (child: ValueNode, isRight: boolean): string => {
    const text = printValue(child)
    if (child.kind !== 'math') return text
    const childProduct = child.op === '*' || child.op === '/'
    const bare = isRight ? childProduct && !product : childProduct || !product
    return bare ? text : `(${text})`
  }
  return `${side(node.left, false)} ${node.op} ${side(node.right, true)}`
}

function isValue(node: ValueNode | BooleanNode): node is ValueNode {
  return !['or', 'and', 'not', 'comparison', 'constant', 'condition'].includes(node.kind)
}

function printField({ name, keys }: FieldNode): string {
  return `${name}${printKeys(keys)}`
}

function printKeys(keys: readonly ValueNode[]): string {
  return keys.map(key => `[${printValue(key)}]`).join('')
}

function printCall({ name, args, keys }: Call): string {
  return `${name}(${args.map(printArgument).join(', ')})${printKeys(keys)}`
}

function printArgument({ name, value }: Argument): string {
  return name === '' ? printValue(value) : `${name} = ${printValue(value)}`
}

/** A float needs a point with digits after it: 1e+21 is written 1.0e+21. */
function printFloat(value: number): string {
  const text = Object.is(value, -0) ? '-0' : String(value)
  const [mantissa, exponent] = text.split('e')
  const pointed = mantissa.includes('.') ? mantissa : `${mantissa}.0`
  return exponent === undefined ? pointed : `${pointed}e${exponent}`
}

function quote(text: string): string {
  const escaped = text.replace(/["\\\p{Cc}]/gu, c => {
    if (c === '"' || c === '\\') return `\\${c}`
    return `\\u${c.charCodeAt(0).toString(16).padStart(4, '0')}`
  })
  return `"${escaped}"`
}
