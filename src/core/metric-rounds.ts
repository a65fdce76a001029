/** Rounds in which a component tells what it has counted as metrics: one at a time, tenant after tenant, in slices. */
import { inSlices } from '../util/in-slices.ts'
import type { TenantId } from './batch.ts'
import type { Clock } from './clock.ts'
import type { Logger } from './logger.ts'
import type { MadeMetrics } from './made-metrics.ts'
import type { Counter } from './meter.ts'

/** Writes the requests of one tenant step by step; false when one of them was not taken. */
export type Telling = (
  take: (bytes: Uint8Array) => boolean,
  nowMs: number,
  isLast: boolean,
) => Generator<unknown, boolean>

export interface MetricRoundsOptions {
  readonly made: MadeMetrics
  readonly clock: Clock
  readonly log: Logger
  /** Rounds, and tenants of a round, that have to wait for the next. */
  readonly postponed: Counter
  readonly failed: Counter
  /** Asked anew for each round. */
  readonly tellings: () => Iterable<readonly [TenantId, Telling]>
}

export class MetricRounds {
  readonly #options: MetricRoundsOptions
  #running: Promise<void> | null = null

  constructor(options: MetricRoundsOptions) {
    this.#options = options
  }

  /** Nothing is lost by waiting: what is counted meanwhile is told with the rest, at the latest at the end. */
  begin(): void {
    if (this.#running !== null || !this.#options.made.isIdle) this.#options.postponed.value++
    else this.#run(false)
  }

  /** The round under way, then a last one with what was counted since. Nothing may begin after it. */
  async end(): Promise<void> {
    await this.#running
    this.#run(true)
    await this.#running
  }

  #run(isLast: boolean): void {
    this.#running = this.#tellAll(isLast).finally(() => {
      this.#running = null
    })
  }

  async #tellAll(isLast: boolean): Promise<void> {
    const { made, clock, log, postponed, failed, tellings } = this.#options
    const nowMs = clock.now()
    for (const [tenant, tell] of tellings()) {
      const take = (bytes: Uint8Array): boolean => made.push(tenant, bytes)
      try {
        if (!(await inSlices(tell(take, nowMs, isLast)))) postponed.value++
      } catch (error) {
        // Nobody waits for a round: its fault would end the process.
        failed.value++
        log.error('flush_failed', { tenant, error })
      }
    }
  }
}
