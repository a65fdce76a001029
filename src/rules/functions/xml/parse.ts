/** Builds the tree from tokens, with the reference's (antchfx/xmlquery) view of namespaces and of what stands outside the root. */
import { EvaluationError } from '../../value.ts'
import { type XmlName, XmlReader, type XmlToken } from './read.ts'
import { trimSpace } from './space.ts'
import { addChild, removeNode, splitName, type TreeAttribute, XmlNode } from './tree.ts'

const XML_NAMESPACE = 'http://www.w3.org/XML/1998/namespace'

/** The document node. An XML declaration is there only when the text begins with one. */
export function parseXml(text: string): XmlNode {
  let document: XmlNode
  try {
    document = new TreeBuilder(text).build()
  } catch (error) {
    if (error instanceof EvaluationError) throw new EvaluationError(`parse xml: ${error.message}`)
    throw error
  }
  if (!text.startsWith('<?xml') && document.firstChild !== null) removeNode(document.firstChild)
  return document
}

interface Prefix {
  readonly name: string
  readonly level: number
}

type StartToken = Extract<XmlToken, { kind: 'start' }>

class TreeBuilder {
  readonly #reader: XmlReader
  readonly #document = new XmlNode('document')
  #level = 0
  #previous = this.#document
  /** What comes before the root without a declaration stands beside the document, not in it. */
  #lastOutside = this.#document
  /** Namespace of a prefix at this place, with what to restore when an element ends. */
  readonly #namespaces = new Map<string, string>()
  readonly #undo: (readonly [prefix: string, before: string | undefined])[][] = []
  /** The prefix last declared for a namespace, anywhere before: the reference prints that one. */
  readonly #prefixes = new Map<string, Prefix>([[XML_NAMESPACE, { name: 'xml', level: 0 }]])
  /** Once the text was converted from another encoding the reference no longer sees CDATA and prefixes. */
  #isConverted = false

  constructor(text: string) {
    this.#reader = new XmlReader(text, (label, rest) => this.#convert(label, rest))
    this.#document.level = 0
  }

  build(): XmlNode {
    for (;;) {
      const at = this.#reader.position
      const token = this.#reader.next()
      if (token === null) break
      this.#take(token, at)
    }
    for (let node = this.#document.firstChild; node !== null; node = node.next) {
      if (node.kind === 'element') return this.#document
    }
    throw new EvaluationError('invalid XML document')
  }

