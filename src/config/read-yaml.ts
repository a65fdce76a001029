/**
 * YAML text to a tree with places. All that makes YAML dangerous is bounded here: text size, nesting, alias bombs,
 * and doubtful writing (duplicate keys, tabs) is refused with its place.
 */
import {
  type Alias,
  Composer,
  type CST,
  type Document,
  isAlias,
  isMap,
  isScalar,
  isSeq,
  Lexer,
  type Node,
  type ParsedNode,
  Parser,
  type YAMLMap,
  type YAMLSeq,
  type Scalar as YamlScalar,
} from 'yaml'
import type { Problem, Span } from './problems.ts'
import type { Source } from './source.ts'
import { type Path, problemAt, type Tree, type TreeEntry } from './tree.ts'

/** A configuration of a thousand components is about 200 KiB. */
export const MAX_SOURCE_BYTES = 4 * 1024 * 1024
/** Nodes after aliases are followed; a bomb of nested aliases has billions. */
export const MAX_NODES = 200_000
export const MAX_DEPTH = 64
const MAX_SYNTAX_PROBLEMS = 20
/** Some tenths of a millisecond. */
const LEXEMES_PER_STEP = 200

export interface ReadResult {
  /** Null for an empty text. */
  readonly tree: Tree | null
  readonly problems: readonly Problem[]
}

export interface ReadOptions {
  /** Where in the source's text the YAML begins; for `--set`, behind the equal sign. */
  readonly from?: number
  /** False where scalars may be secrets that came from elsewhere. */
  readonly shown?: boolean
}

export function readYaml(source: Source, options: ReadOptions = {}): ReadResult {
  const steps = readYamlSteps(source, options)
  let step = steps.next()
  while (step.done !== true) step = steps.next()
  return step.value
}

/** In steps, for those who read while telemetry flows. */
export function* readYamlSteps(
  source: Source,
  options: ReadOptions = {},
): Generator<void, ReadResult> {
  const from = options.from ?? 0
  const text = source.text.slice(from)
  const whole: Span = { source, start: from, end: from, shown: false }
  const tooLarge = checkSize(text, whole)
  if (tooLarge !== undefined) return { tree: null, problems: [tooLarge] }
  const tokens = yield* parseTokens(text)
  const deepAt = findTooDeep(tokens)
  if (deepAt >= 0) {
    const span = { source, start: from + deepAt, end: from + deepAt, shown: false }
    return { tree: null, problems: [nestingProblem(span)] }
  }
  const yamlOptions = { uniqueKeys: true, merge: true, prettyErrors: false } as const
  yield
  const [doc, second] = [...new Composer(yamlOptions).compose(tokens, true, text.length)]
  yield
  if (second !== undefined) {
    const start = from + second.range[0]
    const message = 'there is more than one YAML document'
    return {
      tree: null,
      problems: [problemAt({ source, start, end: start, shown: false }, { path: [], message })],
    }
  }
  const problems = doc.errors
    .slice(0, MAX_SYNTAX_PROBLEMS)
    .map(error =>
      problemAt(
        { source, start: from + error.pos[0], end: from + error.pos[1], shown: false },
        { path: [], message: rewriteSyntaxMessage(error.code, error.message) },
      ),
    )
  if (problems.length > 0) return { tree: null, problems }
  if (doc.contents === null) return { tree: null, problems: [] }
  const reader = new TreeReader(doc, source, from, options.shown ?? true)
  const tree = reader.read(doc.contents as Node, [])
  return { tree: reader.problems.length > 0 ? null : tree, problems: reader.problems }
}

/** As `Parser.parse` does it, with rests. */
function* parseTokens(text: string): Generator<void, readonly CST.Token[]> {
  const parser = new Parser()
  const tokens: CST.Token[] = []
  let lexemes = 0
  for (const lexeme of new Lexer().lex(text)) {
    for (const token of parser.next(lexeme)) tokens.push(token)
    if (++lexemes % LEXEMES_PER_STEP === 0) yield
  }
  for (const token of parser.end()) tokens.push(token)
  return tokens
}

function checkSize(text: string, whole: Span): Problem | undefined {
  const bytes = Buffer.byteLength(text)
  if (bytes <= MAX_SOURCE_BYTES) return undefined
  const message = `is ${bytes} bytes long`
  return problemAt(whole, { path: [], message, expected: `at most ${MAX_SOURCE_BYTES} bytes` })
}

/**
 * Offset of the first token below the limit, or -1. The parser keeps its own stack; the composer behind it recurses
 * and at some thousand levels takes the process with it, so the tokens are measured first.
 */
function findTooDeep(tokens: readonly CST.Token[]): number {
  const open: { token: CST.Token; depth: number }[] = tokens.map(token => ({ token, depth: 0 }))
  for (let next = open.pop(); next !== undefined; next = open.pop()) {
    const { token, depth } = next
    if (depth > MAX_DEPTH) return 'offset' in token ? token.offset : 0
    if ('value' in token && token.value) open.push({ token: token.value, depth: depth + 1 })
    if (!('items' in token)) continue
    for (const { key, value } of token.items) {
      if (key) open.push({ token: key, depth: depth + 1 })
      if (value) open.push({ token: value, depth: depth + 1 })
    }
  }
  return -1
}

