/** Serves self-metrics in the Prometheus text format on the addresses of `service.telemetry.metrics`. */
import type { Services } from '../core/component.ts'
import { plain, type StatusAnswer, type StatusRoute, StatusServer } from '../net/status-server.ts'

export interface MetricsAddress {
  readonly host: string
  readonly port: number
}

/** What a scrape reads. */
export interface MetricsSource {
  readonly contentType: string
  exposition(): Promise<string>
}

export class MetricsEndpoint {
  readonly #source: MetricsSource
  readonly #services: Pick<Services, 'log' | 'clock'>
  /** By endpoint, "host:port". */
  readonly #servers = new Map<string, StatusServer>()

  constructor(source: MetricsSource, services: Pick<Services, 'log' | 'clock'>) {
    this.#source = source
    this.#services = services
  }

  /**
   * From now on listens on these addresses and no others; those that stay keep their connections. Rejects when one
   * cannot be had, and listens where it did before then.
   */
  async listen(addresses: readonly MetricsAddress[]): Promise<void> {
    const wanted = new Set(addresses.map(endpointOf))
    const gone = [...this.#servers.keys()].filter(endpoint => !wanted.has(endpoint))
    const fresh = [...wanted].filter(endpoint => !this.#servers.has(endpoint))
    // Old ones go first: another host with the same port may be the same socket to the kernel.
    await this.#close(gone)
    try {
      for (const endpoint of fresh) await this.#open(endpoint)
    } catch (error) {
      await this.#close(fresh)
      for (const endpoint of gone) await this.#reopen(endpoint)
      throw error
    }
  }

  /** Where it listens. */
  get ports(): readonly number[] {
    return [...this.#servers.values()].map(server => server.port)
  }

  async #open(endpoint: string): Promise<void> {
    const routes = new Map<string, StatusRoute>([
      ['/metrics', () => this.#expose()],
      ['/', () => plain(404, 'metrics are at /metrics')],
    ])
    const server = new StatusServer({ ...this.#services, endpoint, routes })
    await server.start()
    this.#servers.set(endpoint, server)
    this.#services.log.info('metrics_listening', { endpoint, path: '/metrics' })
  }

  async #reopen(endpoint: string): Promise<void> {
    await this.#open(endpoint).catch(error =>
      this.#services.log.error('metrics_address_lost', { endpoint, error }),
    )
  }

  async #close(endpoints: readonly string[]): Promise<void> {
    const servers = endpoints.map(endpoint => this.#servers.get(endpoint))
    for (const endpoint of endpoints) this.#servers.delete(endpoint)
    await Promise.all(servers.map(server => server?.close()))
  }

  async #expose(): Promise<StatusAnswer> {
    const { contentType } = this.#source
    return { status: 200, contentType, body: await this.#source.exposition() }
  }
}

function endpointOf({ host, port }: MetricsAddress): string {
  return `${host.includes(':') ? `[${host}]` : host}:${port}`
}
