/** Groups of conditions and statements as collector components write them: which context each is for, and compiled for it. */
import type { ConfigProblem } from '../../core/factory.ts'
import { MillraceError } from '../../errors.ts'
import type { Signal } from '../../otlp/signal.ts'
import {
  type CompiledCondition,
  type CompiledStatement,
  compileCondition,
  compileStatement,
} from '../compile.ts'
import type { ContextName, ContextSpec } from '../context.ts'
import { contextSpec } from '../contexts/index.ts'
import { withPosition } from '../format-error.ts'
import type { FunctionSpec } from '../function.ts'
import { standardFunctions } from '../functions/index.ts'
import { type AnyNode, CONTEXT_PRIORITY, type ContextCandidate, inferContext } from '../infer.ts'
import { parseCondition, parseStatement } from '../parser.ts'
import { compilePredicates, type PredicateSet } from '../predicate/predicate-set.ts'

/** What a component lets its expressions use. */
export interface Dialect {
  readonly signal: Signal
  readonly contexts: readonly ContextName[]
  /** Functions besides the standard ones and the context's own. */
  readonly extra?: (context: ContextName) => readonly FunctionSpec[]
}

/** Where in the component's section something is written. */
export type ConfigPath = readonly (string | number)[]

/** Contexts whose items stand inside of those of a context and can reach its paths. */
const LOWER: Readonly<Record<ContextName, readonly ContextName[]>> = {
  resource: ['scope', 'span', 'spanevent', 'metric', 'datapoint', 'exemplar', 'log'],
  scope: ['span', 'spanevent', 'metric', 'datapoint', 'exemplar', 'log'],
  span: ['spanevent', 'spanlink'],
  metric: ['datapoint', 'exemplar'],
  datapoint: ['exemplar'],
  spanevent: [],
  spanlink: [],
  exemplar: [],
  log: [],
}

/** Collects what is wrong with a section's expressions, each under its place. */
export class GroupCompiler {
  readonly problems: ConfigProblem[] = []
  readonly #dialect: Dialect
  readonly #candidates: ReadonlyMap<string, ContextCandidate>

  constructor(dialect: Dialect) {
    this.#dialect = dialect
    this.#candidates = new Map(dialect.contexts.map(name => [name, this.#candidate(name)]))
  }

  /** Undefined when it cannot be used; why, is in `problems`. */
  condition(text: string, context: ContextName, path: ConfigPath): CompiledCondition | undefined {
    return this.attempt(path, () => compileCondition(text, this.#options(context)))
  }

  conditions(
    texts: readonly string[],
    context: ContextName,
    path: ConfigPath,
  ): readonly CompiledCondition[] {
    return texts.flatMap((text, i) => this.condition(text, context, [...path, i]) ?? [])
  }

  /** Conditions that `condition` has taken, as one set over slots. */
  predicates(conditions: readonly CompiledCondition[], context: ContextName): PredicateSet {
    return compilePredicates(conditions, this.#options(context), this.#dialect.signal)
  }

  statements(
    texts: readonly string[],
    context: ContextName,
    path: ConfigPath,
  ): readonly CompiledStatement[] {
    return texts.flatMap(
      (text, i) =>
        this.attempt([...path, i], () => compileStatement(text, this.#options(context))) ?? [],
    )
  }

  /** For a group that names none: the context that its paths, functions and enums ask for. */
  infer(
    statements: readonly string[],
    conditions: readonly string[],
    path: ConfigPath,
  ): ContextName | undefined {
    const nodes = this.attempt(path, (): AnyNode[] => [
      ...statements.map(text => withPosition(text, () => parseStatement(text))),
      ...conditions.map(text => withPosition(text, () => parseCondition(text))),
    ])
    if (nodes === undefined) return undefined
    const context = inferContext(nodes, CONTEXT_PRIORITY, this.#candidates)
    const { contexts } = this.#dialect
    if ((contexts as readonly string[]).includes(context)) return context as ContextName
    const names = contexts.join(', ')
    const message =
      context === ''
        ? 'no context is named by the paths that also knows all functions and enums'
        : `the context ${context} does not occur in ${this.#dialect.signal}`
    this.problems.push({ path, message, expected: `paths that begin with one of ${names}` })
    return undefined
  }

  /** Runs what may throw a load error. */
  attempt<T>(path: ConfigPath, make: () => T): T | undefined {
    try {
      return make()
    } catch (error) {
      if (!(error instanceof MillraceError)) throw error
      this.problems.push({ path, message: error.message })
      return undefined
    }
  }

  #options(context: ContextName) {
    return { context: this.#spec(context), functions: standardFunctions }
  }

  #spec(context: ContextName): ContextSpec {
    const spec = contextSpec(context)
    const extra = this.#dialect.extra?.(context) ?? []
    return extra.length === 0 ? spec : { ...spec, functions: [...spec.functions, ...extra] }
  }

  #candidate(name: ContextName): ContextCandidate {
    const { functions, enums } = this.#spec(name)
    const names = new Set([...standardFunctions, ...functions].map(each => each.name))
    return {
      hasFunction: each => names.has(each),
      hasEnum: each => enums.has(each),
      lower: LOWER[name].filter(each => this.#dialect.contexts.includes(each)),
    }
  }
}
