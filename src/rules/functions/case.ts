/** Converters of letter case. Upper and lower go character by character as Go does (no ß to SS); camel and snake are ASCII. */
import { defineFunction, type FunctionSpec, type Getter } from '../function.ts'

type Change = (text: string) => string

const CHANGES: Readonly<Record<string, Change>> = {
  lower: toLower,
  upper: toUpper,
  snake: toSnake,
  camel: toCamel,
}

function isAscii(text: string): boolean {
  return Buffer.byteLength(text) === text.length
}

export function toLower(text: string): string {
  if (isAscii(text)) return text.toLowerCase()
  let out = ''
  for (const character of text) {
    const lower = character.toLowerCase()
    // Only U+0130 becomes two: its simple mapping is a plain i.
    out += character === '\u0130' ? 'i' : isOne(lower) ? lower : character
  }
  return out
}

export function toUpper(text: string): string {
  if (isAscii(text)) return text.toUpperCase()
  let out = ''
  for (const character of text) {
    const upper = character.toUpperCase()
    out += isOne(upper) ? upper : simpleUpper(character)
  }
  return out
}

function isOne(text: string): boolean {
  return text.length === 1 || (text.length === 2 && (text.codePointAt(0) as number) > 0xffff)
}

/** Greek letters with iota below have one letter as upper case beside the two that the full mapping gives. */
function simpleUpper(character: string): string {
  const code = character.codePointAt(0) as number
  if (code >= 0x1f80 && code <= 0x1faf) return String.fromCodePoint(code | 8)
  if (code === 0x1fb3 || code === 0x1fc3 || code === 0x1ff3) return String.fromCodePoint(code + 9)
  return character
}

const KINDS = { other: 0, upper: 1, lower: 2, digit: 3 } as const
type Kind = (typeof KINDS)[keyof typeof KINDS]

function kindOf(code: number): Kind {
  if (code >= 65 && code <= 90) return KINDS.upper
  if (code >= 97 && code <= 122) return KINDS.lower
  return code >= 48 && code <= 57 ? KINDS.digit : KINDS.other
}

/** A delimiter where the kind of character changes, before the last capital of several, and for ` _-.`. */
function toSnake(text: string): string {
  const trimmed = trimSpace(text)
  let out = ''
  for (let i = 0; i < trimmed.length; i++) {
    const kind = kindOf(trimmed.charCodeAt(i))
    const next = kindOf(trimmed.charCodeAt(i + 1))
    const isChange = kind !== next && kind !== KINDS.other && next !== KINDS.other
    const isLastCapital = kind === KINDS.upper && next === KINDS.lower
    if (isLastCapital && i > 0 && kindOf(trimmed.charCodeAt(i - 1)) === KINDS.upper) out += '_'
    if (kind === KINDS.upper) out += trimmed[i].toLowerCase()
    else out += isSeparator(trimmed[i]) ? '_' : trimmed[i]
    if (isChange && !isLastCapital) out += '_'
  }
  return out
}

/** What is no letter or digit is left out; a letter after it (after ` _-.` and digits) is a capital. */
function toCamel(text: string): string {
  const trimmed = trimSpace(text)
  let out = ''
  let isNextCapital = true
  let wasCapital = false
  for (let i = 0; i < trimmed.length; i++) {
    const character = trimmed[i]
    const kind = kindOf(character.charCodeAt(0))
    if (kind === KINDS.upper || kind === KINDS.lower) {
      const isLowered = kind === KINDS.upper && wasCapital && !isNextCapital
      out += isNextCapital
        ? character.toUpperCase()
        : isLowered
          ? character.toLowerCase()
          : character
      isNextCapital = false
    } else {
      if (kind === KINDS.digit) out += character
      isNextCapital = kind === KINDS.digit || isSeparator(character)
    }
    wasCapital = kind === KINDS.upper
  }
  return out
}

function isSeparator(character: string): boolean {
  return character === ' ' || character === '_' || character === '-' || character === '.'
}

/** Unicode's white space; JavaScript's `trim` has U+FEFF too and lacks U+0085. */
function trimSpace(text: string): string {
  let from = 0
  let to = text.length
  while (from < to && isSpace(text[from])) from++
  while (to > from && isSpace(text[to - 1])) to--
  return text.slice(from, to)
}

function isSpace(character: string): boolean {
  return character === '\u0085' || (character !== '\ufeff' && character.trim() === '')
}

function caseFunction(
  name: string,
  change: Change,
  summary: string,
  [expr, result]: readonly [string, string],
): FunctionSpec {
  return defineFunction({
    name,
    kind: 'converter',
    params: [{ name: 'Target', type: 'string' }],
    summary,
    example: { expr, result },
    make: ([target]: readonly Getter[]) => {
      return scope => change(target(scope) as string)
    },
  })
}

const convertCase = defineFunction({
  name: 'ConvertCase',
  kind: 'converter',
  params: [
    { name: 'Target', type: 'string' },
    { name: 'ToCase', type: 'literalString' },
  ],
  summary: 'The text in lower, upper, snake or camel case.',
  example: { expr: 'ConvertCase("requestCount", "snake")', result: '"request_count"' },
  make([target, toCase]: readonly [Getter, string]) {
    const change = Object.hasOwn(CHANGES, toCase) ? CHANGES[toCase] : undefined
    if (change === undefined) {
      throw new Error(`invalid case: ${toCase}, allowed cases are: lower, upper, snake, camel`)
    }
    return scope => change(target(scope) as string)
  },
})

export const caseFunctions: readonly FunctionSpec[] = [
  convertCase,
  caseFunction('ToLowerCase', toLower, 'The text in lower case.', ['ToLowerCase("GET")', '"get"']),
  caseFunction('ToUpperCase', toUpper, 'The text in upper case.', ['ToUpperCase("get")', '"GET"']),
  caseFunction('ToSnakeCase', toSnake, 'The text in snake case.', [
    'ToSnakeCase("HTTPServer")',
    '"http_server"',
  ]),
  caseFunction('ToCamelCase', toCamel, 'The text in camel case, the first letter a capital.', [
    'ToCamelCase("request_count")',
    '"RequestCount"',
  ]),
]
