/** Converters that cut, join and search text. Positions and lengths are bytes of UTF-8, as in the reference. */
import { compare } from '../compare.ts'
import { defineFunction, type FunctionSpec, type Getter } from '../function.ts'
import { EvaluationError, Id, OtlpList, typeName, type Value } from '../value.ts'

/** Longest text that Concat makes, in UTF-16 units. */
export const MAX_CONCAT_LENGTH = 16 * 1024 * 1024

/** A converter of two texts. */
function ofTwo(
  name: string,
  second: string,
  run: (text: string, other: string) => Value,
  summary: string,
  example: readonly [expr: string, result: string],
): FunctionSpec {
  return defineFunction({
    name,
    kind: 'converter',
    params: [
      { name: 'Target', type: 'string' },
      { name: second, type: 'string' },
    ],
    summary,
    example: { expr: example[0], result: example[1] },
    make([target, other]: readonly Getter[]) {
      return scope => run(target(scope) as string, other(scope) as string)
    },
  })
}

const concat = defineFunction({
  name: 'Concat',
  kind: 'converter',
  params: [
    { name: 'Vals', type: 'stringLike', list: true },
    { name: 'Delimiter', type: 'string' },
  ],
  summary: 'The values as text, joined by a delimiter; nil is written as <nil>.',
  example: { expr: 'Concat(["GET", "/users", 200], " ")', result: '"GET /users 200"' },
  make([values, delimiter]: readonly [readonly Getter[], Getter]) {
    return scope => {
      const between = delimiter(scope) as string
      let out = ''
      for (const [i, get] of values.entries()) {
        if (i > 0) out += between
        out += (get(scope) as string | null) ?? '<nil>'
        if (out.length > MAX_CONCAT_LENGTH) {
          throw new EvaluationError(`the text is longer than ${MAX_CONCAT_LENGTH}`)
        }
      }
      return out
    }
  },
})

const substring = defineFunction({
  name: 'Substring',
  kind: 'converter',
  params: [
    { name: 'Target', type: 'string' },
    { name: 'Start', type: 'int' },
    { name: 'Length', type: 'int' },
    { name: 'Utf8Safe', type: 'literalBool', optional: true },
  ],
  summary: 'Length bytes from start on; utf8_safe moves both ends to whole characters.',
  example: { expr: 'Substring("123456789", 3, 4)', result: '"4567"' },
  make([target, start, length, isSafe]: readonly [Getter, Getter, Getter, boolean | undefined]) {
    return scope => {
      const from = start(scope) as bigint
      if (from < 0n) throw new EvaluationError(`invalid start, ${from} cannot be negative`)
      const count = length(scope) as bigint
      if (count <= 0n) {
        throw new EvaluationError(`invalid length, ${count} cannot be negative or zero`)
      }
      return cut(target(scope) as string, from, count, isSafe === true)
    }
  },
})

function cut(text: string, start: bigint, count: bigint, isSafe: boolean): string {
  const length = Buffer.byteLength(text)
  if (start + count > BigInt(length)) {
    throw new EvaluationError(
      `invalid range, start(${start})+length(${count}) cannot be greater than the length of target string(${length})`,
    )
  }
  let from = Number(start)
  let to = Number(start + count)
  if (length === text.length) return text.slice(from, to)
  const bytes = Buffer.from(text)
  if (isSafe) {
    while (from < length && isContinuation(bytes[from])) from++
    while (from < to && to < length && isContinuation(bytes[to])) to--
  }
  return bytes.toString('utf8', from, Math.max(from, to))
}

function isContinuation(byte: number): boolean {
  return (byte & 0xc0) === 0x80
}

const trim = defineFunction({
  name: 'Trim',
  kind: 'converter',
  params: [
    { name: 'Target', type: 'string' },
    { name: 'Replacement', type: 'literalString', optional: true },
  ],
  summary: 'The text without the given characters (spaces) at both ends.',
  example: { expr: 'Trim("--a-b--", "-")', result: '"a-b"' },
  make([target, characters]: readonly [Getter, string | undefined]) {
    const cutset = new Set(characters ?? ' ')
    return scope => trimCharacters(target(scope) as string, cutset)
  },
})

