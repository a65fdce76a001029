/** The EndpointSlices of one service as they are now, and the endpoints that they come to. */
import { isIPv6 } from 'node:net'
import type { K8sObject } from './k8s-api.ts'

export interface SliceOptions {
  /** Of the service, for names of pods. */
  readonly service: string
  readonly namespace: string
  readonly ports: readonly number[]
  readonly hostnames: boolean
  readonly onlyReady: boolean
}

/** discovery.k8s.io/v1 Endpoint, as far as it is read. */
interface Endpoint {
  readonly addresses?: readonly string[]
  readonly hostname?: string
  readonly conditions?: { readonly ready?: boolean }
}

export class EndpointSlices {
  readonly #options: SliceOptions
  /** By name of the slice: hosts, and whether some could not be named. */
  readonly #slices = new Map<string, { hosts: readonly string[]; isPartial: boolean }>()

  constructor(options: SliceOptions) {
    this.#options = options
  }

  clear(): void {
    this.#slices.clear()
  }

  set(slice: K8sObject): void {
    const { hostnames, onlyReady } = this.#options
    const hosts: string[] = []
    let isPartial = false
    for (const endpoint of (slice.endpoints ?? []) as readonly Endpoint[]) {
      // Absent means ready, as the API has it.
      if (onlyReady && endpoint.conditions?.ready === false) continue
      const { addresses = [], hostname = '' } = endpoint
      if (!hostnames) hosts.push(...addresses)
      else if (hostname !== '') hosts.push(hostname)
      else if (addresses.length > 0) isPartial = true
    }
    this.#slices.set(nameOf(slice), { hosts, isPartial })
  }

  delete(slice: K8sObject): void {
    this.#slices.delete(nameOf(slice))
  }

  /** Some pods have no host name yet and are left out. */
  get isPartial(): boolean {
    return [...this.#slices.values()].some(({ isPartial }) => isPartial)
  }

  /** A pod may be in two slices while it moves from one to the other. */
  endpoints(): string[] {
    const { service, namespace, ports, hostnames } = this.#options
    const hosts = new Set([...this.#slices.values()].flatMap(slice => slice.hosts))
    return [...hosts].flatMap(host => {
      const name = hostnames ? `${host}.${service}.${namespace}` : host
      return ports.length === 0 ? [name] : ports.map(port => join(name, port))
    })
  }
}

function nameOf(slice: K8sObject): string {
  return String((slice.metadata as { name?: unknown } | undefined)?.name ?? '')
}

function join(host: string, port: number): string {
  return isIPv6(host) ? `[${host}]:${port}` : `${host}:${port}`
}
