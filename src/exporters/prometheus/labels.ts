/** Labels of a series: attributes by their Prometheus names, and what names the target and the scope. */
import type { AnyValue } from '../../otlp/any-value.ts'
import { asString } from '../../rules/as-string.ts'
import type { Value } from '../../rules/value.ts'
import { isLegacyLabel, isLegacyMetric, labelName, type Naming, underscored } from './names.ts'

export type Label = readonly [name: string, value: string]
export type Attributes = ReadonlyMap<string, AnyValue>

const SERVICE = ['service.name', 'service.namespace', 'service.instance.id']
/** Written by the exposition itself; a name twice in a sample makes Prometheus refuse the whole page. */
const RESERVED = ['le', 'quantile', '__name__']
const LABEL_CHARS = /[a-zA-Z0-9_]/
const SCOPE_FACTS = ['name', 'version', 'schema_url']

/** Who has sent, as Prometheus names targets; undefined where the resource does not say. */
export interface Target {
  readonly job: string | undefined
  readonly instance: string | undefined
  /** Labels of its `target_info`. */
  readonly info: readonly Label[]
  /** All attributes, for those who want them on every series. */
  readonly attributes: Attributes
}

export interface ScopeFacts {
  readonly name: string
  readonly version: string
  readonly schemaUrl: string
  readonly attributes: Attributes
}

export function targetOf(attributes: Attributes, naming: Naming): Target {
  const text = (key: string): string | undefined => {
    const value = attributes.get(key)
    return value === undefined ? undefined : asText(value)
  }
  const [name, namespace, instance] = SERVICE.map(text)
  const job = name === undefined || namespace === undefined ? name : `${namespace}/${name}`
  const others = new Map([...attributes].filter(([key]) => !SERVICE.includes(key)))
  const given: Label[] = []
  if (job !== undefined) given.push(['job', job])
  if (instance !== undefined) given.push(['instance', instance])
  return { job, instance, info: joinLabels(given, [others], naming), attributes }
}

/**
 * `given` stand as they are. Attributes whose names fall together share a label with their values joined by `;`, as the
 * specification has it; one that would take the place of a given label is called `exported_` of it, as Prometheus does.
 */
export function joinLabels(
  given: readonly Label[],
  sources: readonly Attributes[],
  naming: Naming,
): Label[] {
  const labels = new Map<string, string>(given)
  const taken = new Set([...labels.keys(), ...RESERVED])
  const own = new Map<string, string>()
  for (const attributes of sources) {
    const found = new Map<string, string>()
    for (const [key, value] of [...attributes].sort(byKey)) {
      const name = labelName(key, naming)
      if (name === undefined) continue
      const free = taken.has(name) ? `exported_${name}` : name
      const before = found.get(free)
      found.set(free, before === undefined ? asText(value) : `${before};${asText(value)}`)
    }
    // Of several sources the later one counts.
    for (const [name, value] of found) own.set(name, value)
  }
  return [...labels, ...own].sort(byKey)
}

export function scopeLabels({ name, version, schemaUrl }: ScopeFacts): Label[] {
  return [
    ['otel_scope_name', name],
    ['otel_scope_version', version],
    ['otel_scope_schema_url', schemaUrl],
  ]
}

/** Attributes of the scope under their labels' keys. */
export function scopeAttributes({ attributes }: ScopeFacts): Attributes {
  const own = [...attributes].filter(([key]) => !SCOPE_FACTS.includes(key))
  return new Map(own.map(([key, value]) => [`otel_scope_${key}`, value]))
}

/** For scrapers that do not take names of any characters: those that fall together then share a label. */
export function legacyLabels(labels: readonly Label[]): readonly Label[] {
  if (labels.every(([name]) => isLegacyLabel(name))) return labels
  const shown = new Map<string, string>()
  for (const [name, value] of labels) {
    const made = isLegacyLabel(name) ? name : underscored(name, LABEL_CHARS)
    const free = RESERVED.includes(made) ? `exported_${made}` : made
    const before = shown.get(free)
    shown.set(free, before === undefined ? value : `${before};${value}`)
  }
  return [...shown]
}

/** As they stand between braces. */
export function labelsText(labels: readonly Label[]): string {
  let text = ''
  for (const [name, value] of labels) {
    const shown = isLegacyLabel(name) ? name : `"${escapeValue(name)}"`
    text += `${text === '' ? '' : ','}${shown}="${escapeValue(value)}"`
  }
  return text
}

/** Of a metric; any other characters stand in quotes. */
export function quoted(name: string): string {
  return isLegacyMetric(name) ? name : `"${escapeValue(name)}"`
}

export function escapeValue(text: string): string {
  return text.replace(/[\\"\n]/g, char => (char === '\n' ? '\\n' : `\\${char}`))
}

/** Without those that `job` and `instance` are made of. */
export function withoutService(attributes: Attributes): Attributes {
  return new Map([...attributes].filter(([key]) => !SERVICE.includes(key)))
}

export function asText(value: AnyValue): string {
  return typeof value === 'string' ? value : asString(value as Value)
}

function byKey([a]: readonly [string, unknown], [b]: readonly [string, unknown]): number {
  return a < b ? -1 : a > b ? 1 : 0
}
