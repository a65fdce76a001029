/**
 * Names of OpenTelemetry as Prometheus writes them, by the compatibility specification and the library that upstream uses.
 * https://opentelemetry.io/docs/specs/otel/compatibility/prometheus_and_openmetrics/
 */

export type FamilyType = 'counter' | 'gauge' | 'histogram' | 'summary' | 'unknown'

/** How names are made: with suffixes for units and types or without, escaped or as they are. */
export interface Naming {
  readonly namespace: string
  readonly hasSuffixes: boolean
  readonly isUtf8: boolean
}

const UNITS: Readonly<Record<string, string>> = {
  d: 'days',
  h: 'hours',
  min: 'minutes',
  s: 'seconds',
  ms: 'milliseconds',
  us: 'microseconds',
  ns: 'nanoseconds',
  By: 'bytes',
  KiBy: 'kibibytes',
  MiBy: 'mebibytes',
  GiBy: 'gibibytes',
  TiBy: 'tibibytes',
  KBy: 'kilobytes',
  MBy: 'megabytes',
  GBy: 'gigabytes',
  TBy: 'terabytes',
  m: 'meters',
  V: 'volts',
  A: 'amperes',
  J: 'joules',
  W: 'watts',
  g: 'grams',
  Cel: 'celsius',
  Hz: 'hertz',
  '1': '',
  '%': 'percent',
}

const PER_UNITS: Readonly<Record<string, string>> = {
  s: 'second',
  m: 'minute',
  h: 'hour',
  d: 'day',
  w: 'week',
  mo: 'month',
  y: 'year',
}

const LEGACY_METRIC = /^[a-zA-Z_:][a-zA-Z0-9_:]*$/
const LEGACY_LABEL = /^[a-zA-Z_][a-zA-Z0-9_]*$/

/** Undefined when nothing usable would be left. */
export function metricName(
  name: string,
  unit: string,
  type: FamilyType,
  naming: Naming,
): string | undefined {
  const { namespace, hasSuffixes, isUtf8 } = naming
  if (isUtf8) {
    const whole = namespace === '' ? name : `${namespace}_${name}`
    const made = hasSuffixes ? suffixed(whole, unit, type) : whole
    return made === '' ? undefined : made
  }
  const made = hasSuffixes ? normalized(name, unit, type, namespace) : escaped(name, namespace)
  return made === '' || (made !== name && /^_*$/.test(made)) ? undefined : made
}

/** Undefined when nothing usable would be left. */
export function labelName(name: string, { isUtf8 }: Naming): string | undefined {
  if (/^_*$/.test(name)) return undefined
  if (isUtf8) return name
  const made = name.replace(/[^a-zA-Z0-9_]/gu, '_')
  const safe = /^[0-9]/.test(made) ? `key_${made}` : made
  return /^_*$/.test(safe) ? undefined : safe
}

export function isLegacyMetric(name: string): boolean {
  return LEGACY_METRIC.test(name)
}

export function isLegacyLabel(name: string): boolean {
  return LEGACY_LABEL.test(name)
}

/** For scrapers that do not take names of any characters. */
export function underscored(name: string, allowed: RegExp): string {
  const made = [...name].map(char => (allowed.test(char) ? char : '_')).join('')
  return /^[0-9]/.test(made) ? `_${made}` : made
}

function escaped(name: string, namespace: string): string {
  const join = (text: string): string => tokens(text, /[^a-zA-Z0-9:_]+/u).join('_')
  if (namespace !== '') return `${join(namespace)}_${join(name)}`
  return withoutDigitFirst(join(name))
}

function normalized(name: string, unit: string, type: FamilyType, namespace: string): string {
  const words = tokens(name, /[^a-zA-Z0-9:]+/u)
  const [main, per] = unitSuffixes(unit).map(cleaned)
  const hasPer = per !== '' && per !== 'per_' && !words.includes(per.replace(/_$/, ''))
  if (main !== '' && !words.includes(main)) words.push(hasPer ? main.replace(/_$/, '') : main)
  if (hasPer) words.push(per.replace(/_$/, ''))
  const suffix = typeSuffix(unit, type)
  const made = suffix === '' ? words : [...words.filter(word => word !== suffix), suffix]
  return withoutDigitFirst((namespace === '' ? made : [namespaceOf(namespace), ...made]).join('_'))
}

/** Made a name of; upstream takes it as it stands, which may be no name. */
function namespaceOf(namespace: string): string {
  return namespace.replace(/[^a-zA-Z0-9:_]/gu, '_')
}

/** For names that keep their characters: a suffix that is there already is not put twice. */
function suffixed(name: string, unit: string, type: FamilyType): string {
  const [main, per] = unitSuffixes(unit)
  const last = typeSuffix(unit, type)
  let made = trimmed(name, last)
  if (per !== '') made = trimmed(made, per)
  if (main !== '' && !made.endsWith(main)) made = `${made}_${main}`
  if (per !== '') made = `${made}_${per}`
  return last === '' ? made : `${made}_${last}`
}

function trimmed(name: string, suffix: string): string {
  const fits = suffix !== '' && name.endsWith(suffix) && name.length > suffix.length + 1
  return fits ? name.slice(0, -suffix.length - 1) : name
}

function typeSuffix(unit: string, type: FamilyType): string {
  if (type === 'counter') return 'total'
  return unit === '1' && type === 'gauge' ? 'ratio' : ''
}

/** What comes before and after the slash; what stands in braces says nothing about the unit. */
function unitSuffixes(unit: string): [string, string] {
  const slash = unit.indexOf('/')
  const main = (slash < 0 ? unit : unit.slice(0, slash)).trim()
  const per = slash < 0 ? '' : unit.slice(slash + 1).trim()
  const word = (text: string, words: Readonly<Record<string, string>>): string => {
    if (text === '' || /[{}]/.test(text)) return ''
    return Object.hasOwn(words, text) ? words[text] : text
  }
  const perWord = word(per, PER_UNITS)
  return [word(main, UNITS), perWord === '' ? '' : `per_${perWord}`]
}

function cleaned(unit: string): string {
  return unit
    .replace(/[^a-zA-Z0-9:]/gu, '_')
    .replace(/_+/g, '_')
    .replace(/^_/, '')
}

function tokens(text: string, separator: RegExp): string[] {
  return text.split(separator).filter(token => token !== '')
}

function withoutDigitFirst(name: string): string {
  return /^[0-9]/.test(name) ? `_${name}` : name
}
