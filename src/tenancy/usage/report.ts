/** Growths of counters become rows: one for each tenant and signal, with reasons and the cost. */
import type { Signal } from '../../core/signal.ts'
import type {
  UsageDrop,
  UsageReason,
  UsageReport,
  UsageRow,
  UsageTurnedAway,
} from '../../core/tenant-control.ts'
import type { AccountView } from '../../telemetry/ledger.ts'
import type { SeriesKey } from './history.ts'
import { costOf, type Prices } from './prices.ts'

/** A sum that has a name, and when it last grew. */
interface Sum {
  readonly key: SeriesKey
  total: number
  lastMs: number
}

interface RowDraft {
  readonly tenant: string
  readonly signal: Signal
  held: number
  accepted: number
  copied: number
  sent: number
  kept: number
  requests: number
  bytesIn: number
  readonly dropped: Sum[]
  readonly refused: Sum[]
  readonly delivered: Sum[]
}

type RowsBySignal = Record<Signal, RowDraft | null>

export class ReportDraft {
  readonly #tenant: string | undefined
  readonly #tenants = new Map<string, RowsBySignal>()
  readonly #rows: RowDraft[] = []
  readonly #turnedAway: Sum[] = []

  /** Of this tenant alone; of all when undefined. */
  constructor(tenant: string | undefined) {
    this.#tenant = tenant
  }

  /** The same key object stands for the same counter. */
  add(key: SeriesKey, growth: number, atMs: number): void {
    const { tenant, signal, kind } = key
    if (this.#isOther(tenant)) return
    if (signal === null) {
      addTo(this.#turnedAway, key, growth, atMs)
      return
    }
    const row = this.#row(tenant, signal)
    switch (kind) {
      case 'dropped':
      case 'refused':
        addTo(row[kind], key, growth, atMs)
        break
      case 'bytes_out':
        addTo(row.delivered, key, growth, atMs)
        break
      case 'bytes_in':
        row.bytesIn += growth
        break
      case 'turned_away':
        break
      default:
        row[kind] += growth
    }
  }

  hold({ tenant, signal }: AccountView, items: number): void {
    if (items > 0 && !this.#isOther(tenant)) this.#row(tenant, signal).held += items
  }

  finish(prices: Prices | null): Omit<UsageReport, 'fromMs' | 'toMs' | 'sinceStart'> {
    const turnedAway = largestFirst(this.#turnedAway).map(
      ({ key: { tenant, reason }, total: requests, lastMs }): UsageTurnedAway => ({
        ...{ tenant, reason, requests, lastMs },
      }),
    )
    return {
      currency: prices?.currency ?? '',
      rows: this.#rows
        .map(row => finishRow(row, prices))
        .sort((a, b) => compare(a.tenant, b.tenant) || compare(b.signal, a.signal)),
      turnedAway: turnedAway.sort((a, b) => compare(a.tenant, b.tenant)),
    }
  }

  #isOther(tenant: string): boolean {
    return this.#tenant !== undefined && tenant !== this.#tenant
  }

  #row(tenant: string, signal: Signal): RowDraft {
    let rows = this.#tenants.get(tenant)
    if (rows === undefined) {
      this.#tenants.set(tenant, (rows = { traces: null, metrics: null, logs: null }))
    }
    return (rows[signal] ??= this.#open(tenant, signal))
  }

  #open(tenant: string, signal: Signal): RowDraft {
    const row: RowDraft = {
      ...{ tenant, signal, held: 0, accepted: 0, copied: 0, sent: 0, kept: 0 },
      ...{ requests: 0, bytesIn: 0, dropped: [], refused: [], delivered: [] },
    }
    this.#rows.push(row)
    return row
  }
}

function addTo(sums: Sum[], key: SeriesKey, growth: number, lastMs: number): void {
  const sum = sums.find(each => each.key === key)
  if (sum === undefined) sums.push({ key, total: growth, lastMs })
  else {
    sum.total += growth
    sum.lastMs = Math.max(sum.lastMs, lastMs)
  }
}

function largestFirst(sums: readonly Sum[]): Sum[] {
  return sums.filter(({ total }) => total !== 0).sort((a, b) => b.total - a.total)
}

function finishRow(draft: RowDraft, prices: Prices | null): UsageRow {
  const dropped = largestFirst(draft.dropped).map(
    ({ key: { stage, reason, intentional }, total: items, lastMs }): UsageDrop => ({
      ...{ stage, reason, intentional, items, lastMs },
    }),
  )
  const refused = largestFirst(draft.refused).map(
    ({ key: { reason }, total: items, lastMs }): UsageReason => ({ reason, items, lastMs }),
  )
  const delivered = largestFirst(draft.delivered).map(({ key, total: bytes }) => ({
    exporter: key.stage,
    bytes,
  }))
  const bytesOut = delivered.reduce((sum, { bytes }) => sum + bytes, 0)
  const cost = prices === null ? 0 : costOf({ ...draft, delivered }, prices)
  return { ...draft, dropped, refused, delivered, bytesOut, cost }
}

function compare(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0
}
