/**
 * Requests of which one side was seen and the other is waited for. Both sides know the span that the client made: it is
 * the client's own, and the parent of the server's.
 */

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
}

/** 16 bytes of the trace come before the span id in a key. */
const SPAN_AT = 16

export interface EdgeStoreOptions {
  readonly ttlMs: number
  readonly maxItems: number
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

  /** `full`: there is no room for a new edge, and it was not complete by itself. */
  upsert(key: string, nowMs: number, update: (edge: Edge) => void): 'new' | 'known' | 'full' {
    const known = this.#edges.get(key)
    const edge = known ?? newEdge(key, nowMs + this.#options.ttlMs)
    update(edge)
    if (edge.client !== '' && edge.server !== '') {
      this.#edges.delete(key)
      this.#options.onComplete(edge)
    } else if (known === undefined) {
      if (this.#edges.size >= this.#options.maxItems) this.expire(nowMs)
      if (this.#edges.size >= this.#options.maxItems) return 'full'
      this.#edges.set(key, edge)
    }
    return known === undefined ? 'new' : 'known'
  }

  /** Ends those that have waited for too long. */
  expire(nowMs: number): void {
    for (const edge of this.#edges.values()) {
      if (nowMs <= edge.expiresMs) return
      this.#edges.delete(edge.key)
      this.#options.onExpire(edge)
    }
  }

  /** Ends all without telling anybody; answers how many they were. */
  abandon(): number {
    const { size } = this.#edges
    this.#edges.clear()
    return size
  }
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
  }
}
