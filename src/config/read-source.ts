/** Where configuration comes from: `--config` with file:, env: and yaml:, and `--set`. Each becomes one tree, to be merged. */
import { createHash } from 'node:crypto'
import { readFileSync, statSync } from 'node:fs'
import { resolve } from 'node:path'
import { MillraceError } from '../errors.ts'
import { MAX_SOURCE_BYTES, type ReadResult, readYaml } from './read-yaml.ts'
import { Source } from './source.ts'
import { mergeTrees, problemAt, type Tree, type TreeEntry, type TreeMap } from './tree.ts'

export type Env = Readonly<Record<string, string | undefined>>

/** Scheme as upstream has it: two letters at least, so that `C:\x` is a path. */
const SCHEME = /^([A-Za-z][A-Za-z0-9+.-]+):([\s\S]*)$/

/** By absolute path: the SHA-256 of what was read, in hexadecimal. */
export type SourceFiles = Map<string, string>

/** Reads one value of `--config`. A source that is not there ends everything: nothing sensible can be said without it. */
export function readConfigSource(uri: string, env: Env, files: SourceFiles): ReadResult {
  const match = SCHEME.exec(uri)
  if (match === null) return asRoot(readYaml(new Source(uri, readTextFile(uri, files))))
  const [, scheme, rest] = match
  if (scheme === 'file') return asRoot(readYaml(new Source(rest, readTextFile(rest, files))))
  if (scheme === 'yaml') return asRoot(readYaml(new Source('yaml', rest)))
  if (scheme === 'env') {
    const text = env[rest]
    if (text === undefined) {
      throw new MillraceError(
        'MILLRACE_CONFIG_UNREADABLE',
        `The environment variable ${rest} is not set.`,
      )
    }
    return asRoot(readYaml(new Source(`env:${rest}`, text, false)))
  }
  throw new MillraceError(
    'MILLRACE_CONFIG_UNREADABLE',
    `"${scheme}:" is not a kind of source; there are file:, env: and yaml:.`,
  )
}

/** Paths are relative to the working directory, also in `${file:…}`, as in upstream. */
export function readTextFile(path: string, files: SourceFiles): string {
  const absolute = resolve(path)
  try {
    const { size } = statSync(absolute)
    if (size > MAX_SOURCE_BYTES) throw new Error(`it is larger than ${MAX_SOURCE_BYTES} bytes`)
    const bytes = readFileSync(absolute)
    files.set(absolute, createHash('sha256').update(bytes).digest('hex'))
    const text = bytes.toString()
    return text.startsWith('\uFEFF') ? text.slice(1) : text
  } catch (cause) {
    const why = explainFileError(cause as NodeJS.ErrnoException)
    throw new MillraceError('MILLRACE_CONFIG_UNREADABLE', `${path}: ${why}.`, { cause })
  }
}

function explainFileError(error: NodeJS.ErrnoException): string {
  if (error.code === 'ENOENT') return 'there is no such file'
  if (error.code === 'EACCES') return 'permission denied'
  if (error.code === 'EISDIR') return 'it is a folder'
  return error.message
}

/** `a.b=value` or `a::b=value`. With `::` somewhere, dots belong to the names. The value is YAML. */
export function readSet(text: string): ReadResult {
  const source = new Source('--set', text)
  const equal = text.indexOf('=')
  const whole = { source, start: 0, end: text.length, shown: false }
  if (equal <= 0) {
    const fault = { path: [], message: 'has no equal sign', expected: 'key.path=value' }
    return { tree: null, problems: [problemAt(whole, fault)] }
  }
  const key = { source, start: 0, end: equal, shown: true }
  const result = readYaml(source, { from: equal + 1 })
  if (result.problems.length > 0) return result
  const left = text.slice(0, equal).trim()
  const path = left.split(left.includes('::') ? '::' : '.')
  const nothing: Tree = { kind: 'scalar', value: null, at: { ...key, start: equal } }
  return { tree: nest(path, key, result.tree ?? nothing), problems: [] }
}

/** Null for an empty document; a problem if the top is not a map. Keys with `::` are paths, as in upstream. */
function asRoot(result: ReadResult): ReadResult {
  const { tree, problems } = result
  if (tree === null || (tree.kind === 'scalar' && tree.value === null))
    return { tree: null, problems }
  if (tree.kind !== 'map') {
    return { tree: null, problems: [problemAt(tree.at, notAMap())] }
  }
  return { tree: splitKeys(tree), problems }
}

function notAMap(): { path: []; message: string; expected: string } {
  const expected = 'a map with receivers, processors, exporters, service and so on'
  return { path: [], message: 'the configuration is not a map', expected }
}

function splitKeys(root: TreeMap): Tree {
  if (![...root.entries.keys()].some(key => key.includes('::'))) return root
  const empty: Tree = { ...root, entries: new Map() }
  return [...root.entries].reduce<Tree>(
    (whole, [key, entry]) => mergeTrees(whole, nest(key.split('::'), entry.key, entry.value)),
    empty,
  )
}

function nest(path: readonly string[], key: TreeEntry['key'], value: Tree): Tree {
  return path.reduceRight<Tree>((inner, name) => {
    return { kind: 'map', entries: new Map([[name, { key, value: inner }]]), at: key }
  }, value)
}
