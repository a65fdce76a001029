/**
 * A configuration as a tree that knows for each key and value where it was written. Merging, expansion and checking
 * work on it, so that every fault can be shown at its place.
 */
import type { Problem, Span } from './problems.ts'
import { joinPath } from './problems.ts'

export type Path = readonly (string | number)[]
export type Scalar = string | number | boolean | null

export interface TreeScalar {
  readonly kind: 'scalar'
  readonly value: Scalar
  readonly at: Span
  /** For values that came by expansion: the text before it was read as YAML. A text field takes this one. */
  readonly original?: string
}

export interface TreeList {
  readonly kind: 'list'
  readonly items: readonly Tree[]
  readonly at: Span
  readonly original?: string
}

export interface TreeEntry {
  readonly key: Span
  readonly value: Tree
}

export interface TreeMap {
  readonly kind: 'map'
  readonly entries: ReadonlyMap<string, TreeEntry>
  readonly at: Span
  readonly original?: string
}

export type Tree = TreeScalar | TreeList | TreeMap

/**
 * Later wins key by key; everything that is not a map on both sides is replaced (lists too). A map that is in both
 * keeps its first place, which is where people look for it.
 */
export function mergeTrees(earlier: Tree, later: Tree): Tree {
  if (earlier.kind !== 'map' || later.kind !== 'map') return later
  const entries = new Map(earlier.entries)
  for (const [key, entry] of later.entries) {
    const before = entries.get(key)
    if (before?.value.kind === 'map' && entry.value.kind === 'map') {
      entries.set(key, { key: before.key, value: mergeTrees(before.value, entry.value) })
    } else {
      entries.set(key, entry)
    }
  }
  return { kind: 'map', entries, at: earlier.at }
}

/** Plain values, as schemas want them. Keys are own properties, whatever they are called. */
export function toPlain(tree: Tree): unknown {
  if (tree.kind === 'scalar') return tree.value
  if (tree.kind === 'list') return tree.items.map(toPlain)
  const plain: Record<string, unknown> = {}
  for (const [key, entry] of tree.entries) setOwn(plain, key, toPlain(entry.value))
  return plain
}

/** `__proto__` as a key must stay a key. */
export function setOwn(target: object, key: string, value: unknown): void {
  Object.defineProperty(target, key, {
    value,
    enumerable: true,
    writable: true,
    configurable: true,
  })
}

export function childOf(tree: Tree, key: string | number): Tree | undefined {
  if (tree.kind === 'map') return tree.entries.get(String(key))?.value
  if (tree.kind === 'list') return tree.items[Number(key)]
  return undefined
}

export function nodeAt(tree: Tree, path: Path): Tree | undefined {
  let node: Tree | undefined = tree
  for (const key of path) {
    if (node === undefined) return undefined
    node = childOf(node, key)
  }
  return node
}

/** Where to point for a fault at this path: at the value, or at the nearest key above that exists. */
export function findSpan(tree: Tree, path: Path, part: 'key' | 'value'): Span {
  let node = tree
  let found = tree.at
  for (const [depth, key] of path.entries()) {
    const next = childOf(node, key)
    if (next === undefined) return found
    const last = depth === path.length - 1
    const entry = node.kind === 'map' ? node.entries.get(String(key)) : undefined
    found =
      entry !== undefined && !(last && part === 'value' && isVisible(next)) ? entry.key : next.at
    node = next
  }
  return found
}

/** Null without text (`batch:`) has no place of its own; then the key is pointed at. */
function isVisible(tree: Tree): boolean {
  return tree.kind === 'scalar' && tree.at.end > tree.at.start
}

export interface Fault {
  readonly severity?: 'error' | 'warning'
  readonly path: Path
  readonly message: string
  readonly expected?: string
  readonly nearest?: string
}

/** A problem at a span. */
export function problemAt(span: Span, fault: Fault): Problem {
  const { line, column } = span.source.locate(span.start)
  return {
    severity: fault.severity ?? 'error',
    path: joinPath(fault.path),
    file: span.source.name,
    line,
    column,
    message: fault.message,
    ...(fault.expected === undefined ? {} : { expected: fault.expected }),
    ...(fault.nearest === undefined ? {} : { nearest: fault.nearest }),
    at: span,
  }
}