function nestingProblem(span: Span, path: Path = []): Problem {
  return problemAt(span, {
    path,
    message: 'is nested too deeply',
    expected: `at most ${MAX_DEPTH} levels`,
  })
}

function rewriteSyntaxMessage(code: string, message: string): string {
  if (code === 'DUPLICATE_KEY') return 'this key is here twice'
  if (code === 'TAB_AS_INDENT') return 'a tab is used for indentation; YAML wants spaces'
  return `not valid YAML: ${message.replace(/^./, letter => letter.toLowerCase())}`
}

class TreeReader {
  readonly problems: Problem[] = []
  readonly #doc: Document.Parsed<ParsedNode>
  readonly #source: Source
  readonly #from: number
  readonly #shown: boolean
  readonly #openAliases = new Set<Node>()
  #nodes = 0
  #depth = 0

  constructor(doc: Document.Parsed<ParsedNode>, source: Source, from: number, shown: boolean) {
    this.#doc = doc
    this.#source = source
    this.#from = from
    this.#shown = shown
  }

  read(node: Node | null, path: Path): Tree {
    const whole = this.#spanOf(node)
    const at = isScalar(node) ? whole : { ...whole, shown: false }
    if (node === null || this.#isOverLimit(at, path)) return { kind: 'scalar', value: null, at }
    this.#depth++
    const tree = this.#readNode(node, at, path)
    this.#depth--
    return tree
  }

  #readNode(node: Node, at: Span, path: Path): Tree {
    if (isAlias(node)) return this.#readAlias(node, at, path)
    if (isMap(node)) return this.#readMap(node, at, path)
    if (isSeq(node)) {
      const items = (node as YAMLSeq<Node>).items.map((item, i) => this.read(item, [...path, i]))
      return { kind: 'list', items, at }
    }
    return { kind: 'scalar', value: readScalar(node as YamlScalar), at }
  }

  /** Says so once; afterwards everything is cut short. */
  #isOverLimit(at: Span, path: Path): boolean {
    if (this.#nodes > MAX_NODES) return true
    if (++this.#nodes > MAX_NODES) {
      const message = 'grows beyond all measure when its aliases are followed'
      this.problems.push(
        problemAt(at, { path, message, expected: `at most ${MAX_NODES} values in all` }),
      )
      return true
    }
    if (this.#depth < MAX_DEPTH) return false
    this.problems.push(nestingProblem(at, path))
    this.#nodes = MAX_NODES + 1
    return true
  }

  #readAlias(node: Alias, at: Span, path: Path): Tree {
    const target = node.resolve(this.#doc) as Node | undefined
    if (target === undefined || this.#openAliases.has(target)) {
      const message =
        target === undefined ? `there is no anchor "${node.source}"` : 'this alias contains itself'
      this.problems.push(problemAt(at, { path, message }))
      return { kind: 'scalar', value: null, at }
    }
    this.#openAliases.add(target)
    const tree = this.read(target, path)
    this.#openAliases.delete(target)
    return { ...tree, at }
  }

  #readMap(node: YAMLMap, at: Span, path: Path): Tree {
    const entries = new Map<string, TreeEntry>()
    const merged: Tree[] = []
    for (const pair of node.items) {
      const key = pair.key as Node | null
      const name = this.#readKey(key, path)
      if (name === undefined) continue
      const value = pair.value as Node | null
      if (isMergeKey(key)) merged.push(this.read(value, [...path, name]))
      else entries.set(name, { key: this.#spanOf(key), value: this.read(value, [...path, name]) })
    }
    for (const tree of merged) this.#addMerged(entries, tree, path)
    return { kind: 'map', entries, at }
  }

  /** `<<: *base` and `<<: [*a, *b]`: keys that are there already win. */
  #addMerged(entries: Map<string, TreeEntry>, tree: Tree, path: Path): void {
    if (tree.kind === 'list') {
      for (const item of tree.items) this.#addMerged(entries, item, path)
    } else if (tree.kind === 'map') {
      for (const [key, entry] of tree.entries) if (!entries.has(key)) entries.set(key, entry)
    } else {
      this.problems.push(
        problemAt(tree.at, {
          path: [...path, '<<'],
          message: 'merges something that is not a map',
        }),
      )
    }
  }

  #readKey(key: Node | null, path: Path): string | undefined {
    if (isScalar(key) && isMergeKey(key)) return '<<'
    if (isScalar(key) && key.value !== null && typeof key.value !== 'object') {
      return typeof key.value === 'string' ? key.value : (key.source ?? String(key.value))
    }
    const message = 'has a key that is not a text'
    this.problems.push(problemAt(this.#spanOf(key), { path, message }))
    return undefined
  }

  #spanOf(node: Node | null): Span {
    const range = node?.range
    const start = this.#from + (range?.[0] ?? 0)
    const end = this.#from + (range?.[1] ?? 0)
    return { source: this.#source, start, end, shown: this.#shown && this.#source.shown }
  }
}

function isMergeKey(key: unknown): boolean {
  return isScalar(key) && key.type === 'PLAIN' && key.source === '<<'
}

function readScalar(node: YamlScalar): string | number | boolean | null {
  const value = node.value
  if (value === null || ['string', 'number', 'boolean'].includes(typeof value)) {
    return value as string | number | boolean | null
  }
  return value === undefined ? null : (node.source ?? String(value))
}
