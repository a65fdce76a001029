/** The nodes directly below one of the syntax tree, and how deep a tree is, found without recursion. */
import type { BooleanNode, Statement, ValueNode } from './ast.ts'

export type AnyNode = Statement | BooleanNode | ValueNode

/** A node that has `depth` others above it, or undefined when the tree is not that deep. */
export function nodeBelow(root: AnyNode, depth: number): AnyNode | undefined {
  let level: readonly AnyNode[] = [root]
  for (let i = 0; i < depth && level.length > 0; i++) level = level.flatMap(childrenOf)
  return level[0]
}

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
      return [...node.args.map(arg => arg.value), ...node.keys]
    case 'map':
      return node.entries.map(entry => entry.value)
    case 'list':
      return node.values
    case 'lambda':
      return [node.body]
    case 'path':
      return node.fields.flatMap(field => field.keys)
    default:
      return []
  }
}
