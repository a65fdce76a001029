/** Tenant files to entries of a policy, with every problem at its place: nothing stops at the first fault. */
import { readFileSync, statSync } from 'node:fs'
import { z } from 'zod'
import { judgeAt } from '../../config/judge-at.ts'
import { describeProblem, type Problem } from '../../config/problems.ts'
import { MAX_SOURCE_BYTES, readYamlSteps } from '../../config/read-yaml.ts'
import { Source } from '../../config/source.ts'
import { findSpan, nodeAt, problemAt, type Tree, toPlain } from '../../config/tree.ts'
import { tenantPattern, tenantSection, type WrittenLimits } from './fields.ts'
import { listFiles, MAX_FILES } from './file-patterns.ts'
import type { PolicyEntry } from './policy.ts'

/** Of one set; a reload looks at all of them. */
const MAX_ENTRIES = 100_000

/** Entries are judged one by one, so that a large file holds nobody up. */
const FILE_SCHEMA = z.strictObject({
  version: z.literal(1).describe('Of the format; 1.'),
  tenants: z
    .preprocess(value => value ?? {}, z.record(tenantPattern, z.unknown()))
    .prefault({} as never)
    .describe('Limits by tenant or glob.'),
})

export interface ReadTenants {
  readonly entries: readonly PolicyEntry[]
  readonly files: readonly string[]
  /** One line each; if there are any, the entries are not to be used. */
  readonly problems: readonly string[]
}

/**
 * In steps, see `inSlices`. `taken` are entries from elsewhere, whose patterns no file may have again. Does not throw.
 */
export function* readTenantSteps(
  patterns: readonly string[],
  taken: readonly PolicyEntry[],
): Generator<void, ReadTenants> {
  const files = listFiles(patterns)
  const reader = new TenantFileReader(taken)
  if (files.length > MAX_FILES) {
    const problems = [`${patterns.join(', ')}: more than ${MAX_FILES} files`]
    return { entries: [], files, problems }
  }
  for (const file of files) yield* reader.read(file)
  return { entries: reader.entries, files, problems: reader.problems }
}

class TenantFileReader {
  readonly entries: PolicyEntry[] = []
  readonly problems: string[] = []
  /** Places of patterns that are taken. */
  readonly #origins: Map<string, string>

  constructor(taken: readonly PolicyEntry[]) {
    this.#origins = new Map(taken.map(entry => [entry.pattern, entry.origin]))
  }

  *read(file: string): Generator<void> {
    const text = readText(file)
    yield
    if (typeof text !== 'string') this.problems.push(`${file}: ${text.fault}`)
    else yield* this.#readSource(new Source(file, text))
  }

  *#readSource(source: Source): Generator<void> {
    const { tree, problems } = yield* readYamlSteps(source)
    if (problems.length > 0 || tree === null) {
      const none = [`${source.name}: the file is empty; expected version: 1 and tenants`]
      this.problems.push(...(problems.length > 0 ? problems.map(describeProblem) : none))
      return
    }
    const found: Problem[] = []
    judgeAt(FILE_SCHEMA, tree, [], found)
    const table = nodeAt(tree, ['tenants'])
    for (const pattern of table?.kind === 'map' ? table.entries.keys() : []) {
      this.#readEntry(source, tree, pattern, found)
      yield
    }
    found.sort((a, b) => a.line - b.line || a.column - b.column)
    this.problems.push(...found.map(describeProblem))
    if (this.entries.length > MAX_ENTRIES) {
      this.entries.length = 0
      this.problems.push(`${source.name}: more than ${MAX_ENTRIES} tenants in all files together`)
    }
  }

  #readEntry(source: Source, tree: Tree, pattern: string, found: Problem[]): void {
    const path = ['tenants', pattern]
    const span = findSpan(tree, path, 'key')
    const origin = `${source.name}:${source.locate(span.start).line}`
    const before = this.#origins.get(pattern)
    if (before !== undefined) {
      const message = `there is already an entry "${pattern}", at ${before}`
      found.push(problemAt(span, { path, message, expected: 'one entry for each tenant' }))
    }
    this.#origins.set(pattern, origin)
    // Explaining costs more than judging, and most entries need none.
    const quick = tenantSection.safeParse(toPlain(nodeAt(tree, path)!))
    const written = quick.success
      ? (quick.data as WrittenLimits)
      : judgeAt<WrittenLimits>(tenantSection, tree, path, found)
    if (written !== undefined) this.entries.push({ pattern, written, origin })
  }
}

function readText(file: string): string | { readonly fault: string } {
  try {
    const found = statSync(file)
    if (!found.isFile()) return { fault: 'it is no regular file' }
    if (found.size > MAX_SOURCE_BYTES) return { fault: `larger than ${MAX_SOURCE_BYTES} bytes` }
    return readFileSync(file, 'utf8').replace(/^\uFEFF/, '')
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException
    return { fault: code === 'ENOENT' ? 'there is no such file' : message }
  }
}
