/**
 * Checks the book at run time: an imbalance that is there at two looks in a row, unchanged, is a fault and is said.
 * While items are on their way to a stage that answers later they are nobody's, so then there is nothing to check.
 */
import type { Clock, Timer } from '../core/clock.ts'
import type { LedgerRowView } from '../core/component.ts'
import type { Logger } from '../core/logger.ts'
import type { Meter } from '../core/meter.ts'
import { LEDGER_IMBALANCE } from '../telemetry/catalogue.ts'
import { imbalance } from './observe.ts'
import type { Transit } from './port.ts'

const INTERVAL_MS = 10_000

export interface LedgerCheckOptions {
  readonly rows: () => readonly LedgerRowView[]
  readonly transit: Transit
  readonly clock: Clock
  readonly log: Logger
  readonly meter: Meter
}

export class LedgerCheck {
  readonly #options: LedgerCheckOptions
  #timer: Timer | null = null
  #before = new Map<string, number>()

  constructor(options: LedgerCheckOptions) {
    this.#options = options
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
    for (const row of rows()) {
      const { tenant, signal } = row
      const missing = imbalance(row)
      const key = `${signal}\n${tenant}`
      now.set(key, missing)
      const isFault = missing !== 0 && this.#before.get(key) === missing
      meter.gauge(LEDGER_IMBALANCE, { tenant, signal }).value = isFault ? missing : 0
      if (isFault) log.error('ledger_out_of_balance', { ...row, missing })
    }
    this.#before = now
  }
}
