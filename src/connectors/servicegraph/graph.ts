/** The graph of one tenant: takes spans, pairs them to edges, and counts those that are complete. */
import type { Part } from '../../core/batch.ts'
import type { MemoryBudget } from '../../core/memory.ts'
import { TracesView } from '../../otlp/traces-view.ts'
import { asBuffer } from '../../otlp/wire-reader.ts'
import { AdjustedCounts } from '../../sampler/adjusted-count.ts'
import type { ServicegraphConfig } from './config.ts'
import type { SeriesOfEdges } from './edge-series.ts'
import { type Edge, EdgeStore, hasNoClientSpan } from './edges.ts'
import { edgeKey, firstText, KIND, STATUS_ERROR, secondsOf } from './span-facts.ts'

const SERVICE_NAME = ['service.name']
const DEFAULT_PEERS = ['peer.service', 'db.name', 'db.system']
const DEFAULT_DATABASES = ['db.name']
/** Names of nodes that send no spans and are not named either. */
const UNKNOWN_CALLER = 'user'
const UNKNOWN_PEER = 'unknown'

/** What became of the spans of a part, by number. */
export interface Seen {
  /** Of the items, those that are no side of an edge, whose resource has no name, or for which there was no room. */
  noEdge: number
  noService: number
  noRoom: number
  newEdges: number
}

export class ServiceGraph {
  /** Edges that ended with one side only, since somebody asked. */
  expired = 0
  readonly series: SeriesOfEdges
  readonly #config: ServicegraphConfig
  readonly #store: EdgeStore
  readonly #peers: readonly string[]
  readonly #databases: readonly string[]
  readonly #weights = new AdjustedCounts()
  readonly #view = new TracesView()
  #nowMs = 0

  constructor(config: ServicegraphConfig, series: SeriesOfEdges, memory: MemoryBudget) {
    const { store, virtual_node_peer_attributes, database_name_attributes } = config
    this.#config = config
    this.series = series
    this.#peers = virtual_node_peer_attributes ?? DEFAULT_PEERS
    this.#databases =
      database_name_attributes.length === 0 ? DEFAULT_DATABASES : database_name_attributes
    this.#store = new EdgeStore({
      ttlMs: store.ttl,
      maxItems: store.max_items,
      memory,
      onComplete: edge => this.series.add(edge, this.#nowMs),
      onExpire: edge => this.#expire(edge),
    })
  }

  /** Nothing is waited for and nothing is counted. */
  get isEmpty(): boolean {
    return this.#store.size === 0 && this.series.isEmpty
  }

  add({ payload, index, selection }: Part, nowMs: number): Seen {
    this.#nowMs = nowMs
    const seen: Seen = { noEdge: 0, noService: 0, noRoom: 0, newEdges: 0 }
    const view = this.#view
    view.reset(payload.bytes, index)
    for (let item = 0; item < index.items; item++) {
      if (selection !== null && !selection.has(item)) continue
      const { kind } = view.moveTo(item)
      const isClient = kind === KIND.client || kind === KIND.producer
      if (!isClient && kind !== KIND.server && kind !== KIND.consumer) {
        seen.noEdge++
        continue
      }
      const service = firstText(SERVICE_NAME, view.resource.attributes)
      if (service === undefined) seen.noService++
      else this.#addSide(service, isClient, kind, seen)
    }
    return seen
  }

  /** Ends edges that have waited for too long. */
  expire(nowMs: number): void {
    this.#nowMs = nowMs
    this.#store.expire(nowMs)
  }

  /** The other sides come too late. */
  abandon(): void {
    this.expired += this.#store.abandon()
  }

  #addSide(service: string, isClient: boolean, kind: number, seen: Seen): void {
    const { span } = this.#view
    const spanId = isClient ? span.spanIdBytes : span.parentSpanIdBytes
    const update = (edge: Edge): void => {
      edge.connection = kind === KIND.producer || kind === KIND.consumer ? 'messaging_system' : ''
      edge.isFailed ||= span.statusCode === STATUS_ERROR
      edge.times = Math.max(edge.times, this.#timesOf())
      if (isClient) this.#updateClient(edge, service)
      else {
        edge.server = service
        edge.serverSeconds = secondsOf(span)
      }
      this.#addDimensions(edge, isClient ? 'client' : 'server')
    }
    const outcome = this.#store.upsert(edgeKey(span.traceIdBytes, spanId), this.#nowMs, update)
    if (outcome === 'new') seen.newEdges++
    else if (outcome === 'full') seen.noRoom++
  }

  #updateClient(edge: Edge, service: string): void {
    const { span, resource } = this.#view
    edge.client = service
    edge.clientSeconds = secondsOf(span)
    edge.peer = firstText(this.#peers, span.attributes)
    // A database sends no spans: what the client saw is all that is known.
    const database = firstText(this.#databases, resource.attributes, span.attributes)
    if (database === undefined) return
    edge.connection = 'database'
    edge.server = database
    edge.serverSeconds = edge.clientSeconds
  }

  #addDimensions(edge: Edge, side: 'client' | 'server'): void {
    const { span, resource } = this.#view
    for (const name of this.#config.dimensions) {
      const value = firstText([name], resource.attributes, span.attributes)
      if (value !== undefined) edge.dimensions.set(`${side}_${name}`, value)
    }
  }

  #timesOf(): number {
    if (this.#config.weighting === 'none') return 1
    const state = asBuffer(this.#view.span.traceStateBytes)
    return this.#weights.of(state, 0, state.length)
  }

  #expire(edge: Edge): void {
    this.expired++
    if (this.#peers.length === 0) return
    edge.connection = 'virtual_node'
    if (edge.client === '' && hasNoClientSpan(edge)) {
      edge.client = UNKNOWN_CALLER
      edge.virtual = 'client'
      this.series.add(edge, this.#nowMs)
    } else if (edge.server === '' && edge.client !== '') {
      edge.server = edge.peer ?? UNKNOWN_PEER
      edge.virtual = 'server'
      this.series.add(edge, this.#nowMs)
    }
  }
}
