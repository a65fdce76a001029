/** The nodes directly below one of the syntax tree. */
import type { BooleanNode, Statement, ValueNode } from '../../../src/rules/ast.ts'

export type AnyNode = Statement | BooleanNode | ValueNode

export function childrenOf(node: AnyNode): readonly AnyNode[] {
  switch (node.kind) {
    case 'statement':
      return node.where === null ? [node.editor] : [node.editor, node.where]
    case 'or':
      return node.terms
    case 'and':
      return node.factors
    case 'not':
    case 'negate':
      return [node.operand]
    case 'comparison':
    case 'math':
      return [node.left, node.right]
    case 'condition':
      return [node.call]
    case 'call':
      return [...node.args.map(({ value }) => value), ...node.keys]
    case 'map':
      return node.entries.map(({ value }) => value)
    case 'list':
      return node.values
    case 'lambda':
      return [node.body]
    case 'path':
      return node.fields.flatMap(({ keys }) => keys)
    default:
      return []
  }
}
