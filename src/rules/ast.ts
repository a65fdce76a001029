/**
 * The syntax tree of OTTL, immutable, as the grammar has it (pkg/ottl/grammar.go in our own words):
 *
 *   statement   = editor [ "where" boolean ]
 *   boolean     = term { "or" term } ;  term = factor { "and" factor }
 *   factor      = [ "not" ] ( comparison | true | false | converter | "(" boolean ")" )
 *   comparison  = value ( == | != | < | <= | > | >= ) value
 *   value       = nil | literal | math | bytes | string | bool | ENUM | map | list | lambda
 *
 * Every node knows where it stands in the text, for errors and explanations.
 */

/** Offsets into the expression's text. */
export interface Span {
  readonly start: number
  readonly end: number
}

export interface Statement {
  readonly kind: 'statement'
  readonly editor: Call
  readonly where: BooleanNode | null
  readonly at: Span
}

export type BooleanNode = OrNode | AndNode | NotNode | ComparisonNode | ConstantNode | CallCondition

export interface OrNode {
  readonly kind: 'or'
  readonly terms: readonly BooleanNode[]
  readonly at: Span
}
export interface AndNode {
  readonly kind: 'and'
  readonly factors: readonly BooleanNode[]
  readonly at: Span
}
export interface NotNode {
  readonly kind: 'not'
  readonly operand: BooleanNode
  readonly at: Span
}
export type CompareOp = '==' | '!=' | '<' | '<=' | '>' | '>='
export interface ComparisonNode {
  readonly kind: 'comparison'
  readonly left: ValueNode
  readonly op: CompareOp
  readonly right: ValueNode
  readonly at: Span
}
export interface ConstantNode {
  readonly kind: 'constant'
  readonly value: boolean
  readonly at: Span
}
/** A converter standing alone as a condition. */
export interface CallCondition {
  readonly kind: 'condition'
  readonly call: Call
  readonly at: Span
}

export type ValueNode =
  | { readonly kind: 'nil'; readonly at: Span }
  | { readonly kind: 'int'; readonly value: bigint; readonly at: Span }
  | { readonly kind: 'float'; readonly value: number; readonly at: Span }
  | { readonly kind: 'string'; readonly value: string; readonly at: Span }
  | { readonly kind: 'bytes'; readonly value: Uint8Array; readonly at: Span }
  | { readonly kind: 'bool'; readonly value: boolean; readonly at: Span }
  | { readonly kind: 'enum'; readonly name: string; readonly at: Span }
  | { readonly kind: 'functionName'; readonly name: string; readonly at: Span }
  | {
      readonly kind: 'map'
      readonly entries: readonly { readonly key: string; readonly value: ValueNode }[]
      readonly at: Span
    }
  | { readonly kind: 'list'; readonly values: readonly ValueNode[]; readonly at: Span }
  | PathNode
  | Call
  | MathNode
  | NegateNode
  | LambdaNode

export type MathOp = '+' | '-' | '*' | '/'
export interface MathNode {
  readonly kind: 'math'
  readonly op: MathOp
  readonly left: ValueNode
  readonly right: ValueNode
  readonly at: Span
}

/** A minus before a path, a call or a parenthesis; numbers have their sign in them. */
export interface NegateNode {
  readonly kind: 'negate'
  readonly operand: ValueNode
  readonly at: Span
}

/** `(k, v) => expression`; the body is a value or a boolean. */
export interface LambdaNode {
  readonly kind: 'lambda'
  readonly params: readonly string[]
  readonly body: ValueNode | BooleanNode
  readonly at: Span
}

export interface PathNode {
  readonly kind: 'path'
  /** The first of several dotted names, which may name a context; empty for a single name. */
  readonly context: string
  readonly fields: readonly FieldNode[]
  readonly at: Span
}

export interface FieldNode {
  readonly name: string
  readonly keys: readonly ValueNode[]
}

/** An editor (lower case) or a converter (upper case). Only converters have keys. */
export interface Call {
  readonly kind: 'call'
  readonly name: string
  readonly args: readonly Argument[]
  readonly keys: readonly ValueNode[]
  readonly at: Span
}

export interface Argument {
  /** As written; empty for positional. */
  readonly name: string
  readonly value: ValueNode
}
