/**
 * From traces that are due to traces that are gone: looks at each, scores them, has the decider choose once a tick, writes
 * the kept ones out and forgets all. Works in slices, so that the event loop is never held for long.
 *
 * ```
 * due -> look (features, score) -> rows of the tick ... tick -> decide -> apply: kept -> outlet, dropped -> ledger
 *  | late: follows its trace's decision at once
 * ```
 */
import type { Clock } from '../../core/clock.ts'
import type { Drop, Ledger } from '../../core/ledger.ts'
import type { Outlet } from '../../core/outlet.ts'
import type { Assembly } from '../../sampler/assembly/assembly.ts'
import type { Stamp } from '../../sampler/assembly/stamp.ts'
import { STAMP_ERASE, STAMP_THRESHOLD } from '../../sampler/assembly/stamp.ts'
import { TRAIT_HASHED } from '../../sampler/decide/options.ts'
import { FACT_CLEAN } from '../../sampler/models/compare.ts'
import type { Observer } from '../../sampler/observe/observer.ts'
import type { Arm, Lineup } from './arms.ts'
import type { DecisionBook } from './decision-book.ts'
import { EARLY, LOOKED_AT } from './flags.ts'
import type { LateSpans } from './late-spans.ts'
import type { SamplerMeter } from './metrics.ts'
import type { SelfSupervision } from './self-supervision.ts'
import { MOST_ROWS, TickSize } from './tick-size.ts'
import type { TraceReader } from './trace-reader.ts'

/** Traces that are asked for at once. */
const DUE = 256
/** A slice ends after so long; the time is looked at after a few traces or many spans, which are slow while the code is cold. */
const SLICE_MS = 4
const LOOKS_PER_CHECK = 4
const LOOKED_SPANS_PER_CHECK = 256
/** Rows of a decided tick that are carried out between two looks at the time, or fewer if they have so many spans. */
const APPLY_ROWS = 128
const APPLY_SPANS = 2048
/** Most spans of a batch that goes on. */
const MAX_ITEMS = 8192
/** Why spans go, in the ledger. */
const NOT_SAMPLED = 'not_sampled'
/** Traces that make room at once, or fewer if they have so many spans. */
const EARLY_TRACES = 256
const EARLY_SPANS = 4096

export interface SamplerParts {
  readonly id: string
  readonly clock: Clock
  /** Wall time that never goes back. */
  readonly now: () => number
  readonly ledger: Ledger
  readonly assembly: Assembly
  readonly observer: Observer
  readonly lineup: Lineup
  readonly reader: TraceReader
  readonly late: LateSpans
  readonly book: DecisionBook
  readonly outlet: Outlet
  /** Null: nothing learns from the traffic. */
  readonly teacher: SelfSupervision | null
  readonly meter: SamplerMeter
  /** Which spans tell why they were kept. */
  readonly attributes: 'root' | 'all' | 'none'
}

