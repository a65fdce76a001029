/** The XML functions that give XML again: GetXML, InsertXML, RemoveXML and the two that make elements. */
import { defineFunction, type FunctionSpec, type Getter } from '../../function.ts'
import { EvaluationError } from '../../value.ts'
import { parseXml } from './parse.ts'
import { addChild, innerText, printChildren, removeAttribute, removeNode, XmlNode } from './tree.ts'
import { compileXPath } from './xpath.ts'
import { isAttribute, type XPathItem } from './xpath-nodes.ts'

const ALL_ATTRIBUTES = '//@*'
const WHOLE_DOCUMENT = '/'
const DEFAULT_ELEMENT = 'value'

export const xmlEditFunctions: readonly FunctionSpec[] = [
  defineFunction({
    name: 'GetXML',
    kind: 'converter',
    params: [
      { name: 'Target', type: 'string' },
      { name: 'XPath', type: 'literalString' },
    ],
    summary:
      'The elements, texts and attribute values of an XML text that an XPath selects, as XML.',
    example: {
      expr: 'GetXML("<a><b>1</b><c/><b>2</b></a>", "/a/b")',
      result: '"<b>1</b><b>2</b>"',
    },
    make: ([target, path]) => {
      const { select } = compileXPath(path as string)
      return editing(target as Getter, true, document => {
        const result = new XmlNode('document')
        for (const item of select(document)) addFound(result, item)
        return result
      })
    },
  }),
  defineFunction({
    name: 'InsertXML',
    kind: 'converter',
    params: [
      { name: 'Target', type: 'string' },
      { name: 'XPath', type: 'literalString' },
      { name: 'SubDocument', type: 'string' },
    ],
    summary: 'An XML text with another one put at the end of each element that an XPath selects.',
    example: {
      expr: 'InsertXML("<a></a><a></a>", "/a", "<b/>")',
      result: '"<a><b></b></a><a><b></b></a>"',
    },
    make: ([target, path, sub]) => {
      const { select } = compileXPath(path as string)
      return scope => {
        const text = (target as Getter)(scope) as string
        const document = text === '' ? new XmlNode('element') : parseXml(text)
        const added = parseXml((sub as Getter)(scope) as string)
        for (const item of select(document)) insert(item, added)
        return printChildren(document)
      }
    },
  }),
  defineFunction({
    name: 'RemoveXML',
    kind: 'converter',
    params: [
      { name: 'Target', type: 'string' },
      { name: 'XPath', type: 'literalString' },
    ],
    summary:
      'An XML text without the elements, attributes, texts and comments that an XPath selects.',
    example: { expr: 'RemoveXML("<a><b/>text</a>", "/a/b")', result: '"<a>text</a>"' },
    make: ([target, path]) => {
      const { select } = compileXPath(path as string)
      return editing(target as Getter, true, document => {
        for (const item of select(document)) remove(item)
        return document
      })
    },
  }),
  defineFunction({
    name: 'ConvertAttributesToElementsXML',
    kind: 'converter',
    params: [
      { name: 'Target', type: 'string' },
      { name: 'XPath', type: 'literalString', optional: true },
    ],
    summary:
      'An XML text in which the selected attributes (default: all) have become child elements.',
    example: {
      expr: 'ConvertAttributesToElementsXML("<a foo=\\"bar\\"/>")',
      result: '"<a><foo>bar</foo></a>"',
    },
    make: ([target, path]) => {
      const { select } = compileXPath((path as string | undefined) || ALL_ATTRIBUTES)
      return editing(target as Getter, false, document => {
        attributesToElements(select(document))
        return document
      })
    },
  }),
  defineFunction({
    name: 'ConvertTextToElementsXML',
    kind: 'converter',
    params: [
      { name: 'Target', type: 'string' },
      { name: 'XPath', type: 'literalString', optional: true },
      { name: 'ElementName', type: 'literalString', optional: true },
    ],
    summary: 'An XML text in which texts beside elements are wrapped in elements of their own.',
    example: {
      expr: 'ConvertTextToElementsXML("<a><b/>foo</a>")',
      result: '"<a><b></b><value>foo</value></a>"',
    },
    make: ([target, path, name]) => {
      const { select } = compileXPath((path as string | undefined) || WHOLE_DOCUMENT)
      const elementName = (name as string | undefined) || DEFAULT_ELEMENT
      return editing(target as Getter, false, document => {
        for (const item of select(document)) {
          if (!isAttribute(item)) textToElements(item, elementName)
        }
        return document
      })
    },
  }),
]

/** Where the reference lets the empty text pass, it stays empty. */
function editing(
  target: Getter,
  isEmptyAllowed: boolean,
  edit: (document: XmlNode) => XmlNode,
): Getter {
  return scope => {
    const text = target(scope) as string
    if (isEmptyAllowed && text === '') return ''
    return printChildren(edit(parseXml(text)))
  }
}

function addFound(result: XmlNode, item: XPathItem): void {
  if (isAttribute(item)) addChild(result, new XmlNode('text', item.attribute.value))
  else if (item.kind === 'cdata') addChild(result, new XmlNode('text', innerText(item)))
  else if (item.kind === 'element' || item.kind === 'text') addChild(result, item)
}

/** The nodes are moved, yet stay linked from where they were before: several targets show the same ones. */
function insert(target: XPathItem, added: XmlNode): void {
  if (isAttribute(target) || (target.kind !== 'element' && target.kind !== 'document')) {
    throw new EvaluationError('InsertXML XPath selected non-element')
  }
  let next: XmlNode | null
  for (let child = added.firstChild; child !== null; child = next) {
    next = child.next
    addChild(target, child)
  }
}

function remove(item: XPathItem): void {
  if (isAttribute(item)) removeAttribute(item.owner, item.attribute.local)
  else if (item.kind === 'text') item.data = ''
  else if (item.kind === 'element' || item.kind === 'comment' || item.kind === 'cdata') {
    removeNode(item)
  }
}

function attributesToElements(items: readonly XPathItem[]): void {
  for (const { owner, attribute } of items.filter(isAttribute)) {
    const element = new XmlNode('element', attribute.local)
    element.firstChild = new XmlNode('text', attribute.value)
    addChild(owner, element)
    removeAttribute(owner, attribute.local)
  }
}

/** Below `root` and in it: where a text stands beside other texts or elements, each text becomes an element. */
function textToElements(root: XmlNode, name: string): void {
  const parents = [root]
  for (let parent = parents.pop(); parent !== undefined; parent = parents.pop()) {
    if (parent.kind !== 'element' && parent.kind !== 'document') continue
    const found: XmlNode[] = []
    let elements = 0
    for (let child = parent.firstChild; child !== null; child = child.next) {
      if (child.kind === 'text') found.push(child)
      else if (child.kind === 'element') {
        elements++
        parents.push(child)
      }
    }
    if (elements + found.length > 1) for (const text of found) wrap(text, name)
  }
}

function wrap(text: XmlNode, name: string): void {
  const inner = new XmlNode('text', text.data)
  text.kind = 'element'
  text.data = name
  text.firstChild = inner
  text.lastChild = inner
}
