/**
 * Our own logs: pino, one JSON line an event, to standard error, because standard output belongs to what a command
 * prints (and to the `debug` exporter). Writing is synchronous: a line is out before the process can end.
 */
import { closeSync, mkdirSync, openSync } from 'node:fs'
import { dirname } from 'node:path'
import pino from 'pino'
import type { Clock } from '../core/clock.ts'
import type { Logger } from '../core/logger.ts'
import { MillraceError } from '../errors.ts'

export type LogLevel = 'debug' | 'info' | 'warn' | 'error'

export interface LoggerOptions {
  readonly level: LogLevel
  /** `stderr`, `stdout` or file paths. */
  readonly outputs: readonly string[]
  readonly encoding: 'json' | 'console'
  readonly fields: Readonly<Record<string, unknown>>
  /** Of equal warnings and errors within `tickMs` the first `initial` are written, then each `thereafter`-th. */
  readonly sampling: {
    readonly enabled: boolean
    readonly tickMs: number
    readonly initial: number
    readonly thereafter: number
  }
}

export const DEFAULT_LOGGER_OPTIONS: LoggerOptions = {
  level: 'info',
  outputs: ['stderr'],
  encoding: 'json',
  fields: {},
  sampling: { enabled: true, tickMs: 10_000, initial: 10, thereafter: 100 },
}

/** Different event names that are remembered for sampling; beyond it all names share one count. */
const MAX_EVENT_NAMES = 1000

interface Tally {
  windowStartMs: number
  seen: number
  suppressed: number
}

export function createLogger(options: LoggerOptions, clock: Clock): Logger {
  const streams = options.outputs.map(output => ({
    level: options.level,
    stream: openOutput(output, options.encoding),
  }))
  const base = pino(
    {
      level: options.level,
      base: options.fields as Record<string, unknown>,
      timestamp: pino.stdTimeFunctions.isoTime,
      formatters: { level: label => ({ level: label }) },
      messageKey: 'event',
      // As plain JSON an Error is {}.
      serializers: { error: errorText },
    },
    pino.multistream(streams),
  )
  return new PinoLogger(base, new Sampler(options.sampling, clock))
}

class PinoLogger implements Logger {
  readonly #pino: pino.Logger
  readonly #sampler: Sampler

  constructor(logger: pino.Logger, sampler: Sampler) {
    this.#pino = logger
    this.#sampler = sampler
  }

  debug(event: string, fields: Readonly<Record<string, unknown>> = {}): void {
    this.#pino.debug(fields, event)
  }

  info(event: string, fields: Readonly<Record<string, unknown>> = {}): void {
    this.#pino.info(fields, event)
  }

  warn(event: string, fields: Readonly<Record<string, unknown>> = {}): void {
    const suppressed = this.#sampler.admit(event)
    if (suppressed >= 0) this.#pino.warn(withSuppressed(fields, suppressed), event)
  }

  error(event: string, fields: Readonly<Record<string, unknown>> = {}): void {
    const suppressed = this.#sampler.admit(event)
    if (suppressed >= 0) this.#pino.error(withSuppressed(fields, suppressed), event)
  }

  child(fields: Readonly<Record<string, unknown>>): Logger {
    return new PinoLogger(this.#pino.child(fields), this.#sampler)
  }
}

function withSuppressed(
  fields: Readonly<Record<string, unknown>>,
  suppressed: number,
): Readonly<Record<string, unknown>> {
  return suppressed === 0 ? fields : { ...fields, suppressed }
}

class Sampler {
  readonly #options: LoggerOptions['sampling']
  readonly #clock: Clock
  readonly #tallies = new Map<string, Tally>()

  constructor(options: LoggerOptions['sampling'], clock: Clock) {
    this.#options = options
    this.#clock = clock
  }

  /** How many lines of this event were left out since the last one that was written; -1 leaves this one out too. */
  admit(event: string): number {
    const { enabled, tickMs, initial, thereafter } = this.#options
    if (!enabled) return 0
    const tally = this.#tally(event)
    const now = this.#clock.monotonic()
    if (now - tally.windowStartMs >= tickMs) {
      tally.windowStartMs = now
      tally.seen = 0
    }
    tally.seen++
    const isShown =
      tally.seen <= initial || (thereafter > 0 && (tally.seen - initial) % thereafter === 0)
    if (!isShown) {
      tally.suppressed++
      return -1
    }
    const { suppressed } = tally
    tally.suppressed = 0
    return suppressed
  }

  #tally(event: string): Tally {
    const name = this.#tallies.size < MAX_EVENT_NAMES || this.#tallies.has(event) ? event : ''
    let tally = this.#tallies.get(name)
    if (tally === undefined) {
      tally = { windowStartMs: this.#clock.monotonic(), seen: 0, suppressed: 0 }
      this.#tallies.set(name, tally)
    }
    return tally
  }
}

function errorText(error: unknown): unknown {
  return error instanceof Error ? error.message : error
}

function openOutput(output: string, encoding: 'json' | 'console'): pino.DestinationStream {
  const dest = output === 'stderr' ? 2 : output === 'stdout' ? 1 : output
  if (typeof dest === 'string') checkWritable(dest)
  const file = pino.destination({ dest, sync: true })
  if (encoding === 'json') return file
  return { write: line => file.write(consoleLine(line)) }
}

/** Said here with a code; pino itself would try for ever where a folder cannot be made. */
function checkWritable(path: string): void {
  try {
    mkdirSync(dirname(path), { recursive: true })
    closeSync(openSync(path, 'a'))
  } catch (cause) {
    const why = cause instanceof Error ? cause.message : String(cause)
    throw new MillraceError('MILLRACE_START_FAILED', `The log cannot be written: ${why}`, { cause })
  }
}

/** `time level event key=value ...` */
function consoleLine(line: string): string {
  const { time, level, event, ...rest } = JSON.parse(line) as Record<string, unknown>
  const fields = Object.entries(rest).map(([key, value]) => ` ${key}=${JSON.stringify(value)}`)
  return `${time} ${String(level).toUpperCase().padEnd(5)} ${event}${fields.join('')}\n`
}
