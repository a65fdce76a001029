/** The two text formats of a scrape: Prometheus' own, and OpenMetrics with exemplars. */
import type { PromSeries } from './accumulator.ts'
import type { Label } from './labels.ts'
import { isLegacyLabel, isLegacyMetric, underscored } from './names.ts'
import type { Exemplar, HistogramValue, SummaryValue } from './points.ts'
import type { ScrapedFamily } from './scrape.ts'

/** Series after which others get their turn. */
const SLICE = 256
const METRIC_CHARS = /[a-zA-Z0-9_:]/
const LABEL_CHARS = /[a-zA-Z0-9_]/

export interface TextOptions {
  readonly isOpenMetrics: boolean
  /** The scraper takes names of any characters. */
  readonly isUtf8: boolean
  readonly sendTimestamps: boolean
}

/** Yields while it works; returns the page in pieces. */
export function* writeText(
  families: readonly ScrapedFamily[],
  options: TextOptions,
): Generator<unknown, string[]> {
  const pieces: string[] = []
  const text = new TextWriter(options)
  let written = 0
  for (const family of families) {
    text.head(family)
    for (const series of family.series) {
      text.series(family, series)
      if (++written % SLICE === 0) {
        pieces.push(text.take())
        yield
      }
    }
    pieces.push(text.take())
  }
  if (options.isOpenMetrics) pieces.push('# EOF\n')
  return pieces
}

class TextWriter {
  readonly #options: TextOptions
  #text = ''
  /** Name of the samples of the family at hand. */
  #name = ''
  #time = ''

  constructor(options: TextOptions) {
    this.#options = options
  }

  take(): string {
    const text = this.#text
    this.#text = ''
    return text
  }

  head({ name, type, help }: ScrapedFamily): void {
    const { isOpenMetrics } = this.#options
    this.#name = this.#metricName(name)
    const isTotal = this.#name.endsWith('_total')
    // OpenMetrics names the family of a counter without the suffix of its sample.
    const cut = isOpenMetrics && type === 'counter' && isTotal
    const family = quoted(cut ? this.#name.slice(0, -'_total'.length) : this.#name)
    const open = type === 'counter' && !isTotal ? 'unknown' : type
    const said = isOpenMetrics ? open : type === 'unknown' ? 'untyped' : type
    this.#text += `# HELP ${family} ${escapeHelp(help, isOpenMetrics)}\n# TYPE ${family} ${said}\n`
  }

  series({ type }: ScrapedFamily, { labels, value }: PromSeries): void {
    const { sendTimestamps, isOpenMetrics } = this.#options
    const ms = Number(value.timeNano / 1_000_000n)
    this.#time = sendTimestamps ? ` ${isOpenMetrics ? this.#number(ms / 1000) : ms}` : ''
    const inner = this.#labels(labels)
    if (value.kind === 'number') {
      const exemplar = type === 'counter' ? value.exemplars[value.exemplars.length - 1] : undefined
      this.#sample('', inner, this.#number(value.value), exemplar)
    } else if (value.kind === 'summary') this.#summary(inner, value)
    else {
      if (value.kind === 'histogram') this.#buckets(inner, value)
      else this.#sample('_bucket', join(inner, 'le="+Inf"'), String(value.count))
      this.#sample('_sum', inner, this.#number(value.sum))
      this.#sample('_count', inner, String(value.count))
    }
  }

  #summary(inner: string, { quantiles, sum, count }: SummaryValue): void {
    for (const [quantile, value] of [...quantiles].sort(([a], [b]) => a - b)) {
      const label = `quantile="${this.#number(quantile)}"`
      this.#sample('', join(inner, label), this.#number(value))
    }
    this.#sample('_sum', inner, this.#number(sum))
    this.#sample('_count', inner, String(count))
  }

