/**
 * The tree that the XML functions edit. It is a linked structure with the same few operations as the reference's
 * (antchfx/xmlquery), because what its functions give for overlapping selections follows from how nodes are relinked.
 */
import { EvaluationError } from '../../value.ts'
import { trimSpace } from './space.ts'

export type XmlKind =
  | 'document'
  | 'declaration'
  | 'element'
  | 'text'
  | 'cdata'
  | 'comment'
  | 'directive'
  | 'instruction'

export interface TreeAttribute {
  readonly prefix: string
  readonly local: string
  readonly namespace: string
  readonly value: string
}

export class XmlNode {
  kind: XmlKind
  /** Name of an element, target of an instruction, else the content. */
  data: string
  prefix = ''
  namespace = ''
  /** Content of an instruction. */
  content = ''
  attributes: TreeAttribute[] = []
  /** Where it stood when it was read; -1 for nodes made later. */
  level = -1
  parent: XmlNode | null = null
  firstChild: XmlNode | null = null
  lastChild: XmlNode | null = null
  previous: XmlNode | null = null
  next: XmlNode | null = null

  constructor(kind: XmlKind, data = '') {
    this.kind = kind
    this.data = data
  }
}

/** Largest text that an edit may give, in UTF-16 units. */
export const MAX_XML_OUTPUT = 2 * 1024 * 1024
/** Nodes that one printing visits at most; a selection with a node twice would make a circle. */
const MAX_PRINTED_NODES = 200_000

export function addChild(parent: XmlNode, node: XmlNode): void {
  node.parent = parent
  node.next = null
  node.previous = parent.firstChild === null ? null : parent.lastChild
  if (node.previous === null) parent.firstChild = node
  else node.previous.next = node
  parent.lastChild = node
}

export function removeNode(node: XmlNode): void {
  const { parent, previous, next } = node
  if (parent === null) return
  const isFirst = parent.firstChild === node
  const isLast = parent.lastChild === node
  if (isFirst) parent.firstChild = isLast ? null : next
  else if (previous !== null) previous.next = isLast ? null : next
  if (isLast) parent.lastChild = isFirst ? null : previous
  else if (next !== null) next.previous = isFirst ? null : previous
  node.parent = null
  node.previous = null
  node.next = null
}

/** The first attribute of this name; prefixed ones are never found, as in the reference. */
export function removeAttribute(node: XmlNode, name: string): void {
  const [prefix, local] = splitName(name)
  const at = node.attributes.findIndex(each => each.local === local && each.prefix === prefix)
  if (at >= 0) node.attributes.splice(at, 1)
}

export function splitName(name: string): [prefix: string, local: string] {
  const colon = name.indexOf(':')
  return colon > 0 ? [name.slice(0, colon), name.slice(colon + 1)] : ['', name]
}

/** The text of all text and CDATA below; `onNode` is told of each node that is looked at. */
export function innerText(node: XmlNode, onNode: () => void = () => {}): string {
  if (node.kind === 'text' || node.kind === 'cdata') return node.data
  const parts: string[] = []
  const pending = [node.kind === 'comment' ? null : node.firstChild]
  while (pending.length > 0) {
    const at = pending.pop() ?? null
    if (at === null) continue
    onNode()
    pending.push(at.next)
    if (at.kind === 'text' || at.kind === 'cdata') parts.push(at.data)
    else if (at.kind !== 'comment') pending.push(at.firstChild)
  }
  return parts.join('')
}

interface Pending {
  readonly node: XmlNode | null
  readonly isPreserving: boolean
  /** Closes the element whose children come before. */
  readonly closing: string
}

/** What is inside the node, as XML. */
export function printChildren(root: XmlNode): string {
  const printer = new Printer()
  printer.print(root)
  return printer.text()
}

class Printer {
  readonly #parts: string[] = []
  #length = 0
  #nodes = 0

  text(): string {
    return this.#parts.join('')
  }

  print(root: XmlNode): void {
    const pending: Pending[] = [
      { node: root.firstChild, isPreserving: preserving(root, true), closing: '' },
    ]
    for (let top = pending.pop(); top !== undefined; top = pending.pop()) {
      const { node, isPreserving, closing } = top
      if (node === null) {
        this.#add(closing)
        continue
      }
      if (++this.#nodes > MAX_PRINTED_NODES) throw tooLarge()
      pending.push({ node: node.next, isPreserving, closing })
      const within = preserving(node, isPreserving)
      if (this.#leaf(node, within)) continue
      const name = node.prefix === '' ? node.data : `${node.prefix}:${node.data}`
      const isDeclaration = node.kind === 'declaration'
      this.#add(isDeclaration ? `<?${node.data}` : `<${name}`)
      for (const attribute of node.attributes) this.#attribute(attribute)
      this.#add(isDeclaration ? '?>' : '>')
      pending.push({
        node: node.firstChild,
        isPreserving: within,
        closing: isDeclaration ? '' : `</${name}>`,
      })
    }
  }

  #leaf(node: XmlNode, isPreserving: boolean): boolean {
    switch (node.kind) {
      case 'text':
        this.#add(escapeHtml(isPreserving ? node.data : trimSpace(node.data)))
        return true
      case 'cdata':
        this.#add(`<![CDATA[${node.data}]]>`)
        return true
      case 'comment':
        this.#add(`<!--${node.data}-->`)
        return true
      case 'directive':
        this.#add(`<!${node.data}>`)
        return true
      case 'instruction':
        this.#add(`<?${node.data}${node.content === '' ? '' : ` ${node.content}`}?>`)
        return true
      default:
        return false
    }
  }

  #attribute({ prefix, local, value }: TreeAttribute): void {
    const name = prefix === '' ? local : `${prefix}:${local}`
    this.#add(` ${name}="${escapeHtml(value)}"`)
  }

  #add(text: string): void {
    this.#length += text.length
    if (this.#length > MAX_XML_OUTPUT) throw tooLarge()
    this.#parts.push(text)
  }
}

function tooLarge(): EvaluationError {
  return new EvaluationError(`the resulting XML is larger than ${MAX_XML_OUTPUT}`)
}

/** `xml:space="default"` trims text, `"preserve"` keeps it, for all below. */
function preserving(node: XmlNode, before: boolean): boolean {
  const space = node.attributes.find(each => each.prefix === 'xml' && each.local === 'space')
  if (space?.value === 'preserve') return true
  return space?.value === 'default' ? false : before
}

const HTML_ESCAPES: Readonly<Record<string, string>> = {
  '&': '&amp;',
  "'": '&#39;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&#34;',
}

function escapeHtml(text: string): string {
  return /[&'<>"]/.test(text) ? text.replace(/[&'<>"]/g, char => HTML_ESCAPES[char]) : text
}
