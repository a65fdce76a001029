/** A gRPC client for unary calls with large messages: names, connections, balancing, one call. */

import type { ConnectionOptions } from 'node:tls'
import type { Clock, Timer } from '../core/clock.ts'
import type { Abort } from '../util/abort.ts'
import { type GrpcReply, localReply } from './grpc-client-call.ts'
import { GrpcConnection, type KeepaliveOptions } from './grpc-client-connection.ts'
import {
  addressKey,
  type GrpcAddress,
  type GrpcTarget,
  type Lookup,
  resolveTarget,
  systemLookup,
} from './grpc-client-target.ts'
import { writeHeaderBlock } from './http2/hpack.ts'
import { formatGrpcTimeout, GRPC } from './status.ts'

export type { GrpcReply } from './grpc-client-call.ts'
export type { KeepaliveOptions } from './grpc-client-connection.ts'

/** gRPC's floor between two look-ups of one name. */
const RESOLVE_INTERVAL_MS = 30_000
/** How often a call that no server has seen is tried again without the caller noticing. */
const TRANSPARENT_RETRIES = 2
const MAX_RESPONSE_BYTES = 4 << 20
/** Header blocks kept: one for each signal, mostly. */
const MAX_HEADS = 64

type BalancerName = 'round_robin' | 'pick_first'

export interface GrpcClientOptions {
  readonly target: GrpcTarget
  readonly clock: Clock
  readonly balancer: BalancerName
  readonly keepalive: KeepaliveOptions
  /** Asked for every new connection; null = no TLS. */
  readonly tls: (() => ConnectionOptions) | null
  /** Overrides `:authority`. */
  readonly authority?: string
  readonly userAgent: string
  /** Sent with every call; names lower case, values of `-bin` names are raw and get encoded. */
  readonly metadata: Readonly<Record<string, string>>
  /** Calls wait for a connection instead of failing while the server cannot be reached. */
  readonly waitForReady: boolean
  readonly connectionsPerAddress?: number
  readonly maxResponseBytes?: number
  readonly lookup?: Lookup
}

export interface CallOptions {
  readonly path: string
  readonly chunks: readonly Uint8Array[]
  readonly byteLength: number
  /** How the chunks are compressed; empty = not. */
  readonly encoding: string
  /**
   * Sent with this call; names lower case. What is sent with every call wins. Calls that hand over the same map
   * share what is made of it.
   */
  readonly metadata?: ReadonlyMap<string, string> | null
  /** Told to the server; 0 = without end. The abort signal is what ends the call. */
  readonly timeoutMs: number
  readonly abort: Abort | null
}

export class GrpcClient {
  readonly #options: GrpcClientOptions
  readonly #headers: readonly (readonly [string, string])[]
  /** Header blocks by what differs in them. */
  readonly #heads = new Map<string, Uint8Array>()
  /** The same, by metadata of calls. */
  readonly #ownHeads = new WeakMap<ReadonlyMap<string, string>, Map<string, Uint8Array>>()
  #connections: GrpcConnection[] = []
  /** Of addresses that are no longer there; they finish their calls. */
  #retired: GrpcConnection[] = []
  #next = 0
  #resolvedAtMs = Number.NEGATIVE_INFINITY
  #resolving: Promise<string> | null = null
  #isStale = true
  #isClosed = false

  constructor(options: GrpcClientOptions) {
    this.#options = options
    this.#headers = fixedHeaders(options)
  }

  /** Never rejects: what goes wrong is a gRPC status. */
  async unary(options: CallOptions): Promise<GrpcReply> {
    const { path, chunks, byteLength, encoding, metadata = null, timeoutMs, abort } = options
    const timeout = timeoutMs > 0 ? formatGrpcTimeout(timeoutMs) : ''
    const head = this.#headFor(path, encoding, timeout, metadata)
    const maxResponseBytes = this.#options.maxResponseBytes ?? MAX_RESPONSE_BYTES
    const compressed = encoding !== ''
    const request = { head, chunks, byteLength, compressed, maxResponseBytes, abort }
    let chunksFree = true
    for (let attempt = 0; ; attempt++) {
      const connection = await this.#pick(abort)
      if (!(connection instanceof GrpcConnection)) return { ...connection, chunksFree }
      const reply = await connection.call(request)
      if (!reply.unprocessed && chunksFree) return reply
      chunksFree &&= reply.chunksFree
      if (!reply.unprocessed || attempt === TRANSPARENT_RETRIES) return { ...reply, chunksFree }
    }
  }

