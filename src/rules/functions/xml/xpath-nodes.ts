/** Walking a tree for XPath: what counts as a node, in which order, and at what cost. */
import { EvaluationError } from '../../value.ts'
import { isBlank } from './space.ts'
import { innerText, type TreeAttribute, type XmlNode } from './tree.ts'
import type { NodeTest, StepNode } from './xpath-parse.ts'

/** An attribute with its element and its place there when it was found. */
export class AttributeNode {
  readonly owner: XmlNode
  readonly index: number
  readonly attribute: TreeAttribute

  constructor(owner: XmlNode, index: number) {
    this.owner = owner
    this.index = index
    this.attribute = owner.attributes[index]
  }
}

export type XPathItem = XmlNode | AttributeNode

/** Nodes that one query visits at most, also in its predicates; an honest one visits each node a few times. */
export const MAX_XPATH_VISITS = 200_000
/** UTF-16 units of text that weigh as much as a visit to a node. */
const TEXT_PER_VISIT = 64

/** Counts what a query costs. */
export class Budget {
  #left = MAX_XPATH_VISITS

  visit(cost = 1): void {
    this.#left -= cost
    if (this.#left < 0) throw new EvaluationError('the XPath takes too many steps on this XML')
  }

  text(length: number): void {
    this.visit(1 + length / TEXT_PER_VISIT)
  }
}

export function isAttribute(item: XPathItem): item is AttributeNode {
  return item instanceof AttributeNode
}

/** Following and preceding siblings leave out text that is all white space; a first child may be such. */
export function nextOf(item: XPathItem, budget: Budget): XmlNode | null {
  if (isAttribute(item)) return null
  let node = item.next
  for (; node !== null; node = node.next) {
    if (node.kind !== 'text' || !isBlank(node.data)) break
    budget.text(node.data.length)
  }
  return node
}

export function previousOf(item: XPathItem, budget: Budget): XmlNode | null {
  if (isAttribute(item)) return null
  let node = item.previous
  for (; node !== null; node = node.previous) {
    if (node.kind !== 'text' || !isBlank(node.data)) break
    budget.text(node.data.length)
  }
  return node
}

export function childOf(item: XPathItem): XmlNode | null {
  return isAttribute(item) ? null : item.firstChild
}

export function parentOf(item: XPathItem): XmlNode | null {
  return isAttribute(item) ? item.owner : item.parent
}

/** CDATA has no value of its own, as in the reference; inside an element it counts. */
export function itemValue(item: XPathItem, budget: Budget): string {
  let value = ''
  if (isAttribute(item)) value = item.attribute.value
  else if (item.kind === 'element') value = innerText(item, () => budget.visit())
  else if (item.kind === 'text' || item.kind === 'comment') value = item.data
  budget.text(value.length)
  return value
}

export function localNameOf(item: XPathItem): string {
  return isAttribute(item) ? item.attribute.local : item.data
}

export function prefixOf(item: XPathItem): string {
  return isAttribute(item) ? item.attribute.prefix : item.prefix
}

export function namespaceOf(item: XPathItem): string {
  return isAttribute(item) ? item.attribute.namespace : item.namespace
}

export type ItemTest = (item: XPathItem) => boolean

export function testOf({ test, prefix, name }: StepNode): ItemTest {
  const hasName = prefix !== '' || name !== ''
  return item => {
    if (test !== 'any' && test !== typeOf(item)) return false
    return !hasName || (localNameOf(item) === name && prefixOf(item) === prefix)
  }
}

/** Instructions count as elements and directives as text; the document and its declaration as neither. */
function typeOf(item: XPathItem): NodeTest | 'root' {
  if (isAttribute(item)) return item.owner.kind === 'element' ? 'attribute' : 'root'
  switch (item.kind) {
    case 'element':
    case 'instruction':
      return 'element'
    case 'text':
    case 'cdata':
    case 'directive':
      return 'text'
    case 'comment':
      return 'comment'
    default:
      return 'root'
  }
}
