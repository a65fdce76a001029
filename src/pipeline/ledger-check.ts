/**
 * Checks the book at run time: an imbalance that is there at two looks in a row, unchanged, is a fault and is said.
 * While items are on their way to a stage that answers later they are nobody's, so then there is nothing to check.
 */
import type { Clock, Timer } from '../core/clock.ts'
import type { LedgerRowView } from '../core/component.ts'
import type { Logger } from '../core/logger.ts'
import type { Meter } from '../core/meter.ts'
import { LEDGER_IMBALANCE } from '../telemetry/catalogue.ts'
import { GatheredSeries } from '../telemetry/gathered.ts'
import { TenantLabels } from '../telemetry/tenant-labels.ts'
import { imbalance } from './observe.ts'
import type { Transit } from './port.ts'

const INTERVAL_MS = 10_000

export interface LedgerCheckOptions {
  readonly rows: () => readonly LedgerRowView[]
  readonly transit: Transit
  readonly clock: Clock
  readonly log: Logger
  readonly meter: Meter
  readonly labels?: TenantLabels
}

export class LedgerCheck {
  readonly #options: LedgerCheckOptions
  #timer: Timer | null = null
  readonly #labels: TenantLabels
  #before = new Map<string, number>()

  constructor(options: LedgerCheckOptions) {
    this.#options = options
    this.#labels = options.labels ?? new TenantLabels()
  }

  start(): void {
    this.#timer = this.#options.clock.every(INTERVAL_MS, () => this.#look())
  }

  stop(): void {
    this.#timer?.cancel()
    this.#timer = null
  }

  #look(): void {
    const { rows, transit, log, meter } = this.#options
    if (transit.items > 0) return
    const now = new Map<string, number>()
    const series = new GatheredSeries(meter)
    for (const row of rows()) {
      const { tenant, signal } = row
      const missing = imbalance(row)
      const key = `${signal}\n${tenant}`
      now.set(key, missing)
      const isFault = missing !== 0 && this.#before.get(key) === missing
      const labels = { tenant: this.#labels.of(tenant), signal }
      series.add(LEDGER_IMBALANCE, labels, isFault ? missing : 0)
      if (isFault) log.error('ledger_out_of_balance', { ...row, missing })
    }
    series.publish()
    this.#before = now
  }
}
