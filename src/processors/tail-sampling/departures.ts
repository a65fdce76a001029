/** Traces on their way out: kept ones are written and handed on, all are let go, and the book says what became of their spans. */
import type { Ledger } from '../../core/ledger.ts'
import type { Counter } from '../../core/meter.ts'
import type { Outlet } from '../../core/outlet.ts'
import type { Assembly, EmitOptions } from '../../sampler/assembly/assembly.ts'
import { STAMP_THRESHOLD } from '../../sampler/assembly/stamp.ts'

const FIRST_CAPACITY = 256

/** Why spans go. */
export type DropReason = 'not_sampled' | 'num_traces' | 'too_large' | 'pending_at_shutdown'

/** Nobody asked for these. */
const LOSSES: ReadonlySet<DropReason> = new Set(['num_traces'])

export interface DeparturesOptions {
  readonly id: string
  readonly assembly: Assembly
  readonly ledger: Ledger
  readonly outlet: Outlet
  /** Most spans of a batch. */
  readonly maxItems: number
  /** By number: what kept spans say in `ot=th`; null leaves it as it came. */
  readonly thresholds: readonly bigint[] | null
  /** Spans whose trace state could not be read then. */
  readonly unreadable: Counter
}

const HALF_BITS = 28n
const HALF_MASK = (1n << HALF_BITS) - 1n

export class Departures {
  readonly #options: DeparturesOptions
  #kept = new Int32Array(FIRST_CAPACITY)
  #count = 0
  #spans = 0
  readonly #stamp: EmitOptions['stamp']
  /** Spans by reason and tenant that are not in the book yet. */
  readonly #dropped = new Map<DropReason, Map<number, number>>()

  constructor(options: DeparturesOptions) {
    this.#options = options
    const { thresholds, assembly } = options
    if (thresholds === null) return
    this.#stamp = (trace, stamp) => {
      const note = assembly.traces.note(trace)
      if (note === 0) return
      stamp.mode = STAMP_THRESHOLD
      stamp.thresholdHigh = Number(thresholds[note - 1] >> HALF_BITS)
      stamp.thresholdLow = Number(thresholds[note - 1] & HALF_MASK)
    }
  }

  /** The trace is still held until `flush`. `threshold` is a number in the list of thresholds, -1 for none. */
  keep(trace: number, threshold = -1): void {
    if (this.#options.thresholds !== null) {
      this.#options.assembly.traces.setNote(trace, threshold + 1)
    }
    if (this.#count === this.#kept.length) {
      const wider = new Int32Array(2 * this.#count)
      wider.set(this.#kept)
      this.#kept = wider
    }
    this.#kept[this.#count++] = trace
    this.#spans += this.#options.assembly.traces.spans(trace)
  }

  /** A full batch waits for `flush`. */
  get isFull(): boolean {
    return this.#spans >= this.#options.maxItems
  }

  /** Lets the trace go at once. */
  drop(trace: number, reason: DropReason): void {
    const { assembly } = this.#options
    const tenant = assembly.traces.tenant(trace)
    const spans = assembly.forget(trace)
    let byTenant = this.#dropped.get(reason)
    if (byTenant === undefined) this.#dropped.set(reason, (byTenant = new Map()))
    byTenant.set(tenant, (byTenant.get(tenant) ?? 0) + spans)
  }

  flush(): void {
    this.#book()
    if (this.#count === 0) return
    const { assembly, outlet, maxItems, unreadable } = this.#options
    const kept = this.#kept
    const count = this.#count
    this.#count = this.#spans = 0
    const unreadableBefore = assembly.unreadableStates
    const batches = assembly.emit(kept, count, { maxItems, stamp: this.#stamp })
    unreadable.value += assembly.unreadableStates - unreadableBefore
    for (let i = 0; i < count; i++) assembly.forget(kept[i])
    for (const batch of batches) outlet.push(batch)
  }

  #book(): void {
    const { assembly, ledger, id } = this.#options
    for (const [reason, byTenant] of this.#dropped) {
      const drop = { stage: id, reason, intentional: !LOSSES.has(reason) }
      for (const [tenant, spans] of byTenant) {
        if (spans > 0) ledger.dropped(assembly.tenantName(tenant), 'traces', spans, drop)
      }
      byTenant.clear()
    }
  }
}
