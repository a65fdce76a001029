/** Which context a group of statements or conditions is for, from the contexts that its paths name. */
import type { BooleanNode, PathNode, Statement, ValueNode } from './ast.ts'

/** The first of `priority` that occurs as the context of any path; `''` when none does. */
export function inferContext(
  nodes: readonly (Statement | BooleanNode | ValueNode)[],
  priority: readonly string[],
): string {
  const named = new Set<string>()
  for (const node of nodes) visitPaths(node, path => named.add(path.context))
  return priority.find(name => named.has(name)) ?? ''
}

type AnyNode = Statement | BooleanNode | ValueNode

export function visitPaths(node: AnyNode, visit: (path: PathNode) => void): void {
  if (node.kind === 'path') visit(node)
  for (const child of childrenOf(node)) visitPaths(child, visit)
}

function childrenOf(node: AnyNode): readonly AnyNode[] {
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
