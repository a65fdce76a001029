/**
 * OTTL walked node by node, for each evaluation anew: slow and plain. Functions and conversions of arguments are the
 * product's own; binding, scoping, order, literals known at load, comparison and arithmetic are not.
 */
import type {
  BooleanNode,
  Call,
  LambdaNode,
  PathNode,
  Statement,
  ValueNode,
} from '../../../src/rules/ast.ts'
import { type AnyNode, childrenOf } from '../../../src/rules/children.ts'
import { constantGetter } from '../../../src/rules/constant.ts'
import type { ContextSpec, PathKey, ResolvedPath } from '../../../src/rules/context.ts'
import { converterOf } from '../../../src/rules/convert.ts'
import type { FunctionSpec, Getter, Lambda, Param } from '../../../src/rules/function.ts'
import {
  Duration,
  EvaluationError,
  Id,
  isList,
  isMap,
  OtlpList,
  OtlpMessage,
  Time,
  type Value,
} from '../../../src/rules/value.ts'
import { compute, entry, holds } from './operations.ts'

/** Values of the parameters of the lambdas around, innermost first; `null` while nothing is evaluated. */
interface Bound {
  readonly name: string
  readonly value: Value
  readonly outer: Bound | null
}

/** The expression would not load. */
export class LoadFault extends Error {}

/** Called for comparisons of literals when what is known at load is looked for. */
type LiteralValue = (node: ValueNode) => Value

export class Interpreter {
  readonly #context: ContextSpec
  readonly #functions: ReadonlyMap<string, FunctionSpec>

  constructor(context: ContextSpec, functions: readonly FunctionSpec[]) {
    this.#context = context
    this.#functions = new Map(functions.map(spec => [spec.name, spec]))
  }

  /** Throws LoadFault if something in it, evaluated or not, can never work. */
  load(node: AnyNode, bound: Bound | null = null): void {
    if (node.kind === 'enum') this.#enum(node.name)
    if (node.kind === 'lambda' || node.kind === 'functionName') throw new LoadFault(node.kind)
    if (node.kind === 'path') this.#pathGetter(node, bound)
    if (node.kind === 'call') this.#loadCall(node, bound)
    else for (const child of childrenOf(node)) this.load(child, bound)
  }

