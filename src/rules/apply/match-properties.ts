/**
 * `include` and `exclude` as older collector configurations have them: names, kinds, attributes and bodies matched
 * strictly or by regular expressions. Shared by the processors that still take them.
 */

import { asString } from '../as-string.ts'
import type { ContextName, ResolvedPath } from '../context.ts'
import { contextSpec } from '../contexts/index.ts'
import { toJson } from '../json-text.ts'
import { compileRegex } from '../regex.ts'
import type { Value } from '../value.ts'

export type MatchType = 'strict' | 'regexp'

export interface AttributeMatch {
  readonly key: string
  /** Undefined: the key must only be there. */
  readonly value?: Value
}

/** Undefined lists match everything. All that is given must match. */
export interface MatchProperties {
  readonly matchType: MatchType
  readonly services?: readonly string[]
  /** Of the span or metric, on data points of their metric. */
  readonly names?: readonly string[]
  readonly spanKinds?: readonly string[]
  readonly bodies?: readonly string[]
  readonly severityTexts?: readonly string[]
  readonly severity?: { readonly min: number; readonly matchUndefined: boolean }
  readonly attributes?: readonly AttributeMatch[]
  readonly resources?: readonly AttributeMatch[]
  readonly libraries?: readonly { readonly name: string; readonly version?: string }[]
}

export type Match = (scope: unknown) => boolean

/** Stands for the service of a resource without a name, as upstream has it. */
const NO_SERVICE = '<nil-service-name>'

/** Throws Error for a pattern that is none. */
export function compileMatch(context: ContextName, properties: MatchProperties): Match {
  const { matchType: type, services, names, spanKinds, bodies, severityTexts } = properties
  const tests: Match[] = []
  const add = (path: string, wanted: readonly string[] | undefined, absent = ''): void => {
    if (wanted === undefined || wanted.length === 0) return
    const { get } = pathOf(context, path)
    const matches = textMatch(type, wanted)
    tests.push(scope => matches(asString(get(scope) ?? absent)))
  }
  if (services !== undefined && services.length > 0) {
    const { keyed } = pathOf(context, 'resource.attributes')
    const matches = textMatch(type, services)
    tests.push(scope => {
      const name = keyed!.getKey(scope, 'service.name')
      return matches(name === undefined ? NO_SERVICE : asString(name))
    })
  }
  add(context === 'datapoint' ? 'metric.name' : 'name', names)
  add('kind.deprecated_string', spanKinds)
  add('body', bodies)
  add('severity_text', severityTexts)
  if (properties.severity !== undefined) tests.push(severityMatch(properties.severity))
  for (const library of properties.libraries ?? []) {
    add('scope.name', [library.name])
    if (library.version !== undefined) add('scope.version', [library.version])
  }
  const resource = context === 'resource' ? 'attributes' : 'resource.attributes'
  if (properties.resources !== undefined) {
    tests.push(attributesMatch(type, pathOf(context, resource), properties.resources))
  }
  if (properties.attributes !== undefined) {
    tests.push(attributesMatch(type, pathOf(context, 'attributes'), properties.attributes))
  }
  return scope => tests.every(test => test(scope))
}

/** A path that every build has. */
export function pathOf(context: ContextName, path: string): ResolvedPath {
  const segments = path.split('.').map(name => ({ name, keys: [] }))
  const resolved = contextSpec(context).resolve(segments)
  if (resolved === undefined) throw new Error(`no path ${path} in ${context}`)
  return resolved
}

function severityMatch({ min, matchUndefined }: { min: number; matchUndefined: boolean }): Match {
  const { get } = pathOf('log', 'severity_number')
  return scope => {
    const number = Number(get(scope) ?? 0)
    return number === 0 ? matchUndefined : number >= min
  }
}

/** Whether a text is one of the wanted, or matches one of them. */
export function textMatch(type: MatchType, wanted: readonly string[]): (text: string) => boolean {
  if (type === 'strict') {
    const texts = new Set(wanted)
    return text => texts.has(text)
  }
  const patterns = wanted.map(pattern => compileRegex(pattern))
  return text => patterns.some(pattern => pattern.test(text))
}

function attributesMatch(
  type: MatchType,
  { keyed }: ResolvedPath,
  wanted: readonly AttributeMatch[],
): Match {
  const tests = wanted.map(({ key, value }) => {
    const matches = value === undefined ? () => true : valueMatch(type, value)
    return (scope: unknown): boolean => {
      if (!keyed!.has(scope, key)) return false
      return matches(keyed!.getKey(scope, key) ?? null)
    }
  })
  return scope => tests.every(test => test(scope))
}

function valueMatch(type: MatchType, wanted: Value): (value: Value) => boolean {
  if (type === 'regexp') {
    if (typeof wanted !== 'string') throw new Error('only a text can be matched by regexp')
    const pattern = compileRegex(wanted)
    return value => {
      const text = scalarText(value)
      return text !== undefined && pattern.test(text)
    }
  }
  if (typeof wanted !== 'object') return value => value === wanted
  const text = toJson(wanted)
  return value => typeof value === 'object' && toJson(value) === text
}

/** Undefined for values that patterns are not asked about. */
function scalarText(value: Value): string | undefined {
  return value !== null && typeof value !== 'object' ? asString(value) : undefined
}
