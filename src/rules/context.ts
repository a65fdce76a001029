/** What a context (span, log, resource, ...) offers to the compiler: its paths, enums and own functions. */
import type { FunctionSpec, Getter, Target } from './function.ts'
import type { Value } from './value.ts'

export type ContextName =
  | 'resource'
  | 'scope'
  | 'span'
  | 'spanevent'
  | 'spanlink'
  | 'metric'
  | 'datapoint'
  | 'exemplar'
  | 'log'

/** One `.name[keys]` of a path; a key is a literal or an expression. */
export interface PathSegment {
  readonly name: string
  readonly keys: readonly PathKey[]
}

export type PathKey =
  | { readonly kind: 'string'; readonly value: string }
  | { readonly kind: 'int'; readonly value: bigint }
  | { readonly kind: 'expression'; readonly get: Getter }

/** What a path resolves to. */
export interface ResolvedPath extends Target {
  /** Where the value can be found by the slot scanner, for predicates that compare bytes in place. */
  readonly slot?: SlotPath
}

/** A value that one walk over a row's bytes can find. */
export interface SlotPath {
  /** Whose row: the resource's or scope's group, the metric, or the item (span, log record, data point). */
  readonly level: 'resource' | 'scope' | 'metric' | 'item'
  /** Fields by their JSON names, from the row's message down; the last is a map when there is a `key`. */
  readonly path: readonly string[]
  readonly key?: string
  /** How the path's getter gives it: `value` is an AnyValue (nil when absent), the others their zero when absent. */
  readonly as: 'value' | 'text' | 'int' | 'double' | 'bool' | 'time' | 'id'
}

export interface ContextSpec {
  readonly name: ContextName
  /** Undefined when there is no such path: the checker names the nearest valid one from `paths`. */
  resolve(segments: readonly PathSegment[]): ResolvedPath | undefined
  /** All path names, dotted, for suggestions and docs. */
  readonly paths: readonly string[]
  readonly enums: ReadonlyMap<string, bigint>
  /** Functions that exist only here (IsRootSpan). */
  readonly functions: readonly FunctionSpec[]
}

export type { Value }
