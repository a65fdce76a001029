/**
 * `${env:VAR}`, `${env:VAR:-default}`, `${file:path}`, `${yaml:text}` and `${VAR}` in values, with upstream's rules:
 * the first closing brace ends the innermost reference, results are expanded again, a value that is one reference
 * alone becomes what YAML makes of the text, and `$$` is a dollar sign.
 */
import type { Problem, Span } from './problems.ts'
import { type Env, readTextFile, type SourceFiles } from './read-source.ts'
import { readYaml } from './read-yaml.ts'
import { Source } from './source.ts'
import { type Path, problemAt, type Tree, type TreeEntry, type TreeScalar } from './tree.ts'

/** References followed for one value; more means that they refer to each other. */
export const MAX_EXPANSIONS = 100
/** References followed in the whole configuration. */
export const MAX_EXPANSIONS_IN_ALL = 10_000
/** A value that grows beyond this while it is expanded is refused. */
export const MAX_EXPANDED_LENGTH = 1024 * 1024

export interface ExpandContext {
  readonly env: Env
  readonly files: SourceFiles
  /** Errors and warnings are added here. */
  readonly problems: Problem[]
}

/** The tree with all references replaced. Where one fails there is an error among the problems, and null in the tree. */
export function expandTree(tree: Tree, context: ExpandContext, path: Path = []): Tree {
  return new Expansion(context).expand(tree, path, { left: MAX_EXPANSIONS })
}

interface Fuel {
  left: number
}

/** What a reference stands for: the text, and what YAML makes of it. */
interface Retrieved {
  readonly text: string
  readonly tree: Tree
}

class ExpandError extends Error {
  readonly expected: string | undefined

  constructor(message: string, expected?: string) {
    super(message)
    this.expected = expected
  }
}

class Expansion {
  readonly #context: ExpandContext
  #leftInAll = MAX_EXPANSIONS_IN_ALL

  constructor(context: ExpandContext) {
    this.#context = context
  }

  expand(tree: Tree, path: Path, fuel: Fuel): Tree {
    if (tree.kind === 'map') {
      const entries = new Map<string, TreeEntry>()
      for (const [key, entry] of tree.entries) {
        entries.set(key, {
          key: entry.key,
          value: this.expand(entry.value, [...path, key], { ...fuel }),
        })
      }
      return { ...tree, entries }
    }
    if (tree.kind === 'list') {
      const items = tree.items.map((item, i) => this.expand(item, [...path, i], { ...fuel }))
      return { ...tree, items }
    }
    return typeof tree.value === 'string' && tree.value.includes('$')
      ? this.#expandText(tree, tree.value, path, fuel)
      : tree
  }

  #expandText(scalar: TreeScalar, start: string, path: Path, fuel: Fuel): Tree {
    let text = start
    try {
      for (let found = findReference(text); found !== null; found = findReference(text)) {
        if (fuel.left-- <= 0 || this.#leftInAll-- <= 0) {
          throw new ExpandError('refers to itself, or through too many others')
        }
        const { from, to } = found
        const retrieved = this.#retrieve(text.slice(from + 2, to - 1), scalar.at, path)
        const alone = from === 0 && to === text.length
        if (alone && !isText(retrieved.tree)) return this.#adopt(retrieved, scalar, path, fuel)
        text = text.slice(0, from) + retrieved.text + text.slice(to)
        if (text.length > MAX_EXPANDED_LENGTH) throw new ExpandError('grows too long')
      }
    } catch (error) {
      if (!(error instanceof ExpandError)) throw error
      const { message, expected } = error
      this.#context.problems.push(problemAt(scalar.at, { path, message, expected }))
      return { kind: 'scalar', value: null, at: scalar.at }
    }
    return { kind: 'scalar', value: unescapeDollars(text), at: scalar.at }
  }

  /** A number, list or map takes the place of the reference; scalars are pointed at where the reference stands. */
  #adopt(retrieved: Retrieved, scalar: TreeScalar, path: Path, fuel: Fuel): Tree {
    const tree = this.expand(retrieved.tree, path, fuel)
    const at = tree.kind === 'scalar' ? scalar.at : tree.at
    return { ...tree, at, original: unescapeDollars(retrieved.text) }
  }

  #retrieve(uri: string, at: Span, path: Path): Retrieved {
    if (uri.includes('$')) throw new ExpandError('has a dollar sign inside of a reference')
    const colon = uri.indexOf(':')
    if (colon < 0) return this.#readVariable(uri, at, path)
    const [scheme, rest] = [uri.slice(0, colon), uri.slice(colon + 1)]
    if (scheme === 'env') return this.#readVariable(rest, at, path)
    if (scheme === 'yaml') return readText(new Source('yaml', rest), rest)
    if (scheme === 'file') return this.#readFile(rest)
    if (rest.startsWith('-')) {
      throw new ExpandError('has a default but does not say env:', `\${env:${uri}}`)
    }
    throw new ExpandError(
      `has a reference to "${scheme}:", which is not a kind of source`,
      'env:, file: or yaml:',
    )
  }

  #readVariable(uri: string, at: Span, path: Path): Retrieved {
    const cut = uri.indexOf(':-')
    const name = cut < 0 ? uri : uri.slice(0, cut)
    if (!/^[a-zA-Z_][a-zA-Z0-9_]*$/.test(name)) {
      throw new ExpandError(`"${name}" is not the name of an environment variable`)
    }
    let text = this.#context.env[name]
    if (text === undefined && cut >= 0) {
      text = uri.slice(cut + 2)
      if (text === '') return { text, tree: { kind: 'scalar', value: '', at } }
    } else if (text === undefined) {
      const message = `the environment variable ${name} is not set and has no default`
      this.#context.problems.push(problemAt(at, { severity: 'warning', path, message }))
    }
    return readText(new Source(`env:${name}`, text ?? '', false), text ?? '')
  }

  /** One line end at the end of a file that holds one text is dropped; upstream keeps it, which breaks headers. */
  #readFile(path: string): Retrieved {
    let text: string
    try {
      text = readTextFile(path, this.#context.files)
    } catch (error) {
      throw new ExpandError((error as Error).message)
    }
    return readText(new Source(path, text), text.replace(/\r?\n$/, ''))
  }
}

function readText(source: Source, text: string): Retrieved {
  const { tree, problems } = readYaml(source)
  const at = { source, start: 0, end: text.length, shown: false }
  if (problems.length > 0) return { text, tree: { kind: 'scalar', value: text, at } }
  return { text, tree: tree ?? { kind: 'scalar', value: null, at } }
}

function isText(tree: Tree): boolean {
  return tree.kind === 'scalar' && typeof tree.value === 'string'
}

/**
 * The innermost reference that ends first and is not escaped. Unlike upstream, an escaped one does not end the
 * search: in `$${a} ${b}` the second is expanded.
 */
function findReference(text: string): { from: number; to: number } | null {
  let start = 0
  for (;;) {
    const close = text.indexOf('}', start)
    if (close < 0) return null
    const open = text.slice(start, close).lastIndexOf('${')
    if (open >= 0 && !isEscaped(text, start + open)) return { from: start + open, to: close + 1 }
    start = close + 1
  }
}

/** An odd number of dollar signs right before it. */
function isEscaped(text: string, at: number): boolean {
  let count = 0
  while (at - count > 0 && text[at - count - 1] === '$') count++
  return count % 2 === 1
}

function unescapeDollars(text: string): string {
  return text.replaceAll('$$', () => '$')
}
