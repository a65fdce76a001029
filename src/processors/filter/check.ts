/** Rules between the keys of `filter`: of several ways to say it only one may be used, and properties must say something. */
import type { ConfigProblem } from '../../core/factory.ts'
import type { FilterConfig, LogProperties, MetricProperties, SpanProperties } from './config.ts'
import { severityNumber } from './severity.ts'

const SPAN_KINDS: ReadonlySet<string> = new Set([
  'SPAN_KIND_INTERNAL',
  'SPAN_KIND_SERVER',
  'SPAN_KIND_CLIENT',
  'SPAN_KIND_PRODUCER',
  'SPAN_KIND_CONSUMER',
])

/** A way of saying what goes, and the keys by which it is used. */
interface Way {
  readonly path: readonly string[]
  readonly keys: readonly string[]
}

export function checkStyles(config: FilterConfig): ConfigProblem[] {
  const { traces, metrics, logs, spans } = config
  return [
    ...checkOneWay(
      { path: ['trace_conditions'], used: config.trace_conditions !== undefined },
      way(['traces'], traces, ['resource', 'span', 'spanevent']),
      way(['spans'], spans, ['include', 'exclude']),
    ),
    ...checkOneWay(
      { path: ['metric_conditions'], used: config.metric_conditions !== undefined },
      way(['metrics'], metrics, ['resource', 'metric', 'datapoint']),
      way(['metrics'], metrics, ['include', 'exclude']),
    ),
    ...checkOneWay(
      { path: ['log_conditions'], used: config.log_conditions !== undefined },
      way(['logs'], logs, ['resource', 'log_record']),
      way(['logs'], logs, ['include', 'exclude']),
    ),
    ...checkGroups(config),
    ...each(spans, ['spans'], checkSpans),
    ...each(metrics, ['metrics'], checkMetrics),
    ...each(logs, ['logs'], checkLogs),
  ]
}

function way(path: readonly string[], section: object, keys: readonly string[]): Way {
  return { path, keys: keys.filter(key => (section as Record<string, unknown>)[key] !== undefined) }
}

function checkOneWay(
  inferred: { path: readonly string[]; used: boolean },
  contexts: Way,
  properties: Way,
): ConfigProblem[] {
  const clash = (path: readonly (string | number)[], other: string): ConfigProblem => ({
    path,
    message: `cannot be used together with ${other}`,
    expected: 'one of them',
  })
  const name = (each: Way): string => [...each.path, each.keys[0]].join('.')
  if (inferred.used) {
    const other = [contexts, properties].find(each => each.keys.length > 0)
    // The oldest form has nothing to do with the newest; upstream lets the newest win.
    if (other !== undefined && other.path[0] !== 'spans') return [clash(inferred.path, name(other))]
  }
  if (contexts.keys.length === 0 || properties.keys.length === 0) return []
  return [clash([...properties.path, properties.keys[0]], name(contexts))]
}

/** A list holds conditions or groups of them, not both. */
function checkGroups(config: FilterConfig): ConfigProblem[] {
  return (['trace_conditions', 'metric_conditions', 'log_conditions'] as const).flatMap(key => {
    const list = config[key] ?? []
    const flat = list.filter(item => typeof item === 'string').length
    if (flat === 0 || flat === list.length) return []
    return [{ path: [key], message: 'mixes conditions and groups', expected: 'one kind of both' }]
  })
}

function each<T>(
  sides: { readonly include?: T; readonly exclude?: T },
  path: readonly string[],
  check: (properties: T) => Omit<ConfigProblem, 'path'> | undefined,
): ConfigProblem[] {
  return (['include', 'exclude'] as const).flatMap(side => {
    const properties = sides[side]
    const found = properties === undefined ? undefined : check(properties)
    return found === undefined ? [] : [{ path: [...path, side], ...found }]
  })
}

function checkSpans(properties: SpanProperties): Omit<ConfigProblem, 'path'> | undefined {
  const { services, span_names, span_kinds, attributes, resources, libraries } = properties
  const given = [services, span_names, span_kinds, attributes, resources, libraries]
  if (given.every(list => list === undefined || list.length === 0)) {
    return {
      message: 'matches nothing in particular',
      expected: 'services, span_names, span_kinds, attributes, resources or libraries',
    }
  }
  const odd = properties.match_type === 'strict' && span_kinds?.find(kind => !SPAN_KINDS.has(kind))
  if (typeof odd !== 'string') return undefined
  return { message: `there is no span kind ${odd}`, expected: [...SPAN_KINDS].join(', ') }
}

function checkMetrics(properties: MetricProperties): Omit<ConfigProblem, 'path'> | undefined {
  const { match_type: type, expressions = [] } = properties
  if (type !== 'expr' || expressions.length === 0) return undefined
  const expected = 'conditions, such as metric_conditions: [HasAttrKeyOnDatapoint("label")]'
  return { message: 'expressions of match_type expr are not supported', expected }
}

function checkLogs({ severity_number: severity }: LogProperties) {
  if (severity === undefined || severity.min === '') return undefined
  if (severityNumber(severity.min) !== undefined) return undefined
  return { message: `${severity.min} is not a severity`, expected: 'TRACE to FATAL4, or 1 to 24' }
}
