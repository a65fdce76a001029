/** The section as a list of questions: on which context each stands, and what it answers about one thing there. */
import type { ConfigProblem } from '../../core/factory.ts'
import type { Signal } from '../../core/signal.ts'
import { MillraceError } from '../../errors.ts'
import { configValue } from '../../rules/apply/config-value.ts'
import { type ConfigPath, type Dialect, GroupCompiler } from '../../rules/apply/groups.ts'
import {
  compileMatch,
  type Match,
  type MatchProperties,
} from '../../rules/apply/match-properties.ts'
import { pointFunctions } from '../../rules/apply/point-functions.ts'
import type { CompiledCondition } from '../../rules/compile.ts'
import type { ContextName } from '../../rules/context.ts'
import type { PredicateSet } from '../../rules/predicate/predicate-set.ts'
import type { ErrorMode } from '../../rules/sequence.ts'
import type { FilterConfig, LogProperties, MetricProperties, SpanProperties } from './config.ts'
import { severityNumber } from './severity.ts'

/** Any condition that holds drops what the context stands on. */
export interface Stage {
  readonly context: ContextName
  readonly errorMode: ErrorMode
  readonly conditions: readonly Pick<CompiledCondition, 'test'>[]
  /** The same conditions over slots, where they are all written in OTTL. */
  readonly predicates?: PredicateSet
}

export interface Stages {
  readonly stages: readonly Stage[]
  readonly problems: readonly ConfigProblem[]
}

const CONTEXTS: Readonly<Record<Signal, readonly ContextName[]>> = {
  traces: ['resource', 'scope', 'span', 'spanevent'],
  metrics: ['resource', 'scope', 'metric', 'datapoint'],
  logs: ['resource', 'scope', 'log'],
}

/** Keys of the older form by context. */
const OLD_KEYS: Readonly<Record<Signal, Readonly<Record<string, ContextName>>>> = {
  traces: { resource: 'resource', span: 'span', spanevent: 'spanevent' },
  metrics: { resource: 'resource', metric: 'metric', datapoint: 'datapoint' },
  logs: { resource: 'resource', log_record: 'log' },
}

export function compileStages(config: FilterConfig, signal: Signal): Stages {
  const builder = new StageBuilder(config, signal)
  builder.build()
  return { stages: builder.stages, problems: builder.compiler.problems }
}

type Group = Exclude<NonNullable<FilterConfig['trace_conditions']>[number], string>

class StageBuilder {
  readonly stages: Stage[] = []
  readonly compiler: GroupCompiler
  readonly #config: FilterConfig
  readonly #signal: Signal

  constructor(config: FilterConfig, signal: Signal) {
    this.#config = config
    this.#signal = signal
    const dialect: Dialect = {
      signal,
      contexts: CONTEXTS[signal],
      extra: context => (context === 'metric' ? pointFunctions : []),
    }
    this.compiler = new GroupCompiler(dialect)
  }

  build(): void {
    const { trace_conditions, metric_conditions, log_conditions } = this.#config
    const key = ({ traces: 'trace', metrics: 'metric', logs: 'log' } as const)[this.#signal]
    const list = { trace_conditions, metric_conditions, log_conditions }[`${key}_conditions`]
    if (list !== undefined && list.length > 0) this.#newForm(list, `${key}_conditions`)
    else if (!this.#oldForm()) this.#oldestForm()
  }

  #newForm(list: NonNullable<FilterConfig['trace_conditions']>, key: string): void {
    if (typeof list[0] === 'string') {
      this.#group({ conditions: list as string[] }, [key], [key])
      return
    }
    for (const [i, group] of list.entries()) {
      this.#group(group as Group, [key, i], [key, i, 'conditions'])
    }
  }

  /** Without a context each condition says its own; those of one context are asked together, the outermost first. */
  #group(group: Group, path: ConfigPath, at: ConfigPath): void {
    const errorMode = group.error_mode ?? this.#config.error_mode
    const contexts = CONTEXTS[this.#signal]
    const found = new Map<ContextName, CompiledCondition[]>(contexts.map(name => [name, []]))
    const named = group.context === undefined || group.context === '' ? undefined : group.context
    if (named !== undefined && !contexts.includes(named)) {
      const message = `there is no context ${named} in ${this.#signal}`
      this.compiler.problems.push({ path, message, expected: contexts.join(', ') })
      return
    }
    for (const [i, text] of group.conditions.entries()) {
      const context = named ?? this.compiler.infer([], [text], [...at, i])
      if (context === undefined) continue
      const compiled = this.compiler.condition(text, context, [...at, i])
      if (compiled !== undefined) found.get(context)!.push(compiled)
    }
    for (const [context, conditions] of found) {
      this.#addStage(context, errorMode, conditions)
    }
  }

  #addStage(
    context: ContextName,
    errorMode: ErrorMode,
    conditions: readonly CompiledCondition[],
  ): void {
    if (conditions.length === 0) return
    const predicates = this.compiler.predicates(conditions, context)
    this.stages.push({ context, errorMode, conditions, predicates })
  }

