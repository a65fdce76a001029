/** Starting and stopping nodes in the right order, and knowing how each of them is. */
import { setMaxListeners } from 'node:events'
import type { Clock } from '../core/clock.ts'
import type { Component, ComponentStatus, Host, Inspector } from '../core/component.ts'
import type { Logger } from '../core/logger.ts'
import { whenAborted } from '../util/abort.ts'
import type { Graph } from './graph.ts'
import { type Node, startError } from './node.ts'

type Status = ComponentStatus['status']

/** A component that has not stopped so long after its deadline is left behind, so that the others get their turn. */
const STOP_GRACE_MS = 500

export interface LifecycleServices {
  readonly clock: Clock
  readonly log: Logger
}

export class Lifecycle implements Host {
  readonly inspector: Inspector
  readonly #services: LifecycleServices
  readonly #statuses = new Map<string, ComponentStatus>()
  #extensions = new Map<string, Component>()

  constructor(inspector: Inspector, services: LifecycleServices) {
    this.inspector = inspector
    this.#services = services
  }

  /** Starts in the given order. When one fails, those started by this call are stopped again. */
  async start(nodes: readonly Node[], deadline: () => AbortSignal): Promise<void> {
    const started: Node[] = []
    for (const node of nodes) {
      this.#set(node, 'starting')
      started.push(node)
      try {
        await node.component.start(this)
      } catch (cause) {
        const layers = started.reverse().map(each => [each])
        await this.stop(layers, deadline())
        throw startError(node.kind, node.id, cause)
      }
      // Not before: an authenticator that has not read its files would turn everybody away for good.
      if (node.kind === 'extension') this.#extensions.set(node.id, node.component)
      if (this.#statuses.get(node.key)?.status === 'starting') this.#set(node, 'ok')
    }
  }

  /** Stops layer after layer; each component hands on what it holds before those behind it stop. Never rejects. */
  async stop(layers: readonly (readonly Node[])[], deadline: AbortSignal): Promise<void> {
    // Every component may wait for the same deadline.
    setMaxListeners(0, deadline)
    const over = whenAborted(deadline)
    for (const layer of layers) {
      await Promise.all(layer.map(node => this.#stopOne(node, deadline, over)))
    }
  }

  /** Forgets nodes that are not part of the graph any more. */
  retain(nodes: readonly Node[]): void {
    const keys = new Set(nodes.map(node => node.key))
    for (const key of this.#statuses.keys()) if (!keys.has(key)) this.#statuses.delete(key)
    this.#extensions = new Map(
      nodes.filter(node => node.kind === 'extension').map(node => [node.id, node.component]),
    )
    // An old instance that stopped after its successor had started has left its own status.
    for (const node of nodes) {
      if (this.#statuses.get(node.key)?.status === 'stopped') this.#set(node, 'ok')
    }
  }

  statuses(): readonly ComponentStatus[] {
    return [...this.#statuses.values()]
  }

  extension<T extends Component>(id: string): T | undefined {
    return this.#extensions.get(id) as T | undefined
  }

  reportStatus(id: string, status: 'ok' | 'recoverable_error', detail = ''): void {
    for (const [key, known] of this.#statuses) {
      if (known.id === id) this.#statuses.set(key, { ...known, status, detail })
    }
  }

  async #stopOne(node: Node, deadline: AbortSignal, over: Promise<void>): Promise<void> {
    const { clock, log } = this.#services
    const name = { kind: node.kind, component: node.id }
    const stopped = node.component.stop(deadline).catch((error: unknown) => {
      log.error('component_stop_failed', { ...name, message: String(error) })
    })
    const grace = (): Promise<true> =>
      new Promise(resolve => clock.after(STOP_GRACE_MS, () => resolve(true)))
    const isLeft = await Promise.race([stopped.then(() => false), over.then(grace)])
    if (isLeft) log.error('component_does_not_stop', name)
    this.#set(node, 'stopped')
    if (this.#extensions.get(node.id) === node.component) this.#extensions.delete(node.id)
  }

  #set(node: Node, status: Status): void {
    this.#statuses.set(node.key, { kind: node.kind, id: node.id, status, detail: '' })
  }
}

/** The deepest first: receivers, then as data flows, extensions last. One layer's nodes do not write to each other. */
export function stopLayers(graph: Graph, nodes: readonly Node[] = graph.nodes): Node[][] {
  const layers = new Map<number, Node[]>()
  for (const node of nodes) {
    const depth = graph.depths.get(node.key)!
    const layer = layers.get(depth)
    if (layer === undefined) layers.set(depth, [node])
    else layer.push(node)
  }
  return [...layers].sort(([a], [b]) => b - a).map(([, layer]) => layer)
}
