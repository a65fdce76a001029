/** `include` and `exclude`: what each signal allows there, and the two as one question. */
import type { ConfigProblem } from '../../core/factory.ts'
import { SIGNALS, type Signal } from '../../core/signal.ts'
import { MillraceError } from '../../errors.ts'
import { configValue } from '../../rules/apply/config-value.ts'
import {
  compileMatch,
  type Match,
  type MatchProperties,
} from '../../rules/apply/match-properties.ts'
import type { ContextName } from '../../rules/context.ts'
import type { AttributesConfig, Properties } from './config.ts'

export const CONTEXTS: Readonly<Record<Signal, ContextName>> = {
  traces: 'span',
  metrics: 'datapoint',
  logs: 'log',
}

type Key = Exclude<keyof Properties, 'match_type' | 'regexp'>

const KEYS: Readonly<Record<Signal, readonly Key[]>> = {
  traces: ['services', 'span_names', 'span_kinds', 'attributes', 'libraries', 'resources'],
  metrics: ['metric_names', 'resources'],
  logs: [
    'attributes',
    'libraries',
    'resources',
    'log_bodies',
    'log_severity_texts',
    'log_severity_number',
  ],
}

const ALL_KEYS = [...new Set(Object.values(KEYS).flat())]

const SPAN_KINDS = ['INTERNAL', 'CLIENT', 'SERVER', 'CONSUMER', 'PRODUCER'].map(
  kind => `SPAN_KIND_${kind}`,
)

const SIDES = ['include', 'exclude'] as const

type Side = (typeof SIDES)[number]
type Problem = Omit<ConfigProblem, 'path'>

/** Which signals will come is known only when the pipelines are; what no signal could use is wrong at once. */
export function checkSides(config: AttributesConfig): ConfigProblem[] {
  return SIDES.flatMap(side => {
    const properties = config[side]
    if (properties === undefined) return []
    const fits = SIGNALS.some(signal => misfit(properties, signal) === undefined)
    const problems = [
      fits ? undefined : misfit(properties, likely(properties)),
      checkMatchType(properties),
      checkKinds(properties),
      checkPatterns(properties),
    ]
    return problems.flatMap(problem =>
      problem === undefined ? [] : [{ path: [side], ...problem }],
    )
  })
}

/** Whether something of this signal is to be changed; undefined when all is. Throws for what cannot stand with the signal. */
export function compileSides(
  config: AttributesConfig,
  signal: Signal,
  id: string,
): Match | undefined {
  const include = compileSide(config, 'include', signal, id)
  const exclude = compileSide(config, 'exclude', signal, id)
  if (exclude === undefined) return include
  if (include === undefined) return scope => !exclude(scope)
  return scope => include(scope) && !exclude(scope)
}

function compileSide(
  config: AttributesConfig,
  side: Side,
  signal: Signal,
  id: string,
): Match | undefined {
  const properties = config[side]
  if (properties === undefined) return undefined
  const problem = misfit(properties, signal)
  if (problem !== undefined) {
    throw new MillraceError(
      'MILLRACE_START_FAILED',
      `${id}: ${side} ${problem.message}; it should have ${problem.expected}.`,
    )
  }
  return compileMatch(CONTEXTS[signal], matchProperties(properties))
}

function isGiven(value: Properties[Key]): boolean {
  return Array.isArray(value) ? value.length > 0 : value !== undefined
}

function misfit(properties: Properties, signal: Signal): Problem | undefined {
  const keys = KEYS[signal]
  const expected = `some of ${keys.join(', ')} in pipelines of ${signal}`
  const given = ALL_KEYS.filter(key => isGiven(properties[key]))
  const odd = given.find(key => !keys.includes(key))
  if (odd !== undefined)
    return { message: `has ${odd}, which is not valid for ${signal}`, expected }
  return given.length > 0 ? undefined : { message: 'matches nothing in particular', expected }
}

/** The signal that is probably meant: the one with most of the keys. */
function likely(properties: Properties): Signal {
  const count = (signal: Signal) => KEYS[signal].filter(key => isGiven(properties[key])).length
  return SIGNALS.reduce((best, signal) => (count(signal) > count(best) ? signal : best))
}

/** Severity numbers and mere keys are not matched as texts. */
function checkMatchType(properties: Properties): Problem | undefined {
  if (properties.match_type !== undefined) return undefined
  const { attributes = [], resources = [] } = properties
  const hasTexts = ALL_KEYS.some(
    key =>
      key !== 'attributes' &&
      key !== 'resources' &&
      key !== 'log_severity_number' &&
      isGiven(properties[key]),
  )
  const hasValues = [...attributes, ...resources].some(({ value }) => (value ?? null) !== null)
  if (!hasTexts && !hasValues) return undefined
  return { message: 'has no match_type', expected: 'match_type: strict or match_type: regexp' }
}

function checkKinds({ match_type: type, span_kinds: kinds }: Properties): Problem | undefined {
  const odd = type === 'strict' ? kinds?.find(kind => !SPAN_KINDS.includes(kind)) : undefined
  if (odd === undefined) return undefined
  return { message: `there is no span kind ${odd}`, expected: SPAN_KINDS.join(', ') }
}

function checkPatterns(properties: Properties): Problem | undefined {
  const all = matchProperties(properties)
  try {
    // Between them these two contexts have all paths that are matched.
    compileMatch('span', { ...all, bodies: undefined, severityTexts: undefined })
    compileMatch('log', {
      matchType: all.matchType,
      bodies: all.bodies,
      severityTexts: all.severityTexts,
    })
    return undefined
  } catch (error) {
    if (error instanceof MillraceError) throw error
    return { message: (error as Error).message, expected: 'a regular expression of RE2' }
  }
}

function matchProperties(properties: Properties): MatchProperties {
  const { log_severity_number: severity } = properties
  return {
    matchType: properties.match_type ?? 'strict',
    services: properties.services,
    names: [...(properties.span_names ?? []), ...(properties.metric_names ?? [])],
    spanKinds: properties.span_kinds,
    bodies: properties.log_bodies,
    severityTexts: properties.log_severity_texts,
    severity: severity && { min: severity.min, matchUndefined: severity.match_undefined },
    attributes: attributes(properties.attributes),
    resources: attributes(properties.resources),
    libraries: properties.libraries,
  }
}

/** An empty list matches everything; upstream wants at least one attribute only where it lists some. */
function attributes(written: Properties['attributes']) {
  return written?.map(({ key, value }) =>
    value === undefined || value === null ? { key } : { key, value: configValue(value) },
  )
}