  #loadCall(call: Call, bound: Bound | null): void {
    const spec = this.#functions.get(call.name)
    for (const key of call.keys) this.load(key, bound)
    this.#bind(call, bound)
    for (const [i, node] of argumentsOf(call, spec as FunctionSpec).entries()) {
      const { type } = (spec as FunctionSpec).params[i]
      if (node?.kind === 'lambda' && type === 'lambda') this.#loadLambda(node, bound)
      else if (node !== undefined && type !== 'function') this.load(node, bound)
    }
  }

  #loadLambda({ params, body }: LambdaNode, outer: Bound | null): void {
    const names = params.filter(name => name !== '_')
    if (new Set(names).size < names.length) throw new LoadFault('twice')
    let bound = outer
    for (const name of names) bound = { name, value: null, outer: bound }
    this.load(body, bound)
  }

  run({ editor, where }: Statement, scope: unknown): boolean {
    if (where !== null && !this.condition(where, scope)) return false
    this.#call(editor, scope, null)
    return true
  }

  condition(node: BooleanNode, scope: unknown, bound: Bound | null = null): boolean {
    const known = knownTruth(node, each => this.value(each, null))
    if (known !== undefined) return known
    switch (node.kind) {
      case 'constant':
        return node.value
      case 'not':
        return !this.condition(node.operand, scope, bound)
      case 'and':
        return node.factors.every(factor => this.condition(factor, scope, bound))
      case 'or':
        return node.terms.some(term => this.condition(term, scope, bound))
      case 'comparison': {
        const left = this.value(node.left, scope, bound)
        return holds(left, node.op, this.value(node.right, scope, bound))
      }
      case 'condition': {
        const value = this.value(node.call, scope, bound)
        if (typeof value !== 'boolean') throw new EvaluationError('no bool')
        return value
      }
    }
  }

  value(node: ValueNode, scope: unknown, bound: Bound | null = null): Value {
    switch (node.kind) {
      case 'nil':
        return null
      case 'int':
      case 'float':
      case 'string':
      case 'bytes':
      case 'bool':
        return node.value
      case 'enum':
        return this.#enum(node.name)
      case 'list':
        return node.values.map(item => this.value(item, scope, bound))
      case 'map': {
        const entries = node.entries.map(({ key, value }): [string, Value] => {
          const item = this.value(value, scope, bound)
          if (!fitsMap(item)) throw new EvaluationError('a map cannot hold it')
          return [key, item]
        })
        return new Map(entries)
      }
      case 'math': {
        const left = this.value(node.left, scope, bound)
        return compute(left, node.op, this.value(node.right, scope, bound))
      }
      case 'negate': {
        const operand = this.value(node.operand, scope, bound)
        if (typeof operand === 'number') return -operand
        return compute(operand === null ? '' : operand, '*', -1n)
      }
      case 'path':
        return this.#pathValue(node, scope, bound)
      case 'call':
        return this.#indexed(this.#call(node, scope, bound), node.keys, scope, bound)
      case 'functionName':
      case 'lambda':
        throw new LoadFault(node.kind)
    }
  }

  #enum(name: string): bigint {
    const value = this.#context.enums.get(name)
    if (value === undefined) throw new LoadFault(name)
    return value
  }

  #indexed(value: Value, keys: readonly ValueNode[], scope: unknown, bound: Bound | null): Value {
    let current = value
    for (const key of keys) current = entry(current, this.value(key, scope, bound))
    return current
  }

  #pathValue(node: PathNode, scope: unknown, bound: Bound | null): Value {
    return this.#pathGetter(node, bound)(scope)
  }

  /** A parameter of a lambda hides a path of that name. */
  #pathGetter(node: PathNode, bound: Bound | null): Getter {
    const [first] = node.fields
    const wanted = node.context === '' ? first.name : node.context
    for (let each = bound; each !== null; each = each.outer) {
      if (each.name !== wanted) continue
      if (node.context !== '' || node.fields.length > 1) throw new LoadFault(wanted)
      const { value } = each
      return scope => this.#indexed(value, first.keys, scope, bound)
    }
    return this.#path(node, bound).get
  }

  #path(node: PathNode, bound: Bound | null): ResolvedPath {
    const isOwn = node.context === '' || node.context === this.#context.name
    const fields = isOwn ? node.fields : [{ name: node.context, keys: [] }, ...node.fields]
    const pathKey = (key: ValueNode): PathKey =>
      key.kind === 'string' || key.kind === 'int'
        ? ({ kind: key.kind, value: key.value } as PathKey)
        : { kind: 'expression', get: scope => this.value(key, scope, bound) }
    const path = this.#context.resolve(
      fields.map(({ name, keys }) => ({ name, keys: keys.map(pathKey) })),
    )
    if (path === undefined) throw new LoadFault('path')
    return path
  }

  #call(call: Call, scope: unknown, bound: Bound | null): Value {
    return this.#bind(call, bound)(scope)
  }

  /** The function with its arguments, which are evaluated when it asks for them. */
  #bind(call: Call, bound: Bound | null): Getter {
    const spec = this.#functions.get(call.name)
    if (spec === undefined) throw new LoadFault(call.name)
    const args = argumentsOf(call, spec).map((node, i) => {
      const param = spec.params[i]
      if (node === undefined) return undefined
      if (param.list !== true) return this.#argument(param, node, bound)
      if (node.kind !== 'list') throw new LoadFault('list')
      return node.values.map(item => this.#argument(param, item, bound))
    })
    return make(spec, args)
  }

  #argument(param: Param, node: ValueNode, bound: Bound | null): unknown {
    const isName = node.kind === 'functionName' || node.kind === 'enum'
    if (param.type === 'lambda' && node.kind === 'lambda') return this.#lambda(node, bound)
    if (param.type === 'function' && isName) return this.#byName(node.name)
    if (param.type === 'enum' && node.kind === 'enum') return this.#enum(node.name)
    if (param.type === `literal${titled(node.kind)}` && 'value' in node) return node.value
    if (node.kind === 'path' && param.type === 'target') return this.#path(node, bound)
    if (node.kind === 'path' && param.type === 'mapTarget') return mapOnly(this.#path(node, bound))
    const convert = converterOf(param.type)
    if (convert === undefined) throw new LoadFault(param.name)
    if (isLiteral(node)) return literalArgument(convert, this.value(node, null))
    return (scope: unknown) => convert(this.value(node, scope, bound))
  }

  #byName(name: string): (argument: Getter) => Getter {
    const spec = this.#functions.get(name)
    const convert = spec && converterOf(spec.params[0]?.type)
    if (spec === undefined || convert === undefined) throw new LoadFault(name)
    if (spec.params.slice(1).some(param => param.optional !== true)) throw new LoadFault(name)
    return argument => make(spec, [(scope: unknown) => convert(argument(scope))])
  }

  #lambda({ params, body }: LambdaNode, outer: Bound | null): Lambda {
    const call = (scope: unknown, args: readonly Value[]): Value => {
      let bound = outer
      for (const [i, name] of params.entries()) {
        if (name !== '_') bound = { name, value: args[i] ?? null, outer: bound }
      }
      return isCondition(body) ? this.condition(body, scope, bound) : this.value(body, scope, bound)
    }
    return { params, call }
  }
}

