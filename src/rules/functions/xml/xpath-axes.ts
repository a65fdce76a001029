/** The axes: each gives the items that one context item leads to, with their position in that. */

import {
  AttributeNode,
  type Budget,
  childOf,
  type ItemTest,
  isAttribute,
  nextOf,
  parentOf,
  previousOf,
  type XPathItem,
} from './xpath-nodes.ts'
import type { Axis } from './xpath-parse.ts'

/** What a numeric predicate compares with is the position; the depth tells positions of filtered items apart. */
export interface Found {
  readonly item: XPathItem
  readonly position: number
  readonly depth: number
}

export type Walk = (from: XPathItem, test: ItemTest, budget: Budget) => Generator<Found>

/** All but the ancestors, which look at all context items together (see xpath-query.ts). */
export const WALKS: Readonly<Record<Exclude<Axis, 'ancestor' | 'ancestor-or-self'>, Walk>> = {
  attribute,
  child,
  descendant: (from, test, budget) => descendants(from, false, test, budget),
  'descendant-or-self': (from, test, budget) => descendants(from, true, test, budget),
  following,
  'following-sibling': followingSiblings,
  parent,
  preceding,
  'preceding-sibling': precedingSiblings,
  self,
}

function* self(from: XPathItem, test: ItemTest, budget: Budget): Generator<Found> {
  budget.visit()
  if (test(from)) yield { item: from, position: 1, depth: 0 }
}

function* parent(from: XPathItem, test: ItemTest, budget: Budget): Generator<Found> {
  budget.visit()
  const item = parentOf(from)
  if (item !== null && test(item)) yield { item, position: 1, depth: 0 }
}

function* attribute(from: XPathItem, test: ItemTest, budget: Budget): Generator<Found> {
  const owner = isAttribute(from) ? from.owner : from
  for (let i = isAttribute(from) ? from.index + 1 : 0; i < owner.attributes.length; i++) {
    budget.visit()
    const item = new AttributeNode(owner, i)
    if (test(item)) yield { item, position: 1, depth: 0 }
  }
}

function* child(from: XPathItem, test: ItemTest, budget: Budget): Generator<Found> {
  let position = 0
  for (let item = childOf(from); item !== null; item = nextOf(item, budget)) {
    budget.visit()
    if (test(item)) yield { item, position: ++position, depth: 0 }
  }
}

export function* descendants(
  from: XPathItem,
  withSelf: boolean,
  test: ItemTest,
  budget: Budget,
): Generator<Found> {
  let position = 0
  let depth = 0
  budget.visit()
  if (withSelf && test(from)) yield { item: from, position: ++position, depth }
  let at: XPathItem = from
  for (;;) {
    let next: XPathItem | null = childOf(at)
    if (next !== null) depth++
    while (next === null) {
      if (depth === 0) return
      next = nextOf(at, budget)
      if (next !== null) break
      const above = parentOf(at)
      if (above === null) return
      at = above
      depth--
    }
    at = next
    budget.visit()
    if (test(at)) yield { item: at, position: ++position, depth }
  }
}

/** Descendants that match, without what is below a match: a walk over all of them comes after. */
export function* outermost(
  from: XPathItem,
  withSelf: boolean,
  test: ItemTest,
  budget: Budget,
): Generator<Found> {
  budget.visit()
  const first = childOf(from)
  if ((withSelf || first === null) && test(from)) {
    yield { item: from, position: 1, depth: 0 }
    return
  }
  let position = 0
  let depth = 1
  let at: XPathItem | null = first
  while (at !== null) {
    budget.visit()
    const isMatch = test(at)
    if (isMatch) yield { item: at, position: ++position, depth: 0 }
    let next: XPathItem | null = isMatch ? null : childOf(at)
    if (next !== null) depth++
    while (next === null) {
      next = nextOf(at as XPathItem, budget)
      if (next !== null) break
      if (--depth === 0) return
      at = parentOf(at as XPathItem)
      if (at === null) return
    }
    at = next
  }
}

function* followingSiblings(from: XPathItem, test: ItemTest, budget: Budget): Generator<Found> {
  let position = 0
  for (let item = nextOf(from, budget); item !== null; item = nextOf(item, budget)) {
    budget.visit()
    if (test(item)) yield { item, position: ++position, depth: 0 }
  }
}

function* precedingSiblings(from: XPathItem, test: ItemTest, budget: Budget): Generator<Found> {
  let position = 0
  for (let item = previousOf(from, budget); item !== null; item = previousOf(item, budget)) {
    budget.visit()
    if (test(item)) yield { item, position: ++position, depth: 0 }
  }
}

function* following(from: XPathItem, test: ItemTest, budget: Budget): Generator<Found> {
  let at: XPathItem = from
  for (;;) {
    const next = nextOf(at, budget)
    if (next === null) {
      const above = parentOf(at)
      if (above === null) return
      budget.visit()
      at = above
      continue
    }
    at = next
    for (const found of descendants(at, true, test, budget)) yield { ...found, depth: 0 }
  }
}

/** Nearest subtree first, each in document order; positions begin anew with each level up, as in the reference. */
function* preceding(from: XPathItem, test: ItemTest, budget: Budget): Generator<Found> {
  let at: XPathItem = from
  let position = 0
  for (;;) {
    const previous = previousOf(at, budget)
    if (previous === null) {
      const above = parentOf(at)
      if (above === null) return
      budget.visit()
      at = above
      position = 0
      continue
    }
    at = previous
    for (const { item } of descendants(at, true, test, budget)) {
      yield { item, position: ++position, depth: 0 }
    }
  }
}
