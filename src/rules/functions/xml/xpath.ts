/** Compiles XPath expressions: the tree becomes queries, by the rules with which the reference places its predicates. */

import type { XmlNode } from './tree.ts'
import {
  compareValues,
  lastOf,
  positionOf,
  regexOf,
  toNumber,
  xpathFunction,
} from './xpath-functions.ts'
import type { XPathItem } from './xpath-nodes.ts'
import { parseXPath, type StepNode, type XPathNode } from './xpath-parse.ts'
import {
  ComputedQuery,
  ConstantQuery,
  ContextQuery,
  FilterQuery,
  GroupQuery,
  LogicQuery,
  MergeQuery,
  PlaceQuery,
  type Query,
  ReverseQuery,
  RootQuery,
  Run,
  StepQuery,
  UnionQuery,
} from './xpath-query.ts'

export interface XPath {
  /** In the order in which the reference finds them. Throws EvaluationError, also when it takes too long. */
  select(root: XmlNode): XPathItem[]
}

/** Throws Error for what the reference refuses. */
export function compileXPath(text: string): XPath {
  let query: Query
  try {
    query = new Builder().node(parseXPath(text), NO_FLAGS).query
  } catch (error) {
    throw new Error(`invalid xpath: ${(error as Error).message}`)
  }
  return {
    select: root => Array.from(query.nodes(root, new Run(root)), ({ item }) => item),
  }
}

interface Flags {
  /** Inside a predicate's input: `//x` is then two steps. */
  readonly isFilter: boolean
  /** Below another walk over descendants: only the outermost are needed. */
  readonly isBelowWalk: boolean
}

const NO_FLAGS: Flags = { isFilter: false, isBelowWalk: false }

interface Built {
  readonly query: Query
  readonly hasPosition: boolean
  readonly hasLast: boolean
  /** A predicate by position is in the chain. */
  readonly isPlaced: boolean
}

const PLAIN = { hasPosition: false, hasLast: false, isPlaced: false }
const NUMERIC: Readonly<Record<string, (a: number, b: number) => number>> = {
  '+': (a, b) => a + b,
  '-': (a, b) => a - b,
  '*': (a, b) => a * b,
  div: (a, b) => a / b,
  mod: (a, b) => a % b,
}
const MAX_QUERIES_DEEP = 1024

class Builder {
  /** The step or filter built last: what `position()` and `last()` refer to. */
  #latest: Query | null = null
  #depth = 0

  node(node: XPathNode, flags: Flags): Built {
    if (++this.#depth > MAX_QUERIES_DEEP) throw new Error('the expression is too complex')
    const built = this.#built(node, flags)
    this.#depth--
    return built
  }

  #built(node: XPathNode, flags: Flags): Built {
    switch (node.kind) {
      case 'root':
        return { ...PLAIN, query: new RootQuery() }
      case 'constant':
        return { ...PLAIN, query: new ConstantQuery(node.value) }
      case 'group': {
        const inner = this.node(node.input, NO_FLAGS)
        this.#latest = new GroupQuery(inner.query)
        return { ...inner, query: this.#latest }
      }
      case 'step': {
        const built = this.#step(node, flags)
        this.#latest = built.query
        return built
      }
      case 'filter': {
        const built = this.#filter(node.input, node.condition, flags)
        this.#latest = built.query
        return built
      }
      case 'operator':
        return this.#operator(node.op, node.left, node.right)
      case 'call':
        return this.#call(node.name, node.args)
    }
  }

  #step(step: StepNode, flags: Flags): Built {
    this.#latest = null
    const { input, axis } = step
    if (input === null) return { ...PLAIN, query: new StepQuery(new ContextQuery(), step) }
    const below: Flags = { isFilter: false, isBelowWalk: true }
    if (!flags.isFilter && axis === 'child' && isWalk(input)) {
      const start =
        input.input === null
          ? { ...PLAIN, query: new ContextQuery() }
          : this.node(input.input, below)
      return { ...start, query: new StepQuery(start.query, { ...step, axis: 'descendant' }) }
    }
    const isDescendant = axis === 'descendant' || axis === 'descendant-or-self'
    const before = this.node(input, !flags.isFilter && isDescendant ? below : NO_FLAGS)
    const isOutermost = isDescendant && flags.isBelowWalk
    return { ...before, query: new StepQuery(before.query, step, isOutermost) }
  }

