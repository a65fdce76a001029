/** One component in the running graph: what it was made from, what it is, and the ports that it writes to. */
import type { Component, Consumer, Services } from '../core/component.ts'
import type { Factory, Kind, Outlets } from '../core/factory.ts'
import type { Ledger } from '../core/ledger.ts'
import type { Signal } from '../core/signal.ts'
import { ERRORS, MillraceError } from '../errors.ts'
import { joinBranches } from './fan-out.ts'
import type { NodePlan } from './plan.ts'
import { Port } from './port.ts'

/** What of a configured component the graph needs; `config/loaded.ts` has it. */
export interface ComponentSource {
  readonly id: string
  readonly config: unknown
  /** Equal for two configurations exactly when they mean the same. */
  readonly canonical: string
  readonly factory: Factory
}

export interface Node {
  /** Unique in the graph: `exporter/otlp_grpc`, `processor/traces/batch`. */
  readonly key: string
  readonly kind: Kind
  /** As configured: `type` or `type/name`. */
  readonly id: string
  readonly source: ComponentSource
  readonly signals: readonly Signal[]
  readonly component: Component & Partial<Consumer>
  /**
   * Receivers and processors have one, keyed ''; connectors one for each pipeline that they feed; processors that route
   * also one for each exporter, keyed by its node.
   */
  readonly outlets: ReadonlyMap<string, Port>
}

/** Two nodes are interchangeable when their key is the same and this is. */
export function fingerprint(
  source: ComponentSource,
  signals: readonly Signal[],
  outlets: readonly string[],
): string {
  return JSON.stringify([
    source.factory.meta.id,
    source.canonical,
    [...signals].sort(),
    [...outlets].sort(),
  ])
}

/** Creates the component; no I/O. A factory that throws is told as a component that cannot start. */
export function createNode(plan: Omit<NodePlan, 'depth'>, services: Services): Node {
  const { key, source, signals } = plan
  const { factory, id, config } = source
  const outlets = new Map(plan.outlets.map(name => [name, new Port()]))
  const context = {
    ...services,
    log: services.log.child({ component: id }),
    id,
    config,
    signals,
    destinations: destinationsOf(factory.kind, outlets),
  }
  const next = nextOf(factory.kind, outlets, services.ledger) as never
  try {
    const component = factory.create(context, next)
    return { key, kind: factory.kind, id, source, signals, component, outlets }
  } catch (cause) {
    throw startError(factory.kind, id, cause)
  }
}

/** Names the component that kept a graph from starting; a coded error keeps its code. */
export function startError(kind: Kind, id: string, cause: unknown): MillraceError {
  const message = cause instanceof Error ? cause.message : String(cause)
  const code = cause instanceof MillraceError ? cause.code : 'MILLRACE_START_FAILED'
  const why = message.replace(`${ERRORS[code].message} `, '')
  return new MillraceError(code, `${kind} ${id}: ${why}`, { cause })
}

function nextOf(kind: Kind, outlets: ReadonlyMap<string, Port>, ledger: Ledger): unknown {
  return kind === 'connector' ? connectorOutlets(outlets, ledger) : outlets.get('')
}

/** Only processors have outlets to exporters. */
function destinationsOf(kind: Kind, outlets: ReadonlyMap<string, Port>): ReadonlyMap<string, Port> {
  const prefix = 'exporter/'
  const ways = kind === 'processor' ? [...outlets].filter(([key]) => key.startsWith(prefix)) : []
  return new Map(ways.map(([key, port]) => [key.slice(prefix.length), port]))
}

function connectorOutlets(outlets: ReadonlyMap<string, Port>, ledger: Ledger): Outlets {
  const signalOf = (pipelineId: string): Signal => pipelineId.split('/')[0] as Signal
  return {
    pipelines: new Map([...outlets.keys()].map(id => [id, signalOf(id)])),
    to: ids =>
      joinBranches(
        ids.map(id => ({ id, consumer: outlets.get(id)! })),
        ledger,
      ),
  }
}
