/** Collectors as child processes with a folder of their own, killed and started again, and the comparison of both ends' books. */
import assert from 'node:assert/strict'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { LedgerRowView } from '../../src/core/component.ts'
import { FATE, type LoadOptions, NumberedLoad } from '../harness/numbered-load.ts'
import { NumberedSink } from '../harness/numbered-sink.ts'
import type { NumberBook } from '../harness/numbered-spans.ts'
import { freePorts } from '../harness/ports.ts'
import { eventually, type Running, startMillrace } from '../harness/process.ts'

/** How long everything that waits may take to be delivered once nothing hinders it. */
const DRAIN_MS = 60_000
const START_MS = 20_000
/** Clock ticks a second in /proc/PID/stat; 100 on every Linux that Node supports. */
const TICKS = 100

/** Where a test, or a bench, leaves what is to be closed. */
export interface Scope {
  after(close: () => unknown): void
}

const CLOSERS = new WeakMap<Scope, (() => unknown)[]>()

/** Closes what was opened last first, whatever the order of the scope itself is. */
export function atEnd(t: Scope, close: () => unknown): void {
  const known = CLOSERS.get(t)
  if (known !== undefined) {
    known.push(close)
    return
  }
  const closers = [close]
  CLOSERS.set(t, closers)
  t.after(async () => {
    for (const each of closers.reverse()) await each()
  })
}

export function temporaryFolder(t: Scope): string {
  const folder = mkdtempSync(join(tmpdir(), 'millrace-faults-'))
  atEnd(t, () => rmSync(folder, { recursive: true, force: true, maxRetries: 3 }))
  return folder
}

export async function startSink(t: Scope): Promise<NumberedSink> {
  const sink = await NumberedSink.start((await freePorts(1))[0])
  atEnd(t, () => sink.close())
  return sink
}

export function startLoad(t: Scope, options: LoadOptions): NumberedLoad {
  const load = new NumberedLoad(options)
  atEnd(t, () => load.stop())
  return load
}

/** What differs from test to test. */
export interface Wanted {
  /** Of the sink. */
  readonly target: number
  readonly exporter?: object
  readonly queue?: object
  /** Of `file_storage`; absent keeps the queue in memory. */
  readonly storage?: object
  /** Of the extension `tenants`; absent: there is one tenant. */
  readonly tenants?: object
  /** Of the receiver's gRPC. */
  readonly grpc?: object
  readonly processors?: Readonly<Record<string, object | null>>
  readonly telemetry?: object
}

/** OTLP over gRPC in and out. */
export function configOf(port: number, wanted: Wanted): object {
  const { target, storage, tenants, processors = {}, queue = {}, exporter = {} } = wanted
  const extensions = {
    ...(storage === undefined ? {} : { file_storage: storage }),
    ...(tenants === undefined ? {} : { tenants }),
  }
  const auth = tenants === undefined ? {} : { auth: { authenticator: 'tenants' } }
  const sending_queue = storage === undefined ? queue : { storage: 'file_storage', ...queue }
  return {
    receivers: {
      otlp: { protocols: { grpc: { endpoint: `127.0.0.1:${port}`, ...auth, ...wanted.grpc } } },
    },
    processors,
    exporters: {
      otlp_grpc: {
        endpoint: `127.0.0.1:${target}`,
        tls: { insecure: true },
        compression: 'none',
        sending_queue,
        retry_on_failure: {
          initial_interval: '100ms',
          max_interval: '500ms',
          max_elapsed_time: '0s',
        },
        ...exporter,
      },
    },
    extensions,
    service: {
      telemetry: { metrics: { level: 'none' }, ...wanted.telemetry },
      extensions: Object.keys(extensions),
      pipelines: {
        traces: {
          receivers: ['otlp'],
          processors: Object.keys(processors),
          exporters: ['otlp_grpc'],
        },
      },
    },
  }
}

/** A collector that is started again and again with one configuration on one port. */
export class Subject {
  readonly port: number
  readonly socket: string
  readonly #yaml: string
  #running: Running | null = null

  private constructor(t: Scope, port: number, config: object) {
    this.port = port
    this.#yaml = JSON.stringify(config)
    this.socket = join(temporaryFolder(t), 'admin.sock')
    atEnd(t, () => this.kill())
  }

