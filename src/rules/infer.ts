/** Which context a group of statements or conditions is for, from the paths, functions and enums that it names. */
import type { PathNode } from './ast.ts'
import { type AnyNode, childrenOf } from './children.ts'

export { type AnyNode, childrenOf }

/** As the reference orders them. */
export const CONTEXT_PRIORITY: readonly string[] = [
  'log',
  'exemplar',
  'datapoint',
  'metric',
  'spanevent',
  'span',
  'profile',
  'scope',
  'instrumentation_scope',
  'resource',
]

export interface ContextCandidate {
  hasFunction(name: string): boolean
  hasEnum(name: string): boolean
  /** Contexts whose items stand inside of this one and can reach its paths: of `resource` all others. */
  readonly lower: readonly string[]
}

/**
 * The first of `priority` that occurs as the context of a path; one that is not in `priority` only when no other does.
 * With `candidates` it must know every function and enum that is used, else the first of its lower contexts that does.
 * `''` when there is none.
 */
export function inferContext(
  nodes: readonly AnyNode[],
  priority: readonly string[] = CONTEXT_PRIORITY,
  candidates?: ReadonlyMap<string, ContextCandidate>,
): string {
  const named = namesOf(nodes)
  const context = byPriority([...named.contexts], priority)[0] ?? ''
  if (context === '' || candidates === undefined) return context
  if (named.functions.size === 0 && named.enums.size === 0) return context
  const fits = (name: string): boolean => isEligible(candidates.get(name), named)
  if (fits(context)) return context
  const lower = candidates.get(context)?.lower ?? []
  return byPriority(lower, priority).find(fits) ?? ''
}

interface Names {
  readonly contexts: Set<string>
  readonly functions: Set<string>
  readonly enums: Set<string>
}

/** A stable sort. */
function byPriority(names: readonly string[], priority: readonly string[]): string[] {
  const rank = (name: string): number => {
    const index = priority.indexOf(name)
    return index < 0 ? priority.length : index
  }
  return names.filter(name => name !== '').sort((a, b) => rank(a) - rank(b))
}

function isEligible(candidate: ContextCandidate | undefined, { functions, enums }: Names): boolean {
  if (candidate === undefined) return false
  for (const name of functions) if (!candidate.hasFunction(name)) return false
  // A converter passed by its name looks like an enum when it is all upper case.
  for (const name of enums)
    if (!candidate.hasEnum(name) && !candidate.hasFunction(name)) return false
  return true
}

function namesOf(nodes: readonly AnyNode[]): Names {
  const names: Names = { contexts: new Set(), functions: new Set(), enums: new Set() }
  for (const node of nodes) collect(node, names, [])
  return names
}

/** `bound` are the parameters of the lambdas around, which are no paths. */
function collect(node: AnyNode, names: Names, bound: readonly string[]): void {
  if (node.kind === 'call' || node.kind === 'functionName') names.functions.add(node.name)
  if (node.kind === 'enum') names.enums.add(node.name)
  if (node.kind === 'path') {
    const first = node.context === '' ? node.fields[0].name : node.context
    if (!bound.includes(first)) names.contexts.add(node.context)
  }
  const inside = node.kind === 'lambda' ? [...bound, ...node.params] : bound
  for (const child of childrenOf(node)) collect(child, names, inside)
}

export function visitPaths(node: AnyNode, visit: (path: PathNode) => void): void {
  if (node.kind === 'path') visit(node)
  for (const child of childrenOf(node)) visitPaths(child, visit)
}
