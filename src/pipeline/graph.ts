/**
 * From a configuration to nodes, and from nodes to ways between them. A graph is built whole before anything of it
 * starts; nodes of a running graph that mean the same are taken over, with their listeners, queues and connections.
 *
 * ```
 * receiver -> [switch by signal] -> [fan-out] -> processor -> processor -> [fan-out] -> exporter | connector -> ...
 * ```
 */
import type { Consumer, Services } from '../core/component.ts'
import type { Signal } from '../core/signal.ts'
import { PROCESSOR_INCOMING, PROCESSOR_OUTGOING } from '../telemetry/catalogue.ts'
import { type Branch, joinBranches } from './fan-out.ts'
import { type ComponentSource, createNode, fingerprint, type Node } from './node.ts'
import {
  type GraphSource,
  type NodePlan,
  type PipelineSource,
  planNodes,
  processorKey,
} from './plan.ts'
import { CountingConsumer, SignalSwitch, type Transit, TransitConsumer } from './port.ts'

export interface GraphServices extends Services {
  /** Counts what receivers have handed on and not heard of. */
  readonly transit?: Transit
}

export interface Graph {
  readonly source: GraphSource
  /** In order of start. */
  readonly nodes: readonly Node[]
  /** By node key; see `plan.ts`. */
  readonly depths: ReadonlyMap<string, number>
  /** Points every outlet to where this graph wants it. Synchronous: no batch sees half of it. */
  readonly wire: () => void
}

/** `previous` nodes with the same key and meaning are taken over. Throws what keeps a component from being made. */
export function buildGraph(
  source: GraphSource,
  services: GraphServices,
  previous: ReadonlyMap<string, Node> = new Map(),
): Graph {
  const plans = planNodes(source)
  const nodes: Node[] = []
  const made: Node[] = []
  try {
    for (const plan of plans) {
      const old = findSame(plan, previous, source)
      const node = old ?? createNode(plan, services)
      if (old === undefined) made.push(node)
      nodes.push(node)
    }
  } catch (error) {
    // What was made has registered itself as a holder and with the meter.
    for (const node of made) void node.component.stop(AbortSignal.abort()).catch(() => {})
    throw error
  }
  const byKey = new Map(nodes.map(node => [node.key, node]))
  const depths = new Map(plans.map(plan => [plan.key, plan.depth]))
  return { source, nodes, depths, wire: () => wireAll(source, byKey, services) }
}

function findSame(
  plan: NodePlan,
  previous: ReadonlyMap<string, Node>,
  { extensions }: GraphSource,
): Node | undefined {
  const old = previous.get(plan.key)
  if (old === undefined) return undefined
  const held = old.component.holds ?? ''
  const heldBefore = previous.get(`extension/${held}`)?.source
  if (held !== '' && placeOf(heldBefore) !== placeOf(extensions.get(held))) return undefined
  // What serves other signals while it runs is the same whatever it serves.
  const isFlexible = old.component.serve !== undefined
  const before = fingerprint(old.source, isFlexible ? [] : old.signals, [...old.outlets.keys()])
  const after = fingerprint(plan.source, isFlexible ? [] : plan.signals, plan.outlets)
  return before === after ? old : undefined
}

function placeOf(extension: ComponentSource | undefined): string | undefined {
  return extension?.factory.placeOf?.(extension.config)
}

function wireAll(
  source: GraphSource,
  nodes: ReadonlyMap<string, Node>,
  services: GraphServices,
): void {
  const pipelines = [...source.service.pipelines.values()]
  const entries = new Map(pipelines.map(p => [p.id, wirePipeline(p, nodes, services)]))
  for (const node of nodes.values()) {
    if (node.kind === 'connector') {
      for (const [pipelineId, port] of node.outlets) port.pointTo(entries.get(pipelineId)!)
    } else if (node.kind === 'receiver') {
      const own = pipelines.filter(pipeline => pipeline.receivers.includes(node.id))
      node.component.serve?.([...new Set(own.map(pipeline => pipeline.signal))])
      const target = receiverTarget(own, entries, services)
      const { transit } = services
      const counted = transit === undefined ? target : new TransitConsumer(target, transit)
      node.outlets.get('')!.pointTo(counted)
    }
  }
}

/** Connects the stages of one pipeline and returns its first. */
function wirePipeline(
  pipeline: PipelineSource,
  nodes: ReadonlyMap<string, Node>,
  services: Services,
): Consumer {
  const branches = pipeline.exporters.map((id): Branch => {
    const node = nodes.get(`exporter/${id}`) ?? nodes.get(`connector/${id}`)!
    return { id, consumer: node.component as unknown as Consumer }
  })
  let next = joinBranches(branches, services.ledger)
  for (const id of [...pipeline.processors].reverse()) {
    const node = nodes.get(processorKey(pipeline.id, id))!
    const labels = { processor: id, pipeline: pipeline.id, otel_signal: pipeline.signal }
    const outgoing = services.meter.counter(PROCESSOR_OUTGOING, labels)
    for (const [key, port] of node.outlets) {
      const target = key === '' ? next : (nodes.get(key)!.component as unknown as Consumer)
      port.pointTo(new CountingConsumer(target, outgoing))
    }
    const incoming = services.meter.counter(PROCESSOR_INCOMING, labels)
    next = new CountingConsumer(node.component as unknown as Consumer, incoming)
  }
  return next
}

function receiverTarget(
  pipelines: readonly PipelineSource[],
  entries: ReadonlyMap<string, Consumer>,
  services: Services,
): Consumer {
  const bySignal = new Map<Signal, Branch[]>()
  for (const pipeline of pipelines) {
    const branches = bySignal.get(pipeline.signal) ?? []
    branches.push({ id: pipeline.id, consumer: entries.get(pipeline.id)! })
    bySignal.set(pipeline.signal, branches)
  }
  const ways = [...bySignal].map(
    ([signal, branches]) => [signal, joinBranches(branches, services.ledger)] as const,
  )
  return ways.length === 1 ? ways[0][1] : new SignalSwitch(new Map(ways))
}
