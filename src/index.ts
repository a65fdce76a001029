/** The public surface: what a program needs that runs a collector inside itself or brings components of its own. Re-exports only. */
export { BUILTINS, loadBuiltins } from './builtins.ts'
export { Collector, type CollectorOptions, type StopReport } from './collector.ts'
export { loadConfig, loadConfigLoading } from './config/load.ts'
export type { LoadedConfig } from './config/loaded.ts'
export { ConfigError } from './config/problems.ts'
export { Batch, type Part, type RequestContext, type TenantId } from './core/batch.ts'
export type { Component, Consumer, Host, Inspector, Services } from './core/component.ts'
export {
  type ComponentMeta,
  type ConfigProblem,
  type ConfigSpec,
  type CreateContext,
  defineFactory,
  type Factory,
  type Kind,
} from './core/factory.ts'
export type { Drop, Ledger } from './core/ledger.ts'
export { type Logger, SILENT_LOGGER } from './core/logger.ts'
export { ACCEPTED, busy, type Outcome, refused } from './core/outcome.ts'
export { Payload } from './core/payload.ts'
export { type Declared, Registry } from './core/registry.ts'
export type { Signal } from './core/signal.ts'
export { ERRORS, type ErrorCode, MillraceError } from './errors.ts'
