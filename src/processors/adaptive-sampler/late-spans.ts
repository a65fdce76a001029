/**
 * Spans of traces that were decided before: they follow that decision at once. An error of a dropped trace is let through,
 * marked as late and without a probability, since nobody could have known of it.
 */
import type { TenantId } from '../../core/batch.ts'
import type { Ledger } from '../../core/ledger.ts'
import type { Outlet } from '../../core/outlet.ts'
import type { Assembly } from '../../sampler/assembly/assembly.ts'
import { STAMP_ERASE, STAMP_THRESHOLD, type Stamp } from '../../sampler/assembly/stamp.ts'
import type { Decider } from '../../sampler/decide/decider.ts'
import {
  CACHE_DROPPED,
  CACHE_KEPT,
  CACHE_UNKNOWN,
  type DecisionCache,
} from '../../sampler/decide/decision-cache.ts'
import { ERASED_COUNTED } from './decision-book.ts'
import { LATE } from './flags.ts'
import type { SamplerMeter } from './metrics.ts'
import type { SpanFields } from './span-fields.ts'
import type { TraceReader } from './trace-reader.ts'

const MAX_ITEMS = 8192
/** Traces whose late spans go on together, or fewer if they have so many spans. */
const MAX_TRACES = 256
const MAX_SPANS = 2048
const REASON = 'not_sampled'
const OVER_LIMIT = 'over_limit'

export interface LateParts {
  readonly id: string
  readonly now: () => number
  readonly ledger: Ledger
  readonly assembly: Assembly
  readonly cache: DecisionCache
  /** Its ceiling is asked. */
  readonly decider: Decider
  readonly reader: TraceReader
  readonly outlet: Outlet
  readonly fields: SpanFields
  readonly meter: SamplerMeter
  /** Hears of each trace that was settled. */
  readonly onDecided: (tenant: TenantId, id: Int32Array) => void
}

export class LateSpans {
  readonly #parts: LateParts
  /** Traces whose spans go on with the next `flush`. */
  readonly #going = new Int32Array(MAX_TRACES)
  #count = 0
  #spans = 0
  readonly #id = new Int32Array(4)
  readonly #emit = {
    maxItems: MAX_ITEMS,
    stamp: (handle: number, stamp: Stamp): void => this.#stamp(handle, stamp),
  }

  constructor(parts: LateParts) {
    this.#parts = parts
  }

  isLate(flags: number): boolean {
    return (flags & LATE) !== 0
  }

  /** Of a trace that has just begun: it is due at once when it was decided before. */
  recognise(handle: number): void {
    if (this.#find(handle) === CACHE_UNKNOWN) return
    const { assembly } = this.#parts
    assembly.traces.setFlags(handle, LATE)
    assembly.expire(handle)
  }

  /** False: its decision is forgotten, and it is a trace like any other. What is to go on waits for `flush`. */
  settle(handle: number): boolean {
    const found = this.#find(handle)
    if (found === CACHE_UNKNOWN) return false
    const { assembly, reader, meter } = this.#parts
    this.#tell(handle)
    const isError = reader.isFailed(assembly.traces.flags(handle))
    if (found === CACHE_DROPPED && !isError) {
      this.#drop(handle, REASON, 'dropped')
      return true
    }
    if (!this.#admits(handle)) {
      this.#drop(handle, OVER_LIMIT, 'over_limit')
      return true
    }
    const spans = assembly.traces.spans(handle)
    meter.late[found === CACHE_KEPT ? 'kept' : 'forwarded'].value += spans
    this.#going[this.#count++] = handle
    this.#spans += spans
    if (this.#count === MAX_TRACES || this.#spans >= MAX_SPANS) this.flush()
    return true
  }

  /** To be called before anything else can come in. */
  flush(): void {
    if (this.#count === 0) return
    const { assembly, outlet } = this.#parts
    const batches = assembly.emit(this.#going, this.#count, this.#emit)
    for (let i = 0; i < this.#count; i++) assembly.forget(this.#going[i])
    this.#count = this.#spans = 0
    for (const batch of batches) outlet.push(batch)
  }

  #tell(handle: number): void {
    const { assembly, onDecided } = this.#parts
    const { traces } = assembly
    for (let word = 0; word < this.#id.length; word++) {
      this.#id[word] = traces.idWord(handle, word as 0 | 1 | 2 | 3)
    }
    onDecided(assembly.tenantName(traces.tenant(handle)), this.#id)
  }

  #find(handle: number): number {
    const { cache, assembly } = this.#parts
    const { traces } = assembly
    return cache.find(
      traces.idWord(handle, 0),
      traces.idWord(handle, 1),
      traces.idWord(handle, 2),
      traces.idWord(handle, 3),
      traces.tenant(handle),
    )
  }

  #admits(handle: number): boolean {
    const { decider, assembly, reader, now } = this.#parts
    const { traces } = assembly
    const share = reader.shareOf(handle)
    return decider.admitLate(now(), traces.spans(handle), traces.bytes(handle), share)
  }

  #drop(handle: number, reason: string, outcome: 'dropped' | 'over_limit'): void {
    const { assembly, ledger, meter, id } = this.#parts
    const tenant = assembly.tenantName(assembly.traces.tenant(handle))
    const spans = assembly.forget(handle)
    meter.late[outcome].value += spans
    ledger.dropped(tenant, 'traces', spans, { stage: id, reason, intentional: true })
  }

  #stamp(handle: number, stamp: Stamp): void {
    const { cache, fields } = this.#parts
    if (this.#find(handle) !== CACHE_KEPT) {
      stamp.mode = STAMP_ERASE
      stamp.fields = fields.lateError
    } else if (cache.erase !== 0) {
      stamp.mode = STAMP_ERASE
      if (cache.erase === ERASED_COUNTED) stamp.fields = fields.adjusted(1 / cache.probability)
    } else {
      stamp.mode = STAMP_THRESHOLD
      stamp.thresholdHigh = cache.thresholdHigh
      stamp.thresholdLow = cache.thresholdLow
    }
  }
}