function argumentsOf(call: Call, spec: FunctionSpec): (ValueNode | undefined)[] {
  const given = new Map<string, ValueNode>()
  let isNamed = false
  for (const [i, { name, value }] of call.args.entries()) {
    const param = name === '' ? spec.params[i]?.name : titled(camel(name))
    const isWrong = spec.params.every(each => each.name !== param) || given.has(param)
    if (isWrong || (isNamed && name === '')) throw new LoadFault(name)
    isNamed ||= name !== ''
    given.set(param, value)
  }
  return spec.params.map(({ name, optional }) => {
    if (!given.has(name) && optional !== true) throw new LoadFault(name)
    return given.get(name)
  })
}

function make(spec: FunctionSpec, args: readonly unknown[]): Getter {
  try {
    return spec.make(args)
  } catch (error) {
    throw new LoadFault(String(error))
  }
}

function literalArgument(convert: (value: Value) => Value, value: Value): Getter {
  try {
    return constantGetter(convert(value))
  } catch (error) {
    throw new LoadFault(String(error))
  }
}

function mapOnly(path: ResolvedPath): ResolvedPath {
  const get: Getter = scope => {
    const value = path.get(scope)
    if (isMap(value)) return value
    throw new EvaluationError('no map')
  }
  return { ...path, get }
}

function fitsMap(value: Value): boolean {
  if (isList(value)) return value.every(fitsMap)
  return ![Id, Time, Duration, OtlpMessage, OtlpList].some(type => value instanceof type)
}

/** What is decided when it is loaded: `false and x` never asks x. */
function knownTruth(node: BooleanNode, literal: LiteralValue): boolean | undefined {
  switch (node.kind) {
    case 'constant':
      return node.value
    case 'not': {
      const operand = knownTruth(node.operand, literal)
      return operand === undefined ? undefined : !operand
    }
    case 'and':
      return decided(node.factors, false, literal)
    case 'or':
      return decided(node.terms, true, literal)
    case 'comparison': {
      if (!isLiteral(node.left) || !isLiteral(node.right)) return undefined
      return holds(literal(node.left), node.op, literal(node.right))
    }
    default:
      return undefined
  }
}

function decided(
  nodes: readonly BooleanNode[],
  deciding: boolean,
  literal: LiteralValue,
): boolean | undefined {
  const known = nodes.map(node => knownTruth(node, literal))
  if (known.includes(deciding)) return deciding
  return known.every(each => each === !deciding) ? !deciding : undefined
}

function isLiteral(node: ValueNode): boolean {
  if (node.kind === 'list') return node.values.every(isLiteral)
  if (node.kind === 'map') return node.entries.every(({ value }) => isLiteral(value))
  return ['nil', 'int', 'float', 'string', 'bytes', 'bool', 'enum'].includes(node.kind)
}

function isCondition(node: ValueNode | BooleanNode): node is BooleanNode {
  return ['or', 'and', 'not', 'comparison', 'constant', 'condition'].includes(node.kind)
}

function camel(name: string): string {
  return name.split('_').map(titled).join('')
}

function titled(word: string): string {
  return `${word.slice(0, 1).toUpperCase()}${word.slice(1)}`
}
