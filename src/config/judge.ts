/** Judges one component's section against its factory: schema, cross-field rules, references. Knows nothing of files. */
import { createHash } from 'node:crypto'
import type { z } from 'zod'
import type { ConfigProblem, ConfigSpec, Factory } from '../core/factory.ts'
import { Secret } from '../util/secret.ts'
import { explainIssue, type SectionFault, valueAt } from './explain-issue.ts'
import { countReferencesRead } from './fields/basic.ts'
import { findIdleKeys } from './idle-keys.ts'
import { joinPath, type Problem } from './problems.ts'
import { findReferences, jsonSchemaOf, type Reference } from './schema-walk.ts'
import { type Path, setOwn } from './tree.ts'

export interface Verdict {
  /** Output of the schema; undefined if there are faults. */
  readonly config: unknown
  readonly canonical: string
  readonly faults: readonly SectionFault[]
  /** Extensions that the section names. */
  readonly references: readonly Reference[]
  /** Keys that are set and have no effect. */
  readonly idle: readonly Path[]
}

/** The text from which an expanded value at this path was read, if it came by expansion. */
export type FindOriginal = (path: Path) => string | undefined

/** Repairs of null and of expanded texts can uncover one another, level by level. */
const MAX_ROUNDS = 8

/** Judges a section without a file; problems have a path and no place. */
export function validateComponentConfig(factory: Factory, value: unknown): readonly Problem[] {
  return judgeSection(factory.config, value).faults.map(({ part: _, path, ...fault }) => ({
    severity: 'error',
    path: joinPath(path),
    file: '',
    line: 0,
    column: 0,
    ...fault,
  }))
}

export function judgeSection(
  spec: ConfigSpec<unknown>,
  section: unknown,
  original: FindOriginal = () => undefined,
): Verdict {
  const before = countReferencesRead()
  const { result, repaired } = parseRepairing(spec.schema, section ?? {}, original)
  const schema = () => jsonSchemaOf(spec.schema)
  const references = countReferencesRead() === before ? [] : findReferences(schema(), repaired)
  if (!result.success) {
    const faults = result.error.issues.flatMap(issue => explainIssue(issue, repaired, schema))
    return { config: undefined, canonical: '', faults, references, idle: [] }
  }
  const faults = (spec.check?.(result.data) ?? []).map(toFault)
  const idle = findIdleKeys(spec.schema, repaired)
  const canonical = canonicalText(result.data)
  return { config: result.data, canonical, faults, references, idle }
}

function toFault(problem: ConfigProblem): SectionFault {
  const { path, message, expected } = problem
  return { path, message, part: 'value', ...(expected === undefined ? {} : { expected }) }
}

interface Parsed {
  readonly result: z.ZodSafeParseResult<unknown>
  readonly repaired: unknown
}

/**
 * Upstream takes null for "not set" everywhere, gives an expanded value to a text field as the text that it was
 * (`${env:ID}` with 007), and splits a text at its commas where a list is wanted. Only the schema knows which fields
 * those are, so what it refuses is repaired and asked again.
 */
function parseRepairing(schema: z.ZodType, section: unknown, original: FindOriginal): Parsed {
  let repaired = section
  let result = schema.safeParse(repaired)
  for (let round = 0; !result.success && round < MAX_ROUNDS; round++) {
    const fixes = result.error.issues.map(issue => findFix(issue, repaired, original))
    const wanted = fixes.filter(fix => fix !== undefined)
    if (wanted.length === 0) break
    repaired = structuredClone(repaired)
    for (const { path, value } of wanted) replaceAt(repaired, path, value)
    result = schema.safeParse(repaired)
  }
  return { result, repaired }
}

interface Fix {
  readonly path: Path
  /** Undefined takes the key away. */
  readonly value: string | readonly string[] | undefined
}

function findFix(
  issue: z.core.$ZodIssue,
  section: unknown,
  original: FindOriginal,
): Fix | undefined {
  const path = issue.path as Path
  const value = valueAt(section, path)
  if (value === undefined || path.length === 0) return undefined
  const wantsText = issue.code === 'invalid_type' && issue.expected === 'string'
  const text = wantsText && typeof value !== 'string' ? original(path) : undefined
  if (text !== undefined) return { path, value: text }
  const wantsList = issue.code === 'invalid_type' && issue.expected === 'array'
  if (wantsList && typeof value === 'string') return { path, value: value.split(',') }
  const isListItem = typeof path[path.length - 1] === 'number'
  return value === null && !isListItem ? { path, value: undefined } : undefined
}

function replaceAt(root: unknown, path: Path, value: Fix['value']): void {
  const parent = valueAt(root, path.slice(0, -1)) as object
  const key = String(path[path.length - 1])
  if (value === undefined) Reflect.deleteProperty(parent, key)
  else setOwn(parent, key, value)
}

/** JSON with sorted keys; a secret counts by its hash, so that a changed one is noticed and none is kept in clear. */
export function canonicalText(value: unknown): string {
  return JSON.stringify(toCanonical(value)) ?? 'null'
}

function toCanonical(value: unknown): unknown {
  if (value instanceof Secret) {
    return { secret: createHash('sha256').update(value.reveal()).digest('hex') }
  }
  if (value instanceof Map) return ['map', [...value].map(toCanonical)]
  if (value instanceof Set) return ['set', [...value].map(toCanonical)]
  if (value instanceof RegExp) return ['regexp', value.source, value.flags]
  if (typeof value === 'bigint') return ['bigint', String(value)]
  if (typeof value === 'number' && !Number.isFinite(value)) return ['number', String(value)]
  if (Array.isArray(value)) return value.map(toCanonical)
  if (typeof value !== 'object' || value === null) return value
  const sorted: Record<string, unknown> = {}
  for (const key of Object.keys(value).sort()) {
    setOwn(sorted, key, toCanonical((value as Record<string, unknown>)[key]))
  }
  return sorted
}
