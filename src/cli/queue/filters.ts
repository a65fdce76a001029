/** What `millrace queue` commands are narrowed by: from options to a query of the admin API, and to a filter for a folder. */
import type { LetterFilter, QueueFilter } from '../../core/queue-control.ts'
import type { Signal } from '../../core/signal.ts'
import { MillraceError } from '../../errors.ts'
import type { SocketOptions } from '../admin-client.ts'
import { readSince } from '../since.ts'

export interface QueueOptions extends SocketOptions {
  readonly exporter?: string
  readonly tenant?: string
  readonly signal?: Signal
  /** A folder instead of a running collector. */
  readonly directory?: string
}

export interface LetterOptions extends QueueOptions {
  readonly reason?: string
  readonly since?: string
  readonly trace?: string
  readonly storage?: string
}

export interface LetterChoice extends LetterOptions {
  readonly all: boolean
}

const TRACE_ID = /^[0-9a-f]{32}$/

export function queueFilter({ exporter, tenant, signal }: QueueOptions): QueueFilter {
  return defined({ exporter, tenant, signal })
}

/** Throws a coded error for a time or a trace id that is none. */
export function letterFilter(options: LetterOptions): LetterFilter {
  const { reason, since, trace } = options
  const traceId = trace?.toLowerCase()
  if (traceId !== undefined && !TRACE_ID.test(traceId)) {
    throw new MillraceError('MILLRACE_QUEUE_USAGE', '--trace is not 32 hexadecimal digits.')
  }
  const sinceMs = readSince(since, Date.now())
  return { ...queueFilter(options), ...defined({ reason, sinceMs, traceId }) }
}

/** As the admin API takes it. */
export function letterQuery(
  options: LetterOptions,
  max?: number,
): Readonly<Record<string, string | number>> {
  const { traceId, sinceMs, ...filter } = letterFilter(options)
  return defined({
    ...filter,
    since: sinceMs,
    trace_id: traceId,
    storage: options.storage,
    max,
  }) as Record<string, string | number>
}

export function withQuery(
  path: string,
  parameters: Readonly<Record<string, string | number | undefined>>,
): string {
  const query = new URLSearchParams()
  for (const [key, value] of Object.entries(defined(parameters))) query.set(key, String(value))
  return query.size === 0 ? path : `${path}?${query}`
}

/** What is lost for good needs a filter or `--all`. */
export function requireNarrowed(filter: object, all: boolean, what: string): void {
  if (all || Object.keys(filter).length > 0) return
  const detail = `This would mean ${what}; narrow it, or say --all.`
  throw new MillraceError('MILLRACE_QUEUE_USAGE', detail)
}

/** Letters are named, or found by filters; together, one of both would not be heeded. */
export function requireMeant(ids: readonly string[], options: LetterChoice): void {
  const filter = letterFilter(options)
  if (ids.length === 0) requireNarrowed(filter, options.all, 'every letter')
  else if (options.all || Object.keys(filter).length > 0) {
    const detail = 'Letters are named, or found by filters or --all, not both.'
    throw new MillraceError('MILLRACE_QUEUE_USAGE', detail)
  }
}

function defined<T extends object>(value: T): T {
  return Object.fromEntries(Object.entries(value).filter(([, each]) => each !== undefined)) as T
}
