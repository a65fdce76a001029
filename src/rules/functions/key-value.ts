/** ParseKeyValue and ToKeyValueString: `a=1 b="x y"` to a map and back. */
import { asString } from '../as-string.ts'
import { compareText } from '../compare.ts'
import { defineFunction, type FunctionSpec, type Getter } from '../function.ts'
import { EvaluationError, type ValueMap } from '../value.ts'

interface Delimiters {
  readonly key: string
  readonly pair: string
}

/** Throws Error for delimiters that cannot be told apart. */
function delimitersOf(key: string | undefined, pair: string | undefined): Delimiters {
  if (key === '') throw new Error('delimiter cannot be set to an empty string')
  if (pair === '') throw new Error('pair delimiter cannot be set to an empty string')
  const found = { key: key ?? '=', pair: pair ?? ' ' }
  if (found.key === found.pair) {
    throw new Error(
      `pair delimiter ${JSON.stringify(found.pair)} cannot be equal to delimiter ${JSON.stringify(found.key)}`,
    )
  }
  return found
}

const parseKeyValue = defineFunction({
  name: 'ParseKeyValue',
  kind: 'converter',
  params: [
    { name: 'Target', type: 'string' },
    { name: 'Delimiter', type: 'literalString', optional: true },
    { name: 'PairDelimiter', type: 'literalString', optional: true },
  ],
  summary: 'A map from text such as a=1 b="x y"; the delimiters are = and a space unless given.',
  example: { expr: 'ParseKeyValue("a=1 b=\'x y\'")', result: '{"a": "1", "b": "x y"}' },
  make([target, key, pair]: readonly [Getter, string?, string?]) {
    const delimiters = delimitersOf(key, pair)
    return scope => parsePairs(target(scope) as string, delimiters)
  },
})

function parsePairs(text: string, { key, pair }: Delimiters): ValueMap {
  if (text === '') throw new EvaluationError('cannot parse from empty target')
  const map = new Map<string, string>()
  for (const item of splitOutsideQuotes(text, pair)) {
    const at = item.indexOf(key)
    if (at < 0) {
      throw new EvaluationError(
        `failed to split pairs into key-values: cannot split ${JSON.stringify(item.slice(0, 100))} into 2 items, got 1 item(s)`,
      )
    }
    map.set(trimSpace(item.slice(0, at)), trimSpace(item.slice(at + key.length)))
  }
  return map
}

/** Quotes are left off, empty parts left out; a backslash keeps its quote from counting, and stays. */
function splitOutsideQuotes(text: string, delimiter: string): string[] {
  const parts: string[] = []
  let current = ''
  let quote = ''
  let isEscaped = false
  for (let i = 0; i < text.length; i++) {
    if (quote === '' && text.startsWith(delimiter, i)) {
      if (current !== '') parts.push(current)
      current = ''
      i += delimiter.length - 1
      continue
    }
    const c = text[i]
    if (!isEscaped && quote === '' && (c === '"' || c === "'")) {
      quote = c
      continue
    }
    if (!isEscaped && c === quote) {
      quote = ''
      continue
    }
    isEscaped = !isEscaped && c === '\\'
    current += c
  }
  if (quote !== '') throw new EvaluationError('never reached the end of a quoted value')
  if (current !== '') parts.push(current)
  return parts
}

/** Go's white space, which has the next-line character and lacks the byte order mark. */
function trimSpace(text: string): string {
  let [start, end] = [0, text.length]
  while (start < end && isSpace(text[start])) start++
  while (end > start && isSpace(text[end - 1])) end--
  return text.slice(start, end)
}

function isSpace(c: string): boolean {
  return c === '\x85' || (c !== '\ufeff' && /\s/.test(c))
}

const toKeyValueString = defineFunction({
  name: 'ToKeyValueString',
  kind: 'converter',
  params: [
    { name: 'Target', type: 'map' },
    { name: 'Delimiter', type: 'literalString', optional: true },
    { name: 'PairDelimiter', type: 'literalString', optional: true },
    { name: 'SortOutput', type: 'literalBool', optional: true },
  ],
  summary: 'A map as text such as a=1 b="x y", in its own order or sorted by key.',
  example: {
    expr: 'ToKeyValueString({"b": "x y", "a": 1}, "=", ";", true)',
    result: '"a=1;b=x y"',
  },
  make([target, key, pair, isSorted]: readonly [Getter, string?, string?, boolean?]) {
    const delimiters = delimitersOf(key, pair)
    return scope => {
      const entries = [...(target(scope) as ValueMap)]
      if (isSorted === true) entries.sort(([a], [b]) => compareText(a, b))
      const quoted = entries.map(([name, value]) => [name, asString(value)])
      return quoted
        .map(
          ([name, text]) => quoteIn(name, delimiters) + delimiters.key + quoteIn(text, delimiters),
        )
        .join(delimiters.pair)
    }
  },
})

function quoteIn(text: string, { key, pair }: Delimiters): string {
  const escaped = text.replaceAll('"', '\\"')
  return escaped.includes(pair) || escaped.includes(key) ? `"${escaped}"` : escaped
}

export const keyValueFunctions: readonly FunctionSpec[] = [parseKeyValue, toKeyValueString]