  #oldForm(): boolean {
    const section = this.#config[this.#signal] as Readonly<Record<string, unknown>>
    let isUsed = false
    for (const [key, context] of Object.entries(OLD_KEYS[this.#signal])) {
      const texts = section[key] as readonly string[] | undefined
      if (texts === undefined) continue
      isUsed = true
      const conditions = this.compiler.conditions(texts, context, [this.#signal, key])
      this.#addStage(context, this.#config.error_mode, conditions)
    }
    return isUsed
  }

  #oldestForm(): void {
    const { spans, metrics, logs } = this.#config
    if (this.#signal === 'traces') {
      this.#sides('span', ['spans'], spans, spanMatch)
    } else if (this.#signal === 'logs') {
      this.#sides('log', ['logs'], logs, logMatch)
    } else {
      this.#sides('resource', ['metrics'], metrics, metricResourceMatch)
      this.#sides('metric', ['metrics'], metrics, metricMatch)
    }
  }

  /** What is not included goes, and what is excluded. */
  #sides<T>(
    context: ContextName,
    path: ConfigPath,
    sides: { readonly include?: T; readonly exclude?: T },
    toMatch: (properties: T) => MatchProperties | undefined,
  ): void {
    const include = this.#match(context, [...path, 'include'], sides.include, toMatch)
    const exclude = this.#match(context, [...path, 'exclude'], sides.exclude, toMatch)
    const conditions: { test: Match }[] = []
    if (include !== undefined) conditions.push({ test: scope => !include(scope) })
    if (exclude !== undefined) conditions.push({ test: exclude })
    const { error_mode: errorMode } = this.#config
    if (conditions.length > 0) this.stages.push({ context, errorMode, conditions })
  }

  #match<T>(
    context: ContextName,
    path: ConfigPath,
    properties: T | undefined,
    toMatch: (properties: T) => MatchProperties | undefined,
  ): Match | undefined {
    const match = properties === undefined ? undefined : toMatch(properties)
    if (match === undefined) return undefined
    try {
      return compileMatch(context, match)
    } catch (error) {
      if (error instanceof MillraceError || !(error instanceof Error)) throw error
      this.compiler.problems.push({ path, message: error.message })
      return undefined
    }
  }
}

function spanMatch(properties: SpanProperties): MatchProperties {
  return {
    matchType: properties.match_type,
    services: properties.services,
    names: properties.span_names,
    spanKinds: properties.span_kinds,
    attributes: attributes(properties.attributes),
    resources: attributes(properties.resources),
    libraries: properties.libraries,
  }
}

function metricMatch(properties: MetricProperties): MatchProperties | undefined {
  const { match_type: type, metric_names: names } = properties
  if (type === 'expr' || names === undefined || names.length === 0) return undefined
  return { matchType: type, names }
}

function metricResourceMatch(properties: MetricProperties): MatchProperties | undefined {
  const resources = attributes(properties.resource_attributes)
  if (resources === undefined || resources.length === 0) return undefined
  const { match_type: type } = properties
  return { matchType: type === 'regexp' ? 'regexp' : 'strict', resources }
}

function logMatch(properties: LogProperties): MatchProperties | undefined {
  const { record_attributes, resource_attributes, severity_texts, bodies } = properties
  const { severity_number: severity } = properties
  const lists = [record_attributes, resource_attributes, severity_texts, bodies]
  const isEmpty = lists.every(list => list === undefined || list.length === 0)
  if (isEmpty && severity === undefined) return undefined
  const min = severity === undefined ? 0 : (severityNumber(severity.min) ?? 0)
  return {
    matchType: properties.match_type ?? 'strict',
    bodies,
    severityTexts: severity_texts,
    severity: severity && { min, matchUndefined: severity.match_undefined },
    attributes: attributes(record_attributes),
    resources: attributes(resource_attributes),
  }
}

function attributes(written: SpanProperties['attributes']) {
  return written?.map(({ key, value }) =>
    value === undefined || value === null ? { key } : { key, value: configValue(value) },
  )
}
