/**
 * Which components a configuration asks for, and how deep each stands: a component is deeper than everything that it
 * writes to. Starting goes from the shallow to the deep, stopping back, so that whoever hands on always finds a taker.
 *
 * ```
 * depth   0           1          2 ... n                                  deepest
 *         extensions  exporters  processors and connectors, by the way    receivers
 * ```
 */
import type { Signal } from '../core/signal.ts'
import type { ComponentSource } from './node.ts'

export interface PipelineSource {
  readonly id: string
  readonly signal: Signal
  readonly receivers: readonly string[]
  readonly processors: readonly string[]
  readonly exporters: readonly string[]
}

/** The part of a loaded configuration that makes the graph. */
export interface GraphSource {
  readonly receivers: ReadonlyMap<string, ComponentSource>
  readonly processors: ReadonlyMap<string, ComponentSource>
  readonly connectors: ReadonlyMap<string, ComponentSource>
  readonly exporters: ReadonlyMap<string, ComponentSource>
  readonly extensions: ReadonlyMap<string, ComponentSource>
  readonly service: {
    readonly extensions: readonly string[]
    readonly pipelines: ReadonlyMap<string, PipelineSource>
  }
}

export interface NodePlan {
  readonly key: string
  readonly source: ComponentSource
  readonly signals: readonly Signal[]
  readonly outlets: readonly string[]
  readonly depth: number
}

const EXTENSION_DEPTH = 0
const EXPORTER_DEPTH = 1

export function processorKey(pipelineId: string, processorId: string): string {
  return `processor/${pipelineId}/${processorId}`
}

/** In order of start. Components that no pipeline uses are left out. */
export function planNodes(source: GraphSource): NodePlan[] {
  const pipelines = [...source.service.pipelines.values()]
  const depths = new Depths(source)
  const extensions = source.service.extensions.map(id => ({
    key: `extension/${id}`,
    source: source.extensions.get(id)!,
    signals: [],
    outlets: [],
    depth: EXTENSION_DEPTH,
  }))
  const exporters = planExporters(source, pipelines)
  const between = [
    ...planConnectors(source, pipelines, depths),
    ...pipelines.flatMap(pipeline => planProcessors(source, pipeline, depths)),
  ].sort((a, b) => a.depth - b.depth)
  const deepest = Math.max(EXPORTER_DEPTH, ...between.map(plan => plan.depth))
  const receivers = planReceivers(source, pipelines, deepest + 1)
  return [...extensions, ...exporters, ...between, ...receivers]
}

/** One instance for all pipelines that name it, or that have a processor which sends to it. */
function planExporters(source: GraphSource, pipelines: readonly PipelineSource[]): NodePlan[] {
  return [...source.exporters.values()].flatMap(exporter => {
    const isUsed = (pipeline: PipelineSource): boolean =>
      pipeline.exporters.includes(exporter.id) ||
      destinationsOf(source, pipeline).includes(exporter.id)
    const users = pipelines.filter(isUsed)
    if (users.length === 0) return []
    const key = `exporter/${exporter.id}`
    return [
      { key, source: exporter, signals: signalsOf(users), outlets: [], depth: EXPORTER_DEPTH },
    ]
  })
}

/** One instance for all pipelines that name it. */
function planReceivers(
  source: GraphSource,
  pipelines: readonly PipelineSource[],
  depth: number,
): NodePlan[] {
  return [...source.receivers.values()].flatMap(receiver => {
    const users = pipelines.filter(pipeline => pipeline.receivers.includes(receiver.id))
    if (users.length === 0) return []
    const key = `receiver/${receiver.id}`
    return [{ key, source: receiver, signals: signalsOf(users), outlets: [''], depth }]
  })
}

/** Exporters that processors of a pipeline send to on their own. */
function destinationsOf(source: GraphSource, pipeline: PipelineSource): readonly string[] {
  return pipeline.processors.flatMap(id =>
    routesOf(source.processors.get(id)!, pipeline.signal, source),
  )
}

/** Of one processor: those that carry the signal. */
function routesOf(
  processor: ComponentSource,
  signal: Signal,
  source: GraphSource,
): readonly string[] {
  const routes = processor.factory.routesTo?.(processor.config) ?? []
  const carriers = [...source.exporters.values()].filter(
    exporter => exporter.factory.meta.stability[signal] !== undefined,
  )
  return carriers.map(exporter => exporter.id).filter(id => routes === 'any' || routes.includes(id))
}

function planConnectors(
  source: GraphSource,
  pipelines: readonly PipelineSource[],
  depths: Depths,
): NodePlan[] {
  const plans: NodePlan[] = []
  for (const connector of source.connectors.values()) {
    const feeding = pipelines.filter(pipeline => pipeline.exporters.includes(connector.id))
    const fed = pipelines.filter(pipeline => pipeline.receivers.includes(connector.id))
    if (feeding.length === 0 || fed.length === 0) continue
    plans.push({
      key: `connector/${connector.id}`,
      source: connector,
      signals: signalsOf(feeding),
      outlets: fed.map(pipeline => pipeline.id),
      depth: depths.ofConnector(connector.id),
    })
  }
  return plans
}

/** One instance for each pipeline that names it. */
function planProcessors(source: GraphSource, pipeline: PipelineSource, depths: Depths): NodePlan[] {
  const { id, signal, processors } = pipeline
  const entry = depths.ofPipeline(pipeline)
  return processors.map((name, i) => {
    const processor = source.processors.get(name)!
    return {
      key: processorKey(id, name),
      source: processor,
      signals: [signal],
      outlets: ['', ...routesOf(processor, signal, source).map(to => `exporter/${to}`)],
      depth: entry - i,
    }
  })
}

function signalsOf(pipelines: readonly PipelineSource[]): Signal[] {
  return [...new Set(pipelines.map(pipeline => pipeline.signal))]
}

/** Pipelines do not feed each other in a loop; the configuration's check has seen to that. */
class Depths {
  readonly #source: GraphSource
  readonly #connectors = new Map<string, number>()

  constructor(source: GraphSource) {
    this.#source = source
  }

  ofConnector(id: string): number {
    const known = this.#connectors.get(id)
    if (known !== undefined) return known
    const fed = [...this.#source.service.pipelines.values()].filter(p => p.receivers.includes(id))
    const depth = 1 + Math.max(EXPORTER_DEPTH, ...fed.map(pipeline => this.ofPipeline(pipeline)))
    this.#connectors.set(id, depth)
    return depth
  }

  /** Depth of its first stage. */
  ofPipeline({ processors, exporters }: PipelineSource): number {
    const ends = exporters.map(id =>
      this.#source.connectors.has(id) ? this.ofConnector(id) : EXPORTER_DEPTH,
    )
    return processors.length + Math.max(EXPORTER_DEPTH, ...ends)
  }
}
