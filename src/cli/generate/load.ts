/** Drives a receiver: paces requests, keeps so many in flight, and counts what became of each item. */
import type { Signal } from '../../core/signal.ts'
import { LatencyRecorder } from './latency.ts'
import type { LoadOptions } from './options.ts'
import { TemplateSet } from './templates.ts'
import { type Answer, openTransport, type Transport } from './transport.ts'

/** How long a sender that was told to wait does so. */
const BUSY_PAUSE_MS = 100
/** How long a sender waits that got no answer at all. */
const FAILED_PAUSE_MS = 250

export interface SignalCounts {
  sent: number
  accepted: number
  /** Refused within accepted requests (partial success). */
  rejected: number
  /** In requests that were answered no. */
  refused: number
  /** In requests without an answer; they may or may not have arrived. */
  failed: number
}

export interface LoadReport {
  readonly seconds: number
  readonly requests: number
  readonly bytes: number
  readonly items: SignalCounts
  readonly bySignal: Readonly<Partial<Record<Signal, SignalCounts>>>
  /** Items refused, by gRPC code name or HTTP status. */
  readonly refusedByCode: Readonly<Record<string, number>>
  /** The last cause of a request without an answer. */
  readonly lastFailure: string
  readonly acceptedPerSecond: number
  readonly latencyMs: { p50: number; p90: number; p99: number; max: number }
}

export interface Load {
  /** What was counted so far. */
  report(): LoadReport
  /** Ends when the count, the duration or `stop` is reached and all answers are in. */
  readonly done: Promise<LoadReport>
  /** No new requests. */
  stop(): void
}

/** Templates are made and connections opened before the clock starts. */
export async function startLoad(options: LoadOptions): Promise<Load> {
  const encoding = options.protocol === 'http-json' ? 'json' : 'proto'
  const templates = await TemplateSet.create(encoding, options.seed)
  for (const signal of options.signals) templates.prepare(signal, options.items)
  return new RunningLoad(options, templates, await openTransport(options))
}

class RunningLoad implements Load {
  readonly done: Promise<LoadReport>
  readonly #options: LoadOptions
  readonly #templates: TemplateSet
  readonly #transport: Transport
  readonly #startMs = performance.now()
  readonly #latency = new LatencyRecorder()
  readonly #counts = new Map<Signal, SignalCounts>()
  readonly #refusedByCode: Record<string, number> = {}
  #lastFailure = ''
  #requests = 0
  #bytes = 0
  /** Items that requests were begun for. */
  #taken = 0
  #sequence = 0
  #stopped = false
  #endMs = 0

  constructor(options: LoadOptions, templates: TemplateSet, transport: Transport) {
    this.#options = options
    this.#templates = templates
    this.#transport = transport
    for (const signal of options.signals) this.#counts.set(signal, noCounts())
    this.done = this.#run()
  }

  stop(): void {
    this.#stopped = true
  }

  report(): LoadReport {
    const items = noCounts()
    for (const counts of this.#counts.values()) {
      for (const key of Object.keys(items) as (keyof SignalCounts)[]) items[key] += counts[key]
    }
    const seconds = ((this.#endMs || performance.now()) - this.#startMs) / 1000
    const latency = this.#latency
    return {
      seconds,
      requests: this.#requests,
      bytes: this.#bytes,
      items,
      bySignal: Object.fromEntries(
        [...this.#counts].map(([signal, each]) => [signal, { ...each }]),
      ),
      refusedByCode: { ...this.#refusedByCode },
      lastFailure: this.#lastFailure,
      acceptedPerSecond: items.accepted / seconds,
      latencyMs: {
        p50: latency.percentileMs(0.5),
        p90: latency.percentileMs(0.9),
        p99: latency.percentileMs(0.99),
        max: latency.maxMs,
      },
    }
  }

  async #run(): Promise<LoadReport> {
    const { inFlight, connections } = this.#options
    await Promise.all(
      Array.from({ length: inFlight }, (_, sender) => this.#sendOn(sender % connections)),
    )
    this.#endMs = performance.now()
    await this.#transport.close()
    return this.report()
  }

  /** One sender: request after request, each when it is due. */
  async #sendOn(connection: number): Promise<void> {
    for (;;) {
      const items = this.#take()
      if (items === 0) return
      const sequence = this.#sequence++
      if (!(await this.#waitUntilDue(this.#taken - items))) return
      const answer = await this.#sendOne(sequence, items, connection)
      if (answer.kind === 'refused' && answer.busy) await sleep(BUSY_PAUSE_MS)
      if (answer.kind === 'failed') await sleep(FAILED_PAUSE_MS)
    }
  }

  /** Items of the next request; 0 when there is none. */
  #take(): number {
    const { count, items } = this.#options
    if (this.#over()) return 0
    const next = count === 0 ? items : Math.min(items, count - this.#taken)
    this.#taken += next
    return next
  }

  #over(): boolean {
    const { durationMs } = this.#options
    return this.#stopped || (durationMs > 0 && performance.now() - this.#startMs >= durationMs)
  }

  /** At a rate, the n-th item has its moment from the start on; being late is caught up with. False = too late. */
  async #waitUntilDue(itemsBefore: number): Promise<boolean> {
    const { rate } = this.#options
    if (rate === 0) return true
    const waitMs = this.#startMs + (itemsBefore / rate) * 1000 - performance.now()
    if (waitMs > 0.5) await sleep(waitMs)
    return !this.#over()
  }

  async #sendOne(sequence: number, items: number, connection: number): Promise<Answer> {
    const { signals } = this.#options
    const signal = signals[sequence % signals.length]
    const number = Math.floor(sequence / signals.length)
    const body = this.#templates.request(signal, items, number, Date.now())
    const startMs = performance.now()
    const answer = await this.#transport.send(signal, body, connection)
    this.#latency.record(performance.now() - startMs)
    this.#requests++
    this.#bytes += body.length
    this.#count(this.#counts.get(signal)!, items, answer)
    return answer
  }

  #count(counts: SignalCounts, items: number, answer: Answer): void {
    counts.sent += items
    switch (answer.kind) {
      case 'accepted':
        counts.accepted += items - answer.rejected
        counts.rejected += answer.rejected
        break
      case 'refused':
        counts.refused += items
        this.#refusedByCode[answer.code] = (this.#refusedByCode[answer.code] ?? 0) + items
        break
      case 'failed':
        counts.failed += items
        this.#lastFailure = answer.message
    }
  }
}

function noCounts(): SignalCounts {
  return { sent: 0, accepted: 0, rejected: 0, refused: 0, failed: 0 }
}

function sleep(ms: number): Promise<void> {
  return new Promise(resolve => setTimeout(resolve, ms))
}
