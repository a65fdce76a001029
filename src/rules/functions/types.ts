/** Converters that turn a value into another kind, and those that tell which kind it is. */
import { constantOf } from '../constant.ts'
import { defineFunction, type FunctionSpec, type Getter, type ParamType } from '../function.ts'
import { Duration, EvaluationError, Id, OtlpList, typeName, type Value } from '../value.ts'
import { parseInt64Text } from './parse-int.ts'

type Example = readonly [expr: string, result: string]

/** The parameter's type does the work. */
function conversion(
  name: string,
  type: ParamType,
  summary: string,
  [expr, result]: Example,
): FunctionSpec {
  return defineFunction({
    name,
    kind: 'converter',
    params: [{ name: 'Target', type }],
    summary,
    example: { expr, result },
    make: ([target]: readonly Getter[]) => target,
  })
}

/** A literal that is not of the kind is refused at load, as the reference does; `wanted` is its name for the kind. */
function kindTest(
  name: string,
  wanted: string,
  is: (value: Value) => boolean,
  summary: string,
  [expr, result]: Example,
): FunctionSpec {
  return defineFunction({
    name,
    kind: 'converter',
    params: [{ name: 'Target', type: 'any' }],
    summary,
    example: { expr, result },
    make([target]: readonly Getter[]) {
      const constant = constantOf(target)
      if (constant !== undefined && !is(constant.value)) {
        throw new Error(`expected ${wanted} but got ${typeName(constant.value)}`)
      }
      return scope => is(target(scope))
    },
  })
}

const hex = defineFunction({
  name: 'Hex',
  kind: 'converter',
  params: [{ name: 'Target', type: 'bytesLike' }],
  summary: 'The bytes of a value in hexadecimal; numbers have 16 digits, nil none.',
  example: { expr: 'Hex(12)', result: '"000000000000000c"' },
  make([target]: readonly Getter[]) {
    return scope => Buffer.from((target(scope) as Uint8Array | null) ?? []).toString('hex')
  },
})

const parseIntFunction = defineFunction({
  name: 'ParseInt',
  kind: 'converter',
  params: [
    { name: 'Target', type: 'string' },
    { name: 'Base', type: 'int' },
  ],
  summary: 'Text read as an integer of base 2 to 36; base 0 goes by the prefix (0x, 0b, 0o, 0).',
  example: { expr: 'ParseInt("ff", 16)', result: '255' },
  make([target, base]: readonly Getter[]) {
    return scope => {
      const text = target(scope) as string
      if (text === '') {
        throw new EvaluationError(
          'invalid target value for ParseInt function, target cannot be empty',
        )
      }
      return parseInt64Text(text, base(scope) as bigint)
    }
  },
})

const isListFunction = defineFunction({
  name: 'IsList',
  kind: 'converter',
  params: [{ name: 'Target', type: 'any' }],
  summary: 'Whether the value is a list.',
  example: { expr: 'IsList(["a", "b"])', result: 'true' },
  make([target]: readonly Getter[]) {
    return scope => {
      const value = target(scope)
      return Array.isArray(value) || value instanceof OtlpList
    }
  },
})

const isEmptyFunction = defineFunction({
  name: 'IsEmpty',
  kind: 'converter',
  params: [{ name: 'Target', type: 'any' }],
  summary: 'Whether the value is nil, zero, false, or without content.',
  example: { expr: 'IsEmpty("")', result: 'true' },
  make([target]: readonly Getter[]) {
    return scope => isEmpty(target(scope))
  },
})

function isEmpty(value: Value): boolean {
  if (value === null || value === false || value === '' || value === 0n || value === 0) return true
  if (value instanceof Id) return value.every(byte => byte === 0)
  if (value instanceof Uint8Array || Array.isArray(value)) return value.length === 0
  if (value instanceof Map) return value.size === 0
  return value instanceof Duration && value.nanos === 0n
}

export const typeFunctions: readonly FunctionSpec[] = [
  conversion('Bool', 'boolLike', 'The value as a bool: numbers other than 0, "true", "1", "t".', [
    'Bool("true")',
    'true',
  ]),
  conversion('Double', 'floatLike', 'The value as a float; text that is none is an error.', [
    'Double("1.5")',
    '1.5',
  ]),
  conversion(
    'Int',
    'intLike',
    'The value as an int, cut towards zero; text that is none gives nil.',
    ['Int("12")', '12'],
  ),
  conversion('String', 'stringLike', 'The value as text: maps and lists as JSON, bytes as hex.', [
    'String({"a": [1, true]})',
    '"{\\"a\\":[1,true]}"',
  ]),
  hex,
  parseIntFunction,
  kindTest('IsBool', 'bool', v => typeof v === 'boolean', 'Whether the value is a bool.', [
    'IsBool(true)',
    'true',
  ]),
  kindTest('IsDouble', 'float64', v => typeof v === 'number', 'Whether the value is a float.', [
    'IsDouble(1.5)',
    'true',
  ]),
  kindTest('IsInt', 'int64', v => typeof v === 'bigint', 'Whether the value is an int.', [
    'IsInt(Len("abc"))',
    'true',
  ]),
  kindTest('IsString', 'string', v => typeof v === 'string', 'Whether the value is text.', [
    'IsString(Len("abc"))',
    'false',
  ]),
  kindTest('IsMap', 'pcommon.Map', v => v instanceof Map, 'Whether the value is a map.', [
    'IsMap({"a": 1})',
    'true',
  ]),
  isListFunction,
  isEmptyFunction,
]
