/** A configuration that has passed every check, in the shape from which the running graph is built. */
import type { Factory, Kind } from '../core/factory.ts'
import type { Signal } from '../core/signal.ts'
import type { Problem } from './problems.ts'
import type { TelemetryConfig } from './telemetry-section.ts'

export type { TelemetryConfig } from './telemetry-section.ts'

export interface ComponentConfig<K extends Kind = Kind> {
  /** Full id as configured: `type` or `type/name`. */
  readonly id: string
  readonly type: string
  /** Output of the factory's schema; hand it to `create`. */
  readonly config: unknown
  /** Equal for two loads exactly if the parsed configuration is equal. Secrets are in it as hashes. */
  readonly canonical: string
  readonly factory: Factory<K>
}

export interface PipelineConfig {
  /** `traces` or `traces/name`. */
  readonly id: string
  readonly signal: Signal
  /** Receivers and connectors, each once. */
  readonly receivers: readonly string[]
  readonly processors: readonly string[]
  /** Exporters and connectors, each once. */
  readonly exporters: readonly string[]
}

export interface ServiceConfig {
  /** In the order in which they are started. */
  readonly extensions: readonly string[]
  readonly pipelines: ReadonlyMap<string, PipelineConfig>
  readonly telemetry: TelemetryConfig
}

/** Components are keyed by id. Those that no pipeline uses are in here too, and in `warnings`. */
export interface LoadedConfig {
  readonly receivers: ReadonlyMap<string, ComponentConfig<'receiver'>>
  readonly processors: ReadonlyMap<string, ComponentConfig<'processor'>>
  readonly connectors: ReadonlyMap<string, ComponentConfig<'connector'>>
  readonly exporters: ReadonlyMap<string, ComponentConfig<'exporter'>>
  readonly extensions: ReadonlyMap<string, ComponentConfig<'extension'>>
  readonly service: ServiceConfig
  readonly warnings: readonly Problem[]
  /** Every file that was read, by its absolute path, and the SHA-256 of what was in it; for those who watch for changes. */
  readonly files: ReadonlyMap<string, string>
}