  #filter(inputNode: XPathNode, conditionNode: XPathNode, flags: Flags): Built {
    const input = this.node(inputNode, { ...flags, isFilter: true })
    const step = this.#latest
    const condition = this.node(conditionNode, flags)
    const isByPosition = condition.query.canBeNumber || condition.hasPosition || condition.hasLast
    const isPlaced = isByPosition || (inputNode.kind === 'filter' && input.isPlaced)
    const test = condition.hasLast ? lastOfGroup(condition.query) : condition.query
    const query = new FilterQuery(input.query, test)
    const built = { ...input, isPlaced, query }
    if (flags.isFilter || step === null || !input.query.isMergeable || !isPlaced) return built
    if (!(step instanceof StepQuery) || step.input instanceof ContextQuery) return built
    const parents = step.input
    step.input = new ContextQuery()
    return { ...built, query: new MergeQuery(parents, query) }
  }

  #operator(op: string, leftNode: XPathNode, rightNode: XPathNode): Built {
    const left = this.node(leftNode, NO_FLAGS)
    const right = this.node(rightNode, NO_FLAGS)
    return {
      query: operation(op, left.query, right.query),
      hasPosition: left.hasPosition || right.hasPosition,
      hasLast: left.hasLast || right.hasLast,
      isPlaced: left.isPlaced || right.isPlaced,
    }
  }

  #call(name: string, argNodes: readonly XPathNode[]): Built {
    const latest = this.#latest
    if (name === 'position') {
      const query = new PlaceQuery(latest, (item, run) => positionOf(latest, item, run))
      return { ...PLAIN, query, hasPosition: true }
    }
    if (name === 'last') {
      const query = new PlaceQuery(latest, (item, run) => lastOf(latest, item, run))
      return { ...PLAIN, query, hasLast: true }
    }
    const args = argNodes.map(arg => this.node(arg, NO_FLAGS))
    const properties = args.at(-1) ?? PLAIN
    const queries = args.map(arg => arg.query)
    if (name === 'reverse' && queries.length > 0) {
      return { ...properties, query: new ReverseQuery(queries[0]) }
    }
    const [, pattern] = argNodes
    if (name === 'matches' && pattern?.kind === 'constant') regexOf(String(pattern.value))
    const query = xpathFunction(name, queries)
    if (query === null) throw new Error(`there is no function ${name}()`)
    return { ...properties, query }
  }
}

function isWalk(node: XPathNode): node is StepNode {
  return node.kind === 'step' && node.axis === 'descendant-or-self'
}

/** `(…)[last()]` counts what the group gives, once. */
function lastOfGroup(query: Query): Query {
  if (!(query instanceof PlaceQuery)) return query
  const { counted } = query
  if (!(counted instanceof FilterQuery || counted instanceof GroupQuery)) return query
  return new ComputedQuery((item, run) => {
    const known = run.counts.get(query)
    if (known !== undefined) return known
    let total = 0
    for (const _ of counted.nodes(item, run)) total++
    run.counts.set(query, total)
    return total
  })
}

function operation(op: string, left: Query, right: Query): Query {
  if (op === '|') return new UnionQuery(left, right)
  if (op === 'or' || op === 'and') return new LogicQuery(left, right, op === 'or')
  const compute = NUMERIC[op]
  if (compute !== undefined) {
    return new ComputedQuery((item, run) =>
      compute(toNumber(left.value(item, run)), toNumber(right.value(item, run))),
    )
  }
  return new ComputedQuery(
    (item, run) => compareValues(op, left.value(item, run), right.value(item, run), run),
    false,
  )
}
