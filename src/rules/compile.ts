/** Turns OTTL text into closures: names are resolved and arguments checked once, when it is loaded. */
import { findNearest } from '../util/nearest.ts'
import type { BooleanNode, Call, LambdaNode, PathNode, Span, ValueNode } from './ast.ts'
import { type BoundArgument, bindArguments, type Fail } from './check.ts'
import { indexedGetter, listGetter, mapGetter, mapTarget } from './computed.ts'
import { ALWAYS, allOf, anyOf, comparisonOf, NEVER, notOf, type Test } from './conditions.ts'
import { constantGetter, constantOf } from './constant.ts'
import type { ContextSpec, PathKey, PathSegment, ResolvedPath } from './context.ts'
import { convertedGetter, converterOf } from './convert.ts'
import { RuleError, withPosition } from './format-error.ts'
import type { ConverterFactory, FunctionSpec, Getter, Lambda, Param } from './function.ts'
import { type FunctionTable, functionTable } from './function-table.ts'
import { calculate, negate } from './math.ts'
import { parseCondition, parseStatement, parseValue } from './parser.ts'
import { EvaluationError, typeName, type Value } from './value.ts'

export interface CompileOptions {
  readonly context: ContextSpec
  readonly functions: readonly FunctionSpec[]
}

export interface CompiledCondition {
  readonly text: string
  /** Throws EvaluationError. */
  readonly test: (scope: unknown) => boolean
}

export interface CompiledStatement {
  readonly text: string
  /** Whether the editor ran, that is, `where` held. Throws EvaluationError. */
  readonly run: (scope: unknown) => boolean
}

export interface CompiledValue {
  readonly text: string
  readonly get: Getter
}

export function compileCondition(text: string, options: CompileOptions): CompiledCondition {
  const node = withPosition(text, () => parseCondition(text))
  return { text, test: new Compiler(text, options).condition(node) }
}

export function compileStatement(text: string, options: CompileOptions): CompiledStatement {
  const node = withPosition(text, () => parseStatement(text))
  const compiler = new Compiler(text, options)
  const edit = compiler.call(node.editor, 'editor')
  const where = node.where === null ? null : compiler.condition(node.where)
  const run: Test = scope => {
    if (where !== null && !where(scope)) return false
    edit(scope)
    return true
  }
  return { text, run }
}

export function compileValue(text: string, options: CompileOptions): CompiledValue {
  const node = withPosition(text, () => parseValue(text))
  return { text, get: new Compiler(text, options).value(node) }
}

/** A condition that is parsed already: the `where` of a statement, or a part of a condition. `text` is what it was parsed from. */
export function compileNode(text: string, node: BooleanNode, options: CompileOptions): Test {
  return new Compiler(text, options).condition(node)
}

class Compiler {
  readonly #text: string
  readonly #context: ContextSpec
  readonly #functions: FunctionTable
  /** Parameters of the lambdas around, innermost last; the cell holds the value of the running call. */
  readonly #bound: { readonly name: string; readonly cell: { value: Value } }[] = []

  constructor(text: string, { context, functions }: CompileOptions) {
    this.#text = text
    this.#context = context
    this.#functions = functionTable(functions, context.functions)
  }

  condition(node: BooleanNode): Test {
    switch (node.kind) {
      case 'or':
        return anyOf(node.terms.map(term => this.condition(term)))
      case 'and':
        return allOf(node.factors.map(factor => this.condition(factor)))
      case 'not':
        return notOf(this.condition(node.operand))
      case 'constant':
        return node.value ? ALWAYS : NEVER
      case 'comparison':
        return comparisonOf(this.value(node.left), node.op, this.value(node.right))
      case 'condition': {
        const get = this.value(node.call)
        return scope => {
          const value = get(scope)
          if (typeof value === 'boolean') return value
          throw new EvaluationError(`${node.call.name} gave ${typeName(value)} instead of a bool`)
        }
      }
    }
  }