  static async start(t: Scope, wanted: Wanted): Promise<Subject> {
    const [port] = await freePorts(1)
    const subject = new Subject(t, port, configOf(port, wanted))
    await subject.again()
    return subject
  }

  get running(): Running {
    if (this.#running === null) throw new Error('the collector does not run')
    return this.#running
  }

  /** Starts it, when it does not run. */
  async again(): Promise<void> {
    const extra = ['--admin-socket', this.socket, '--no-watch', '--shutdown-timeout', '5s']
    const running = await startMillrace(this.#yaml, this.port, extra)
    this.#running = running
    // Listening comes first; a signal before this would just end it.
    const hasStarted = (): boolean => running.output().includes('"event":"started"')
    await eventually(hasStarted, START_MS, 'the collector has started')
  }

  /** SIGKILL; resolves when the process is gone. */
  async kill(): Promise<void> {
    const running = this.#running
    this.#running = null
    if (running === null || running.child.exitCode !== null || running.child.signalCode !== null) {
      return
    }
    const gone = new Promise(resolve => running.child.once('exit', resolve))
    running.child.kill('SIGKILL')
    await gone
  }

  /** SIGTERM; what it said about its book. */
  async stop(): Promise<Stopped> {
    const running = this.running
    this.#running = null
    const code = await running.stop(20_000)
    return { code, rows: ledgerRows(running.output()), output: running.output() }
  }

  cpuSeconds(): number {
    const stat = readFileSync(`/proc/${this.running.child.pid}/stat`, 'latin1')
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
    return (Number(fields[11]) + Number(fields[12])) / TICKS
  }

  rssMiB(): number {
    const status = readFileSync(`/proc/${this.running.child.pid}/status`, 'latin1')
    return Number(/VmRSS:\s+(\d+)/.exec(status)?.[1] ?? 0) / 1024
  }
}

export interface Stopped {
  readonly code: number | null
  readonly rows: readonly LedgerRowView[]
  readonly output: string
}

/** Lines of the log that are about one event. */
export function logged(output: string, event: string): Record<string, unknown>[] {
  return output
    .split('\n')
    .filter(line => line.startsWith('{') && line.includes(`"event":"${event}"`))
    .map(line => JSON.parse(line) as Record<string, unknown>)
}

function ledgerRows(output: string): LedgerRowView[] {
  return logged(output, 'ledger') as unknown as LedgerRowView[]
}

/** The identity held for every tenant, in every collector that could still say so. */
export function assertExact({ rows, output }: Stopped): void {
  assert.ok(rows.length > 0, `no ledger was printed:\n${output}`)
  for (const row of rows) assert.ok(row.balanced, JSON.stringify(row))
}

/** Spans of a stream that were accepted and that the destination does not have. */
export function missing(fates: NumberBook, sink: NumberedSink, stream: number): number {
  return countOfFate(fates, sink, { stream, fate: FATE.accepted, hasArrived: false })
}

/** Spans of a stream that were refused and came all the same. */
export function unwanted(fates: NumberBook, sink: NumberedSink, stream: number): number {
  return countOfFate(fates, sink, { stream, fate: FATE.refused, hasArrived: true })
}

interface Question {
  readonly stream: number
  readonly fate: number
  readonly hasArrived: boolean
}

function countOfFate(fates: NumberBook, sink: NumberedSink, question: Question): number {
  const { stream, fate, hasArrived } = question
  const arrived = sink.arrived.values(stream)
  const values = fates.values(stream)
  let count = 0
  for (let n = 0; n < values.length; n++) {
    if (values[n] === fate && (arrived[n] ?? 0) > 0 === hasArrived) count++
  }
  return count
}

/** Waits until every accepted span of the streams has come. */
export async function untilDelivered(
  fates: NumberBook,
  sink: NumberedSink,
  streams: readonly number[],
  withinMs = DRAIN_MS,
): Promise<void> {
  const left = (): number => streams.reduce((sum, s) => sum + missing(fates, sink, s), 0)
  await eventually(() => left() === 0, withinMs, 'all accepted spans are delivered').catch(
    error => {
      throw new Error(`${(error as Error).message}; ${left()} are missing`)
    },
  )
}

export function sleep(ms: number): Promise<void> {
  return new Promise(resolve => setTimeout(resolve, ms))
}
