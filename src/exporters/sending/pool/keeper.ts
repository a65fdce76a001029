/** The life of single endpoints: their senders are started and stopped, their health is checked, their series are shown. */
import type { Host, Services } from '../../../core/component.ts'
import type { Probe } from '../../../net/health-probe.ts'
import type { Sender } from '../sender.ts'
import type { BalancingConfig } from './config.ts'
import { Endpoint } from './endpoint.ts'
import { HealthChecks } from './health-checks.ts'
import { observeEndpoint } from './metrics.ts'
import type { Place } from './place.ts'

export interface KeeperOptions {
  readonly id: string
  readonly services: Services
  readonly balancing: BalancingConfig
  /** The sender of one endpoint. Creation does no I/O. */
  readonly create: (place: Place) => Sender
  /** How one endpoint is asked whether it is well; null = it is not. */
  readonly probeOf: ((place: Place) => Probe) | null
  readonly random: () => number
}

export class Keeper {
  readonly #options: KeeperOptions
  readonly #ends = new Map<Endpoint, () => void>()
  /** Its health has changed. */
  readonly #changed: () => void

  constructor(options: KeeperOptions, changed: () => void) {
    this.#options = options
    this.#changed = changed
  }

  async open(place: Place, weight: number, host: Host): Promise<Endpoint> {
    const { id, services, balancing } = this.#options
    const { clock, meter } = services
    const sender = this.#options.create(place)
    const endpoint = new Endpoint({ place, weight, sender, balancing, clock })
    await sender.start(host)
    const checks = this.#checksOf(endpoint)
    const unobserve = observeEndpoint(meter, id, endpoint, () => clock.monotonic())
    this.#ends.set(endpoint, () => {
      checks?.stop()
      unobserve()
    })
    checks?.start()
    return endpoint
  }

  /** Never rejects. */
  async close(endpoint: Endpoint): Promise<void> {
    this.#ends.get(endpoint)?.()
    this.#ends.delete(endpoint)
    try {
      await endpoint.sender.stop()
    } catch (error) {
      const { id, services } = this.#options
      const about = { exporter: id, endpoint: endpoint.name }
      services.log.error('endpoint_cannot_stop', { ...about, why: (error as Error).message })
    }
  }

  #checksOf(endpoint: Endpoint): HealthChecks | null {
    const { id, services, balancing, probeOf, random } = this.#options
    const config = balancing.health_check
    if (config === undefined || probeOf === null) return null
    return new HealthChecks(endpoint, {
      id,
      config,
      probe: probeOf(endpoint.place),
      clock: services.clock,
      log: services.log,
      random,
      changed: isWell => {
        if (isWell) endpoint.returned()
        this.#changed()
      },
    })
  }
}
