/** A collector and the outside world that moves it: signals, changed files, the log. Loaded only when one is started. */
import { Collector, type StopReport } from '../collector.ts'
import type { LoadedConfig } from '../config/loaded.ts'
import { ConfigError, describeProblem } from '../config/problems.ts'
import { SYSTEM_CLOCK } from '../core/clock.ts'
import type { Logger } from '../core/logger.ts'
import { MillraceError } from '../errors.ts'
import { FileWatch } from '../net/file-watch.ts'
import { AdminSocket } from '../pipeline/admin-socket.ts'
import { createLogger } from '../telemetry/logger.ts'
import { defaultSocket } from './admin-client.ts'
import type { CliIo } from './io.ts'

export interface StartOptions {
  /** Reloads when files of the configuration change. */
  readonly watch: boolean
  /** Where operators ask; true for the usual place. */
  readonly adminSocket?: string | boolean
  readonly env?: CliIo['env']
}

export class RunningCollector {
  readonly #collector: Collector
  readonly #load: () => Promise<LoadedConfig>
  readonly #log: Logger
  readonly #isWatching: boolean
  #config: LoadedConfig
  #watch: FileWatch | null = null
  #admin: AdminSocket | null = null
  #reloading: Promise<void> = Promise.resolve()

  private constructor(
    config: LoadedConfig,
    load: () => Promise<LoadedConfig>,
    log: Logger,
    isWatching: boolean,
  ) {
    this.#config = config
    this.#collector = new Collector(config, { log })
    this.#load = load
    this.#log = log
    this.#isWatching = isWatching
  }

  /** `load` reads the sources anew each time; the first time it throws what is wrong, later that is logged. */
  static async start(
    load: () => Promise<LoadedConfig>,
    { watch, adminSocket = false, env = {} }: StartOptions,
  ): Promise<RunningCollector> {
    const config = await load()
    const log = createLogger(loggerOptions(config), SYSTEM_CLOCK)
    tellWarnings(config, log)
    const running = new RunningCollector(config, load, log, watch)
    // Before the start, so that a change while it starts is not missed.
    running.#follow(config.files)
    await running.#collector.start()
    await running.#openAdmin(adminSocket, env)
    log.info('started', {
      pid: process.pid,
      millis: Math.round(performance.now()),
      pipelines: [...config.service.pipelines.keys()],
    })
    return running
  }

  /** Resolves when SIGTERM or SIGINT has come and everything is drained; a second one stops waiting. */
  async untilSignal(io: CliIo, drainMs: number): Promise<StopReport> {
    const forget = [io.onSignal('SIGHUP', () => void this.reload('signal'))]
    // A timer keeps the process alive: listeners may be all that runs, and not every component has one.
    const alive = setInterval(() => {}, 2 ** 30)
    const signal = await new Promise<string>(resolve => {
      forget.push(io.onSignal('SIGTERM', () => resolve('SIGTERM')))
      forget.push(io.onSignal('SIGINT', () => resolve('SIGINT')))
    })
    this.#log.info('stopping', { signal, drainMs })
    const hurry = new Promise<void>(resolve => {
      for (const name of ['SIGTERM', 'SIGINT'] as const) forget.push(io.onSignal(name, resolve))
    })
    const report = await this.stop(drainMs, hurry)
    for (const off of forget) off()
    clearInterval(alive)
    return report
  }

  /** One after another, so that what was read last is what runs. */
  reload(why: string): Promise<void> {
    this.#reloading = this.#reloading.then(() => this.#reload(why))
    return this.#reloading
  }

  async #reload(why: string): Promise<void> {
    try {
      const config = await this.#load()
      const summary = await this.#collector.reload(config)
      tellWarnings(config, this.#log)
      if (JSON.stringify(loggerOptions(config)) !== JSON.stringify(loggerOptions(this.#config))) {
        this.#log.warn('log_settings_need_restart', { path: 'service.telemetry.logs' })
      }
      this.#follow(config.files)
      this.#config = config
      this.#log.info('config_reloaded', { why, ...summary })
    } catch (error) {
      const problems =
        error instanceof ConfigError ? error.problems.map(describeProblem) : undefined
      const message = error instanceof Error ? error.message : String(error)
      this.#log.error('config_reload_failed', {
        why,
        message,
        problems,
        running: 'the old configuration',
      })
    }
  }

  async stop(drainMs: number, hurry: Promise<void>): Promise<StopReport> {
    this.#watch?.stop()
    this.#admin?.close()
    const stopped = this.#collector.stop(drainMs)
    const report = await Promise.race([stopped, hurry.then(() => undefined)])
    if (report === undefined) {
      this.#log.error('stopped_at_once', { rows: this.#collector.ledger.rows() })
      return { rows: this.#collector.ledger.rows(), balanced: false, undelivered: 0, kept: 0 }
    }
    for (const row of report.rows) this.#log.info('ledger', { ...row })
    const level = report.balanced && report.undelivered === 0 ? 'info' : 'error'
    const { balanced, undelivered, kept } = report
    this.#log[level]('stopped', { balanced, undelivered, kept })
    return report
  }

  /** Nobody named the usual place, so its absence does not stop the collector; that of a named one does. */
  async #openAdmin(wanted: string | boolean, env: CliIo['env']): Promise<void> {
    if (wanted === false) return
    const path = wanted === true ? defaultSocket(env) : wanted
    try {
      this.#admin = await AdminSocket.open(path, this.#collector.inspector)
    } catch (cause) {
      const why = (cause as Error).message
      this.#log.warn('no_admin_socket', { path, why })
      if (wanted === true) return
      await this.#collector.stop(0)
      throw new MillraceError('MILLRACE_START_FAILED', `--admin-socket ${path}: ${why}`, { cause })
    }
  }

  /** Watches these files from now on. The same files stay watched: a change during a reload must not be missed. */
  #follow(files: LoadedConfig['files']): void {
    const names = [...files.keys()]
    const isSame = [...this.#config.files.keys()].join('\0') === names.join('\0')
    if (!this.#isWatching || (this.#watch !== null && isSame)) return
    this.#watch?.stop()
    this.#watch = new FileWatch(names, 0, SYSTEM_CLOCK, () => this.reload('file'), files)
  }
}

function tellWarnings(config: LoadedConfig, log: Logger): void {
  for (const warning of config.warnings)
    log.warn('config_warning', { problem: describeProblem(warning) })
}

function loggerOptions({ service }: LoadedConfig) {
  const { level, encoding, output_paths, initial_fields, sampling } = service.telemetry.logs
  return {
    ...{ level, encoding, outputs: output_paths, fields: initial_fields },
    sampling: {
      enabled: sampling.enabled,
      tickMs: sampling.tick,
      initial: sampling.initial,
      thereafter: sampling.thereafter,
    },
  }
}
