/** Tenant files to entries of a policy, with every problem at its place: nothing stops at the first fault. */
import { readFileSync, statSync } from 'node:fs'
import { z } from 'zod'
import { judgeAt } from '../../config/judge-at.ts'
import { describeProblem, type Problem } from '../../config/problems.ts'
import { MAX_SOURCE_BYTES, readYaml } from '../../config/read-yaml.ts'
import { Source } from '../../config/source.ts'
import { findSpan, problemAt } from '../../config/tree.ts'
import { tenantTable, type WrittenLimits } from './fields.ts'
import { listFiles } from './file-patterns.ts'
import type { PolicyEntry } from './policy.ts'

/** Of one set; a reload looks at all of them. */
const MAX_ENTRIES = 100_000

export const TENANT_FILE_SCHEMA = z.strictObject({
  version: z.literal(1).describe('Of the format; 1.'),
  tenants: z
    .preprocess(value => value ?? {}, tenantTable)
    .prefault({} as never)
    .describe('Limits by tenant or glob.'),
})

interface WrittenFile {
  readonly version: 1
  readonly tenants: Readonly<Record<string, WrittenLimits>>
}

export interface ReadTenants {
  readonly entries: readonly PolicyEntry[]
  readonly files: readonly string[]
  /** One line each; if there are any, the entries are not to be used. */
  readonly problems: readonly string[]
}

/** `taken` are entries from elsewhere, whose patterns no file may have again. Does not throw. */
export function readTenantFiles(
  patterns: readonly string[],
  taken: readonly PolicyEntry[],
): ReadTenants {
  const files = listFiles(patterns)
  const reader = new TenantFileReader(taken)
  for (const file of files) reader.read(file)
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

  read(file: string): void {
    const text = readText(file)
    if (typeof text !== 'string') this.problems.push(`${file}: ${text.fault}`)
    else this.#readSource(new Source(file, text))
  }

  #readSource(source: Source): void {
    const { tree, problems } = readYaml(source)
    if (problems.length > 0 || tree === null) {
      const none = [`${source.name}: the file is empty; expected version: 1 and tenants`]
      this.problems.push(...(problems.length > 0 ? problems.map(describeProblem) : none))
      return
    }
    const found: Problem[] = []
    const written = judgeAt<WrittenFile>(TENANT_FILE_SCHEMA, tree, [], found)
    for (const [pattern, limits] of Object.entries(written?.tenants ?? {})) {
      const path = ['tenants', pattern]
      const span = findSpan(tree, path, 'key')
      const origin = `${source.name}:${source.locate(span.start).line}`
      const before = this.#origins.get(pattern)
      if (before !== undefined) {
        const message = `there is already an entry "${pattern}", at ${before}`
        found.push(problemAt(span, { path, message, expected: 'one entry for each tenant' }))
      }
      this.#origins.set(pattern, origin)
      this.entries.push({ pattern, written: limits, origin })
    }
    this.problems.push(...found.map(describeProblem))
    if (this.entries.length > MAX_ENTRIES) {
      this.entries.length = 0
      this.problems.push(`${source.name}: more than ${MAX_ENTRIES} tenants in all files together`)
    }
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
