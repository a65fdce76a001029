/**
 * The strategy `span-ingest`: policies are asked about each piece of a trace when it comes, a piece being what came under one
 * resource of one request. Facts are of the piece alone, but for the number of spans and bytes, which are of all that came.
 */
import type { Part, RequestContext } from '../../core/batch.ts'
import type { Logger } from '../../core/logger.ts'
import { PARENT, ROW } from '../../otlp/request-index.ts'
import type { Assembly } from '../../sampler/assembly/assembly.ts'
import { Arrival } from './arrival.ts'
import { type Conditions, mergeBits } from './conditions.ts'
import { Facts } from './facts.ts'
import { TIMES } from './level-tests.ts'
import { TraceSizes } from './sizes.ts'
import type { Final, Verdict } from './verdict.ts'

const FIRST_CAPACITY = 1024
const NANOS = 1_000_000

export interface IngestOptions {
  readonly assembly: Assembly
  readonly conditions: Conditions
  readonly verdict: Verdict
  readonly log: Logger
  /** Largest trace; 0 = without limit. */
  readonly maxBytes: number
}

export interface Ingested {
  readonly decision: Final | 'too large'
  /** See `Verdict.threshold`. */
  readonly threshold: number
}

export class Ingest {
  /** By trace: what became of it in this part; its spans are still held. */
  readonly decided = new Map<number, Ingested>()
  readonly #options: IngestOptions
  readonly #arrival: Arrival
  readonly #sizes = new TraceSizes()
  readonly #facts: Facts
  readonly #words: number
  readonly #plainWords: number
  /** Traces of the open piece. */
  readonly #touched: number[] = []
  /** By trace: of all that came, and of the open piece. */
  #spans = new Float64Array(0)
  #piece = new Float64Array(0)
  #bits = new Uint32Array(0)
  #times = new Float64Array(0)
  #pieces = 0

  constructor(options: IngestOptions) {
    const { conditions, log } = options
    this.#options = options
    this.#arrival = new Arrival(conditions, log, true)
    this.#words = conditions.words
    this.#plainWords = conditions.plainWords
    this.#facts = new Facts(this.#words)
  }

  /**
   * To be called after `Assembly.add` of the same part, which carries no edits. Nothing is asked about traces in `decided`; the
   * owner clears it before the next part, when they have been let go.
   */
  add(part: Part, request: RequestContext, nowMs: number): void {
    const { newTraces, newCount, itemTrace } = this.#options.assembly
    this.#sizes.open(part)
    for (let i = 0; i < newCount; i++) this.#begin(newTraces[i])
    this.#arrival.scan(part, request)
    const { index, selection } = part
    const [, scopes, spans] = index.levels
    let resource = -1
    for (let item = 0; item < index.items; item++) {
      if (selection !== null && !selection.has(item)) continue
      const next = scopes[spans[item * ROW + PARENT] * ROW + PARENT]
      if (next !== resource) this.#closePiece(nowMs)
      resource = next
      const trace = itemTrace[item]
      if (trace >= 0 && !this.decided.has(trace)) this.#addItem(trace, item)
    }
    this.#closePiece(nowMs)
  }

  #begin(trace: number): void {
    if (trace >= this.#spans.length) this.#grow(trace)
    this.#spans[trace] = 0
    this.#piece[trace] = 0
    this.#sizes.begin(trace)
  }

  #addItem(trace: number, item: number): void {
    if (this.#piece[trace] !== this.#pieces) this.#openPiece(trace)
    this.#spans[trace]++
    this.#sizes.add(trace, item)
    const at = trace * this.#words
    for (let w = 0; w < this.#words; w++) {
      const bits = this.#arrival.bits[item * this.#words + w]
      this.#bits[at + w] = mergeBits(w, this.#plainWords, this.#bits[at + w], bits)
    }
    this.#addTimes(trace * TIMES, item * TIMES)
  }

  #openPiece(trace: number): void {
    this.#piece[trace] = this.#pieces
    this.#touched.push(trace)
    this.#bits.fill(0, trace * this.#words, (trace + 1) * this.#words)
    this.#times.fill(0, trace * TIMES, (trace + 1) * TIMES)
  }

  /** Earliest start, latest end. */
  #addTimes(own: number, span: number): void {
    const times = this.#times
    const { times: of } = this.#arrival
    const start = of[span] - times[own] + (of[span + 1] - times[own + 1]) / NANOS
    if ((times[own] === 0 && times[own + 1] === 0) || start < 0) {
      times[own] = of[span]
      times[own + 1] = of[span + 1]
    }
    const end = of[span + 2] - times[own + 2] + (of[span + 3] - times[own + 3]) / NANOS
    if (end > 0) {
      times[own + 2] = of[span + 2]
      times[own + 3] = of[span + 3]
    }
  }

  #closePiece(nowMs: number): void {
    for (const trace of this.#touched) this.#ask(trace, nowMs)
    this.#touched.length = 0
    this.#pieces++
  }

  #ask(trace: number, nowMs: number): void {
    const { maxBytes, verdict, assembly } = this.#options
    if (maxBytes > 0 && this.#sizes.messageBytes(trace) > maxBytes) {
      this.decided.set(trace, { decision: 'too large', threshold: -1 })
      return
    }
    const facts = this.#facts
    const words = this.#words
    for (let w = 0; w < words; w++) facts.words[w] = this.#bits[trace * words + w]
    facts.setTrace(assembly.traces, trace)
    facts.spans = this.#spans[trace]
    facts.bytes = this.#sizes.bytes(trace)
    facts.durationMs = this.#durationMs(trace * TIMES)
    facts.nowMs = nowMs
    const decision = verdict.decideEarly(facts)
    if (decision !== null) this.decided.set(trace, { decision, threshold: verdict.threshold })
  }

  #durationMs(at: number): number {
    const times = this.#times
    const nanos = times[at + 3] - times[at + 1]
    return Math.trunc(times[at + 2] - times[at] + nanos / NANOS)
  }

  #grow(trace: number): void {
    const capacity = Math.max(FIRST_CAPACITY, 2 * (trace + 1))
    this.#spans = widened(this.#spans, new Float64Array(capacity))
    this.#piece = widened(this.#piece, new Float64Array(capacity))
    this.#bits = widened(this.#bits, new Uint32Array(capacity * this.#words))
    this.#times = widened(this.#times, new Float64Array(capacity * TIMES))
  }
}

function widened<T extends Float64Array | Uint32Array>(from: T, to: T): T {
  to.set(from)
  return to
}
