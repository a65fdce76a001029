/** Turns what zod found into what a person can act on: which key, what is wrong with it, what would be right. */
import type { z } from 'zod'
import { findNearest } from '../util/nearest.ts'
import { type JsonSchema, keysAt } from './schema-walk.ts'
import type { Path } from './tree.ts'

export interface SectionFault {
  /** Starts inside the section. */
  readonly path: Path
  readonly message: string
  readonly expected?: string
  readonly nearest?: string
  /** What to point at. */
  readonly part: 'key' | 'value'
}

type Issue = z.core.$ZodIssue
type Detail = Omit<SectionFault, 'path' | 'part'>

const MAX_LISTED_KEYS = 16

/** `schema` is made only when a key is unknown. */
export function explainIssue(
  issue: Issue,
  section: unknown,
  schema: () => JsonSchema,
): readonly SectionFault[] {
  const path = issue.path.map(key => (typeof key === 'symbol' ? String(key) : key))
  if (issue.code === 'unrecognized_keys') {
    return issue.keys.map(key => explainUnknownKey(path, key, keysAt(schema(), path)))
  }
  if (issue.code === 'invalid_key') {
    const [inner] = issue.issues
    const key = String(path[path.length - 1])
    return [{ path, part: 'key', ...explainValue(inner as Issue, key) }]
  }
  if (issue.code === 'invalid_union') return explainUnion(issue, path, section, schema)
  return [{ path, part: 'value', ...explainValue(issue, valueAt(section, path)) }]
}

function explainUnknownKey(path: Path, key: string, valid: readonly string[]): SectionFault {
  const fault = { path: [...path, key], part: 'key' as const, message: 'is not a known key' }
  const nearest = findNearest(key, valid)
  if (nearest !== undefined) return { ...fault, nearest }
  if (valid.length === 0) return fault
  const listed = valid.slice(0, MAX_LISTED_KEYS).join(', ')
  const more = valid.length > MAX_LISTED_KEYS ? ', …' : ''
  return { ...fault, expected: valid.length === 1 ? listed : `one of ${listed}${more}` }
}

/** The alternative that came furthest speaks for all. */
function explainUnion(
  issue: Extract<Issue, { code: 'invalid_union' }>,
  path: Path,
  section: unknown,
  schema: () => JsonSchema,
): readonly SectionFault[] {
  const depth = (issues: readonly Issue[]) => Math.max(...issues.map(each => each.path.length))
  const best = [...issue.errors].sort((a, b) => depth(b) - depth(a) || a.length - b.length)[0]
  if (best === undefined || depth(best) === 0) {
    const expected = issue.errors.flat().map(each => expectationOf(each))
    const known = [...new Set(expected.filter(text => text !== undefined))]
    const detail = describeGiven(valueAt(section, path))
    return [{ path, part: 'value', message: detail, expected: known.join(' or ') || undefined }]
  }
  return best.flatMap(each =>
    explainIssue({ ...each, path: [...path, ...each.path] } as Issue, section, schema),
  )
}

function explainValue(issue: Issue, value: unknown): Detail {
  const expected = expectationOf(issue)
  if (value === undefined) return { message: 'is missing', expected }
  if (issue.code === 'invalid_type') return explainType(value, expected)
  if (issue.code === 'invalid_value') {
    const words = issue.values.map(String)
    if (typeof value !== 'string' && words.includes(String(value))) {
      return { message: describeGiven(value), expected: 'a text; put it in quotes' }
    }
    const nearest = typeof value === 'string' ? findNearest(value, words) : undefined
    return { message: 'is not a valid choice', expected, nearest }
  }
  if (issue.code === 'too_small') return { message: 'is too small', expected }
  if (issue.code === 'too_big') return { message: 'is too large', expected }
  if (issue.code === 'invalid_format') return { message: 'has the wrong form', expected }
  return { message: lowerFirst(issue.message), expected }
}

function explainType(value: unknown, expected: string | undefined): Detail {
  const message = describeGiven(value)
  const scalar = typeof value === 'number' || typeof value === 'boolean'
  if (expected === TYPE_NAMES.string && scalar) {
    return { message, expected: 'a text; put it in quotes' }
  }
  return { message, expected }
}

const TYPE_NAMES: Readonly<Record<string, string>> = {
  string: 'a text',
  number: 'a number',
  int: 'a whole number',
  boolean: 'true or false',
  object: 'a map of keys',
  record: 'a map of keys',
  array: 'a list',
}

function expectationOf(issue: Issue): string | undefined {
  if (issue.code === 'invalid_type') return TYPE_NAMES[issue.expected] ?? issue.expected
  if (issue.code === 'invalid_value') {
    const words = issue.values.filter(value => value !== '').map(String)
    return words.length === 1 ? words[0] : `one of ${words.join(', ')}`
  }
  if (issue.code === 'too_small') return boundText('at least', issue.minimum, issue.origin)
  if (issue.code === 'too_big') return boundText('at most', issue.maximum, issue.origin)
  if (issue.code === 'custom') return issue.params?.expected as string | undefined
  if (issue.code === 'invalid_format') return issue.pattern ?? issue.format
  return undefined
}

function boundText(side: string, bound: number | bigint, origin: string): string {
  const units: Readonly<Record<string, string>> = { string: ' characters', array: ' entries' }
  return `${side} ${bound}${units[origin] ?? ''}`
}

/** Never the value itself: it may be a secret in the wrong place. */
function describeGiven(value: unknown): string {
  if (value === undefined) return 'is missing'
  if (value === null) return 'is empty'
  if (Array.isArray(value)) return 'is a list'
  if (typeof value === 'object') return 'is a map'
  if (typeof value === 'string') return 'is a text'
  if (typeof value === 'number') return Number.isInteger(value) ? 'is a number' : 'is a fraction'
  return `is ${String(value)}`
}

export function valueAt(section: unknown, path: Path): unknown {
  let value: unknown = section
  for (const key of path) {
    if (typeof value !== 'object' || value === null || !Object.hasOwn(value, key)) return undefined
    value = (value as Record<string | number, unknown>)[key]
  }
  return value
}

function lowerFirst(text: string): string {
  return /^[A-Z][a-z]/.test(text) ? text[0].toLowerCase() + text.slice(1) : text
}