  #headFor(
    path: string,
    encoding: string,
    timeout: string,
    metadata: ReadonlyMap<string, string> | null,
  ): Uint8Array {
    const key = `${path} ${encoding} ${timeout}`
    const heads = metadata === null ? this.#heads : this.#headsOf(metadata)
    const known = heads.get(key)
    if (known !== undefined) return known
    const fields: (readonly [string, string])[] = [[':path', path], ...this.#headers]
    for (const [name, value] of metadata ?? []) {
      if (!this.#headers.some(([fixed]) => fixed === name)) fields.push(metadataField(name, value))
    }
    if (encoding !== '') fields.push(['grpc-encoding', encoding])
    if (timeout !== '') fields.push(['grpc-timeout', timeout])
    if (heads.size >= MAX_HEADS) heads.clear()
    const head = writeHeaderBlock(fields)
    heads.set(key, head)
    return head
  }

  #headsOf(metadata: ReadonlyMap<string, string>): Map<string, Uint8Array> {
    let heads = this.#ownHeads.get(metadata)
    if (heads === undefined) this.#ownHeads.set(metadata, (heads = new Map()))
    return heads
  }

  /** Servers that could not be reached are tried by the next call, however long they were to be left alone. */
  hurry(): void {
    for (const connection of this.#connections) connection.forgetFailures()
  }

  close(): void {
    this.#isClosed = true
    for (const connection of [...this.#connections, ...this.#retired]) connection.close()
  }

  /** A connection that is ready, or the reply that says why there is none. */
  async #pick(abort: Abort | null): Promise<GrpcConnection | GrpcReply> {
    for (;;) {
      if (this.#isClosed) return localReply(GRPC.UNAVAILABLE, 'the client is closed')
      if (this.#isStale) {
        const fault = await this.#resolve()
        if (fault !== '' && this.#connections.length === 0) {
          if (!this.#options.waitForReady) return localReply(GRPC.UNAVAILABLE, fault)
          if (!(await this.#wait(1000, abort))) return deadlineReply(fault)
          continue
        }
      }
      const ready = this.#options.balancer === 'pick_first' ? this.#firstReady() : this.#nextReady()
      if (ready !== null) return ready
      const connected = await this.#connectAny(abort)
      if (connected === 'failed') {
        const why = this.#lastError()
        if (!this.#options.waitForReady) return localReply(GRPC.UNAVAILABLE, why)
        if (!(await this.#wait(this.#untilNextTryMs(), abort))) return deadlineReply(why)
      } else if (connected === 'aborted') {
        return deadlineReply('no connection yet')
      }
    }
  }

  /** Takes turns; opens the idle ones on the way, so that every address gets its share. */
  #nextReady(): GrpcConnection | null {
    const { length } = this.#connections
    let full: GrpcConnection | null = null
    for (let i = 0; i < length; i++) {
      const connection = this.#connections[(this.#next + i) % length]
      if (connection.isReady && connection.hasRoom) {
        this.#next = (this.#next + i + 1) % length
        this.#wakeIdle()
        return connection
      }
      if (connection.isReady) full ??= connection
    }
    // All are at the server's limit of streams: HTTP/2 lets the call wait for its turn.
    return full
  }

  #firstReady(): GrpcConnection | null {
    return this.#connections.find(connection => connection.isReady) ?? null
  }

  #wakeIdle(): void {
    for (const connection of this.#connections) {
      if (!connection.isReady && !connection.isBackingOff) void connection.connect()
    }
  }

  /** Waits until one is ready. `pick_first` tries in order, `round_robin` all at once. */
  async #connectAny(abort: Abort | null): Promise<'ready' | 'failed' | 'aborted'> {
    const candidates = this.#connections.filter(connection => !connection.isBackingOff)
    const work =
      this.#options.balancer === 'pick_first' ? connectInOrder(candidates) : connectAll(candidates)
    return raceAbort(
      work.then(isUp => (isUp ? 'ready' : 'failed')),
      abort,
    )
  }

  /** Looks the name up, at most once per interval; keeps connections whose address is still there. */
  #resolve(): Promise<string> {
    const now = this.#options.clock.monotonic()
    if (this.#connections.length > 0 && now - this.#resolvedAtMs < RESOLVE_INTERVAL_MS) {
      return Promise.resolve('')
    }
    this.#resolving ??= this.#lookUp().finally(() => {
      this.#resolving = null
    })
    return this.#resolving
  }

  async #lookUp(): Promise<string> {
    const { target, lookup, clock } = this.#options
    try {
      const addresses = await resolveTarget(target, lookup ?? systemLookup)
      if (this.#isClosed) return 'the client is closed'
      if (addresses.length === 0) return `${target.host} has no address`
      this.#resolvedAtMs = clock.monotonic()
      this.#isStale = false
      this.#replaceConnections(addresses)
      return ''
    } catch (error) {
      return `cannot look up ${target.host}: ${(error as Error).message}`
    }
  }

  #replaceConnections(addresses: readonly GrpcAddress[]): void {
    const gone = new Set(this.#connections)
    const next: GrpcConnection[] = []
    for (const address of addresses) {
      const key = addressKey(address)
      const kept = this.#connections.filter(known => addressKey(known.address) === key)
      for (const connection of kept) gone.delete(connection)
      next.push(...(kept.length > 0 ? kept : this.#createConnections(address)))
    }
    for (const connection of gone) connection.retire()
    this.#retired = [...this.#retired, ...gone].filter(connection => connection.isBusy)
    this.#connections = next
    this.#next = 0
  }

  #createConnections(address: GrpcAddress): GrpcConnection[] {
    const { clock, tls, keepalive, target, connectionsPerAddress = 1 } = this.#options
    const serverName = this.#serverName()
    const onDown = (): void => {
      this.#isStale = target.path === null
    }
    const config = { clock, tls, keepalive, serverName, onDown }
    return Array.from({ length: connectionsPerAddress }, () => new GrpcConnection(address, config))
  }

  /** An IP address is no name for SNI. */
  #serverName(): string {
    const host = this.#options.authority?.replace(/:\d+$/, '') ?? this.#options.target.host
    return /^[\d.]+$|:/.test(host) ? '' : host
  }

  #lastError(): string {
    const errors = new Set(this.#connections.map(c => c.lastError).filter(e => e !== ''))
    return errors.size > 0 ? [...errors].join('; ') : 'cannot connect'
  }

  #untilNextTryMs(): number {
    const soonest = Math.min(...this.#connections.map(connection => connection.backoffEndsMs))
    return Math.max(10, soonest - this.#options.clock.monotonic())
  }

  async #wait(ms: number, abort: Abort | null): Promise<boolean> {
    let timer: Timer | undefined
    const over = new Promise<'ready'>(resolve => {
      timer = this.#options.clock.after(ms, () => resolve('ready'))
    })
    const result = await raceAbort(over, abort)
    timer?.cancel()
    return result === 'ready'
  }
}

function deadlineReply(why: string): GrpcReply {
  return localReply(GRPC.DEADLINE_EXCEEDED, `not connected in time: ${why}`)
}

async function connectInOrder(connections: readonly GrpcConnection[]): Promise<boolean> {
  for (const connection of connections) if (await connection.connect()) return true
  return false
}

function connectAll(connections: readonly GrpcConnection[]): Promise<boolean> {
  return new Promise(resolve => {
    let open = connections.length
    if (open === 0) resolve(false)
    for (const connection of connections) {
      void connection.connect().then(isUp => {
        open--
        if (isUp) resolve(true)
        else if (open === 0) resolve(false)
      })
    }
  })
}

function raceAbort<T extends string>(
  work: Promise<T>,
  abort: Abort | null,
): Promise<T | 'aborted'> {
  if (abort === null) return work
  if (abort.aborted) return Promise.resolve('aborted')
  return new Promise(resolve => {
    const onAbort = (): void => resolve('aborted')
    abort.addEventListener('abort', onAbort, { once: true })
    void work.then(result => {
      abort.removeEventListener('abort', onAbort)
      resolve(result)
    })
  })
}

function fixedHeaders(options: GrpcClientOptions): [string, string][] {
  const metadata = Object.entries(options.metadata).map(([name, value]) =>
    metadataField(name, value),
  )
  return [
    [':method', 'POST'],
    [':scheme', options.tls === null ? 'http' : 'https'],
    [':authority', options.authority ?? options.target.authority],
    ['te', 'trailers'],
    ['content-type', 'application/grpc'],
    ['user-agent', options.userAgent],
    ['grpc-accept-encoding', 'identity,gzip,deflate'],
    ...metadata,
  ]
}

function metadataField(name: string, value: string): [string, string] {
  return [name, name.endsWith('-bin') ? Buffer.from(value).toString('base64') : value]
}
