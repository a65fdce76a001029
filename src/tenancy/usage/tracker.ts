/**
 * Looks at all counters and notes in the history which of them have grown. An account that did not change costs a
 * comparison; one that did costs a note for each of its counters.
 */
import { SIGNALS, type Signal } from '../../core/signal.ts'
import type { AccountingLedger, AccountView } from '../../telemetry/ledger.ts'
import type { TenantCounts, UsageCounts } from './counts.ts'
import type { Series, SeriesKey, SeriesKind, UsageHistory } from './history.ts'

const NEVER = -1

/** The series of one account; a handful, so a list is quicker and smaller than a table. */
class Tracked {
  changes = NEVER
  readonly #tenant: string
  readonly #series: Series[] = []

  constructor(tenant: string) {
    this.#tenant = tenant
  }

  find(
    kind: SeriesKind,
    signal: Signal | null,
    stage: string,
    reason: string,
    intentional: boolean,
  ): Series | undefined {
    for (const series of this.#series) {
      if (
        series.kind === kind &&
        series.signal === signal &&
        series.reason === reason &&
        series.stage === stage &&
        series.intentional === intentional
      ) {
        return series
      }
    }
    return undefined
  }

  add(history: UsageHistory, key: Omit<SeriesKey, 'tenant'>) {
    const series = history.addSeries({ tenant: this.#tenant, ...key })
    this.#series.push(series)
    return series
  }
}

export class UsageTracker {
  readonly #history: UsageHistory
  readonly #ledger: AccountingLedger
  readonly #counts: UsageCounts
  /** In the order of the ledger's accounts and of the counts, which only grow. */
  readonly #accounts: Tracked[] = []
  readonly #tenants: Tracked[] = []
  #nowMs = 0

  constructor(history: UsageHistory, ledger: AccountingLedger, counts: UsageCounts) {
    this.#history = history
    this.#ledger = ledger
    this.#counts = counts
  }

  collect(nowMs: number): void {
    this.#nowMs = nowMs
    let i = 0
    for (const account of this.#ledger.accounts()) {
      const tracked = (this.#accounts[i++] ??= new Tracked(account.tenant))
      if (tracked.changes !== account.changes) this.#noteAccount(tracked, account)
    }
    i = 0
    for (const counts of this.#counts.all()) {
      const tracked = (this.#tenants[i++] ??= new Tracked(counts.tenant))
      if (tracked.changes !== counts.changes) this.#noteCounts(tracked, counts)
    }
  }

  #noteAccount(tracked: Tracked, account: AccountView): void {
    const { changes, signal, accepted, copied, sent, kept, dropped, refused } = account
    tracked.changes = changes
    this.#note(tracked, 'accepted', signal, accepted)
    this.#note(tracked, 'copied', signal, copied)
    this.#note(tracked, 'sent', signal, sent)
    this.#note(tracked, 'kept', signal, kept)
    for (const { stage, reason, intentional, items } of dropped.values()) {
      this.#note(tracked, 'dropped', signal, items, stage, reason, intentional)
    }
    for (const [reason, items] of refused) {
      this.#note(tracked, 'refused', signal, items, '', reason)
    }
  }

  #noteCounts(tracked: Tracked, { changes, bySignal, turnedAway }: TenantCounts): void {
    tracked.changes = changes
    for (const signal of SIGNALS) {
      const counts = bySignal[signal]
      if (counts === null) continue
      this.#note(tracked, 'requests', signal, counts.requests)
      this.#note(tracked, 'bytes_in', signal, counts.bytesIn)
      for (const { exporter, bytes } of counts.delivered) {
        this.#note(tracked, 'bytes_out', signal, bytes, exporter)
      }
    }
    for (const { reason, requests } of turnedAway) {
      this.#note(tracked, 'turned_away', null, requests, '', reason)
    }
  }

  #note(
    tracked: Tracked,
    kind: SeriesKind,
    signal: Signal | null,
    value: number,
    stage = '',
    reason = '',
    intentional = false,
  ): void {
    let series = tracked.find(kind, signal, stage, reason, intentional)
    if (series === undefined) {
      if (value === 0) return
      series = tracked.add(this.#history, { kind, signal, stage, reason, intentional })
    }
    this.#history.note(series, value, this.#nowMs)
  }
}
