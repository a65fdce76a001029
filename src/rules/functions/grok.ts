/** ExtractGrokPatterns: what a grok expression (`%{IP:client} %{NUMBER:bytes:int}`) captures from a text. */
import { constantOf } from '../constant.ts'
import { defineFunction, type FunctionSpec, type Getter } from '../function.ts'
import { parseFloat64 } from '../parse-float.ts'
import { compileRegex, MAX_PATTERN_LENGTH, type Regex } from '../regex.ts'
import { EvaluationError, type Value, type ValueMap } from '../value.ts'
import { GROK_PATTERNS } from './grok-patterns.ts'
import { parseInt64Text } from './parse-int.ts'

/** `%{PATTERN}`, `%{PATTERN:name}`, `%{PATTERN:name:type}`. */
const REFERENCE = /%\{(\w+)(?::([\w.]+)(?::(\w+))?)?\}/g
/** How deep patterns may name each other. */
const MAX_ROUNDS = 64
/** Points cannot stand in names of groups. */
const POINT = '___'
/** Patterns computed for each item that are kept; beyond that all are let go. */
const MAX_KEPT = 16

interface Grok {
  readonly regex: Regex
  /** Type by name of group. */
  readonly types: ReadonlyMap<string, string>
}

const extractGrokPatterns = defineFunction({
  name: 'ExtractGrokPatterns',
  kind: 'converter',
  params: [
    { name: 'Target', type: 'string' },
    { name: 'Pattern', type: 'string' },
    { name: 'NamedCapturesOnly', type: 'literalBool', optional: true },
    { name: 'PatternDefinitions', type: 'literalString', list: true, optional: true },
  ],
  summary:
    'A map of what a grok expression captures; empty when it does not match. Own patterns are given as NAME=expression.',
  example: {
    expr: 'ExtractGrokPatterns("10.0.0.1 sent 512", "%{IPV4:client.ip} sent %{INT:bytes:int}", true)',
    result: '{"client.ip": "10.0.0.1", "bytes": 512}',
  },
  make(args: readonly [Getter, Getter, boolean?, (readonly string[])?]) {
    const [target, pattern, namedOnly = false, definitions = []] = args
    const grokOf = grokArgument(pattern, namedOnly, definitionsOf(definitions))
    return scope => {
      const grok = grokOf(scope)
      return captures(grok, target(scope) as string)
    }
  },
})

/** Throws Error. */
function definitionsOf(texts: readonly string[]): ReadonlyMap<string, string> {
  const definitions = new Map<string, string>()
  for (const [i, text] of texts.entries()) {
    const at = text.indexOf('=')
    if (at < 0) {
      const shown = text.length > 20 ? `${text.slice(0, 17)}...` : text
      throw new Error(
        `pattern ${JSON.stringify(shown)} supplied to ExtractGrokPatterns at index ${i} has incorrect format, expecting PATTERNNAME=pattern definition`,
      )
    }
    const name = text.slice(0, at)
    if (name.includes(':')) {
      throw new Error(`pattern ID ${JSON.stringify(name)} should not contain ':'`)
    }
    definitions.set(name, text.slice(at + 1))
  }
  return definitions
}

/** A literal is compiled, and refused, at load. */
function grokArgument(
  pattern: Getter,
  namedOnly: boolean,
  definitions: ReadonlyMap<string, string>,
): (scope: unknown) => Grok {
  const constant = constantOf(pattern)
  if (constant !== undefined) {
    const grok = compileGrok(constant.value as string, namedOnly, definitions)
    return () => grok
  }
  const kept = new Map<string, Grok>()
  return scope => {
    const source = pattern(scope) as string
    let grok = kept.get(source)
    if (grok === undefined) {
      try {
        grok = compileGrok(source, namedOnly, definitions)
      } catch (error) {
        throw new EvaluationError((error as Error).message)
      }
      if (kept.size >= MAX_KEPT) kept.clear()
      kept.set(source, grok)
    }
    return grok
  }
}

/** Throws Error. */
function compileGrok(
  source: string,
  namedOnly: boolean,
  definitions: ReadonlyMap<string, string>,
): Grok {
  const types = new Map<string, string>()
  const expanded = expand(source, namedOnly, definitions, types)
  let regex: Regex
  try {
    regex = compileRegex(expanded)
  } catch (error) {
    throw new Error(
      `the pattern supplied to ExtractGrokPatterns is not a valid pattern: ${(error as Error).message}`,
    )
  }
  if (namedOnly && regex.groupNames.every(name => name === '')) {
    throw new Error('at least 1 named capture group must be supplied in the given regex')
  }
  return { regex, types }
}

function expand(
  source: string,
  namedOnly: boolean,
  definitions: ReadonlyMap<string, string>,
  types: Map<string, string>,
): string {
  let expanded = source
  for (let round = 0; ; round++) {
    let hasReference = false
    let length = expanded.length
    const next = expanded.replace(REFERENCE, (_, pattern: string, name?: string, type?: string) => {
      hasReference = true
      const group = (name ?? pattern).replaceAll('.', POINT)
      if (type !== undefined) types.set(group, type)
      const known = definitions.get(pattern) ?? GROK_PATTERNS.get(pattern)
      if (known === undefined) {
        throw new Error(`pattern definition ${JSON.stringify(pattern)} unknown: parsing failed`)
      }
      length += known.length
      // Patterns that name themselves twice grow without end: stop within a round.
      if (length > 2 * MAX_PATTERN_LENGTH) throw new Error('the expanded pattern is too long')
      return namedOnly && name === undefined ? `(${known})` : `(?P<${group}>${known})`
    })
    if (!hasReference) return next
    if (round >= MAX_ROUNDS) throw new Error('patterns name each other in a circle')
    expanded = next
  }
}

/** Groups that captured nothing are left out. */
function captures({ regex, types }: Grok, text: string): ValueMap {
  const map = new Map<string, Value>()
  const match = regex.find(text)
  if (match === null) return map
  for (const [group, name] of regex.groupNames.entries()) {
    const captured = match.groups[group]
    if (name === '' || captured === undefined || captured === '') continue
    map.set(name.replaceAll(POINT, '.'), typed(captured, name, types.get(name)))
  }
  return map
}

function typed(text: string, name: string, type: string | undefined): Value {
  switch (type) {
    case undefined:
    case 'string':
      return text
    case 'int':
    case 'long':
      return parseInt64Text(text, 10n)
    case 'float':
    case 'double':
      return asFloat(text)
    case 'bool':
    case 'boolean':
      return asBool(text)
    default:
      throw new EvaluationError(`invalid type for ${name}: type not specified`)
  }
}

function asFloat(text: string): number {
  const value = parseFloat64(text)
  if (value !== undefined) return value
  throw new EvaluationError(
    `parsing ${JSON.stringify(text.slice(0, 100))} as a float: invalid syntax`,
  )
}

function asBool(text: string): boolean {
  if (/^(?:1|t|T|TRUE|true|True)$/.test(text)) return true
  if (/^(?:0|f|F|FALSE|false|False)$/.test(text)) return false
  throw new EvaluationError(
    `parsing ${JSON.stringify(text.slice(0, 100))} as a bool: invalid syntax`,
  )
}

export const grokFunctions: readonly FunctionSpec[] = [extractGrokPatterns]