  #buckets(inner: string, value: HistogramValue): void {
    for (const { bound, count, exemplar } of cumulated(value)) {
      this.#sample('_bucket', join(inner, `le="${this.#number(bound)}"`), String(count), exemplar)
    }
  }

  #sample(suffix: string, inner: string, value: string, exemplar?: Exemplar): void {
    const name = this.#name + suffix
    if (isLegacyMetric(name)) this.#text += inner === '' ? name : `${name}{${inner}}`
    else this.#text += `{${join(quoted(name), inner)}}`
    this.#text += ` ${value}${this.#time}`
    if (exemplar !== undefined && this.#options.isOpenMetrics) this.#exemplar(exemplar)
    this.#text += '\n'
  }

  #exemplar({ traceId, spanId, value, timeMs }: Exemplar): void {
    const labels: string[] = []
    if (spanId !== '') labels.push(`span_id="${spanId}"`)
    if (traceId !== '') labels.push(`trace_id="${traceId}"`)
    if (labels.length === 0) return
    this.#text += ` # {${labels.join(',')}} ${this.#number(value)}`
    if (timeMs > 0) this.#text += ` ${this.#number(timeMs / 1000)}`
  }

  #labels(labels: readonly Label[]): string {
    let text = ''
    for (const [name, value] of labels) {
      const made = quoted(this.#options.isUtf8 ? name : legacyLabel(name))
      text += `${text === '' ? '' : ','}${made}="${escapeValue(value)}"`
    }
    return text
  }

  #metricName(name: string): string {
    return this.#options.isUtf8 || isLegacyMetric(name) ? name : underscored(name, METRIC_CHARS)
  }

  /** OpenMetrics tells floating point numbers by their point. */
  #number(value: number): string {
    const text = numberText(value)
    return this.#options.isOpenMetrics && /^-?\d+$/.test(text) ? `${text}.0` : text
  }
}

export function legacyLabel(name: string): string {
  return isLegacyLabel(name) ? name : underscored(name, LABEL_CHARS)
}

export interface CumulatedBucket {
  readonly bound: number
  readonly count: number
  readonly exemplar: Exemplar | undefined
}

/** Buckets from the lowest bound on, each with all that is below, and the whole count at last. */
export function cumulated({ bounds, counts, count, exemplars }: HistogramValue): CumulatedBucket[] {
  const buckets: CumulatedBucket[] = []
  let below = 0
  const order = [...bounds.keys()].sort((a, b) => bounds[a] - bounds[b])
  for (const i of order) {
    const bound = bounds[i]
    // A bound of its own for infinity would stand there twice.
    if (bound === Number.POSITIVE_INFINITY) continue
    if (buckets.length > 0 && buckets[buckets.length - 1].bound === bound) continue
    below += counts[i] ?? 0
    const from = buckets.length === 0 ? Number.NEGATIVE_INFINITY : buckets[buckets.length - 1].bound
    buckets.push({ bound, count: below, exemplar: lastWithin(exemplars, from, bound) })
  }
  const highest =
    buckets.length === 0 ? Number.NEGATIVE_INFINITY : buckets[buckets.length - 1].bound
  const bound = Number.POSITIVE_INFINITY
  buckets.push({ bound, count, exemplar: lastWithin(exemplars, highest, bound) })
  return buckets
}

function lastWithin(
  exemplars: readonly Exemplar[],
  from: number,
  to: number,
): Exemplar | undefined {
  return exemplars.findLast(({ value }) => value > from && value <= to)
}

function join(a: string, b: string): string {
  return a === '' || b === '' ? a + b : `${a},${b}`
}

function quoted(name: string): string {
  return isLegacyMetric(name) ? name : `"${escapeValue(name)}"`
}

function escapeValue(text: string): string {
  return text.replace(/[\\"\n]/g, char => (char === '\n' ? '\\n' : `\\${char}`))
}

function escapeHelp(text: string, isOpenMetrics: boolean): string {
  if (isOpenMetrics) return escapeValue(text)
  return text.replace(/[\\\n]/g, char => (char === '\n' ? '\\n' : '\\\\'))
}

function numberText(value: number): string {
  if (value === Number.POSITIVE_INFINITY) return '+Inf'
  if (value === Number.NEGATIVE_INFINITY) return '-Inf'
  return Number.isNaN(value) ? 'NaN' : String(value)
}
