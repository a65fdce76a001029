/** How OTTL functions are declared: a name, typed parameters, and a `make` that is called once for each use in an expression. */
import type { Value, ValueMap } from './value.ts'

/** Computes a value for the item that `scope` stands on; throws EvaluationError. */
export type Getter = (scope: unknown) => Value

/** A place: read and written. */
export interface Target {
  readonly get: Getter
  /** Throws EvaluationError when the place does not take such a value. */
  readonly set: (scope: unknown, value: Value) => void
  /** Maps and attributes: change one key without building the whole map. Absent where the place offers no such way. */
  readonly keyed?: KeyedTarget
  /** Attributes: changes a short text in place. False = nothing was done, the general way is to be taken. */
  readonly changeText?: (scope: unknown, change: TextChange) => boolean
}

export interface TextChange {
  /** The new text, after `run`. */
  readonly out: Uint8Array
  /** Length of the new text; NO_MATCH: it stays; UNDECIDED: the general way is to be taken (regex-sequence.ts). */
  run(bytes: Uint8Array, start: number, end: number): number
}

export interface KeyedTarget {
  has(scope: unknown, key: string): boolean
  getKey(scope: unknown, key: string): Value | undefined
  setKey(scope: unknown, key: string, value: Value): void
  deleteKey(scope: unknown, key: string): void
  keys(scope: unknown): string[]
}

/**
 * Parameter types. The checker wraps getters so that `make` receives functions which already check and convert as the
 * reference does (pkg/ottl/expressions.go):
 *
 * | type | argument is |
 * |---|---|
 * | any | `Getter` |
 * | string, int, float, bool, map, list, time, duration, bytes | getter of exactly that; another type (nil too) throws |
 * | stringLike | getter of string or null: bool, number, bytes (hex), map and list (JSON) are turned into text |
 * | intLike, floatLike, boolLike | getter or null: numbers, numeric strings, bools converted; what cannot be is an error |
 * | bytesLike | getter of bytes or null: strings by their UTF-8, numbers big-endian as the reference does |
 * | target | `Target` (a path that can be written) |
 * | mapTarget | `Target` whose value must be a map |
 * | literalString, literalInt, literalFloat, literalBool | the literal itself: string, bigint, number, boolean |
 * | enum | bigint |
 * | function | a `ConverterFactory` named without parentheses, such as SHA256 |
 * | lambda | a `Lambda` |
 *
 * `list: true` makes it a list literal of such arguments (upstream's `[]ottl.StringGetter`), given as an array.
 */
export type ParamType =
  | 'any'
  | 'string'
  | 'int'
  | 'float'
  | 'bool'
  | 'map'
  | 'list'
  | 'time'
  | 'duration'
  | 'bytes'
  | 'stringLike'
  | 'intLike'
  | 'floatLike'
  | 'boolLike'
  | 'bytesLike'
  | 'target'
  | 'mapTarget'
  | 'literalString'
  | 'literalInt'
  | 'literalFloat'
  | 'literalBool'
  | 'enum'
  | 'function'
  | 'lambda'

export interface Param {
  /** CamelCase as upstream's argument struct has it; users may write snake_case. */
  readonly name: string
  readonly type: ParamType
  readonly list?: boolean
  readonly optional?: boolean
}

export interface Lambda {
  readonly params: readonly string[]
  /** Evaluates the body with these values bound to the parameters. */
  readonly call: (scope: unknown, args: readonly Value[]) => Value
}

/** Builds a getter of one argument from a converter passed by name. */
export type ConverterFactory = (argument: Getter) => Getter

/** What `make` gets, by parameter position; an absent optional is undefined. */
// biome-ignore lint/suspicious/noExplicitAny: each function narrows by the types it declared
export type Args = readonly any[]

export interface FunctionSpec {
  readonly name: string
  readonly kind: 'editor' | 'converter'
  readonly params: readonly Param[]
  /** One line for docs. */
  readonly summary: string
  /** An expression that shows it, with its result; run by a test. For editors: the attributes before (none without it) and after. */
  readonly example: { readonly expr: string; readonly result: string; readonly before?: string }
  /**
   * Called once at load with the checked arguments. Throws Error for arguments that can never work (a bad regular
   * expression, a negative limit): a load error with the expression's position. Returns what runs for each item.
   */
  make(args: Args): Getter
}

export function defineFunction(spec: FunctionSpec): FunctionSpec {
  return spec
}

export type { Value, ValueMap }