  #take(token: XmlToken, at: number): void {
    switch (token.kind) {
      case 'start':
        this.#start(token)
        break
      case 'end':
        this.#end()
        break
      case 'instruction':
        this.#instruction(token.target, token.data)
        break
      case 'text': {
        const isCdata = !this.#isConverted && (token.isCdata || this.#looksLikeCdata(at))
        this.#place(new XmlNode(isCdata ? 'cdata' : 'text', token.data))
        break
      }
      default:
        this.#place(new XmlNode(token.kind, token.data))
    }
  }

  #start(token: StartToken): void {
    if (this.#level === 0) this.#addDeclaration()
    this.#declareNamespaces(token)
    const namespace = this.#namespaceOf(token.name, true)
    if (namespace !== '' && !this.#prefixes.has(namespace)) {
      throw new EvaluationError(`invalid XML document, namespace ${namespace} is missing`)
    }
    const node = new XmlNode('element', token.name.local)
    node.namespace = namespace
    node.attributes = token.attributes.map(({ name, value }) => {
      const space = this.#namespaceOf(name, false)
      const prefix = this.#prefixes.get(space)?.name ?? space
      return { prefix, local: name.local, namespace: space, value }
    })
    this.#place(node)
    const prefix = this.#prefixes.get(namespace)?.name
    if (namespace !== '' && prefix !== undefined && !this.#isConverted) {
      const asWritten = `${prefix}:${node.data}`
      if (this.#reader.text.startsWith(asWritten, token.at)) node.prefix = prefix
    }
    this.#previous = node
    this.#level++
  }

  #end(): void {
    this.#level--
    for (const [prefix, before] of this.#undo.pop()?.reverse() ?? []) {
      if (before === undefined) this.#namespaces.delete(prefix)
      else this.#namespaces.set(prefix, before)
    }
  }

  /** The reference gives a document without a declaration one. */
  #addDeclaration(): void {
    const node = new XmlNode('declaration', 'xml')
    node.attributes = [{ prefix: '', local: 'version', namespace: '', value: '1.0' }]
    node.level = 1
    addChild(this.#previous, node)
    this.#level = 1
    this.#previous = node
  }

  #declareNamespaces({ attributes }: StartToken): void {
    const undo: [string, string | undefined][] = []
    for (const { name, value } of attributes) {
      const isDefault = name.space === '' && name.local === 'xmlns'
      if (isDefault || name.space === 'xmlns') {
        const prefix = isDefault ? '' : name.local
        undo.push([prefix, this.#namespaces.get(prefix)])
        this.#namespaces.set(prefix, value)
      }
      if (name.local === 'xmlns') {
        const known = this.#prefixes.get(value)
        if (known === undefined || known.level >= this.#level) {
          this.#prefixes.set(value, { name: '', level: this.#level })
        }
      } else if (name.space === 'xmlns') {
        this.#prefixes.set(value, { name: name.local, level: this.#level })
      }
    }
    this.#undo.push(undo)
  }

  /** An undeclared prefix stands for itself; attributes without a prefix have no namespace. */
  #namespaceOf({ space, local }: XmlName, isElement: boolean): string {
    if (space === 'xmlns' || (space === '' && (!isElement || local === 'xmlns'))) return space
    if (space === 'xml') return XML_NAMESPACE
    return this.#namespaces.get(space) ?? space
  }

  #instruction(target: string, data: string): void {
    const node = new XmlNode(target === 'xml' ? 'declaration' : 'instruction', target)
    if (target === 'xml') node.attributes = declarationAttributes(data)
    else node.content = trimSpace(data)
    const level = this.#previous.kind === 'document' ? this.#level + 1 : this.#level
    this.#placeAt(node, level)
    this.#previous = node
    this.#level = level
  }

  #place(node: XmlNode): void {
    this.#placeAt(node, this.#level)
  }

  #placeAt(node: XmlNode, level: number): void {
    node.level = level
    if (level > this.#previous.level) {
      addChild(this.#previous, node)
      return
    }
    for (let i = this.#previous.level - level; i > 1; i--) {
      this.#previous = this.#previous.parent ?? this.#document
    }
    const before = level === this.#previous.level ? this.#previous : this.#previous.parent
    const parent = before?.parent ?? null
    if (parent !== null) addChild(parent, node)
    else {
      node.previous = this.#lastOutside
      this.#lastOutside.next = node
      this.#lastOutside = node
    }
  }

  /** The reference looks at the raw text, without regard to case, and takes `![CDATA[` for enough. */
  #looksLikeCdata(at: number): boolean {
    const raw = this.#reader.text.slice(at, at + 8).toUpperCase()
    return raw === '![CDATA['
  }

  #convert(label: string, rest: string): string {
    this.#isConverted = true
    try {
      return new TextDecoder(label).decode(Buffer.from(rest))
    } catch {
      throw new EvaluationError(`unsupported charset: ${label}`)
    }
  }
}

function declarationAttributes(data: string): TreeAttribute[] {
  const attributes: TreeAttribute[] = []
  for (const pair of data.split(' ').map(trimSpace)) {
    const at = pair.indexOf('=')
    if (at <= 0) continue
    const [prefix, local] = splitName(pair.slice(0, at))
    if (attributes.some(each => each.local === local && each.prefix === prefix)) continue
    attributes.push({ prefix, local, namespace: '', value: unquote(pair.slice(at + 1)) })
  }
  return attributes
}

function unquote(text: string): string {
  let start = 0
  let end = text.length
  while (start < end && isQuote(text[start])) start++
  while (end > start && isQuote(text[end - 1])) end--
  return text.slice(start, end)
}

function isQuote(char: string): boolean {
  return char === '"' || char === "'"
}
