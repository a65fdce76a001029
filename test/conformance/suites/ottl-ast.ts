/** Our syntax tree in the notation of the parse cases, which is the reference's tree of Go structs. */
import type { BooleanNode, Call, PathNode, Statement, ValueNode } from '../../../src/rules/ast.ts'

type Json = Record<string, unknown>

const COMPARE_OPS = ['==', '!=', '<', '<=', '>=', '>']
const MATH_OPS = ['+', '-', '*', '/']

export function statementAst(node: Statement): Json {
  const where = node.where === null ? {} : { WhereClause: booleanAst(node.where) }
  return { Editor: callAst(node.editor), ...where }
}

export function booleanAst(node: BooleanNode): Json {
  if (node.kind !== 'or') return { Left: termAst(node) }
  const [first, ...rest] = node.terms
  const right = rest.map(term => ({ Operator: 'or', Term: termAst(term) }))
  return { Left: termAst(first), Right: right }
}

function termAst(node: BooleanNode): Json {
  if (node.kind !== 'and') return { Left: factorAst(node) }
  const [first, ...rest] = node.factors
  const right = rest.map(factor => ({ Operator: 'and', Value: factorAst(factor) }))
  return { Left: factorAst(first), Right: right }
}

function factorAst(node: BooleanNode): Json {
  switch (node.kind) {
    case 'not':
      return { Negation: 'not', ...factorAst(node.operand) }
    case 'comparison': {
      const [Left, Right] = [valueAst(node.left), valueAst(node.right)]
      return { Comparison: { Left, Op: int(COMPARE_OPS.indexOf(node.op)), Right } }
    }
    case 'constant':
      return { ConstExpr: { Boolean: node.value } }
    case 'condition':
      return { ConstExpr: { Converter: callAst(node.call) } }
    default:
      return { SubExpr: booleanAst(node) }
  }
}

function valueAst(node: ValueNode): Json {
  switch (node.kind) {
    case 'nil':
      return { IsNil: true }
    case 'string':
      return { String: node.value }
    case 'bool':
      return { Bool: node.value }
    case 'bytes':
      return { Bytes: { b: Buffer.from(node.value).toString('hex') } }
    case 'enum':
      return { Enum: node.name }
    case 'list':
      return { List: node.values.length === 0 ? {} : { Values: node.values.map(valueAst) } }
    case 'map': {
      const values = node.entries.map(({ key, value }) => ({ Key: key, Value: valueAst(value) }))
      return { Map: values.length === 0 ? {} : { Values: values } }
    }
    case 'math':
      return { MathExpression: sumAst(node) }
    case 'functionName':
    case 'lambda':
      return {}
    default:
      return { Literal: literalAst(node) }
  }
}

function literalAst(node: ValueNode): Json {
  switch (node.kind) {
    case 'int':
      return { Int: int(node.value) }
    case 'float':
      return { Float: { f: node.value } }
    case 'path':
      return { Path: pathAst(node) }
    case 'call':
      return { Converter: callAst(node) }
    default:
      throw new Error(`${node.kind} is not a literal`)
  }
}

function pathAst({ context, fields }: PathNode): Json {
  const Fields = fields.map(({ name, keys }) => ({ Name: name, ...keysAst(keys) }))
  return { ...(context === '' ? {} : { Context: context }), Fields }
}

function keysAst(keys: readonly ValueNode[]): Json {
  return keys.length === 0 ? {} : { Keys: keys.map(keyAst) }
}

function keyAst(node: ValueNode): Json {
  if (node.kind === 'string') return { String: node.value }
  if (node.kind === 'int') return { Int: int(node.value) }
  if (node.kind === 'math') return { MathExpression: sumAst(node) }
  return { Expression: literalAst(node) }
}

function callAst({ name, args, keys }: Call): Json {
  const converted = args.map(arg => ({
    ...(arg.name === '' ? {} : { Name: arg.name }),
    Value: valueAst(arg.value),
    ...(arg.value.kind === 'functionName' ? { FunctionName: arg.value.name } : {}),
  }))
  return {
    Function: name,
    ...(args.length === 0 ? {} : { Arguments: converted }),
    ...keysAst(keys),
  }
}

function sumAst(node: ValueNode): Json {
  return chainAst(node, ['+', '-'], 'Term', productAst)
}

function productAst(node: ValueNode): Json {
  return chainAst(node, ['*', '/'], 'Value', operandAst)
}

/** Left-deep operations of one precedence are a list in the reference. */
function chainAst(
  node: ValueNode,
  ops: readonly string[],
  field: string,
  inner: (node: ValueNode) => Json,
): Json {
  const right: Json[] = []
  let left = node
  while (left.kind === 'math' && ops.includes(left.op)) {
    right.unshift({ Operator: int(MATH_OPS.indexOf(left.op)), [field]: inner(left.right) })
    left = left.left
  }
  return { Left: inner(left), ...(right.length === 0 ? {} : { Right: right }) }
}

function operandAst(node: ValueNode): Json {
  return node.kind === 'math' ? { SubExpression: sumAst(node) } : { Literal: literalAst(node) }
}

function int(value: number | bigint): Json {
  return { i: String(value) }
}
