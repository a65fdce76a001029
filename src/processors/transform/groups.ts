/** The section as groups of compiled statements, each for the context that it names or that its paths name. */
import type { ConfigProblem } from '../../core/factory.ts'
import type { Signal } from '../../core/signal.ts'
import { type ConfigPath, type Dialect, GroupCompiler } from '../../rules/apply/groups.ts'
import type { CompiledCondition, CompiledStatement } from '../../rules/compile.ts'
import type { ContextName } from '../../rules/context.ts'
import type { ErrorMode } from '../../rules/sequence.ts'
import type { StatementList, TransformConfig } from './config.ts'
import { MetricOutbox } from './metric-outbox.ts'
import { functionsOf } from './own-functions.ts'

export interface StatementGroup {
  readonly context: ContextName
  readonly errorMode: ErrorMode
  readonly conditions: readonly CompiledCondition[]
  readonly statements: readonly CompiledStatement[]
  /** By statement: whether it makes or exchanges whole metrics. */
  readonly reshapes: readonly boolean[]
}

export interface Groups {
  readonly groups: readonly StatementGroup[]
  readonly problems: readonly ConfigProblem[]
  /** Where the statements that make metrics leave them. */
  readonly outbox: MetricOutbox
}

const CONTEXTS: Readonly<Record<Signal, readonly ContextName[]>> = {
  traces: ['resource', 'scope', 'span', 'spanevent'],
  metrics: ['resource', 'scope', 'metric', 'datapoint', 'exemplar'],
  logs: ['resource', 'scope', 'log'],
}

const KEYS = {
  traces: 'trace_statements',
  metrics: 'metric_statements',
  logs: 'log_statements',
} as const

type Group = Exclude<StatementList[number], string>

export function compileGroups(config: TransformConfig, signal: Signal): Groups {
  const outbox = new MetricOutbox()
  const dialect: Dialect = {
    signal,
    contexts: CONTEXTS[signal],
    extra: context => functionsOf(context, outbox),
  }
  const compiler = new GroupCompiler(dialect)
  const key = KEYS[signal]
  const list = config[key] ?? []
  const texts = list.filter(item => typeof item === 'string')
  if (texts.length > 0 && texts.length < list.length) {
    const message = 'mixes statements and groups'
    const problem = { path: [key], message, expected: 'one kind of both' }
    return { groups: [], problems: [problem], outbox }
  }
  const builder = new GroupBuilder(config, signal, compiler, outbox)
  if (texts.length > 0) {
    builder.add({ conditions: [], statements: texts }, [key], [key])
  } else {
    for (const [i, group] of list.entries()) {
      builder.add(group as Group, [key, i], [key, i, 'statements'])
    }
  }
  return { groups: builder.groups, problems: compiler.problems, outbox }
}

class GroupBuilder {
  readonly groups: StatementGroup[] = []
  readonly #config: TransformConfig
  readonly #signal: Signal
  readonly #compiler: GroupCompiler
  readonly #outbox: MetricOutbox

  constructor(
    config: TransformConfig,
    signal: Signal,
    compiler: GroupCompiler,
    outbox: MetricOutbox,
  ) {
    this.#config = config
    this.#signal = signal
    this.#compiler = compiler
    this.#outbox = outbox
  }

  add(group: Group, path: ConfigPath, at: ConfigPath): void {
    const context = this.#context(group, path)
    if (context === undefined) return
    const conditions = this.#compiler.conditions(group.conditions, context, [...path, 'conditions'])
    const reshapes: boolean[] = []
    const statements: CompiledStatement[] = []
    for (const [i, text] of group.statements.entries()) {
      const before = this.#outbox.functions
      statements.push(...this.#compiler.statements([text], context, [...at, i]))
      reshapes.push(this.#outbox.functions > before)
    }
    const errorMode = group.error_mode ?? this.#config.error_mode
    this.groups.push({ context, errorMode, conditions, statements, reshapes })
  }

  #context(group: Group, path: ConfigPath): ContextName | undefined {
    const { context } = group
    if (context === undefined || context === '') {
      return this.#compiler.infer(group.statements, group.conditions, path)
    }
    const contexts = CONTEXTS[this.#signal]
    if (contexts.includes(context)) return context
    const message = `there is no context ${context} in ${this.#signal}`
    this.#compiler.problems.push({ path, message, expected: contexts.join(', ') })
    return undefined
  }
}
