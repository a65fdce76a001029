/** The sections of the configuration as what one pass over a part needs: where to stand, what to ask, which attributes tell counts apart. */
import type { ConfigProblem } from '../../core/factory.ts'
import type { Signal } from '../../core/signal.ts'
import { GroupCompiler } from '../../rules/apply/groups.ts'
import { pathOf } from '../../rules/apply/match-properties.ts'
import { pointFunctions } from '../../rules/apply/point-functions.ts'
import type { CompiledCondition } from '../../rules/compile.ts'
import type { ContextName } from '../../rules/context.ts'
import type { Getter, KeyedTarget } from '../../rules/function.ts'
import type { PredicateSet } from '../../rules/predicate/predicate-set.ts'
import type { CountConfig, MetricConfig } from './config.ts'

type SectionKey = Exclude<keyof CountConfig, 'profiles'>

export interface CountedAttribute {
  readonly key: string
  /** Undefined: what lacks the attribute is not counted. */
  readonly fallback: string | bigint | number | undefined
}

export interface CountedMetric {
  readonly name: string
  readonly description: string
  readonly attributes: readonly CountedAttribute[]
  /** Numbers of its conditions in the section's predicates; any of them is enough, none means all. */
  readonly conditions: readonly number[]
}

export interface Section {
  readonly key: SectionKey
  readonly signal: Signal
  readonly context: ContextName
  readonly metrics: readonly CountedMetric[]
  /** Undefined when there are no conditions. */
  readonly predicates: PredicateSet | undefined
  /** What is counted happened from the least to the greatest of these. */
  readonly times: readonly Getter[]
  /** Where attributes are looked up, in this order. */
  readonly places: readonly KeyedTarget[]
  readonly problems: readonly ConfigProblem[]
}

interface Kind {
  readonly key: SectionKey
  readonly signal: Signal
  readonly context: ContextName
  readonly times: readonly string[]
}

/** In the order of the metrics that are made. */
const KINDS: readonly Kind[] = [
  {
    key: 'spans',
    signal: 'traces',
    context: 'span',
    times: ['start_time_unix_nano', 'end_time_unix_nano'],
  },
  { key: 'spanevents', signal: 'traces', context: 'spanevent', times: ['time_unix_nano'] },
  { key: 'metrics', signal: 'metrics', context: 'metric', times: [] },
  { key: 'datapoints', signal: 'metrics', context: 'datapoint', times: ['time_unix_nano'] },
  { key: 'logs', signal: 'logs', context: 'log', times: ['time_unix_nano'] },
]

export function compileSections(config: CountConfig): readonly Section[] {
  return KINDS.map(kind => compileSection(kind, config[kind.key]))
}

function compileSection(kind: Kind, configured: Readonly<Record<string, MetricConfig>>): Section {
  const { key, signal, context } = kind
  const extra = () => (context === 'metric' ? pointFunctions : [])
  const compiler = new GroupCompiler({ signal, contexts: [context], extra })
  const conditions: CompiledCondition[] = []
  const metrics = Object.entries(configured).map(([name, metric]): CountedMetric => {
    const path = [key, name, 'conditions']
    const compiled = compiler.conditions(metric.conditions, context, path)
    const first = conditions.push(...compiled) - compiled.length
    return {
      name,
      description: metric.description,
      attributes: metric.attributes.map(attribute => ({
        key: attribute.key,
        fallback: fallbackOf(attribute.default_value),
      })),
      conditions: compiled.map((_, i) => first + i),
    }
  })
  const isUsable = conditions.length > 0 && compiler.problems.length === 0
  return {
    ...{ key, signal, context, metrics },
    predicates: isUsable ? compiler.predicates(conditions, context) : undefined,
    times: kind.times.map(name => pathOf(context, name).get),
    places: placesOf(context),
    problems: compiler.problems,
  }
}

/** Metrics have no attributes of their own. */
function placesOf(context: ContextName): readonly KeyedTarget[] {
  const around = ['scope.attributes', 'resource.attributes']
  const paths = context === 'metric' ? around : ['attributes', ...around]
  return paths.map(path => pathOf(context, path).keyed as KeyedTarget)
}

/** As upstream has it, an empty text and zero are no defaults. */
function fallbackOf(value: string | number | undefined): CountedAttribute['fallback'] {
  if (value === undefined || value === '' || value === 0) return undefined
  return typeof value === 'number' && Number.isSafeInteger(value) ? BigInt(value) : value
}
