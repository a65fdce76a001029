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
  const exporters = planShared('exporter', source.exporters, pipelines, EXPORTER_DEPTH)
  const between = [
    ...planConnectors(source, pipelines, depths),
    ...pipelines.flatMap(pipeline => planProcessors(source, pipeline, depths)),
  ].sort((a, b) => a.depth - b.depth)
  const deepest = Math.max(EXPORTER_DEPTH, ...between.map(plan => plan.depth))
  const receivers = planShared('receiver', source.receivers, pipelines, deepest + 1)
  return [...extensions, ...exporters, ...between, ...receivers]
}

/** One instance for all pipelines that name it. */
function planShared(
  kind: 'receiver' | 'exporter',
  sources: ReadonlyMap<string, ComponentSource>,
  pipelines: readonly PipelineSource[],
  depth: number,
): NodePlan[] {
  const plans: NodePlan[] = []
  for (const source of sources.values()) {
    const users = pipelines.filter(pipeline => pipeline[`${kind}s`].includes(source.id))
    if (users.length === 0) continue
    const outlets = kind === 'receiver' ? [''] : []
    plans.push({ key: `${kind}/${source.id}`, source, signals: signalsOf(users), outlets, depth })
  }
  return plans
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
  return processors.map((name, i) => ({
    key: processorKey(id, name),
    source: source.processors.get(name)!,
    signals: [signal],
    outlets: [''],
    depth: entry - i,
  }))
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
