/** The sender of an exporter with `endpointsFields`: a pool where several endpoints are listed, else a plain one. */
import type { TlsClientConfig } from '../../../config/fields.ts'
import type { Host, Services } from '../../../core/component.ts'
import type { CreateContext } from '../../../core/factory.ts'
import { type Lookup, systemLookup } from '../../../net/grpc-client-target.ts'
import {
  grpcProbe,
  httpProbe,
  type Probe,
  type ProbeHeaders,
  type ProbePlace,
  tcpProbe,
} from '../../../net/health-probe.ts'
import { type ClientTls, clientTls } from '../../../net/tls.ts'
import type { Sender } from '../sender.ts'
import { defaultBalancing, type EndpointsConfig, type HealthCheckConfig } from './config.ts'
import { type EndpointKind, locate, type Place } from './place.ts'
import { PooledSender } from './pooled-sender.ts'

export interface CreateSenderOptions {
  readonly kind: EndpointKind
  /** What `endpoint` says; unused where there are `endpoints`. */
  readonly endpoint: string | undefined
  readonly tls: TlsClientConfig | undefined
  /** What `:authority` says instead of the host of an endpoint. */
  readonly authority?: string
  /** The sender of one endpoint; `endpoint` is empty where the configuration has none. Creation does no I/O. */
  readonly create: (place: Place) => Sender
  /** For tests. */
  readonly lookup?: Lookup
  readonly random?: () => number
}

export function createSender<C extends EndpointsConfig>(
  context: CreateContext<C>,
  options: CreateSenderOptions,
): Sender {
  const { endpoints, balancing = defaultBalancing() } = context.config
  const { kind, create, endpoint = '' } = options
  if (endpoints === undefined) return create({ endpoint, address: null })
  const pool = {
    id: context.id,
    services: context,
    endpoints,
    balancing,
    kind,
    create,
    lookup: options.lookup ?? systemLookup,
    random: options.random ?? Math.random,
  }
  const { health_check: check } = balancing
  if (check === undefined) return new PooledSender({ ...pool, probeOf: null })
  const probes = new Probes(options, check, context)
  return new CheckedPool(probes, new PooledSender({ ...pool, probeOf: place => probes.of(place) }))
}

/** A pool whose checks may need certificates: they are read before it starts, and watched until it has stopped. */
class CheckedPool implements Sender {
  readonly #probes: Probes
  readonly #pool: PooledSender
  readonly send: Sender['send']
  readonly cut: NonNullable<Sender['cut']>

  constructor(probes: Probes, pool: PooledSender) {
    this.#probes = probes
    this.#pool = pool
    this.send = (encoded, abort) => pool.send(encoded, abort)
    this.cut = batch => pool.cut(batch)
  }

  async start(host: Host): Promise<void> {
    await this.#probes.start()
    try {
      await this.#pool.start(host)
    } catch (error) {
      this.#probes.stop()
      throw error
    }
  }

  async stop(): Promise<void> {
    await this.#pool.stop()
    this.#probes.stop()
  }
}

/** How the endpoints of one exporter are checked. */
class Probes {
  readonly #kind: EndpointKind
  readonly #check: HealthCheckConfig
  readonly #settings: TlsClientConfig | undefined
  readonly #authority: string | undefined
  readonly #headers: ProbeHeaders
  readonly #services: Services
  #tls: ClientTls | null = null

  constructor(options: CreateSenderOptions, check: HealthCheckConfig, services: Services) {
    this.#kind = options.kind
    this.#check = check
    this.#settings = options.tls
    this.#authority = options.authority
    this.#services = services
    this.#headers = Object.fromEntries(
      Object.entries(check.headers).map(([name, value]) => [name.toLowerCase(), value.reveal()]),
    )
  }

  async start(): Promise<void> {
    if (this.#protocol === 'tcp') return
    this.#tls = await clientTls(this.#settings ?? {}, this.#services)
  }

  stop(): void {
    this.#tls?.stop()
  }

  of(place: Place): Probe {
    const at = this.#placeOf(place)
    const { path, expected_status: expected, service } = this.#check
    if (this.#protocol === 'tcp') return tcpProbe(at)
    if (this.#protocol === 'http') return httpProbe(at, { path, expected, headers: this.#headers })
    return grpcProbe(at, service, this.#services.clock, this.#headers)
  }

  get #protocol(): 'grpc' | 'http' | 'tcp' {
    const { protocol } = this.#check
    if (protocol !== 'auto') return protocol
    return this.#kind === 'grpc' ? 'grpc' : 'tcp'
  }

  /** Another port is another server of the same host, and as secret as the endpoint itself. */
  #placeOf({ endpoint, address }: Place): ProbePlace {
    const location = locate(this.#kind, endpoint)
    const port = this.#check.port || location.port
    const isOwn = port === location.port
    const isPlain = location.isPlain ?? this.#settings?.insecure === true
    const name = location.host.includes(':') ? `[${location.host}]` : location.host
    return {
      path: this.#check.port === 0 ? location.path : null,
      host: address ?? (location.host === '' ? 'localhost' : location.host),
      port,
      authority: isOwn ? (this.#authority ?? location.authority) : `${name}:${port}`,
      tls: isPlain || this.#tls === null ? null : () => this.#tls!.connectOptions(),
    }
  }
}
