/** Rules between pipelines and components: signals that a component can carry, connectors on both sides, loops, what nobody uses. */
import type { Factory, Kind } from '../core/factory.ts'
import { SIGNALS, type Signal } from '../core/signal.ts'
import { findNearest } from '../util/nearest.ts'
import type { PipelineConfig } from './loaded.ts'
import type { Problem } from './problems.ts'
import { TABLES, type Tables } from './read-components.ts'
import { type Fault, findSpan, type Path, problemAt, type Tree } from './tree.ts'

export interface GraphInput {
  readonly root: Tree
  readonly tables: Tables
  readonly pipelines: ReadonlyMap<string, PipelineConfig>
  readonly extensions: readonly string[]
}

export function checkGraph(input: GraphInput): readonly Problem[] {
  const check = new GraphCheck(input)
  check.ambiguousIds()
  for (const pipeline of input.pipelines.values()) check.signals(pipeline)
  for (const id of input.tables.declared.connector.keys()) check.connector(id)
  for (const id of input.tables.declared.processor.keys()) check.destinations(id)
  check.loops()
  check.unused()
  return check.problems
}

class GraphCheck {
  readonly problems: Problem[] = []
  readonly #input: GraphInput

  constructor(input: GraphInput) {
    this.#input = input
  }

  ambiguousIds(): void {
    const { declared } = this.#input.tables
    for (const id of declared.connector.keys()) {
      for (const kind of ['receiver', 'exporter'] as const) {
        if (!declared[kind].has(id)) continue
        const message = `a connector and ${kind === 'exporter' ? 'an' : 'a'} ${kind} have the same id`
        this.#add('key', {
          path: [TABLES.connector, id],
          message,
          expected: `another name, such as ${id}/connector`,
        })
      }
    }
  }

  /** Connectors are looked at from both sides, below. */
  signals(pipeline: PipelineConfig): void {
    const roles = [
      ['receiver', pipeline.receivers],
      ['processor', pipeline.processors],
      ['exporter', pipeline.exporters],
    ] as const
    for (const [kind, ids] of roles) {
      for (const id of ids) {
        const factory = this.#input.tables.declared[kind].get(id)?.factory
        if (factory === undefined || factory.meta.stability[pipeline.signal] !== undefined) continue
        const carried = SIGNALS.filter(signal => factory.meta.stability[signal] !== undefined)
        const message = `the ${kind} "${id}" does not carry ${pipeline.signal}`
        const path = this.#placeIn(pipeline, `${kind}s`, id)
        this.#add('value', { path, message, expected: `a pipeline of ${carried.join(', ')}` })
      }
    }
  }

  connector(id: string): void {
    const factory = this.#input.tables.declared.connector.get(id)?.factory
    const pipelines = [...this.#input.pipelines.values()]
    const sources = pipelines.filter(pipeline => pipeline.exporters.includes(id))
    const targets = pipelines.filter(pipeline => pipeline.receivers.includes(id))
    if (factory === undefined || (sources.length === 0 && targets.length === 0)) return
    for (const source of sources) {
      if (targets.some(target => connects(factory, source.signal, target.signal))) continue
      const { message, expected } = explainLoose(factory, id, source, targets, 'exporter')
      this.#add('value', { path: this.#placeIn(source, 'exporters', id), message, expected })
    }
    for (const target of targets) {
      if (sources.some(source => connects(factory, source.signal, target.signal))) continue
      const { message, expected } = explainLoose(factory, id, target, sources, 'receiver')
      this.#add('value', { path: this.#placeIn(target, 'receivers', id), message, expected })
    }
  }

  /** Exporters that a processor sends to on its own. */
  destinations(id: string): void {
    const { exporter } = this.#input.tables.declared
    for (const to of this.#routesOf(id)) {
      if (exporter.has(to)) continue
      const message = `there is no exporter "${to}"`
      const nearest = findNearest(to, exporter.keys())
      this.#add('value', { path: [TABLES.processor, id, 'destinations'], message, nearest })
    }
  }

  #routesOf(processor: string): readonly string[] {
    const { declared } = this.#input.tables
    const { factory, config } = declared.processor.get(processor) ?? {}
    if (config === undefined) return []
    const routes = factory?.routesTo?.(config.config) ?? []
    return routes === 'any' ? [...declared.exporter.keys()] : routes
  }

  /** One loop is shown for each connector that closes one. */
  loops(): void {
    const done = new Set<string>()
    for (const pipeline of this.#input.pipelines.values()) this.#walk(pipeline, [], done)
  }

  #walk(pipeline: PipelineConfig, trail: readonly Hop[], done: Set<string>): void {
    if (done.has(pipeline.id)) return
    for (const hop of this.#hopsFrom(pipeline)) {
      const way = [...trail, hop]
      const start = way.findIndex(each => each.from === hop.to)
      if (start < 0) this.#walk(this.#input.pipelines.get(hop.to)!, way, done)
      else this.#addLoop(pipeline, hop.connector, way.slice(start))
    }
    done.add(pipeline.id)
  }

  #hopsFrom(pipeline: PipelineConfig): readonly Hop[] {
    const { pipelines, tables } = this.#input
    return pipeline.exporters.flatMap(connector => {
      const factory = tables.declared.connector.get(connector)?.factory
      if (factory === undefined) return []
      return [...pipelines.values()]
        .filter(target => target.receivers.includes(connector))
        .filter(target => connects(factory, pipeline.signal, target.signal))
        .map(target => ({ from: pipeline.id, connector, to: target.id }))
    })
  }

  #addLoop(pipeline: PipelineConfig, connector: string, loop: readonly Hop[]): void {
    const way = loop.map(hop => `${hop.from} -> ${hop.connector}`).join(' -> ')
    const message = `pipelines feed each other in a loop: ${way} -> ${loop[0].from}`
    this.#add('value', { path: this.#placeIn(pipeline, 'exporters', connector), message })
  }

  unused(): void {
    const used = new Map<Kind, Set<string>>()
    const use = (kind: Kind, ids: readonly string[]) =>
      used.set(kind, new Set([...(used.get(kind) ?? []), ...ids]))
    use('extension', this.#input.extensions)
    for (const pipeline of this.#input.pipelines.values()) {
      use('receiver', pipeline.receivers)
      use('processor', pipeline.processors)
      use('exporter', pipeline.exporters)
      for (const id of pipeline.processors) use('exporter', this.#routesOf(id))
      use('connector', [...pipeline.receivers, ...pipeline.exporters])
    }
    for (const [kind, table] of Object.entries(this.#input.tables.declared)) {
      for (const [id, component] of table) {
        if (used.get(kind as Kind)?.has(id) === true || component.factory === undefined) continue
        const where =
          kind === 'extension' ? 'not listed in service.extensions' : 'not used by any pipeline'
        const message = `the ${kind} "${id}" is ${where}`
        this.#add('key', { severity: 'warning', path: [TABLES[kind as Kind], id], message })
      }
    }
  }

  /** Path of the first mention of an id in a pipeline. */
  #placeIn(
    pipeline: PipelineConfig,
    role: 'receivers' | 'processors' | 'exporters',
    id: string,
  ): Path {
    const path = ['service', 'pipelines', pipeline.id, role]
    return [...path, pipeline[role].indexOf(id)]
  }

  #add(part: 'key' | 'value', fault: Fault): void {
    this.problems.push(problemAt(findSpan(this.#input.root, fault.path, part), fault))
  }
}

interface Hop {
  readonly from: string
  readonly connector: string
  readonly to: string
}

function connects(factory: Factory, from: Signal, to: Signal): boolean {
  return (factory.meta.connects ?? []).some(pair => pair.from === from && pair.to === to)
}

function explainLoose(
  factory: Factory,
  id: string,
  here: PipelineConfig,
  others: readonly PipelineConfig[],
  role: 'exporter' | 'receiver',
): { message: string; expected: string } {
  const other = role === 'exporter' ? 'receiver' : 'exporter'
  const used = `the connector "${id}" is used as ${role} of ${here.id}`
  const pairs = (factory.meta.connects ?? []).map(pair => `${pair.from} to ${pair.to}`).join(', ')
  if (others.length === 0) {
    return {
      message: `${used}, but as ${other} of no pipeline`,
      expected: `it as ${other} of a pipeline`,
    }
  }
  const signals = [...new Set(others.map(each => each.signal))].join(', ')
  return {
    message: `${used}, but on its other side there is only ${signals}`,
    expected: `a pair that it connects: ${pairs}`,
  }
}