export class Sampler {
  readonly #parts: SamplerParts
  readonly #drops: Drop
  readonly #due = new Int32Array(DUE)
  readonly #kept = new Int32Array(APPLY_ROWS)
  readonly #emit = {
    maxItems: MAX_ITEMS,
    stamp: (handle: number, stamp: Stamp): void => this.#stamp(handle, stamp),
  }
  /** The arm whose rows are being carried out, and the next row; null between ticks. */
  #applying: Arm | null = null
  readonly #size = new TickSize()
  /** Then a tick has room for what comes in its time, and a short one would have none for large traces. */
  #isCeiled = false
  #armNumber = 0
  #nextRow = 0
  #droppedTenant = -1
  /** Wall time of the slice. */
  #nowMs = 0
  #droppedSpans = 0
  /** Time that scoring and choosing took for this tick. */
  #tickMs = 0
  /** Time that the last tick took, scoring included. */
  lastTickMs = 0

  constructor(parts: SamplerParts) {
    this.#parts = parts
    this.#drops = { stage: parts.id, reason: NOT_SAMPLED, intentional: true }
  }

  get isApplying(): boolean {
    return this.#applying !== null
  }

  /** Traces that were looked at and wait for the tick. */
  get rows(): number {
    let rows = 0
    for (const { rows: each } of this.#parts.lineup.arms) rows += each.count
    return rows
  }

  /** It is to be decided before more is looked at. */
  get isTickFull(): boolean {
    return this.rows >= (this.#isCeiled ? MOST_ROWS : this.#size.rows)
  }

  /** Does what there is to do until some milliseconds after now, a little at least. True: there is more. */
  slice(): boolean {
    const { clock, outlet, now } = this.#parts
    const end = clock.monotonic() + SLICE_MS
    this.#nowMs = now()
    while (this.#applying !== null) {
      if (outlet.isFull) return false
      this.#applySome()
      if (clock.monotonic() >= end) return true
    }
    return this.#lookAtDue(end)
  }

  /** Chooses among the rows; they are carried out by the slices that follow. No effect while those of the tick before are. */
  decide(): void {
    if (this.#applying !== null || this.rows === 0) return
    const { clock, lineup, reader, meter, now } = this.#parts
    const from = clock.monotonic()
    for (const arm of lineup.arms) {
      arm.noticeSwap()
      arm.decide(reader, now())
    }
    const tookMs = clock.monotonic() - from
    this.#size.fit(this.rows, tookMs)
    this.#isCeiled = lineup.arms.some(({ decider }) => decider.isCeiled)
    this.#tickMs += tookMs
    meter.decisionSeconds.observe(this.#tickMs / 1000)
    this.lastTickMs = this.#tickMs
    this.#tickMs = 0
    this.#armNumber = this.#nextRow = 0
    this.#applying = lineup.arms[0]
  }

  /** Decides the oldest at once, for their room. False: nothing is held that could make any. */
  makeRoom(): boolean {
    const { assembly, clock, now } = this.#parts
    const before = assembly.traces.count
    const fewest = before - EARLY_TRACES
    const fewestSpans = assembly.spansHeld - EARLY_SPANS
    this.#nowMs = now()
    if (this.rows === 0 && this.#applying === null) this.#lookAtOldest()
    this.decide()
    while (
      this.#applying !== null &&
      assembly.traces.count > fewest &&
      assembly.spansHeld > fewestSpans
    ) {
      this.#applySome()
    }
    assembly.tidy(clock.monotonic())
    return assembly.traces.count < before
  }

  #lookAtOldest(): void {
    const { assembly, late, meter } = this.#parts
    let handle = assembly.oldest()
    let spans = 0
    for (let n = 0; n < EARLY_TRACES && spans < EARLY_SPANS && handle >= 0; n++) {
      const next = assembly.newer(handle)
      spans += assembly.traces.spans(handle)
      assembly.traces.setFlags(handle, EARLY)
      meter.early.value++
      this.#look(handle)
      handle = next
    }
    late.flush()
    this.#scoreNew()
  }

  /** Everything that is held becomes due. */
  expireAll(): void {
    const { assembly } = this.#parts
    for (let handle = assembly.oldest(); handle >= 0; handle = assembly.newer(handle)) {
      if ((assembly.traces.flags(handle) & LOOKED_AT) === 0) assembly.expire(handle)
    }
  }

  /** True: the time is over, there may be more. */
  #lookAtDue(end: number): boolean {
    const { assembly, clock, outlet } = this.#parts
    let isOver = false
    while (!isOver && !this.isTickFull) {
      const found = assembly.ready(clock.monotonic(), this.#due)
      if (found === 0) break
      isOver = this.#lookAt(found, end)
    }
    this.#parts.late.flush()
    this.#scoreNew()
    // Nothing is decided before the next stage has room again.
    return isOver || (this.isTickFull && !outlet.isFull)
  }

  /** At as many of those that are due as there is time and room for; the others stay due. */
  #lookAt(found: number, end: number): boolean {
    const { assembly, clock } = this.#parts
    let isOver = false
    let looks = 0
    let spans = 0
    for (let i = 0; i < found; i++) {
      const handle = this.#due[i]
      if (isOver || this.isTickFull) {
        assembly.expire(handle)
        continue
      }
      spans += assembly.traces.spans(handle)
      this.#look(handle)
      if (++looks < LOOKS_PER_CHECK && spans < LOOKED_SPANS_PER_CHECK) continue
      isOver = clock.monotonic() >= end
      looks = spans = 0
    }
    return isOver || clock.monotonic() >= end
  }

  // hot: bench/flow/side-by-side.ts
  #look(handle: number): void {
    const { assembly, observer, lineup, reader, late, teacher } = this.#parts
    const nowMs = this.#nowMs
    const { traces } = assembly
    const flags = traces.flags(handle)
    if ((flags & LOOKED_AT) !== 0) return
    if (late.isLate(flags) && late.settle(handle)) return
    traces.setFlags(handle, LOOKED_AT)
    const { rows } = lineup.armOf(traces.idWord(handle, 0), traces.idWord(handle, 1))
    const at = rows.next()
    const spans = assembly.spansOf(handle)
    observer.observe(spans, nowMs, rows.vectors, at)
    const row = rows.add(handle, observer.structure, reader.traits(handle), observer.why)
    const facts = reader.facts(rows.traits[row])
    rows.facts[row] = facts
    if (facts === FACT_CLEAN) teacher?.see(spans, nowMs, rows.vectors, at)
  }

  #scoreNew(): void {
    const { clock, lineup } = this.#parts
    const from = clock.monotonic()
    for (const arm of lineup.arms) arm.scoreNew()
    this.#tickMs += clock.monotonic() - from
  }

  /** Some rows of the decided tick. */
  #applySome(): void {
    const arm = this.#applying!
    const { rows } = arm
    const { book, assembly } = this.#parts
    book.atMs = this.#nowMs
    const to = Math.min(rows.count, this.#nextRow + APPLY_ROWS)
    let row = this.#nextRow
    let kept = 0
    for (let spans = 0; row < to && spans < APPLY_SPANS; row++) {
      const handle = rows.handle[row]
      spans += assembly.traces.spans(handle)
      if (arm.decider.keep[row] === 1) {
        assembly.traces.setNote(handle, row)
        this.#kept[kept++] = handle
      } else this.#drop(arm, row)
    }
    this.#bookDrops()
    if (kept > 0) this.#keep(arm, kept)
    this.#nextRow = row
    if (row === rows.count) this.#nextArm()
  }

  #nextArm(): void {
    const { lineup } = this.#parts
    lineup.judged(this.#armNumber)
    this.#applying!.clear()
    this.#armNumber++
    this.#nextRow = 0
    this.#applying = lineup.arms[this.#armNumber] ?? null
  }

  #drop(arm: Arm, row: number): void {
    const { assembly, book, meter } = this.#parts
    const handle = arm.rows.handle[row]
    const tenant = assembly.traces.tenant(handle)
    book.dropped(arm, row)
    meter.decided.value++
    if (tenant !== this.#droppedTenant) this.#bookDrops()
    this.#droppedTenant = tenant
    this.#droppedSpans += assembly.forget(handle)
  }

  /** Of one tenant; called before anybody else gets a turn. */
  #bookDrops(): void {
    const spans = this.#droppedSpans
    if (spans === 0) return
    const { assembly, ledger, meter } = this.#parts
    meter.spansDropped.value += spans
    ledger.dropped(assembly.tenantName(this.#droppedTenant), 'traces', spans, this.#drops)
    this.#droppedSpans = 0
  }

  #keep(arm: Arm, count: number): void {
    const { assembly, book, meter, outlet } = this.#parts
    const batches = assembly.emit(this.#kept, count, this.#emit)
    for (let i = 0; i < count; i++) {
      const handle = this.#kept[i]
      const row = assembly.traces.note(handle)
      book.kept(arm, row)
      meter.decided.value++
      meter.kept[arm.decider.reason[row]].value++
      meter.spansKept.value += assembly.forget(handle)
    }
    for (const batch of batches) outlet.push(batch)
  }

  #stamp(handle: number, stamp: Stamp): void {
    const { assembly, attributes } = this.#parts
    const { decider, rows, fields } = this.#applying!
    const row = assembly.traces.note(handle)
    const isErased = decider.erase[row] === 1
    stamp.mode = isErased ? STAMP_ERASE : STAMP_THRESHOLD
    stamp.thresholdHigh = decider.thresholdHigh[row]
    stamp.thresholdLow = decider.thresholdLow[row]
    const reason = decider.reason[row]
    const score = rows.score[row]
    const isCounted = (rows.traits[row] & TRAIT_HASHED) !== 0
    const count = isCounted ? 1 / decider.probability[row] : 0
    if (attributes === 'all') {
      stamp.fields = isCounted
        ? fields.explainedAndAdjusted(reason, score, count)
        : fields.explained(reason, score)
      return
    }
    if (isCounted) stamp.fields = fields.adjusted(count)
    if (attributes === 'root') stamp.rootFields = fields.explained(reason, score)
  }
}
