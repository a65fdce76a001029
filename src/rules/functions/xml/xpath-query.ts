/** What an XPath expression becomes when it is loaded: queries that pull nodes one by one. */
import { EvaluationError } from '../../value.ts'
import { type Found, outermost, WALKS } from './xpath-axes.ts'
import {
  Budget,
  type ItemTest,
  isAttribute,
  itemValue,
  parentOf,
  testOf,
  type XPathItem,
} from './xpath-nodes.ts'
import type { StepNode } from './xpath-parse.ts'

export type XPathValue = boolean | number | string | NodeSet

/** The state of one evaluation. */
export class Run {
  readonly root: XPathItem
  readonly budget = new Budget()
  /** Counts that the reference keeps from the first candidate on. */
  readonly counts = new Map<Query, number>()

  constructor(root: XPathItem) {
    this.root = root
  }
}

/** Nodes not yet pulled. */
export class NodeSet {
  readonly #query: Query
  readonly #context: XPathItem
  readonly #run: Run

  constructor(query: Query, context: XPathItem, run: Run) {
    this.#query = query
    this.#context = context
    this.#run = run
  }

  *items(): Generator<XPathItem> {
    for (const { item } of this.#query.nodes(this.#context, this.#run)) yield item
  }

  first(): XPathItem | undefined {
    for (const item of this.items()) return item
    return undefined
  }

  firstValue(): string | undefined {
    const item = this.first()
    return item && itemValue(item, this.#run.budget)
  }
}

export abstract class Query {
  /** A number could come out: a predicate of that compares it with the position. */
  readonly canBeNumber: boolean = false
  /** Whether a predicate with a position may be evaluated for each parent on its own. */
  get isMergeable(): boolean {
    return true
  }

  /** What `position()` and `last()` count. */
  get test(): ItemTest {
    return () => true
  }

  *nodes(_context: XPathItem, _run: Run): Generator<Found> {}

  value(context: XPathItem, run: Run): XPathValue {
    return new NodeSet(this, context, run)
  }
}

export class ContextQuery extends Query {
  override *nodes(context: XPathItem): Generator<Found> {
    yield { item: context, position: 1, depth: 0 }
  }
}

export class RootQuery extends Query {
  override *nodes(_context: XPathItem, run: Run): Generator<Found> {
    yield { item: run.root, position: 1, depth: 0 }
  }
}

export class StepQuery extends Query {
  input: Query
  readonly #axis: StepNode['axis']
  readonly #test: ItemTest
  readonly #isOutermost: boolean

  constructor(input: Query, step: StepNode, isOutermost = false) {
    super()
    this.input = input
    this.#axis = step.axis
    this.#test = testOf(step)
    this.#isOutermost = isOutermost
  }

  override get test(): ItemTest {
    return this.#test
  }

  override *nodes(context: XPathItem, run: Run): Generator<Found> {
    const axis = this.#axis
    if (axis === 'ancestor' || axis === 'ancestor-or-self') {
      yield* this.#ancestors(context, run, axis === 'ancestor-or-self')
      return
    }
    const walk = WALKS[axis]
    for (const { item } of this.input.nodes(context, run)) {
      if (this.#isOutermost) {
        yield* outermost(item, axis === 'descendant-or-self', this.#test, run.budget)
      } else yield* walk(item, this.#test, run.budget)
    }
  }

  /** Each ancestor once, at the first item that leads to it. */
  *#ancestors(context: XPathItem, run: Run, withSelf: boolean): Generator<Found> {
    const seen = new SeenItems()
    for (const { item } of this.input.nodes(context, run)) {
      let position = 0
      for (let at = withSelf ? item : parentOf(item); at !== null; at = parentOf(at)) {
        run.budget.visit()
        if (this.#test(at) && seen.add(at)) yield { item: at, position: ++position, depth: 0 }
      }
    }
  }
}

export class FilterQuery extends Query {
  readonly #input: Query
  readonly #condition: Query

  constructor(input: Query, condition: Query) {
    super()
    this.#input = input
    this.#condition = condition
  }

  override get isMergeable(): boolean {
    return this.#input.isMergeable
  }

  override *nodes(context: XPathItem, run: Run): Generator<Found> {
    const positions = new Map<number, number>()
    for (const { item, position, depth } of this.#input.nodes(context, run)) {
      if (!holds(this.#condition.value(item, run), position)) continue
      const own = (positions.get(depth) ?? 0) + 1
      positions.set(depth, own)
      yield { item, position: own, depth: 0 }
    }
  }
}

function holds(value: XPathValue, position: number): boolean {
  if (typeof value === 'number') return Math.trunc(value) === position
  return toBoolean(value)
}

/** Evaluates a filter for each parent on its own, so that positions count from there. */
export class MergeQuery extends Query {
  readonly #parents: Query
  readonly #filter: Query

  constructor(parents: Query, filter: Query) {
    super()
    this.#parents = parents
    this.#filter = filter
  }

  override *nodes(context: XPathItem, run: Run): Generator<Found> {
    for (const { item: parent } of this.#parents.nodes(context, run)) {
      for (const { item } of this.#filter.nodes(parent, run)) yield { item, position: 1, depth: 0 }
    }
  }
}

export class GroupQuery extends Query {
  readonly #inner: Query
  override readonly canBeNumber: boolean

  constructor(inner: Query) {
    super()
    this.#inner = inner
    this.canBeNumber = inner.canBeNumber
  }

  override get isMergeable(): boolean {
    return false
  }

  override *nodes(context: XPathItem, run: Run): Generator<Found> {
    let position = 0
    for (const { item } of this.#inner.nodes(context, run)) {
      yield { item, position: ++position, depth: 0 }
    }
  }

  override value(context: XPathItem, run: Run): XPathValue {
    const value = this.#inner.value(context, run)
    return value instanceof NodeSet ? new NodeSet(this, context, run) : value
  }
}

export class UnionQuery extends Query {
  readonly #sides: readonly Query[]

  constructor(left: Query, right: Query) {
    super()
    this.#sides = [left, right]
  }

  override *nodes(context: XPathItem, run: Run): Generator<Found> {
    const seen = new SeenItems()
    for (const side of this.#sides) {
      for (const { item } of side.nodes(context, run)) {
        if (seen.add(item)) yield { item, position: 1, depth: 0 }
      }
    }
  }
}

export class ConstantQuery extends Query {
  readonly #value: string | number
  override readonly canBeNumber: boolean

  constructor(value: string | number) {
    super()
    this.#value = value
    this.canBeNumber = typeof value === 'number'
  }

  override value(): XPathValue {
    return this.#value
  }
}

/** A function or an operator. */
export class ComputedQuery extends Query {
  readonly #compute: (context: XPathItem, run: Run) => XPathValue
  override readonly canBeNumber: boolean

  constructor(compute: (context: XPathItem, run: Run) => XPathValue, canBeNumber = true) {
    super()
    this.#compute = compute
    this.canBeNumber = canBeNumber
  }

  override value(context: XPathItem, run: Run): XPathValue {
    return this.#compute(context, run)
  }
}

/** `position()` or `last()`, with the query whose test they count by. */
export class PlaceQuery extends ComputedQuery {
  readonly counted: Query | null

  constructor(counted: Query | null, compute: (context: XPathItem, run: Run) => number) {
    super(compute)
    this.counted = counted
  }
}

export class ReverseQuery extends Query {
  readonly #input: Query
  override readonly canBeNumber = true

  constructor(input: Query) {
    super()
    this.#input = input
  }

  override *nodes(context: XPathItem, run: Run): Generator<Found> {
    const items = [...this.#input.nodes(context, run)].reverse()
    for (const { item } of items) yield { item, position: 1, depth: 0 }
  }
}

/** `and`, `or`; selected from outside a predicate they are odd lists of nodes in the reference. */
export class LogicQuery extends ComputedQuery {
  readonly #sides: readonly [Query, Query]
  readonly #isOr: boolean

  constructor(left: Query, right: Query, isOr: boolean) {
    super((context, run) => {
      if (toBoolean(left.value(context, run)) === isOr) return isOr
      return toBoolean(right.value(context, run))
    }, false)
    this.#sides = [left, right]
    this.#isOr = isOr
  }

  override *nodes(context: XPathItem, run: Run): Generator<Found> {
    let last: Found | undefined
    for (const side of this.#sides) {
      for (const found of side.nodes(context, run)) {
        if (this.#isOr) yield found
        last = found
      }
    }
    if (!this.#isOr && last !== undefined) yield last
  }
}

export function toBoolean(value: XPathValue): boolean {
  if (typeof value === 'boolean') return value
  if (typeof value === 'number') return value !== 0
  return typeof value === 'string' ? value !== '' : value.first() !== undefined
}

export function evaluationFault(message: string): EvaluationError {
  return new EvaluationError(`xpath: ${message}`)
}

/** Attributes are made anew by each walk: they are told apart by element and place. */
class SeenItems {
  readonly #nodes = new Set<XPathItem>()
  readonly #attributes = new Map<XPathItem, Set<number>>()

  /** False when it was there. */
  add(item: XPathItem): boolean {
    if (!isAttribute(item)) {
      if (this.#nodes.has(item)) return false
      this.#nodes.add(item)
      return true
    }
    const places = this.#attributes.get(item.owner) ?? new Set()
    this.#attributes.set(item.owner, places)
    if (places.has(item.index)) return false
    places.add(item.index)
    return true
  }
}
