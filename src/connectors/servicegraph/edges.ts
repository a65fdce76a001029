/**
 * Requests of which one side was seen and the other is waited for. Both sides know the span that the client made: it is
 * the client's own, and the parent of the server's.
 */

import type { MemoryBudget } from '../../core/memory.ts'

export type ConnectionType = '' | 'messaging_system' | 'database' | 'virtual_node'

export interface Edge {
  /** Trace id and id of the client's span, as Latin-1. */
  readonly key: string
  readonly expiresMs: number
  connection: ConnectionType
  /** Empty until the side was seen. */
  client: string
  server: string
  clientSeconds: number
  serverSeconds: number
  isFailed: boolean
  /** `client_` and `server_` dimensions. */
  readonly dimensions: Map<string, string>
  /** What the client says about who it called. */
  peer: string | undefined
  virtual: '' | 'client' | 'server'
  /** How many requests it stands for. */
  times: number
  /** What is reserved for it while it waits. */
  bytes: number
}

/** 16 bytes of the trace come before the span id in a key. */
const SPAN_AT = 16
/** Of an edge besides its texts. */
const EDGE_BYTES = 500

export interface EdgeStoreOptions {
  readonly ttlMs: number
  readonly maxItems: number
  readonly memory: MemoryBudget
  readonly onComplete: (edge: Edge) => void
  readonly onExpire: (edge: Edge) => void
}

export class EdgeStore {
  readonly #options: EdgeStoreOptions
  /** In order of their making, which is that of their ends. */
  readonly #edges = new Map<string, Edge>()

  constructor(options: EdgeStoreOptions) {
    this.#options = options
  }

  get size(): number {
    return this.#edges.size
  }

  /** `full`: there is no room for the edge, and it was not complete. */
  upsert(key: string, nowMs: number, update: (edge: Edge) => void): 'new' | 'known' | 'full' {
    const known = this.#edges.get(key)
    const edge = known ?? newEdge(key, nowMs + this.#options.ttlMs)
    update(edge)
    if (edge.client !== '' && edge.server !== '') {
      this.#forget(edge)
      this.#options.onComplete(edge)
    } else if (known === undefined) {
      if (this.#edges.size >= this.#options.maxItems) this.expire(nowMs)
      if (this.#edges.size >= this.#options.maxItems || !this.#fits(edge)) return 'full'
      this.#edges.set(key, edge)
    } else if (!this.#fits(edge)) {
      this.#forget(edge)
      return 'full'
    }
    return known === undefined ? 'new' : 'known'
  }

  /** Ends those that have waited for too long. */
  expire(nowMs: number): void {
    for (const edge of this.#edges.values()) {
      if (nowMs <= edge.expiresMs) return
      this.#forget(edge)
      this.#options.onExpire(edge)
    }
  }

  /** Ends all without telling anybody; answers how many they were. */
  abandon(): number {
    const { size } = this.#edges
    for (const edge of this.#edges.values()) this.#forget(edge)
    return size
  }

  /** Its texts are the senders', and may be long. */
  #fits(edge: Edge): boolean {
    const size = sizeOf(edge)
    const more = size - edge.bytes
    if (more > 0 && !this.#options.memory.tryReserve(more)) return false
    if (more < 0) this.#options.memory.free(-more)
    edge.bytes = size
    return true
  }

  #forget(edge: Edge): void {
    this.#edges.delete(edge.key)
    if (edge.bytes > 0) this.#options.memory.free(edge.bytes)
    edge.bytes = 0
  }
}

function sizeOf({ key, client, server, peer = '', dimensions }: Edge): number {
  let chars = key.length + client.length + server.length + peer.length
  for (const [name, value] of dimensions) chars += name.length + value.length + 50
  return EDGE_BYTES + 2 * chars
}

/** The server's span has no parent: whoever called it made no span. */
export function hasNoClientSpan({ key }: Edge): boolean {
  for (let i = SPAN_AT; i < key.length; i++) if (key.charCodeAt(i) !== 0) return false
  return true
}

function newEdge(key: string, expiresMs: number): Edge {
  return {
    key,
    expiresMs,
    connection: '',
    client: '',
    server: '',
    clientSeconds: 0,
    serverSeconds: 0,
    isFailed: false,
    dimensions: new Map(),
    peer: undefined,
    virtual: '',
    times: 1,
    bytes: 0,
  }
}
