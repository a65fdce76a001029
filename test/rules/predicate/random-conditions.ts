/** Random conditions over given paths: comparisons and matches that slots can express, and some that they cannot. */
import type { Random } from '../../../src/cli/generate/random.ts'
import { pick, TEXTS } from './random-telemetry.ts'

export const PATTERNS = [
  ...['^GET$', '^(GET|POST)$', '^/(healthz|readyz)$', '^/api', 'z$', 'ea', '', '^$', 'x+'],
  ...['^/api/.*', '(?i)get', '^(?:a|b|größe)$', 'a|b', '\\\\d', '^1$', 'true', '.*', '^gr'],
  ...['[A-Z]{3,4}', '^(G|P)(ET|OST)', '(a|)', 'a.b', '^/api\\\\/v1'],
]
const NUMBERS = [
  ...['0', '1', '-1', '2', '17', '1.0', '1.5', '-0.5', '9007199254740993', '9007199254740992.0'],
  ...['9223372036854775807', '-9223372036854775807', '4294967296', '1.5e+300'],
]

export function condition(random: Random, path: () => string, depth: number): string {
  const kind = depth === 0 ? 0 : random.below(6)
  const inner = () => condition(random, path, depth - 1)
  if (kind === 1) return `(${Array.from({ length: 2 + random.below(3) }, inner).join(' and ')})`
  if (kind === 2) return `(${Array.from({ length: 2 + random.below(3) }, inner).join(' or ')})`
  if (kind === 3) return `not (${inner()})`
  return leaf(random, path())
}

function leaf(random: Random, place: string): string {
  const op = pick(random, ['==', '==', '!=', '<', '<=', '>', '>='])
  const text = JSON.stringify(pick(random, TEXTS))
  switch (random.below(9)) {
    case 0:
      return `IsMatch(${place}, "${pick(random, PATTERNS)}")`
    case 1:
      return `${pick(random, ['HasPrefix', 'HasSuffix'])}(${place}, ${text})`
    case 2:
      return `${place} ${op} nil`
    case 3:
      return `${pick(random, NUMBERS)} ${op} ${place}`
    case 4:
      return `${place} ${op} ${pick(random, NUMBERS)}`
    case 5:
      return `${place} ${op} ${pick(random, ['true', 'false', '0x6162', 'ENUM'])}`
    case 6:
      return pick(random, [
        `Len(${place}) ${op} 3`,
        `ToLowerCase(${place}) ${op} "get"`,
        `IsString(${place})`,
      ])
    default:
      return random.below(4) === 0 ? `${text} ${op} ${place}` : `${place} ${op} ${text}`
  }
}
