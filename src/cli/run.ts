/** `millrace run`, the default command: starts the collector and keeps it until a signal ends it. */
import type { Command } from 'commander'
import { MillraceError } from '../errors.ts'
import { parseDuration } from '../util/duration.ts'
import {
  addConfigOptions,
  type ConfigOptions,
  lazyBuiltins,
  requireSources,
} from './config-options.ts'
import { type CliIo, EXIT } from './io.ts'

interface RunOptions extends ConfigOptions {
  readonly shutdownTimeout: string
  readonly watch: boolean
  /** False with --no-admin-socket; absent for the usual place. */
  readonly adminSocket?: string | boolean
}

export function register(program: Command, io: CliIo): void {
  const command = program
    .command('run', { isDefault: true })
    .description('Starts the collector and keeps it running (the default command)')
    .option('--shutdown-timeout <time>', 'how long to drain after SIGTERM or SIGINT', '8s')
    .option('--no-watch', 'do not reload when a configuration file changes; SIGHUP still does')
    .option('--admin-socket <path>', 'where `millrace rules status` and the like ask')
    .option('--no-admin-socket', 'opens none')
  addConfigOptions(command).action((options: RunOptions) => run(options, io))
}

async function run(options: RunOptions, io: CliIo): Promise<void> {
  const sources = requireSources(options)
  const drainMs = readTimeout(options.shutdownTimeout, io)
  const registry = await lazyBuiltins()
  const { loadConfigLoading } = await import('../config/load.ts')
  const { RunningCollector } = await import('./running-collector.ts')
  const load = () => loadConfigLoading(sources, options.set, registry, io.env)
  // Until it runs there is nothing to reload; without a handler the signal would end the process.
  const ignored = io.onSignal('SIGHUP', () => {})
  const { watch, adminSocket = true } = options
  const running = await RunningCollector.start(load, { watch, adminSocket, env: io.env })
  const report = await running.untilSignal(io, drainMs)
  ignored()
  if (!report.balanced || report.undelivered > 0) io.setExitCode(EXIT.failed)
}

function readTimeout(text: string, io: CliIo): number {
  const ms = parseDuration(text)
  if (ms !== undefined && ms > 0) return ms
  io.setExitCode(EXIT.usage)
  throw new MillraceError('MILLRACE_CLI_BAD_DURATION', `--shutdown-timeout ${text}`)
}
