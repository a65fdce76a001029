/**
 * Which endpoints a pool has: those of the configuration, or every address of their names, looked up again and again. New
 * ones join when they have started; those that are gone finish what they have in flight.
 */
import type { Clock, Timer } from '../../../core/clock.ts'
import type { Logger } from '../../../core/logger.ts'
import type { Lookup } from '../../../net/grpc-client-target.ts'
import { type BalancingConfig, type EndpointConfig, MAX_ENDPOINTS } from './config.ts'
import type { Endpoint } from './endpoint.ts'
import { type EndpointKind, hasName, locate, nameOf, type Place } from './place.ts'

export interface MembershipOptions {
  readonly id: string
  readonly endpoints: readonly EndpointConfig[]
  readonly kind: EndpointKind
  readonly resolve: BalancingConfig['resolve']
  readonly lookup: Lookup
  readonly clock: Clock
  readonly log: Logger
  /** Makes and starts one. Rejects when it cannot be started. */
  readonly open: (place: Place, weight: number) => Promise<Endpoint>
  /** It is no longer a member; nothing is in flight any more. */
  readonly close: (endpoint: Endpoint) => Promise<void>
  readonly changed: (endpoints: readonly Endpoint[]) => void
}

interface Listed {
  readonly config: EndpointConfig
  /** To be looked up; null = used as it is written. */
  readonly host: string | null
  /** Null until a look-up has told some. */
  addresses: readonly string[] | null
}

export class Membership {
  readonly #options: MembershipOptions
  readonly #listed: readonly Listed[]
  #members: ReadonlyMap<string, Endpoint> = new Map()
  readonly #leaving = new Set<Endpoint>()
  #timer: Timer | null = null
  #isStopped = false
  /** Why one of the first could not be started. */
  #fault: unknown = null

  constructor(options: MembershipOptions) {
    this.#options = options
    this.#listed = options.endpoints.map(config => {
      const location = locate(options.kind, config.endpoint)
      const isLookedUp = options.resolve !== undefined && hasName(location)
      return { config, host: isLookedUp ? location.host : null, addresses: null }
    })
  }

  /** Rejects when one of the endpoints cannot be started at all; then nothing is left open. */
  async start(): Promise<void> {
    await this.#lookUpAll()
    await this.#apply()
    if (this.#fault !== null) {
      await this.stop()
      throw this.#fault
    }
    if (this.#listed.some(({ host }) => host !== null)) this.#again()
  }

  async stop(): Promise<void> {
    this.#isStopped = true
    this.#timer?.cancel()
    const all = [...this.#members.values(), ...this.#leaving]
    this.#members = new Map()
    this.#leaving.clear()
    await Promise.all(all.map(endpoint => this.#options.close(endpoint)))
  }

  /** A request to an endpoint that is leaving has ended. */
  released(endpoint: Endpoint): void {
    if (endpoint.inFlight > 0 || !this.#leaving.delete(endpoint)) return
    void this.#options.close(endpoint)
  }

  #again(): void {
    const { clock, resolve } = this.#options
    this.#timer = clock.after(resolve!.interval, async () => {
      await this.#lookUpAll()
      if (this.#isStopped) return
      await this.#apply()
      if (!this.#isStopped) this.#again()
    })
  }

  async #lookUpAll(): Promise<void> {
    await Promise.all(this.#listed.map(each => this.#lookUp(each)))
  }

  /** A name that cannot be looked up keeps the addresses that it had. */
  async #lookUp(listed: Listed): Promise<void> {
    const { host } = listed
    if (host === null) return
    const { lookup, clock, resolve, log, id } = this.#options
    let timer: Timer | undefined
    const late = new Promise<never>((_, reject) => {
      const { timeout } = resolve!
      timer = clock.after(timeout, () => reject(new Error(`no answer within ${timeout} ms`)))
    })
    try {
      const found = [...new Set(await Promise.race([lookup(host), late]))].sort()
      if (found.length === 0) throw new Error('no address')
      if (found.length > MAX_ENDPOINTS) {
        log.warn('endpoint_has_too_many_addresses', { exporter: id, host, used: MAX_ENDPOINTS })
      }
      listed.addresses = found.slice(0, MAX_ENDPOINTS)
    } catch (error) {
      log.warn('endpoint_lookup_failed', { exporter: id, host, why: (error as Error).message })
    } finally {
      timer?.cancel()
    }
  }

  async #apply(): Promise<void> {
    const before = this.#members
    const opened = await Promise.all(this.#wanted().map(each => this.#find(each)))
    const members = new Map(opened.filter(each => each !== null))
    if (this.#isStopped) {
      const late = [...members].filter(([key]) => !before.has(key))
      await Promise.all(late.map(([, endpoint]) => this.#options.close(endpoint)))
      return
    }
    this.#members = members
    for (const [key, endpoint] of before) if (!members.has(key)) this.#letGo(endpoint)
    this.#options.changed([...members.values()])
  }

  #wanted(): { key: string; place: Place; weight: number }[] {
    return this.#listed.flatMap(({ config: { endpoint, weight }, addresses }) =>
      (addresses ?? [null]).map(address => ({
        key: `${endpoint} ${address ?? ''}`,
        place: { endpoint, address },
        weight,
      })),
    )
  }

  async #find({
    key,
    place,
    weight,
  }: {
    key: string
    place: Place
    weight: number
  }): Promise<readonly [string, Endpoint] | null> {
    const known = this.#members.get(key)
    if (known !== undefined) return [key, known]
    try {
      return [key, await this.#options.open(place, weight)]
    } catch (error) {
      this.#fault = error
      const { log, id } = this.#options
      log.error('endpoint_cannot_start', {
        exporter: id,
        endpoint: nameOf(place),
        why: (error as Error).message,
      })
      return null
    }
  }

  #letGo(endpoint: Endpoint): void {
    endpoint.isLeaving = true
    this.#leaving.add(endpoint)
    this.released(endpoint)
  }
}
