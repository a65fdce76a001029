/** Grammar-driven OTTL: values, conditions and statements over a context's paths, enums and all functions. */
import type { Random } from '../../../src/cli/generate/random.ts'
import type { ContextName } from '../../../src/rules/context.ts'
import { contextSpec } from '../../../src/rules/contexts/index.ts'
import type { FunctionSpec, Param, ParamType } from '../../../src/rules/function.ts'
import { standardFunctions } from '../../../src/rules/functions/index.ts'
import { KEYS, pick } from './telemetry.ts'
import {
  DURATIONS,
  FITTING,
  GIVING,
  HOLDING,
  KINDS,
  type Kind,
  LITERALS,
  XML_TEXTS,
} from './words.ts'

/** They give something else each time. */
const UNSTEADY: ReadonlySet<string> = new Set(['Now', 'UUID', 'UUIDv7'])
/** Of one text, so that they can be passed by name. */
const BY_NAME = ['SHA256', 'MD5', 'SHA1', 'SHA512', 'FNV', 'ToLowerCase', 'ToUpperCase', 'Len']

const KIND_OF: Readonly<Partial<Record<ParamType, readonly Kind[]>>> = {
  any: KINDS,
  string: ['string'],
  int: ['int'],
  float: ['float'],
  bool: ['bool'],
  map: ['map'],
  list: ['list'],
  time: ['time'],
  duration: ['duration'],
  bytes: ['bytes'],
  stringLike: ['string', 'string', 'int', 'float', 'bool', 'bytes', 'map', 'list', 'nil', 'time'],
  intLike: ['int', 'string', 'float', 'bool', 'nil'],
  floatLike: ['float', 'int', 'string', 'bool', 'nil'],
  boolLike: ['bool', 'int', 'string', 'float', 'nil'],
  bytesLike: ['bytes', 'string', 'int', 'float', 'bool', 'nil'],
  literalString: ['string'],
  literalInt: ['int'],
  literalFloat: ['float'],
  literalBool: ['bool'],
}

const CONVERTERS = standardFunctions.filter(
  ({ kind, name }) => kind === 'converter' && !UNSTEADY.has(name),
)
const EDITORS = standardFunctions.filter(({ kind }) => kind === 'editor')

export class ExpressionMaker {
  readonly #random: Random
  readonly #context: ContextName
  readonly #paths: readonly string[]
  readonly #enums: readonly string[]
  /** Parameters of the lambdas around. */
  readonly #bound: string[] = []
  /** Functions named so far, for the tally. */
  readonly used = new Set<string>()

  constructor(random: Random, context: ContextName) {
    const { paths, enums } = contextSpec(context)
    this.#random = random
    this.#context = context
    this.#paths = paths.filter(path => isAskable(path, context))
    this.#enums = [...enums.keys()]
  }

  statement(): string {
    const editor = this.#call(pick(this.#random, EDITORS), 2)
    return this.#one(3) ? `${editor} where ${this.condition(2)}` : editor
  }

