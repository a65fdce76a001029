/** Asks one endpoint again and again whether it is well, and says so to the pool when that has changed for certain. */
import type { Clock, Timer } from '../../../core/clock.ts'
import type { Logger } from '../../../core/logger.ts'
import type { Probe } from '../../../net/health-probe.ts'
import { AbortSource } from '../../../util/abort.ts'
import type { HealthCheckConfig } from './config.ts'
import type { Endpoint } from './endpoint.ts'

export interface HealthChecksOptions {
  readonly id: string
  readonly config: HealthCheckConfig
  readonly probe: Probe
  readonly clock: Clock
  readonly log: Logger
  readonly random: () => number
  /** The endpoint is used again, or no longer. */
  readonly changed: (isWell: boolean) => void
}

export class HealthChecks {
  readonly #endpoint: Endpoint
  readonly #options: HealthChecksOptions
  readonly #abort = new AbortSource()
  #timer: Timer | null = null
  /** In a row, all passed or all failed. */
  #alike = 0
  #lastPassed = true
  #isFirst = true

  constructor(endpoint: Endpoint, options: HealthChecksOptions) {
    this.#endpoint = endpoint
    this.#options = options
  }

  start(): void {
    void this.#check()
  }

  stop(): void {
    this.#timer?.cancel()
    this.#abort.abort(new Error('the pool has ended'))
    this.#options.probe.close()
  }

  async #check(): Promise<void> {
    const { clock, probe, config } = this.#options
    const abort = new AbortSource()
    const timeout = clock.after(config.timeout, () =>
      abort.abort(new Error(`no answer within ${config.timeout} ms`)),
    )
    const stop = (): void => abort.abort(new Error('stopped'))
    this.#abort.addEventListener('abort', stop)
    const fault = await probe.check(abort)
    timeout.cancel()
    this.#abort.removeEventListener('abort', stop)
    if (this.#abort.aborted) return
    this.#learn(fault)
    this.#timer = clock.after(this.#nextMs(), () => void this.#check())
  }

  #nextMs(): number {
    const { config, random } = this.#options
    return config.interval * (1 + config.jitter * (2 * random() - 1))
  }

  #learn(fault: string | null): void {
    const { config, id, log, changed } = this.#options
    const endpoint = this.#endpoint
    const passed = fault === null
    endpoint.checks[passed ? 'passed' : 'failed']++
    this.#alike = passed === this.#lastPassed ? this.#alike + 1 : 1
    this.#lastPassed = passed
    const needed = passed ? config.healthy_threshold : config.unhealthy_threshold
    const isSure = this.#isFirst || this.#alike >= needed
    this.#isFirst = false
    if (!isSure || endpoint.isDown === !passed) return
    endpoint.isDown = !passed
    const about = { exporter: id, endpoint: endpoint.name }
    if (passed) log.info('endpoint_healthy', about)
    else log.warn('endpoint_unhealthy', { ...about, why: fault })
    changed(passed)
  }
}
