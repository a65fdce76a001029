/** The book of what each tenant used: plain counters beside the ledger's, and a history of both by minutes. */
import type { TenantId } from '../../core/batch.ts'
import type { Clock, Timer } from '../../core/clock.ts'
import type { Meter } from '../../core/meter.ts'
import type { Signal } from '../../core/signal.ts'
import type { UsageBook } from '../../core/tenancy.ts'
import type {
  UsageControl,
  UsageMinute,
  UsageQuestion,
  UsageReport,
} from '../../core/tenant-control.ts'
import type { AccountingLedger } from '../../telemetry/ledger.ts'
import { TenantLabels } from '../../telemetry/tenant-labels.ts'
import { countDelivered, countsOf, countTurnedAway, UsageCounts } from './counts.ts'
import { type HistoryLimits, UsageHistory } from './history.ts'
import { countMinutes } from './minutes.ts'
import type { Prices } from './prices.ts'
import { publishCosts, publishCounts } from './publish.ts'
import { ReportDraft } from './report.ts'
import { UsageTracker } from './tracker.ts'

const MINUTE_MS = 60_000

export interface TenantUsageOptions {
  readonly ledger: AccountingLedger
  readonly clock: Clock
  readonly labels?: TenantLabels
  readonly limits?: HistoryLimits
}

/** One in a process, from its first moment on; `start` and `stop` only switch the timer of the history. */
export class TenantUsage implements UsageBook, UsageControl {
  readonly #ledger: AccountingLedger
  readonly #clock: Clock
  readonly #labels: TenantLabels
  readonly #counts = new UsageCounts()
  readonly #history: UsageHistory
  readonly #tracker: UsageTracker
  readonly #startedAtMs: number
  #prices: Prices | null = null
  #timer: Timer | null = null

  constructor({ ledger, clock, labels = new TenantLabels(), limits }: TenantUsageOptions) {
    this.#ledger = ledger
    this.#clock = clock
    this.#labels = labels
    this.#startedAtMs = clock.now()
    this.#history = new UsageHistory(this.#startedAtMs, limits)
    this.#tracker = new UsageTracker(this.#history, ledger, this.#counts)
  }

  start(): void {
    this.#timer ??= this.#clock.every(MINUTE_MS, () => {
      const nowMs = this.#clock.now()
      this.#tracker.collect(nowMs)
      this.#history.close(nowMs)
    })
  }

  stop(): void {
    this.#timer?.cancel()
    this.#timer = null
  }

  /** Null: nothing costs anything. */
  setPrices(prices: Prices | null): void {
    this.#prices = prices
  }

  received(tenant: TenantId, signal: Signal, requestBytes: number): void {
    const counts = this.#counts.of(tenant)
    counts.changes++
    const own = countsOf(counts, signal)
    own.requests++
    own.bytesIn += requestBytes
  }

  turnedAway(tenant: TenantId, reason: string): void {
    const counts = this.#counts.of(tenant)
    counts.changes++
    countTurnedAway(counts, reason)
  }

  delivered(tenant: TenantId, signal: Signal, exporter: string, bytes: number): void {
    const counts = this.#counts.of(tenant)
    counts.changes++
    countDelivered(countsOf(counts, signal), exporter, bytes)
  }

  report({ tenant, sinceMs }: UsageQuestion): UsageReport {
    const nowMs = this.#clock.now()
    this.#tracker.collect(nowMs)
    const draft = new ReportDraft(tenant)
    const isWhole = sinceMs === undefined || sinceMs <= this.#startedAtMs
    const fromMs = isWhole
      ? this.#startedAtMs
      : this.#history.visit(sinceMs, nowMs, (series, growth, atMs) =>
          draft.add(series, growth, atMs),
        )
    if (isWhole)
      for (const series of this.#history.series) draft.add(series, series.value, series.lastMs)
    for (const [account, items] of this.#ledger.countHeld()) draft.hold(account, items)
    return { fromMs, toMs: nowMs, sinceStart: isWhole, ...draft.finish(this.#prices) }
  }

  minutes(tenant: string, sinceMs: number): readonly UsageMinute[] {
    const nowMs = this.#clock.now()
    this.#tracker.collect(nowMs)
    return countMinutes(tenant, each => this.#history.visit(sinceMs, nowMs, each))
  }

  /** Called before each scrape. */
  publish(meter: Meter): void {
    publishCounts(meter, this.#labels, this.#counts)
    if (this.#prices === null) return
    const books = { ledger: this.#ledger, counts: this.#counts }
    publishCosts(meter, this.#labels, this.#prices, books)
  }
}
