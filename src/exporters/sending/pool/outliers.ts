/** Compares the endpoints of a pool with each other now and then, and takes out for a while who is far worse than the rest. */
import type { Clock, Timer } from '../../../core/clock.ts'
import type { Logger } from '../../../core/logger.ts'
import type { EjectionConfig } from './config.ts'
import type { Ejection, Endpoint } from './endpoint.ts'

export interface OutliersOptions {
  readonly id: string
  readonly config: EjectionConfig
  readonly clock: Clock
  readonly log: Logger
  readonly endpoints: () => readonly Endpoint[]
}

export class Outliers {
  readonly #options: OutliersOptions
  readonly #timer: Timer

  constructor(options: OutliersOptions) {
    this.#options = options
    this.#timer = options.clock.every(options.config.interval, () => this.#compare())
  }

  stop(): void {
    this.#timer.cancel()
  }

  #compare(): void {
    const { endpoints, clock, config } = this.#options
    const now = clock.monotonic()
    const all = endpoints()
    const compared = all.filter(
      each => each.tally.requests >= config.min_requests && now >= each.ejectedUntilMs,
    )
    for (const endpoint of worstFirst(compared)) {
      const why = this.#judge(endpoint, compared)
      if (why === null) endpoint.ejections = Math.max(0, endpoint.ejections - 1)
      else if (this.#mayEject(all, now)) this.#eject(endpoint, why, now)
    }
    for (const endpoint of all) endpoint.tally = { requests: 0, failures: 0, totalMs: 0 }
  }

  /** Null where it is no worse than its peers. Alone there is nobody to be worse than. */
  #judge(endpoint: Endpoint, compared: readonly Endpoint[]): Ejection | null {
    const peers = compared.filter(each => each !== endpoint)
    if (peers.length === 0) return null
    const { failure_ratio, peer_factor, latency_factor, min_latency } = this.#options.config
    const ratio = failureRatio(endpoint)
    const usual = median(peers.map(failureRatio))
    if (ratio >= failure_ratio && ratio >= usual * peer_factor) return 'failures'
    const ms = meanMs(endpoint)
    const peerMs = peers.map(meanMs).filter(each => each > 0)
    if (latency_factor === 0 || peerMs.length === 0) return null
    return ms > min_latency && ms > median(peerMs) * latency_factor ? 'latency' : null
  }

  /** One may always go, and never the last one that is well. */
  #mayEject(all: readonly Endpoint[], now: number): boolean {
    const well = all.filter(each => each.isWell(now)).length
    if (well <= 1) return false
    const out = all.filter(each => now < each.ejectedUntilMs).length
    const percent = this.#options.config.max_ejection_percent
    return out === 0 || (out + 1) * 100 <= percent * all.length
  }

  #eject(endpoint: Endpoint, why: Ejection, now: number): void {
    const { config, log, id } = this.#options
    endpoint.ejections++
    const forMs = Math.min(config.base_ejection_time * endpoint.ejections, config.max_ejection_time)
    endpoint.ejectedUntilMs = now + forMs
    endpoint.ejected[why]++
    log.warn('endpoint_ejected', { exporter: id, endpoint: endpoint.name, why, forMs })
  }
}

/** So that the room for ejections goes to those who need it most. */
function worstFirst(endpoints: readonly Endpoint[]): Endpoint[] {
  return [...endpoints].sort((a, b) => failureRatio(b) - failureRatio(a) || meanMs(b) - meanMs(a))
}

function failureRatio({ tally }: Endpoint): number {
  return tally.requests === 0 ? 0 : tally.failures / tally.requests
}

function meanMs({ tally }: Endpoint): number {
  const good = tally.requests - tally.failures
  return good === 0 ? 0 : tally.totalMs / good
}

function median(numbers: readonly number[]): number {
  const sorted = [...numbers].sort((a, b) => a - b)
  const middle = sorted.length >>> 1
  return sorted.length % 2 === 1 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2
}
