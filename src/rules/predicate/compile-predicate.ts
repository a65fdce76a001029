/**
 * Turns a condition into a test over slots. What slots cannot express becomes the general evaluation of just that part, in the same
 * order, so that results and failures are those of the general evaluation of the whole.
 */
import type {
  AndNode,
  BooleanNode,
  CallCondition,
  ComparisonNode,
  OrNode,
  PathNode,
  ValueNode,
} from '../ast.ts'
import { type CompileOptions, compileNode } from '../compile.ts'
import type { PathKey } from '../context.ts'
import { bytePatternOf } from './byte-pattern.ts'
import { type Constant, compareSlot, flip, type Test } from './comparisons.ts'
import { affixSlot, isZero, matchSlot, memoizedGeneral } from './matches.ts'
import { type Need, needsOfEquality, needsOfPattern } from './needs.ts'
import { onlyPath } from './only-path.ts'
import type { LevelView, SlotPlan, SlotRef } from './slot-plan.ts'

export interface Predicate {
  readonly test: Test
  /** The innermost level that it looks at; `ITEM` when only the general evaluation knows. */
  readonly reach: number
  /** So little work that its result is not worth keeping. */
  readonly cheap: boolean
  /** Never fails. */
  readonly safe: boolean
  /** It is false, and does not fail, unless one of these holds; null = nothing is known. */
  readonly needs: readonly Need[] | null
}

const ITEM = 9
const SPAN_ID_BYTES = 8
/** With more alternatives than these a condition is simply tested. */
const MAX_NEEDS = 256

export class PredicateCompiler {
  readonly #plan: SlotPlan
  readonly #options: CompileOptions
  readonly #text: string

  constructor(plan: SlotPlan, options: CompileOptions, text: string) {
    this.#plan = plan
    this.#options = options
    this.#text = text
  }

  compile(node: BooleanNode): Predicate {
    return this.#settled(this.#node(node))
  }

