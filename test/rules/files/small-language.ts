/** A language of few paths over plain objects, so that tests of rule files do not stand on the real contexts. */
import type { ContextSpec, PathSegment, ResolvedPath } from '../../../src/rules/context.ts'
import type { RuleLanguage } from '../../../src/rules/files/rule-set.ts'
import { defineFunction } from '../../../src/rules/function.ts'
import type { Value } from '../../../src/rules/value.ts'

const PATHS = ['name', 'attributes', 'status.code', 'resource.attributes']

function resolve(segments: readonly PathSegment[]): ResolvedPath | undefined {
  const path = segments.map(segment => segment.name).join('.')
  if (!PATHS.includes(path)) return undefined
  const key = segments[segments.length - 1].keys[0]
  const field = key?.kind === 'string' ? `${path}.${key.value}` : path
  return {
    get: scope => (scope as Map<string, Value>).get(field) ?? null,
    set: (scope, value) => void (scope as Map<string, Value>).set(field, value),
  }
}

export const smallLanguage: RuleLanguage = {
  context: (name): ContextSpec => ({
    name,
    resolve,
    paths: PATHS,
    enums: new Map([['STATUS_CODE_ERROR', 2n]]),
    functions: [],
  }),
  functions: [
    defineFunction({
      name: 'set',
      kind: 'editor',
      params: [
        { name: 'Target', type: 'target' },
        { name: 'Value', type: 'any' },
      ],
      summary: 'test',
      example: { expr: '', result: '' },
      make:
        ([target, value]) =>
        scope => {
          target.set(scope, value(scope))
          return null
        },
    }),
    defineFunction({
      name: 'IsMatch',
      kind: 'converter',
      params: [
        { name: 'Target', type: 'stringLike' },
        { name: 'Pattern', type: 'literalString' },
      ],
      summary: 'test',
      example: { expr: '', result: '' },
      make: ([target, pattern]) => {
        if (pattern === '(') throw new Error('missing closing )')
        return scope => String(target(scope)).includes(pattern)
      },
    }),
  ],
}
