/** ParseXML and ParseSimplifiedXML: from XML to maps. */
import { defineFunction, type FunctionSpec, type Getter, type Value } from '../../function.ts'
import { EvaluationError } from '../../value.ts'
import { parseXml } from './parse.ts'
import { type XmlAttribute, XmlReader } from './read.ts'
import { trimSpace } from './space.ts'
import type { XmlNode } from './tree.ts'

/** Deepest nesting that becomes maps within maps; what reads values later walks them by recursion. */
export const MAX_XML_VALUE_DEPTH = 256

export const xmlValueFunctions: readonly FunctionSpec[] = [
  defineFunction({
    name: 'ParseXML',
    kind: 'converter',
    params: [{ name: 'Target', type: 'string' }],
    summary: 'A map of an XML text: tag, attributes, content and children of its element.',
    example: {
      expr: 'ParseXML("<a id=\\"1\\">text<b/></a>")',
      result:
        '{"tag": "a", "content": "text", "attributes": {"id": "1"}, "children": [{"tag": "b"}]}',
    },
    make: ([target]: readonly Getter[]) => {
      return scope => parseElements(target(scope) as string)
    },
  }),
  defineFunction({
    name: 'ParseSimplifiedXML',
    kind: 'converter',
    params: [{ name: 'Target', type: 'string' }],
    summary:
      'A map of an XML text by element names, without attributes and without text beside elements.',
    example: {
      expr: 'ParseSimplifiedXML("<a><b>1</b><b>2</b><c>3</c></a>")',
      result: '{"a": {"b": ["1", "2"], "c": "3"}}',
    },
    make: ([target]: readonly Getter[]) => {
      return scope => simplified(parseXml(target(scope) as string), 0)
    },
  }),
]

interface OpenElement {
  readonly map: Map<string, Value>
  readonly content: string[]
  readonly children: Value[]
}

function parseElements(text: string): Value {
  const reader = new XmlReader(text, label => {
    throw new EvaluationError(`unmarshal xml: encoding ${label} is not supported`)
  })
  let root: Value
  try {
    root = firstElement(reader)
  } catch (error) {
    if (!(error instanceof EvaluationError)) throw error
    const where = reader.depth > 0 ? 'unmarshal xml: decode next token' : 'unmarshal xml'
    throw new EvaluationError(`${where}: ${error.message}`)
  }
  if (reader.position !== text.length) {
    throw new EvaluationError('trailing bytes after parsing xml')
  }
  return root
}

function firstElement(reader: XmlReader): Value {
  const open: OpenElement[] = []
  for (;;) {
    const token = reader.next()
    if (token === null) throw new EvaluationError('EOF')
    if (token.kind === 'start') {
      if (open.length > MAX_XML_VALUE_DEPTH) throw tooDeep()
      open.push(opened(token.name.local, token.attributes))
    } else if (token.kind === 'text') {
      open.at(-1)?.content.push(trimSpace(token.data))
    } else if (token.kind === 'end') {
      const element = open.pop()
      if (element === undefined) continue
      const value = closed(element)
      const parent = open.at(-1)
      if (parent === undefined) return value
      parent.children.push(value)
    }
  }
}

function opened(tag: string, attributes: readonly XmlAttribute[]): OpenElement {
  const map = new Map<string, Value>([['tag', tag]])
  if (attributes.length > 0) {
    map.set('attributes', new Map(attributes.map(({ name, value }) => [name.local, value])))
  }
  return { map, content: [], children: [] }
}

function closed({ map, content, children }: OpenElement): Value {
  const text = content.join('')
  const value = new Map<string, Value>()
  for (const [key, part] of map) {
    value.set(key, part)
    if (key === 'tag' && text !== '') value.set('content', text)
  }
  if (children.length > 0) value.set('children', children)
  return value
}

function simplified(parent: XmlNode, depth: number): Map<string, Value> {
  if (depth > MAX_XML_VALUE_DEPTH) throw tooDeep()
  const counts = new Map<string, number>()
  for (const { data } of elementsOf(parent)) counts.set(data, (counts.get(data) ?? 0) + 1)
  const map = new Map<string, Value>()
  const lists = new Map<string, Value[]>()
  for (const child of elementsOf(parent)) {
    if (child.firstChild === null) continue
    const isList = (counts.get(child.data) ?? 0) > 1
    if (isList && !lists.has(child.data)) {
      const list: Value[] = []
      lists.set(child.data, list)
      map.set(child.data, list)
    }
    const value = leafOf(child) || simplified(child, depth + 1)
    if (value instanceof Map && value.size === 0) continue
    if (isList) lists.get(child.data)?.push(value)
    else map.set(child.data, value)
  }
  return map
}

/** The first text or CDATA of an element that has no elements in it. */
function leafOf(element: XmlNode): string {
  for (const _ of elementsOf(element)) return ''
  for (let child = element.firstChild; child !== null; child = child.next) {
    if (child.kind === 'text' || child.kind === 'cdata') return child.data
  }
  return ''
}

function* elementsOf(parent: XmlNode): Generator<XmlNode> {
  for (let child = parent.firstChild; child !== null; child = child.next) {
    if (child.kind === 'element') yield child
  }
}

function tooDeep(): EvaluationError {
  return new EvaluationError(`exceeded maximum XML nesting depth of ${MAX_XML_VALUE_DEPTH}`)
}
