/** The options by which every command is told its configuration, and the way from them to an examined configuration. */
import type { Command } from 'commander'
import type { Examination } from '../config/load.ts'
import type { Registry } from '../core/registry.ts'
import { MillraceError } from '../errors.ts'
import type { CliIo } from './io.ts'

export interface ConfigOptions {
  readonly config: readonly string[]
  readonly set: readonly string[]
}

const CONFIG_HELP =
  'where the configuration is: a path, file:path, env:VAR or yaml:text; repeat to merge, later wins key by key'
const SET_HELP =
  'sets one value, as in processors.batch.timeout=2s; wins over every --config; may be repeated'

/** Adds `--config` and `--set`; the action gets `ConfigOptions`. */
export function addConfigOptions(command: Command): Command {
  const collect = (value: string, list: readonly string[]): readonly string[] => [...list, value]
  return command
    .option('-c, --config <source>', CONFIG_HELP, collect, [])
    .option('--set <key=value>', SET_HELP, collect, [])
}

/** Throws a coded error if no source was named. */
export function requireSources(options: ConfigOptions): readonly string[] {
  if (options.config.length > 0) return options.config
  throw new MillraceError('MILLRACE_CLI_NO_CONFIG')
}

/** The built-in components, each loaded when a configuration names it. */
export async function lazyBuiltins(): Promise<Registry> {
  const [{ BUILTINS }, { Registry }] = await importBuiltins()
  return new Registry([], BUILTINS)
}

/** All built-in components, loaded. */
export async function allBuiltins(): Promise<Registry> {
  const [{ loadBuiltins }, { Registry }] = await importBuiltins()
  return new Registry(await loadBuiltins())
}

function importBuiltins() {
  return Promise.all([import('../builtins.ts'), import('../core/registry.ts')])
}

export async function examineOptions(
  options: ConfigOptions,
  registry: Registry,
  io: CliIo,
): Promise<Examination> {
  const { examineLoading } = await import('../config/load.ts')
  return examineLoading(requireSources(options), options.set, registry, io.env)
}