  condition(depth: number): string {
    if (depth > 0 && this.#one(3)) {
      const joined = [this.condition(depth - 1), this.condition(depth - 1)]
      const text = joined.join(this.#one(2) ? ' and ' : ' or ')
      return this.#one(3) ? `not (${text})` : this.#one(2) ? `(${text})` : text
    }
    switch (this.#random.below(8)) {
      case 0:
        return this.#call(
          this.#named('IsMatch', 'HasPrefix', 'IsString', 'IsMap', 'IsEmpty', 'Any'),
          depth,
        )
      case 1:
        return this.#one(2) ? 'true' : 'not false'
      default: {
        const kind = pick(this.#random, KINDS)
        const op = pick(this.#random, ['==', '!=', '<', '<=', '>', '>='])
        return `${this.value(kind, depth)} ${op} ${this.value(kind, depth)}`
      }
    }
  }

  /** Mostly of that kind. */
  value(kind: Kind, depth: number): string {
    const wanted = this.#one(25) ? pick(this.#random, KINDS) : kind
    if (depth <= 0) return this.#leaf(wanted)
    switch (this.#random.below(6)) {
      case 0:
        return this.#leaf(wanted)
      case 1:
        return this.#path(wanted)
      case 2:
        return this.#composed(wanted, depth)
      default:
        return this.#call(this.#converter(wanted), depth - 1)
    }
  }

  #converter(kind: Kind): FunctionSpec {
    const giving = GIVING[kind]
    if (giving === undefined || this.#one(8)) return pick(this.#random, CONVERTERS)
    return pick(
      this.#random,
      CONVERTERS.filter(({ name }) => giving.includes(name)),
    )
  }

  #composed(kind: Kind, depth: number): string {
    const inner = (): string => this.value(kind, depth - 1)
    switch (kind) {
      case 'int':
      case 'float':
      case 'time':
      case 'duration': {
        const op = pick(this.#random, ['+', '-', '*', '/'])
        const math = `${this.#operand(kind, depth)} ${op} ${this.#operand(kind, depth)}`
        return this.#one(4) ? `-(${math})` : math
      }
      case 'list':
        return `[${this.#several(() => this.value(pick(this.#random, KINDS), depth - 1))}]`
      case 'map':
        return `{"${pick(this.#random, ['a', 'b', 'k'])}": ${this.value(pick(this.#random, KINDS), depth - 1)}}`
      default:
        return inner()
    }
  }

  #operand(kind: Kind, depth: number): string {
    const text = this.value(kind, depth - 1)
    return /^[-\d.A-Za-z(]/.test(text) ? text : '2'
  }

  #several(make: () => string): string {
    return Array.from({ length: this.#random.below(4) }, make).join(', ')
  }

  #leaf(kind: Kind): string {
    if (this.#bound.length > 0 && this.#one(2)) return pick(this.#random, this.#bound)
    if (this.#one(3)) return this.#path(kind)
    if (kind === 'int' && this.#enums.length > 0 && this.#one(4))
      return pick(this.#random, this.#enums)
    if (kind === 'time')
      return `Unix(${pick(this.#random, ['0', '1709210096', '-1', '1709210096, 5'])})`
    if (kind === 'duration') return `Duration(${pick(this.#random, DURATIONS)})`
    return pick(this.#random, LITERALS[kind])
  }

  #path(kind?: Kind): string {
    const holding = kind === undefined ? undefined : HOLDING[kind]
    const fitting = this.#paths.filter(path => holding?.test(path) ?? true)
    const paths = fitting.length === 0 || this.#one(10) ? this.#paths : fitting
    const isAttribute = this.#one(kind === undefined ? 3 : 6)
    const name = isAttribute ? this.#own('attributes') : pick(this.#random, paths)
    const isWithin = /^(?:resource|scope|instrumentation_scope|span|metric)\b/.test(name)
    const isOther = isWithin && !name.startsWith(`${this.#context}.`) && name !== this.#context
    const full = isOther ? name : `${this.#context}.${name}`
    return `${full}${this.#keys(name)}`
  }

  #own(name: string): string {
    return this.#paths.includes(name) ? name : 'metadata'
  }

  #keys(name: string): string {
    const last = name.split('.').at(-1)
    if (last === 'trace_state') return this.#one(2) ? '' : '["a"]'
    if (last !== 'attributes' && last !== 'body' && last !== 'cache' && last !== 'metadata') {
      return this.#one(60) ? '["a"]' : ''
    }
    if (this.#one(5)) return ''
    const first = this.#one(12) ? `[${this.#leaf('string')}]` : `["${pick(this.#random, KEYS)}"]`
    if (!this.#one(5)) return first
    return `${first}${this.#one(2) ? `[${this.#random.below(3)}]` : `["${pick(this.#random, KEYS)}"]`}`
  }

  #named(...names: string[]): FunctionSpec {
    const found = standardFunctions.filter(({ name }) => names.includes(name))
    return pick(this.#random, found)
  }

  #call(spec: FunctionSpec, depth: number): string {
    this.used.add(spec.name)
    const args: string[] = []
    let isNamed = false
    for (const param of spec.params) {
      if (param.optional === true && this.#one(2)) {
        isNamed = true
        continue
      }
      const argument = this.#argument(spec, param, depth)
      args.push(isNamed ? `${snakeCase(param.name)} = ${argument}` : argument)
    }
    const call = `${spec.name}(${args.join(', ')})`
    if (spec.kind === 'editor' || !this.#one(12)) return call
    return `${call}${this.#one(2) ? `[${this.#random.below(2)}]` : '["a"]'}`
  }

  #argument({ name }: FunctionSpec, param: Param, depth: number): string {
    const fitting = FITTING[`${name}.${param.name}`] ?? FITTING[param.name]
    const isXml = name.includes('XML') && param.name === 'Target'
    if (isXml && !this.#one(4)) return pick(this.#random, XML_TEXTS)
    if (fitting !== undefined && !this.#one(param.type.startsWith('literal') ? 12 : 5)) {
      return pick(this.#random, fitting)
    }
    if (param.list === true) {
      return `[${this.#several(() => this.#single({ ...param, list: false }, depth))}]`
    }
    return this.#single(param, depth)
  }

  #single(param: Param, depth: number): string {
    switch (param.type) {
      case 'target':
        return this.#path()
      case 'mapTarget':
        return this.#mapPath()
      case 'function':
        return pick(this.#random, BY_NAME)
      case 'lambda':
        return this.#lambda(param.name, depth)
      default: {
        const kind = pick(this.#random, KIND_OF[param.type] ?? KINDS)
        if (param.type.startsWith('literal')) return pick(this.#random, LITERALS[kind])
        return this.value(kind, depth)
      }
    }
  }

  #mapPath(): string {
    if (this.#one(4)) return this.#path()
    const maps = this.#paths.filter(path => /(?:^|\.)(?:attributes|cache)$/.test(path))
    const name = this.#one(2) ? this.#own('attributes') : pick(this.#random, maps)
    const isOwn = !/^(?:resource|scope|instrumentation_scope|span|metric)\./.test(name)
    return `${isOwn ? `${this.#context}.` : ''}${name}${this.#one(4) ? '["map"]' : ''}`
  }

  #lambda(name: string, depth: number): string {
    const count = name === 'Accumulator' ? 3 : name === 'Condition' ? 0 : 2
    const params = ['acc', 'k', 'v'].slice(3 - count).map(each => (this.#one(5) ? '_' : each))
    const own = params.filter(each => each !== '_')
    this.#bound.push(...own)
    const body = this.#lambdaBody(name, depth)
    this.#bound.length -= own.length
    return `(${params.join(', ')}) => ${body}`
  }

  #lambdaBody(name: string, depth: number): string {
    if (this.#bound.length > 0 && this.#one(2)) return this.#plainBody(name)
    if (name === 'Predicate' || name === 'Condition') return this.condition(Math.min(depth, 1))
    return this.value(
      name === 'KeyMapper' ? 'string' : pick(this.#random, KINDS),
      Math.min(depth, 1),
    )
  }

  #plainBody(name: string): string {
    const bound = (): string => pick(this.#random, this.#bound)
    if (name === 'Predicate') {
      const literal = pick(
        this.#random,
        LITERALS[pick<Kind>(this.#random, ['string', 'int', 'float'])],
      )
      return `${bound()} ${pick(this.#random, ['==', '!=', '<='])} ${literal}`
    }
    if (name === 'Condition') return `IsString(${bound()})`
    if (name === 'KeyMapper') return `Concat(["p", ${bound()}], "-")`
    return this.#one(2) ? `[${bound()}, ${bound()}]` : `Concat([${bound()}, ${bound()}], "")`
  }

  #one(times: number): boolean {
    return this.#random.below(times) === 0
  }
}

const SPLINTERS =
  '( ) [ ] { } , : . = == < => + - * / and or not where nil true a A Ab( "x" 1 -1 2.5 0x01 _ 08 \\ # '
const SPLINTER_LIST = SPLINTERS.split(' ')

/** With a piece of it left out, doubled or put in: mostly no OTTL any more, and sometimes other OTTL. */
export function damaged(random: Random, text: string): string {
  const pieces = text.match(/"(?:\\.|[^"\\])*"|\w+|\s+|./gsu) ?? []
  const at = random.below(pieces.length)
  switch (random.below(3)) {
    case 0:
      return pieces.toSpliced(at, 1).join('')
    case 1:
      return pieces.toSpliced(at, 0, pieces[at]).join('')
    default:
      return pieces.toSpliced(at, 0, pick(random, SPLINTER_LIST)).join('')
  }
}

/** Not the request's own context, and no older paths that the reference has given up. */
function isAskable(path: string, context: ContextName): boolean {
  if (/^(?:otelcol\..*|resource|scope|instrumentation_scope|span|metric)$/.test(path)) return false
  return context !== 'scope' || !path.startsWith('instrumentation_scope')
}

function snakeCase(name: string): string {
  return name.replace(/([a-z0-9])([A-Z])/g, '$1_$2').toLowerCase()
}