function trimCharacters(text: string, cutset: ReadonlySet<string>): string {
  let from = 0
  while (from < text.length) {
    const character = String.fromCodePoint(text.codePointAt(from) as number)
    if (!cutset.has(character)) break
    from += character.length
  }
  let to = text.length
  while (to > from) {
    const isPair = to - 2 >= from && (text.codePointAt(to - 2) as number) > 0xffff
    const character = text.slice(to - (isPair ? 2 : 1), to)
    if (!cutset.has(character)) break
    to -= character.length
  }
  return text.slice(from, to)
}

const index = defineFunction({
  name: 'Index',
  kind: 'converter',
  params: [
    { name: 'Target', type: 'any' },
    { name: 'Value', type: 'any' },
  ],
  summary:
    'Where a value first stands in a list, or a text in a text (in bytes); -1 when it does not.',
  example: { expr: 'Index(["a", "b"], "b")', result: '1' },
  make([target, value]: readonly Getter[]) {
    return scope => BigInt(indexOf(target(scope), value(scope)))
  },
})

function indexOf(target: Value, value: Value): number {
  if (typeof target === 'string') {
    if (typeof value !== 'string') {
      throw new EvaluationError('invalid value type for Index function, value must be a string')
    }
    const at = target.indexOf(value)
    return at < 0 ? -1 : Buffer.byteLength(target.slice(0, at))
  }
  if (!Array.isArray(target)) {
    throw new EvaluationError(`expected pcommon.Slice but got ${typeName(target)}`)
  }
  return target.findIndex(item => compare(item, '==', value))
}

const len = defineFunction({
  name: 'Len',
  kind: 'converter',
  params: [{ name: 'Target', type: 'any' }],
  summary: 'How many bytes a text has, or items a list or map.',
  example: { expr: 'Len("abc")', result: '3' },
  make([target]: readonly Getter[]) {
    return scope => BigInt(lengthOf(target(scope)))
  },
})

function lengthOf(value: Value): number {
  if (typeof value === 'string') return Buffer.byteLength(value)
  if (value instanceof Map) return value.size
  if (value instanceof OtlpList) return value.items.length
  const isCounted = Array.isArray(value) || value instanceof Uint8Array
  if (isCounted && !(value instanceof Id)) return value.length
  const types = 'must be of type string, list, map or bytes'
  throw new EvaluationError(`Len: unsupported target type ${typeName(value)}. target arg ${types}`)
}

export const textFunctions: readonly FunctionSpec[] = [
  concat,
  ofTwo(
    'Split',
    'Delimiter',
    (text, delimiter) => (delimiter === '' ? Array.from(text) : text.split(delimiter)),
    'The parts of a text between delimiters; an empty delimiter gives its characters.',
    ['Split("a|b|c", "|")', '["a", "b", "c"]'],
  ),
  substring,
  trim,
  ofTwo(
    'TrimPrefix',
    'Prefix',
    (text, prefix) => (text.startsWith(prefix) ? text.slice(prefix.length) : text),
    'The text without the prefix, if it has it.',
    ['TrimPrefix("/api/users", "/api")', '"/users"'],
  ),
  ofTwo(
    'TrimSuffix',
    'Suffix',
    (text, suffix) => (text.endsWith(suffix) ? text.slice(0, text.length - suffix.length) : text),
    'The text without the suffix, if it has it.',
    ['TrimSuffix("checkout.svc", ".svc")', '"checkout"'],
  ),
  ofTwo(
    'HasPrefix',
    'Prefix',
    (text, prefix) => text.startsWith(prefix),
    'Whether the text starts so.',
    ['HasPrefix("/api/users", "/api")', 'true'],
  ),
  ofTwo(
    'HasSuffix',
    'Suffix',
    (text, suffix) => text.endsWith(suffix),
    'Whether the text ends so.',
    ['HasSuffix("a.json", ".json")', 'true'],
  ),
  index,
  len,
]