  #node(node: BooleanNode): Predicate {
    switch (node.kind) {
      case 'constant': {
        const { value } = node
        return { test: () => value, reach: -1, cheap: true, safe: true, needs: null }
      }
      case 'not': {
        const { test, ...rest } = this.#node(node.operand)
        return { ...rest, test: scope => !test(scope), needs: null }
      }
      case 'and':
        return this.#and(node)
      case 'or':
        return this.#or(node)
      case 'comparison':
        return this.#comparison(node) ?? this.#general(node)
      case 'condition':
        return this.#call(node) ?? this.#general(node)
    }
  }

  #and({ factors }: AndNode): Predicate {
    const { parts, reach, safe } = this.#parts(factors)
    let needs: readonly Need[] | null = null
    for (const part of parts) {
      if (part.needs !== null && (needs === null || part.needs.length < needs.length)) {
        needs = part.needs
      }
      if (!part.safe) break
    }
    return { test: allOf(parts.map(part => part.test)), reach, cheap: false, safe, needs }
  }

  #or({ terms }: OrNode): Predicate {
    const { parts, reach, safe } = this.#parts(terms)
    const all = parts.flatMap(part => part.needs ?? [])
    const isKnown = parts.every(part => part.needs !== null) && all.length <= MAX_NEEDS
    const needs = isKnown ? all : null
    return { test: anyOf(parts.map(part => part.test)), reach, cheap: false, safe, needs }
  }

  /** Parts that look at groups only are settled beside parts that look further. */
  #parts(nodes: readonly BooleanNode[]): { parts: Predicate[]; reach: number; safe: boolean } {
    const parts = nodes.map(node => this.#node(node))
    const reach = Math.max(...parts.map(part => part.reach))
    return {
      parts: parts.map(part => (part.reach < reach ? this.#settled(part) : part)),
      reach,
      safe: parts.every(part => part.safe),
    }
  }

  /** Once for each group where no item is looked at. */
  #settled(predicate: Predicate): Predicate {
    const { reach, cheap, test } = predicate
    if (cheap || reach < 0 || reach >= this.#plan.rowLevel) return predicate
    return { ...predicate, test: oncePerRow(this.#plan.view(reach), test), cheap: true }
  }

  #comparison(node: ComparisonNode): Predicate | undefined {
    const { left, op, right } = node
    const [a, b] = [this.#slot(left), this.#slot(right)]
    const isSwapped = a === undefined
    const ref = a ?? b
    const constant = this.#constant(isSwapped ? left : right)
    if (ref === undefined || constant === undefined) return this.#memoized(node)
    const used = isSwapped ? flip(op) : op
    const test = compareSlot(this.#plan, ref, used, constant)
    if (test === undefined) return undefined
    const needs = used === '==' ? needsOfEquality(this.#plan, ref, constant) : null
    return { test, reach: ref.view.level, cheap: true, safe: true, needs }
  }

  #call(node: CallCondition): Predicate | undefined {
    const { name, args, keys } = node.call
    if (name === 'IsRootSpan' && keys.length === 0) return this.#isRootSpan(node)
    const [target, argument] = args.map(each => each.value)
    const ref = textual(this.#slot(target))
    const isPlain = args.length === 2 && keys.length === 0 && args.every(each => each.name === '')
    if (ref === undefined || !isPlain || argument.kind !== 'string') return this.#memoized(node)
    const general = this.#lazy(node)
    const reach = ref.view.level
    if (name === 'IsMatch') {
      const test = matchSlot(this.#plan, ref, argument.value, general)
      const pattern = bytePatternOf(argument.value)
      const needs = pattern === undefined ? null : needsOfPattern(this.#plan, ref, pattern, false)
      return { test, reach, cheap: false, safe: ref.kind === 'text', needs }
    }
    if (name === 'HasPrefix' || name === 'HasSuffix') {
      const kind = name === 'HasPrefix' ? 'prefix' : 'suffix'
      const test = affixSlot(ref, kind, argument.value, general)
      const needs = needsOfPattern(this.#plan, ref, { kind, literals: [argument.value] }, true)
      return { test, reach, cheap: false, safe: ref.kind === 'text', needs }
    }
    return this.#memoized(node)
  }

  #isRootSpan(node: CallCondition): Predicate | undefined {
    if (this.#options.context.name !== 'span') return undefined
    const ref = this.#plan.find({ level: 'item', path: ['parentSpanId'], as: 'id' })
    if (ref === undefined) return undefined
    const test = isZero(ref, SPAN_ID_BYTES, this.#lazy(node))
    return { test, reach: ref.view.level, cheap: false, safe: false, needs: null }
  }

  /** A text's result is kept when nothing but one slot is read. */
  #memoized(node: ComparisonNode | CallCondition): Predicate | undefined {
    const path = onlyPath(node)
    const ref = path === undefined ? undefined : textual(this.#slot(path))
    if (ref === undefined) return undefined
    const test = memoizedGeneral(this.#plan, ref, this.#lazy(node))
    return { test, reach: ref.view.level, cheap: false, safe: false, needs: null }
  }

  #general(node: BooleanNode): Predicate {
    return { test: this.#lazy(node), reach: ITEM, cheap: false, safe: false, needs: null }
  }

  /** The whole condition has been compiled before, so this cannot fail; most parts never come to it. */
  #lazy(node: BooleanNode): Test {
    let test: Test | null = null
    return scope => {
      test ??= compileNode(this.#text, node, this.#options)
      return test(scope)
    }
  }

  #constant(node: ValueNode): Constant | undefined {
    switch (node.kind) {
      case 'nil':
        return null
      case 'int':
      case 'float':
      case 'string':
      case 'bool':
        return node.value
      case 'enum':
        return this.#options.context.enums.get(node.name)
      default:
        return undefined
    }
  }

  #slot(node: ValueNode | undefined): SlotRef | undefined {
    if (node?.kind !== 'path') return undefined
    const path = this.#resolve(node)
    return path?.slot && this.#plan.find(path.slot)
  }

  #resolve(node: PathNode) {
    const { context } = this.#options
    const isOwn = node.context === '' || node.context === context.name
    const fields = isOwn ? node.fields : [{ name: node.context, keys: [] }, ...node.fields]
    const keys = fields.flatMap(field => field.keys)
    if (keys.some(key => key.kind !== 'string' && key.kind !== 'int')) return undefined
    return context.resolve(
      fields.map(field => ({ name: field.name, keys: field.keys.map(key => key as PathKey) })),
    )
  }
}

/** Only what may be a text. */
function textual(ref: SlotRef | undefined): SlotRef | undefined {
  return ref?.kind === 'any' || ref?.kind === 'text' ? ref : undefined
}

function oncePerRow(view: LevelView, test: Test): Test {
  let stamp = -1
  let result = false
  return scope => {
    if (view.stamp !== stamp) {
      result = test(scope)
      stamp = view.stamp
    }
    return result
  }
}

function allOf(tests: readonly Test[]): Test {
  const [a, b, c] = tests
  if (tests.length === 2) return scope => a(scope) && b(scope)
  if (tests.length === 3) return scope => a(scope) && b(scope) && c(scope)
  return scope => {
    for (let i = 0; i < tests.length; i++) if (!tests[i](scope)) return false
    return true
  }
}

function anyOf(tests: readonly Test[]): Test {
  const [a, b, c] = tests
  if (tests.length === 2) return scope => a(scope) || b(scope)
  if (tests.length === 3) return scope => a(scope) || b(scope) || c(scope)
  return scope => {
    for (let i = 0; i < tests.length; i++) if (tests[i](scope)) return true
    return false
  }
}
