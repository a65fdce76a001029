/** Finds files by patterns: `*` and `?` within a name, `[a-z]`, `{a,b}`, and `**` for any number of folders. */
import { readdir, stat } from 'node:fs/promises'
import { join, normalize } from 'node:path'

/** Entries of folders that one search looks at. */
const MAX_ENTRIES = 200_000
const MAGIC = /[*?[{]/

export interface FoundFile {
  readonly path: string
  readonly dev: number
  readonly ino: number
  readonly size: number
  readonly modifiedMs: number
}

export interface Found {
  /** Those that changed longest ago first: what was rotated away comes before what follows it. */
  readonly files: readonly FoundFile[]
  /** More entries were there than are looked at. */
  readonly isCut: boolean
}

/** What is wrong with a pattern, or null. */
export function findPatternFault(pattern: string): string | null {
  try {
    for (const segment of segmentsOf(pattern)) if (segment !== '**') compile(segment)
    return null
  } catch (error) {
    return (error as Error).message
  }
}

export class FileFinder {
  readonly #include: readonly Pattern[]
  readonly #exclude: readonly Pattern[]

  constructor(include: readonly string[], exclude: readonly string[]) {
    this.#include = include.map(parse)
    this.#exclude = exclude.map(parse)
  }

  /** Never rejects: folders that cannot be read have no files. */
  async find(): Promise<Found> {
    const search = new Search(path => this.#exclude.some(pattern => isMatch(pattern, path)))
    for (const { root, segments } of this.#include) await search.walk(root, segments, 0)
    const files = [...search.files.values()]
    files.sort((a, b) => a.modifiedMs - b.modifiedMs || (a.path < b.path ? -1 : 1))
    return { files, isCut: search.left <= 0 }
  }
}

interface Pattern {
  /** What stands before the first segment that is a pattern; empty is the working directory. */
  readonly root: string
  /** Null stands for any number of folders. */
  readonly segments: readonly (RegExp | string | null)[]
}

class Search {
  readonly #isExcluded: (path: string) => boolean
  readonly files = new Map<string, FoundFile>()
  left = MAX_ENTRIES

  constructor(isExcluded: (path: string) => boolean) {
    this.#isExcluded = isExcluded
  }

  async walk(folder: string, segments: Pattern['segments'], at: number): Promise<void> {
    if (this.left <= 0) return
    const segment = segments[at]
    const isLast = at === segments.length - 1
    if (typeof segment === 'string') {
      const path = join(folder, segment)
      if (isLast) await this.#add(path)
      else await this.walk(path, segments, at + 1)
      return
    }
    if (segment === null) await this.walk(folder, isLast ? [/^/s] : segments, isLast ? 0 : at + 1)
    for (const entry of await this.#list(folder)) {
      const path = join(folder, entry.name)
      if (segment === null) {
        // Links to folders are not followed: they may lead in circles.
        if (entry.isDirectory()) await this.walk(path, segments, at)
      } else if (segment.test(entry.name)) {
        if (isLast) await this.#add(path)
        else if (!entry.isFile()) await this.walk(path, segments, at + 1)
      }
    }
  }

  async #list(folder: string) {
    const entries = await readdir(folder === '' ? '.' : folder, { withFileTypes: true }).catch(
      () => [],
    )
    this.left -= entries.length
    return entries
  }

  async #add(path: string): Promise<void> {
    if (this.files.has(path) || this.#isExcluded(path)) return
    const found = await stat(path).catch(() => null)
    if (found === null || !found.isFile()) return
    const { dev, ino, size, mtimeMs: modifiedMs } = found
    this.files.set(path, { path, dev, ino, size, modifiedMs })
  }
}

function parse(pattern: string): Pattern {
  const segments = segmentsOf(pattern)
  let literal = 0
  while (literal < segments.length - 1 && !MAGIC.test(segments[literal])) literal++
  const root = segments.slice(0, literal).join('/')
  return {
    root: root === '' && pattern.startsWith('/') ? '/' : root,
    segments: segments.slice(literal).map(readSegment),
  }
}

function segmentsOf(pattern: string): string[] {
  return normalize(pattern).split('/')
}

function readSegment(segment: string): RegExp | string | null {
  if (segment === '**') return null
  return MAGIC.test(segment) ? compile(segment) : segment
}

/** Names that begin with a dot are names like others, as upstream has it. */
function compile(segment: string): RegExp {
  let source = ''
  let depth = 0
  for (let i = 0; i < segment.length; i++) {
    const char = segment[i]
    if (char === '*') source += '.*'
    else if (char === '?') source += '.'
    else if (char === '[') {
      const end = segment.indexOf(']', i + 2)
      if (end < 0) throw new Error('a [ has no ]')
      const inside = segment.slice(i + 1, end).replace(/[\\[]/g, '\\$&')
      source += `[${inside.replace(/^[!^]/, '^')}]`
      i = end
    } else if (char === '{') {
      source += '(?:'
      depth++
    } else if (char === '}' && depth > 0) {
      source += ')'
      depth--
    } else if (char === ',' && depth > 0) source += '|'
    else source += char.replace(/[\\^$.|+()]/, '\\$&')
  }
  if (depth > 0) throw new Error('a { has no }')
  return new RegExp(`^${source}$`, 's')
}

function isMatch({ root, segments }: Pattern, path: string): boolean {
  const names = path.split('/')
  const start = root === '' ? [] : root === '/' ? [''] : root.split('/')
  if (start.some((name, i) => names[i] !== name)) return false
  return matches(segments, 0, names, start.length)
}

function matches(
  segments: Pattern['segments'],
  at: number,
  names: string[],
  from: number,
): boolean {
  if (at === segments.length) return from === names.length
  const segment = segments[at]
  if (segment === null) {
    for (let next = from; next <= names.length; next++) {
      if (matches(segments, at + 1, names, next)) return true
    }
    return at === segments.length - 1
  }
  if (from >= names.length) return false
  const isHere = typeof segment === 'string' ? segment === names[from] : segment.test(names[from])
  return isHere && matches(segments, at + 1, names, from + 1)
}