  value(node: ValueNode): Getter {
    switch (node.kind) {
      case 'nil':
        return constantGetter(null)
      case 'int':
      case 'float':
      case 'string':
      case 'bytes':
      case 'bool':
        return constantGetter(node.value)
      case 'enum':
        return constantGetter(this.#enum(node.name, node.at))
      case 'list':
        return listGetter(node.values.map(item => this.value(item)))
      case 'map':
        return mapGetter(
          node.entries.map(entry => entry.key),
          node.entries.map(entry => this.value(entry.value)),
        )
      case 'math': {
        const [left, right, { op }] = [this.value(node.left), this.value(node.right), node]
        return scope => calculate(left(scope), op, right(scope))
      }
      case 'negate': {
        const operand = this.value(node.operand)
        return scope => negate(operand(scope))
      }
      case 'path':
        return this.#boundValue(node) ?? this.#path(node).get
      case 'call':
        return this.#indexed(notConstant(this.call(node, 'converter')), node.keys)
      case 'functionName':
      case 'lambda':
        return this.#fail('MILLRACE_RULES_ARGUMENTS', 'only a function takes this', node.at)
    }
  }

  call(node: Call, kind: FunctionSpec['kind']): Getter {
    const spec = this.#function(node.name, kind, node.at)
    const args = bindArguments(node, spec, this.#fail).map(bound => this.#argument(bound))
    return this.#make(spec, args, node.at)
  }

  #make(spec: FunctionSpec, args: readonly unknown[], at: Span): Getter {
    try {
      return spec.make(args)
    } catch (error) {
      if (error instanceof RuleError) throw error
      const reason = error instanceof Error ? error.message : String(error)
      return this.#fail('MILLRACE_RULES_ARGUMENTS', `${spec.name}: ${reason}`, at)
    }
  }

  #function(name: string, kind: FunctionSpec['kind'], at: Span): FunctionSpec {
    const spec = this.#functions.get(name)
    if (spec?.kind === kind) return spec
    const known = [...this.#functions.values()].filter(each => each.kind === kind)
    return this.#unknown(
      kind,
      name,
      known.map(each => each.name),
      at,
    )
  }

  #argument({ param, value }: BoundArgument): unknown {
    if (value === undefined) return undefined
    if (param.list !== true) return this.#single(param, value)
    if (value.kind !== 'list') return this.#mismatch(param, value, 'a list')
    return value.values.map(item => this.#single(param, item))
  }

