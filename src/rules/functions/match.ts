/** Converters that match text with regular expressions. */
import { defineFunction, type FunctionSpec, type Getter } from '../function.ts'
import { EvaluationError } from '../value.ts'
import { regexArgument } from './regex-argument.ts'

export const matchFunctions: readonly FunctionSpec[] = [
  defineFunction({
    name: 'IsMatch',
    kind: 'converter',
    params: [
      { name: 'Target', type: 'stringLike' },
      { name: 'Pattern', type: 'string' },
    ],
    summary: 'Whether a regular expression is found in the value; nil never matches.',
    example: { expr: 'IsMatch("GET /healthz", "/(healthz|readyz)$")', result: 'true' },
    make([target, pattern]: readonly Getter[]) {
      const regexOf = regexArgument(pattern)
      return scope => {
        const regex = regexOf(scope)
        const text = target(scope)
        return text !== null && regex.test(text as string)
      }
    },
  }),
  defineFunction({
    name: 'ExtractPatterns',
    kind: 'converter',
    params: [
      { name: 'Target', type: 'string' },
      { name: 'Pattern', type: 'string' },
    ],
    summary: "A map of the pattern's named groups; empty when it is not found.",
    example: {
      expr: 'ExtractPatterns("10.0.0.1:8080", "(?P<host>[^:]+):(?P<port>[0-9]+)")',
      result: '{"host": "10.0.0.1", "port": "8080"}',
    },
    make([target, pattern]: readonly Getter[]) {
      const regexOf = regexArgument(pattern)
      return scope => {
        const regex = regexOf(scope)
        if (regex.groupNames.every(name => name === '')) {
          throw new EvaluationError(
            'at least 1 named capture group must be supplied in the given regex',
          )
        }
        const match = regex.find(target(scope) as string)
        const found = new Map<string, string>()
        if (match === null) return found
        for (const [group, name] of regex.groupNames.entries()) {
          if (name !== '') found.set(name, match.groups[group] ?? '')
        }
        return found
      }
    },
  }),
]
