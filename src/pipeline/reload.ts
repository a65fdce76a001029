/**
 * From one running graph to the next without losing an accepted item or closing an unaffected listener: what means the
 * same is kept and pointed anew, what is new starts first, what is gone hands on what it holds and stops last. When
 * anything fails, everything is as before.
 */
import { buildGraph, type Graph, type GraphServices } from './graph.ts'
import { type Lifecycle, stopLayers } from './lifecycle.ts'
import { createNode, type Node } from './node.ts'
import type { GraphSource } from './plan.ts'

export interface ReloadSummary {
  /** Keys of nodes: `exporter/otlp_grpc`, `processor/traces/batch`. */
  readonly kept: readonly string[]
  readonly started: readonly string[]
  readonly stopped: readonly string[]
}

export interface Reloaded {
  /** What runs now. */
  readonly graph: Graph
  readonly summary: ReloadSummary
  /** Why the new configuration does not run; the old one does then. */
  readonly failure: Error | null
}

/** How long those get that are replaced. */
export interface ReloadDeadlines {
  /** To hand on what they hold. */
  readonly drain: () => AbortSignal
  /** Receivers whose address a successor waits for: to answer the requests that they have begun. */
  readonly handOver: () => AbortSignal
}

const NOTHING_DONE = { kept: [], started: [], stopped: [] }

/** One reload; made anew for each, so that its steps share what was decided. */
export class GraphReload {
  readonly #running: Graph
  readonly #services: GraphServices
  readonly #lifecycle: Lifecycle
  readonly #deadlines: ReloadDeadlines
  readonly #previous: ReadonlyMap<string, Node>
  /** Old nodes that stopped before a new one started, because it may want the same address. */
  readonly #stoppedFirst = new Set<Node>()

  constructor(
    running: Graph,
    services: GraphServices,
    lifecycle: Lifecycle,
    deadlines: ReloadDeadlines,
  ) {
    this.#running = running
    this.#services = services
    this.#lifecycle = lifecycle
    this.#deadlines = deadlines
    this.#previous = new Map(running.nodes.map(node => [node.key, node]))
  }

  /** Does not reject. */
  async run(source: GraphSource): Promise<Reloaded> {
    let graph: Graph
    try {
      graph = buildGraph(source, this.#services, this.#previous)
    } catch (error) {
      return { graph: this.#running, summary: NOTHING_DONE, failure: error as Error }
    }
    const kept = new Set(graph.nodes.filter(node => this.#previous.get(node.key) === node))
    const added = graph.nodes.filter(node => !kept.has(node))
    const removed = this.#running.nodes.filter(node => !kept.has(node))
    try {
      await this.#bringUp(graph, added, removed)
    } catch (error) {
      return {
        graph: await this.#restore(graph, added),
        summary: NOTHING_DONE,
        failure: error as Error,
      }
    }
    const gone = removed.filter(node => !this.#stoppedFirst.has(node))
    await this.#lifecycle.stop(stopLayers(this.#running, gone), this.#deadlines.drain())
    this.#lifecycle.retain(graph.nodes)
    for (const node of kept) node.component.refresh?.()
    const summary = { kept: keys([...kept]), started: keys(added), stopped: keys(removed) }
    return { graph, summary, failure: null }
  }

  async #bringUp(graph: Graph, added: readonly Node[], removed: readonly Node[]): Promise<void> {
    const isKind = (kind: string) => (node: Node) => node.kind === kind
    const extensions = added.filter(isKind('extension'))
    const types = new Set(extensions.map(typeOf))
    await this.#stopFirst(removed.filter(isKind('extension')).filter(old => types.has(typeOf(old))))
    const comingKeys = new Set(added.map(node => node.key))
    await this.#stopFirst(removed.filter(old => old.component.isAlone && comingKeys.has(old.key)))
    await this.#start(added.filter(node => node.kind !== 'receiver'))
    graph.wire()
    // Those without a successor have to go as well, and their address may be wanted under another name.
    await this.#stopFirst(removed.filter(isKind('receiver')))
    await this.#start(added.filter(isKind('receiver')))
  }

  async #stopFirst(nodes: readonly Node[]): Promise<void> {
    if (nodes.length === 0) return
    for (const node of nodes) this.#stoppedFirst.add(node)
    await this.#lifecycle.stop([nodes], this.#deadlines.handOver())
  }

  #start(nodes: readonly Node[]): Promise<void> {
    return this.#lifecycle.start(nodes, this.#deadlines.drain)
  }

  /**
   * Components do not start twice: those that were stopped come back as new instances in their old places. New ones
   * that took in something meanwhile hand it on.
   */
  async #restore(failed: Graph, added: readonly Node[]): Promise<Graph> {
    const revived = new Map(this.#previous)
    for (const node of this.#stoppedFirst) revived.set(node.key, this.#remake(node))
    const graph = buildGraph(this.#running.source, this.#services, revived)
    graph.wire()
    await this.#lifecycle.stop(stopLayers(failed, added), this.#deadlines.drain())
    for (const node of graph.nodes) {
      if (this.#previous.get(node.key) !== node) await this.#revive(node)
    }
    this.#lifecycle.retain(graph.nodes)
    return graph
  }

  #remake(node: Node): Node {
    const outlets = [...node.outlets.keys()]
    return createNode({ ...node, outlets }, this.#services)
  }

  /** Something else may have taken the address in between; the others go on without it, and it is said. */
  async #revive(node: Node): Promise<void> {
    try {
      await this.#start([node])
    } catch (error) {
      const detail = (error as Error).message
      this.#services.log.error('component_not_brought_back', { component: node.id, detail })
      this.#lifecycle.reportStatus(node.id, 'recoverable_error', detail)
    }
  }
}

function typeOf(node: Node): string {
  return node.source.factory.meta.id
}

function keys(nodes: readonly Node[]): string[] {
  return nodes.map(node => node.key)
}
