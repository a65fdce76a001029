/** The two text formats of a scrape: Prometheus' own, and OpenMetrics with exemplars. */
import type { PromSeries } from './accumulator.ts'
import { escapeValue, labelsText, legacyLabels, quoted } from './labels.ts'
import { isLegacyMetric, underscored } from './names.ts'
import type { Exemplar, HistogramValue, SummaryValue } from './points.ts'
import type { ScrapedFamily } from './scrape.ts'

/** Bounds of buckets whose text is remembered. */
const MAX_BOUNDS = 1000
/** Series after which others get their turn. */
const SLICE = 64
const METRIC_CHARS = /[a-zA-Z0-9_:]/

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
): Generator<unknown, Uint8Array[]> {
  const pieces: Uint8Array[] = []
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
  if (options.isOpenMetrics) pieces.push(Buffer.from('# EOF\n'))
  return pieces
}

class TextWriter {
  readonly #options: TextOptions
  #text = ''
  /** Name of the samples of the family at hand. */
  #name = ''
  #isLegacy = true
  #time = ''
  readonly #bounds = new Map<number, string>()

  constructor(options: TextOptions) {
    this.#options = options
  }

  /** Bytes at once: text in the making takes many times as much memory. */
  take(): Uint8Array {
    const bytes = Buffer.from(this.#text)
    this.#text = ''
    return bytes
  }

  head({ name, type, help }: ScrapedFamily): void {
    const { isOpenMetrics } = this.#options
    this.#name = this.#metricName(name)
    this.#isLegacy = isLegacyMetric(this.#name)
    const isTotal = this.#name.endsWith('_total')
    // OpenMetrics names the family of a counter without the suffix of its sample.
    const cut = isOpenMetrics && type === 'counter' && isTotal
    const family = quoted(cut ? this.#name.slice(0, -'_total'.length) : this.#name)
    const open = type === 'counter' && !isTotal ? 'unknown' : type
    const said = isOpenMetrics ? open : type === 'unknown' ? 'untyped' : type
    this.#text += `# HELP ${family} ${escapeHelp(help, isOpenMetrics)}\n# TYPE ${family} ${said}\n`
  }

  series({ type }: ScrapedFamily, { labels, text, value }: PromSeries): void {
    const { sendTimestamps, isOpenMetrics } = this.#options
    const ms = Number(value.timeNano / 1_000_000n)
    this.#time = sendTimestamps ? ` ${isOpenMetrics ? this.#number(ms / 1000) : ms}` : ''
    const shown = this.#options.isUtf8 ? labels : legacyLabels(labels)
    const inner = shown === labels ? text : labelsText(shown)
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
    const head = this.#sampleHead('_bucket', inner)
    const separator = inner === '' && this.#isLegacy ? '' : ','
    for (const { bound, count, exemplar } of cumulated(value)) {
      this.#text += `${head}${separator}le="${this.#boundText(bound)}"} ${count}${this.#time}`
      if (exemplar !== undefined && this.#options.isOpenMetrics) this.#exemplar(exemplar)
      this.#text += '\n'
    }
  }

  #sample(suffix: string, inner: string, value: string, exemplar?: Exemplar): void {
    const hasLabels = inner !== '' || !this.#isLegacy
    this.#text += hasLabels ? `${this.#sampleHead(suffix, inner)}}` : this.#name + suffix
    this.#text += ` ${value}${this.#time}`
    if (exemplar !== undefined && this.#options.isOpenMetrics) this.#exemplar(exemplar)
    this.#text += '\n'
  }

  /** Up to the last of the labels, the brace being open. */
  #sampleHead(suffix: string, inner: string): string {
    const name = this.#name + suffix
    return this.#isLegacy ? `${name}{${inner}` : `{${join(quoted(name), inner)}`
  }

  /** Histograms of one family mostly have the same bounds. */
  #boundText(bound: number): string {
    let text = this.#bounds.get(bound)
    if (text === undefined) {
      text = this.#number(bound)
      if (this.#bounds.size >= MAX_BOUNDS) this.#bounds.clear()
      this.#bounds.set(bound, text)
    }
    return text
  }

  #exemplar({ traceId, spanId, value, timeMs }: Exemplar): void {
    const labels: string[] = []
    if (spanId !== '') labels.push(`span_id="${spanId}"`)
    if (traceId !== '') labels.push(`trace_id="${traceId}"`)
    if (labels.length === 0) return
    this.#text += ` # {${labels.join(',')}} ${this.#number(value)}`
    if (timeMs > 0) this.#text += ` ${this.#number(timeMs / 1000)}`
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

export interface CumulatedBucket {
  readonly bound: number
  readonly count: number
  readonly exemplar: Exemplar | undefined
}

/** Buckets from the lowest bound on, each with all that is below, and the whole count at last. */
export function cumulated({ bounds, counts, count, exemplars }: HistogramValue): CumulatedBucket[] {
  const buckets: CumulatedBucket[] = []
  let below = 0
  let from = Number.NEGATIVE_INFINITY
  for (const i of isAscending(bounds) ? bounds.keys() : sortedPlaces(bounds)) {
    const bound = bounds[i]
    // One for infinity comes anyway, and the same bound may not stand there twice.
    if (bound === Number.POSITIVE_INFINITY || bound === from) continue
    below += counts[i] ?? 0
    buckets.push({ bound, count: below, exemplar: lastWithin(exemplars, from, bound) })
    from = bound
  }
  const bound = Number.POSITIVE_INFINITY
  buckets.push({ bound, count, exemplar: lastWithin(exemplars, from, bound) })
  return buckets
}

function isAscending(bounds: readonly number[]): boolean {
  for (let i = 1; i < bounds.length; i++) if (!(bounds[i] > bounds[i - 1])) return false
  return true
}

function sortedPlaces(bounds: readonly number[]): number[] {
  return [...bounds.keys()].sort((a, b) => bounds[a] - bounds[b])
}

function lastWithin(
  exemplars: readonly Exemplar[],
  from: number,
  to: number,
): Exemplar | undefined {
  if (exemplars.length === 0) return undefined
  return exemplars.findLast(({ value }) => value > from && value <= to)
}

function join(a: string, b: string): string {
  return a === '' || b === '' ? a + b : `${a},${b}`
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
