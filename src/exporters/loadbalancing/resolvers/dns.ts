/** The addresses of a name, asked for again and again; an answer that does not come leaves the list as it is. */
import { lookup as systemLookup } from 'node:dns/promises'
import { isIPv6 } from 'node:net'
import type { Timer } from '../../../core/clock.ts'
import type { CreateContext } from '../../../core/factory.ts'
import type { DnsConfig } from '../config.ts'
import { EndpointList, type OnChange, type Resolver } from './resolver.ts'

export type Lookup = (hostname: string) => Promise<readonly string[]>

export class DnsResolver implements Resolver {
  readonly #context: CreateContext<unknown>
  readonly #config: DnsConfig
  readonly #lookup: Lookup
  #timer: Timer | null = null
  #isStopped = false

  constructor(
    context: CreateContext<unknown>,
    config: DnsConfig,
    lookup: Lookup = lookUpAllAddresses,
  ) {
    this.#context = context
    this.#config = config
    this.#lookup = lookup
  }

  async start(onChange: OnChange): Promise<void> {
    const list = new EndpointList(this.#context, 'dns', onChange)
    await this.#resolve(list)
  }

  stop(): void {
    this.#isStopped = true
    this.#timer?.cancel()
  }

  /** One at a time: the next is set when this one has ended. */
  async #resolve(list: EndpointList): Promise<void> {
    const { hostname, port, interval } = this.#config
    try {
      const addresses = await this.#withinTime(this.#lookup(hostname))
      if (this.#isStopped) return
      if (addresses.length === 0) list.failed(`${hostname} has no addresses`)
      else list.resolved(addresses.map(address => withPort(address, port)))
    } catch (error) {
      if (this.#isStopped) return
      list.failed((error as Error).message)
    }
    this.#timer = this.#context.clock.after(interval, () => void this.#resolve(list))
  }

  #withinTime<T>(work: Promise<T>): Promise<T> {
    const { timeout, hostname } = this.#config
    return new Promise((resolve, reject) => {
      const timer = this.#context.clock.after(timeout, () =>
        reject(new Error(`no answer for ${hostname} within ${timeout} ms`)),
      )
      work.then(resolve, reject).finally(() => timer.cancel())
    })
  }
}

function withPort(address: string, port: string): string {
  const host = isIPv6(address) ? `[${address}]` : address
  return port === '' ? host : `${host}:${port}`
}

async function lookUpAllAddresses(hostname: string): Promise<readonly string[]> {
  const found = await systemLookup(hostname, { all: true, verbatim: true })
  return [...new Set(found.map(({ address }) => address))]
}
