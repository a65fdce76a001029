/** How a component is declared. A factory knows its id, its configuration and how to create; creation does no I/O. */
import type { z } from 'zod'
import type { Component, Consumer, Services } from './component.ts'
import type { MetricSpec } from './meter.ts'
import type { Signal } from './signal.ts'

export type Kind = 'receiver' | 'processor' | 'connector' | 'exporter' | 'extension'

export const KINDS: readonly Kind[] = [
  'receiver',
  'processor',
  'connector',
  'exporter',
  'extension',
]

export type Stability = 'development' | 'alpha' | 'beta' | 'stable'

export interface ComponentMeta {
  /** Type in the configuration, snake_case; the folder is its kebab-case. */
  readonly id: string
  /** Other types that mean the same component (`otlp` for `otlp_grpc`). */
  readonly aliases?: readonly string[]
  /** One sentence for tables. */
  readonly summary: string
  /** Signals that it can carry; empty for extensions. A connector's are `from>to` pairs in `connects`. */
  readonly stability: Partial<Readonly<Record<Signal, Stability>>>
  /** Connectors: which signal may come in and which goes out. */
  readonly connects?: readonly { readonly from: Signal; readonly to: Signal }[]
  /** Changes selections or edits of the batches that it takes, so fan-out gives it its own. */
  readonly mutates: boolean
  readonly metrics: readonly MetricSpec[]
}

/** A fault that the schema cannot express: a cross-field rule. `path` starts inside the component's section. */
export interface ConfigProblem {
  readonly path: readonly (string | number)[]
  readonly message: string
  /** What would be right. */
  readonly expected?: string
}

/** One schema: type, validation, defaults, docs table, editor schema. Every field has a `.describe()`. */
export interface ConfigSpec<C> {
  readonly schema: z.ZodType<C>
  readonly check?: (config: C) => readonly ConfigProblem[]
}

export interface CreateContext<C> extends Services {
  /** Full id as configured: `type` or `type/name`. */
  readonly id: string
  readonly config: C
  /** Signals of the pipelines that use it. */
  readonly signals: readonly Signal[]
  /** Exporters that it may send to beside what stands behind it, by id; see `Factory.routesTo`. */
  readonly destinations?: ReadonlyMap<string, Consumer>
}

/** The pipelines behind a connector. */
export interface Outlets {
  /** Ids of the pipelines that it feeds, with their signals. */
  readonly pipelines: ReadonlyMap<string, Signal>
  /** One way to all of these pipelines: bytes are shared, a slow pipeline does not hold up the others. */
  to(pipelineIds: readonly string[]): Consumer
}

/** What each kind makes, and what stands after it. */
export interface Ports {
  receiver: { makes: Component; next: Consumer }
  processor: { makes: Component & Consumer; next: Consumer }
  connector: { makes: Component & Consumer; next: Outlets }
  exporter: { makes: Component & Consumer; next: undefined }
  extension: { makes: Component; next: undefined }
}

export interface Factory<K extends Kind = Kind, C = unknown> {
  readonly kind: K
  readonly meta: ComponentMeta
  readonly config: ConfigSpec<C>
  /**
   * Processors: ids of the exporters that it sends to on its own, or `any` of those that are configured. They run
   * although no pipeline may name them, as far as they carry the signal.
   */
  routesTo?(config: C): readonly string[] | 'any'
  /**
   * For `millrace validate`: what is wrong with files that the configuration names and that are read at the start only.
   * `exporters` are the ids of those that carry a signal.
   */
  checkFiles?(config: C, exporters: (signal: Signal) => readonly string[]): readonly string[]
  /**
   * Extensions that others hold on to (`Component.holds`): where what they hold is. Where that changes with a reload, the
   * holders are replaced as well; all else that changes reaches them as they are.
   */
  placeOf?(config: C): string
  create(context: CreateContext<C>, next: Ports[K]['next']): Ports[K]['makes']
}

/** Declares a factory; the configuration type is inferred from the schema and hidden behind `Factory<K>`. */
export function defineFactory<K extends Kind, C>(factory: Factory<K, C>): Factory<K> {
  return factory as unknown as Factory<K>
}