  #single(param: Param, node: ValueNode): unknown {
    const convert = converterOf(param.type)
    if (convert !== undefined) return this.#getter(param, node, convert)
    switch (param.type) {
      case 'target':
      case 'mapTarget':
        if (node.kind !== 'path') return this.#mismatch(param, node, 'a path')
        return param.type === 'target' ? this.#path(node) : mapTarget(this.#path(node))
      case 'enum':
        return node.kind === 'enum'
          ? this.#enum(node.name, node.at)
          : this.#mismatch(param, node, 'an enum')
      case 'function':
        return this.#converterByName(param, node)
      case 'lambda':
        return node.kind === 'lambda' ? this.#lambda(node) : this.#mismatch(param, node, 'a lambda')
      default:
        return this.#literal(param, node)
    }
  }

  /** A constant that the parameter cannot take is an error now, not for each item. */
  #getter(param: Param, node: ValueNode, convert: (value: Value) => Value): Getter {
    const get = this.value(node)
    if (param.type === 'any') return get
    const constant = constantOf(get)
    if (constant === undefined) return convertedGetter(get, convert)
    try {
      return constantGetter(convert(constant.value))
    } catch (error) {
      return this.#mismatch(param, node, (error as Error).message)
    }
  }

  #literal(param: Param, node: ValueNode): Value {
    const wanted = param.type.replace('literal', '').toLowerCase()
    if (node.kind === wanted && 'value' in node) return node.value as Value
    return this.#mismatch(param, node, `a literal ${wanted}`)
  }

  #converterByName(param: Param, node: ValueNode): ConverterFactory {
    if (node.kind !== 'functionName' && node.kind !== 'enum') {
      return this.#mismatch(param, node, "a converter's name")
    }
    const spec = this.#function(node.name, 'converter', node.at)
    const [first, ...rest] = spec.params
    const convert = first === undefined ? undefined : converterOf(first.type)
    if (convert === undefined || rest.some(each => each.optional !== true)) {
      return this.#mismatch(param, node, 'a converter of one value')
    }
    return argument => this.#make(spec, [convertedGetter(argument, convert)], node.at)
  }

  #lambda({ params, body, at }: LambdaNode): Lambda {
    const names = params.filter(name => name !== '_')
    if (new Set(names).size < names.length) {
      this.#fail('MILLRACE_RULES_ARGUMENTS', 'a parameter of the lambda is named twice', at)
    }
    const cells = params.map(() => ({ value: null as Value }))
    const depth = this.#bound.length
    for (const [i, name] of params.entries()) {
      if (name !== '_') this.#bound.push({ name, cell: cells[i] })
    }
    const get: Getter = isBoolean(body) ? this.condition(body) : this.value(body)
    this.#bound.length = depth
    // A lambda cannot call itself, so one set of cells is enough.
    const call = (scope: unknown, args: readonly Value[]): Value => {
      for (let i = 0; i < cells.length; i++) cells[i].value = args[i] ?? null
      return get(scope)
    }
    return { params, call }
  }

  /** A parameter of a lambda around hides a path of that name. */
  #boundValue(node: PathNode): Getter | undefined {
    const [first] = node.fields
    const wanted = node.context === '' ? first.name : node.context
    const bound = this.#bound.findLast(({ name }) => name === wanted)
    if (bound === undefined) return undefined
    if (node.context !== '' || node.fields.length > 1) {
      const message = `${wanted} is a lambda's parameter: it is indexed, as in ${wanted}["key"]`
      this.#fail('MILLRACE_RULES_ARGUMENTS', message, node.at)
    }
    return this.#indexed(() => bound.cell.value, first.keys)
  }

  #indexed(get: Getter, keys: readonly ValueNode[]): Getter {
    return indexedGetter(
      get,
      keys.map(key => this.value(key)),
    )
  }

  #path(node: PathNode): ResolvedPath {
    const own = node.context === '' || node.context === this.#context.name
    const fields = own ? node.fields : [{ name: node.context, keys: [] }, ...node.fields]
    const segments: PathSegment[] = fields.map(({ name, keys }) => ({
      name,
      keys: keys.map(key => this.#key(key)),
    }))
    const path = this.#context.resolve(segments)
    const name = fields.map(field => field.name).join('.')
    return path ?? this.#unknown('path', name, this.#context.paths, node.at)
  }

  #key(node: ValueNode): PathKey {
    if (node.kind === 'string') return { kind: 'string', value: node.value }
    if (node.kind === 'int') return { kind: 'int', value: node.value }
    return { kind: 'expression', get: this.value(node) }
  }

  #enum(name: string, at: Span): bigint {
    const { enums } = this.#context
    return enums.get(name) ?? this.#unknown('enum', name, enums.keys(), at)
  }

  #mismatch(param: Param, node: ValueNode, wanted: string): never {
    const message = `${param.name} cannot be ${node.kind}: ${wanted}`
    return this.#fail('MILLRACE_RULES_ARGUMENTS', message, node.at)
  }

  #unknown(what: string, name: string, known: Iterable<string>, at: Span): never {
    const nearest = findNearest(name, known)
    const hint = nearest === undefined ? '' : `; did you mean ${nearest}?`
    return this.#fail('MILLRACE_RULES_UNKNOWN_NAME', `there is no ${what} ${name}${hint}`, at)
  }

  readonly #fail: Fail = (code, message, at) => {
    throw new RuleError(code, message, this.#text, at)
  }
}

/** What is computed from literals is no literal: where it does not fit, each item fails, and not the load. */
function notConstant(get: Getter): Getter {
  return constantOf(get) === undefined ? get : scope => get(scope)
}

function isBoolean(node: ValueNode | BooleanNode): node is BooleanNode {
  return ['or', 'and', 'not', 'comparison', 'constant', 'condition'].includes(node.kind)
}
