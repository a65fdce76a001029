/**
 * What counters grew by, minute by minute, for a day back. A counter is a numbered series; a minute is a list of
 * numbers and of growths, 12 bytes a counter that moved, so that a thousand tenants at rest cost nothing.
 */
import type { TenantId } from '../../core/batch.ts'
import type { Signal } from '../../core/signal.ts'

/** How far back the history reaches, if `MAX_CELLS` lets it. */
const MAX_AGE_MS = 24 * 60 * 60_000
/** Growths that are kept, 12 MB; what is oldest goes first. A tenant in full use needs about 6 a minute and signal. */
const MAX_CELLS = 1_000_000

export type SeriesKind =
  | 'accepted'
  | 'copied'
  | 'sent'
  | 'kept'
  | 'dropped'
  | 'refused'
  | 'requests'
  | 'bytes_in'
  | 'bytes_out'
  | 'turned_away'

export interface SeriesKey {
  readonly tenant: TenantId
  /** Null where it is not known. */
  readonly signal: Signal | null
  readonly kind: SeriesKind
  /** Where items were dropped, and the exporter of `bytes_out`. */
  readonly stage: string
  readonly reason: string
  readonly intentional: boolean
}

/** A class, so that ten thousands of them stay small. */
export class Series implements SeriesKey {
  readonly id: number
  readonly tenant: TenantId
  readonly signal: Signal | null
  readonly kind: SeriesKind
  readonly stage: string
  readonly reason: string
  readonly intentional: boolean
  /** The counter as it was last seen, and when it was last seen to have grown. */
  value = 0
  lastMs = 0
  /** Growth in the minute that is open, if it is in that minute at all. */
  open = 0
  isOpen = false

  constructor(id: number, { tenant, signal, kind, stage, reason, intentional }: SeriesKey) {
    this.id = id
    this.tenant = tenant
    this.signal = signal
    this.kind = kind
    this.stage = stage
    this.reason = reason
    this.intentional = intentional
  }
}

interface Slice {
  readonly fromMs: number
  readonly toMs: number
  readonly ids: Uint32Array
  readonly growths: Float64Array
}

/** One counter's growth within one slice of time. */
export type Visit = (series: Series, growth: number, toMs: number) => void

export interface HistoryLimits {
  readonly maxAgeMs: number
  readonly maxCells: number
}

export class UsageHistory {
  readonly #limits: HistoryLimits
  readonly #series: Series[] = []
  readonly #slices: Slice[] = []
  /** Those that have grown since `#openedMs`. */
  readonly #open: Series[] = []
  #openedMs: number
  #reachesBackMs: number
  #cells = 0

  constructor(
    nowMs: number,
    limits: HistoryLimits = { maxAgeMs: MAX_AGE_MS, maxCells: MAX_CELLS },
  ) {
    this.#limits = limits
    this.#openedMs = nowMs
    this.#reachesBackMs = nowMs
  }

  /** From then on all growths are known. */
  get reachesBackMs(): number {
    return this.#reachesBackMs
  }

  get series(): readonly Series[] {
    return this.#series
  }

  addSeries(key: SeriesKey): Series {
    const series = new Series(this.#series.length, key)
    this.#series.push(series)
    return series
  }

  /** The counter is now at `value`. */
  note(series: Series, value: number, nowMs: number): void {
    const growth = value - series.value
    if (growth === 0) return
    series.value = value
    series.lastMs = nowMs
    if (!series.isOpen) this.#open.push(series)
    series.isOpen = true
    series.open += growth
  }

  /** A minute is over. */
  close(nowMs: number): void {
    if (this.#open.length > 0) this.#slices.push(this.#takeOpen(nowMs))
    this.#openedMs = nowMs
    this.#forget(nowMs)
  }

  /**
   * Everything that was noted since `sinceMs`, whole minutes, oldest first; what the last, open one has is said to be
   * of now. Returns when the first of these minutes began.
   */
  visit(sinceMs: number, nowMs: number, each: Visit): number {
    let fromMs = Math.max(sinceMs, this.#reachesBackMs)
    for (const { fromMs: from, toMs, ids, growths } of this.#slices) {
      if (toMs <= sinceMs) continue
      fromMs = Math.min(fromMs, from)
      for (let i = 0; i < ids.length; i++) each(this.#series[ids[i]], growths[i], toMs)
    }
    if (this.#open.length > 0) fromMs = Math.min(fromMs, this.#openedMs)
    for (const series of this.#open) each(series, series.open, nowMs)
    return fromMs
  }

  #takeOpen(toMs: number): Slice {
    const { length } = this.#open
    const [ids, growths] = [new Uint32Array(length), new Float64Array(length)]
    for (let i = 0; i < length; i++) {
      const series = this.#open[i]
      ids[i] = series.id
      growths[i] = series.open
      series.open = 0
      series.isOpen = false
    }
    this.#open.length = 0
    this.#cells += ids.length
    return { fromMs: this.#openedMs, toMs, ids, growths }
  }

  #forget(nowMs: number): void {
    const { maxAgeMs, maxCells } = this.#limits
    let gone = 0
    while (gone < this.#slices.length) {
      const { toMs, ids } = this.#slices[gone]
      if (this.#cells <= maxCells && toMs > nowMs - maxAgeMs) break
      this.#cells -= ids.length
      this.#reachesBackMs = toMs
      gone++
    }
    this.#slices.splice(0, gone)
  }
}
