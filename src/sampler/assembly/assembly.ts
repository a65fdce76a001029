/**
 * Holds spans until their trace can be judged: bytes in slabs outside of the JavaScript heap, numbers in typed arrays, no
 * object for each span or trace. It decides nothing: its owner is told which traces are due, judges them, has the kept ones
 * written out and forgets them all.
 *
 * ```
 * owner:  reserve(batch) -> add(part) ... -> ready(now) -> spansOf / traces / rows -> emit(kept) -> forget(each)
 *             | false: decide oldest() early and ask again, or answer busy
 * ```
 */
import type { Batch, Part, TenantId } from '../../core/batch.ts'
import type { HolderVisit } from '../../core/ledger.ts'
import type { MemoryBudget } from '../../core/memory.ts'
import { END, ROW, TAG } from '../../otlp/request-index.ts'
import { Selection } from '../../otlp/selection.ts'
import { Emitter } from './emitter.ts'
import { ENVELOPE_OVERHEAD, Envelopes } from './envelopes.ts'
import { Intake } from './intake.ts'
import { Mover } from './mover.ts'
import { Operations } from './operations.ts'
import { Room } from './room.ts'
import * as C from './row.ts'
import { SLAB_BYTES, Slabs, slabBytes } from './slabs.ts'
import type { Stamp } from './stamp.ts'
import * as R from './trace-record.ts'
import { type AssembledSpans, TraceTree } from './trace-tree.ts'
import { TRACE_READY, Traces } from './traces.ts'
import { Wheel } from './wheel.ts'

export type { AssembledSpans } from './trace-tree.ts'

const DEFAULT_TICK_MS = 100
/** Reserved memory that is kept although nothing uses it, so that not every batch has to ask for some. */
const KEPT_FREE_BYTES = 2 * SLAB_BYTES
/** How often the trace table may shrink. */
const SHRINK_MS = 10_000

export interface AssemblyOptions {
  readonly memory: MemoryBudget
  /** Most bytes for slabs, indexes and tables. */
  readonly maxBytes: number
  /** A trace is due so long after its first span. */
  readonly maxWaitMs: number
  /** And so long after its root has arrived; absent = the root does not matter. */
  readonly waitAfterRootMs?: number
  /** And as soon as it has so many spans; absent or 0 = without limit. */
  readonly maxSpans?: number
  /** Words of 32 condition bits for each trace. */
  readonly conditionWords?: number
  /** Steps of the clock in which traces become due. */
  readonly tickMs?: number
  /** Spans with an empty or all-zero trace id are held as one trace; otherwise they are not held (`passed`). */
  readonly holdsZeroIds?: boolean
}

export interface EmitOptions {
  /** Most spans of a batch. */
  readonly maxItems: number
  /** A batch of each trace by itself. */
  readonly apart?: boolean
  /** Fills the stamp of a trace; called once for each before its spans are written. */
  readonly stamp?: (handle: number, stamp: Stamp) => void
}

/** In front of the tenants' names in a snapshot. */
const LENGTH_BYTES = 4

export class Assembly {
  readonly traces: Traces
  readonly operations: Operations
  readonly #room: Room
  readonly #slabs: Slabs
  readonly #envelopes: Envelopes
  readonly #wheel: Wheel
  readonly #intake: Intake
  readonly #tree: TraceTree
  readonly #emitter: Emitter
  readonly #mover: Mover
  readonly #tenants: TenantId[] = []
  readonly #tenantNumbers = new Map<TenantId, number>()
  /** By tenant: spans that are held. */
  readonly #heldBy: number[] = []
  #held = 0
  #operationBytes = 0
  /** Since the table was last looked at. */
  #largestBatch = 0
  #shrinkAtMs = 0

  constructor(options: AssemblyOptions) {
    const { memory, maxBytes, conditionWords = 0, tickMs = DEFAULT_TICK_MS } = options
    this.#room = new Room(memory, maxBytes)
    this.#slabs = new Slabs(this.#room)
    this.#envelopes = new Envelopes(this.#room)
    this.traces = new Traces(this.#room, conditionWords)
    this.operations = new Operations(this.#tenants)
    this.#wheel = new Wheel(this.traces, tickMs)
    const parts = {
      slabs: this.#slabs,
      envelopes: this.#envelopes,
      operations: this.operations,
      traces: this.traces,
      wheel: this.#wheel,
    }
    this.#intake = new Intake(parts, options)
    this.#tree = new TraceTree(this.#slabs, this.operations)
    this.#emitter = new Emitter(this.#slabs, this.#envelopes, memory)
    this.#mover = new Mover(this.#slabs, this.traces)
  }

  // --- taking in

  /** Makes room for a whole batch of traces without edits. False: there is none; nothing has changed. */
  reserve(batch: Batch): boolean {
    const { items } = batch
    if (!this.#room.ensure(this.#needOf(batch))) {
      this.#giveBackEmpty(items)
      if (!this.#room.ensure(this.#needOf(batch))) return false
    }
    this.traces.makeRoom(items)
    this.#largestBatch = Math.max(this.#largestBatch, items)
    return true
  }

  /** After `reserve` said no: there would be no room for the batch if nothing else were held. */
  isTooLarge(batch: Batch): boolean {
    const { inSlabs, others } = sizeOf(batch)
    const tables = this.traces.bytesFor(batch.items) + this.operations.bytesHeld
    return !this.#room.holds(slabBytes(inSlabs) + others + tables)
  }

  /**
   * Copies the selected spans. The part stays the caller's, who may release it at once. Room must have been made by
   * `reserve`. Edited parts must be laid out before (`materialise`).
   */
  add(part: Part, tenant: TenantId, nowMs: number): void {
    const number = this.#tenantNumber(tenant)
    this.#intake.add(part, number, nowMs)
    this.#heldBy[number] += this.#intake.taken
    this.#held += this.#intake.taken
    const { bytesHeld } = this.operations
    if (bytesHeld === this.#operationBytes) return
    this.#room.take(bytesHeld - this.#operationBytes)
    this.#operationBytes = bytesHeld
  }

  /** After `add`: by item of the part's index the handle of its trace; -1 = not selected or not held. Valid up to the next `add`. */
  get itemTrace(): Int32Array {
    return this.#intake.itemTrace
  }

  /** After `add`: handles of traces that began with it, `newCount` of them. */
  get newTraces(): Int32Array {
    return this.#intake.newTraces
  }

  get newCount(): number {
    return this.#intake.newCount
  }

  /** After `add`: selected spans that are not held because their trace id is not valid. */
  get passed(): number {
    return this.#intake.passed
  }

  /** After `add` with `passed` > 0: the part with those spans only. Its payload needs an owner of its own (`retain`). */
  passedPart(part: Part): Part {
    const { index } = part
    const selection = Selection.none(index.items)
    for (let item = 0; item < index.items; item++) {
      if (this.itemTrace[item] >= 0) continue
      if (part.selection === null || part.selection.has(item)) selection.set(item)
    }
    return { ...part, selection, items: selection.count }
  }

  // --- judging

  /** Writes handles of traces that are due to `out` and says how many; at most `out.length`, the others come next time. Earliest first. */
  ready(nowMs: number, out: Int32Array): number {
    const count = this.#wheel.take(nowMs, out)
    for (let i = 0; i < count; i++) this.traces.setFlags(out[i], TRACE_READY)
    return count
  }

  /** Makes a trace due now (again). */
  expire(handle: number): void {
    this.traces.clearFlags(handle, TRACE_READY)
    this.#wheel.scheduleNow(handle)
  }

  /** Makes a trace due at `dueMs` if it would be later else (or again). */
  expireAt(handle: number, dueMs: number): void {
    this.traces.clearFlags(handle, TRACE_READY)
    this.#wheel.schedule(handle, dueMs)
  }

  /** The trace that arrived first of those that are held, -1 if there is none. */
  oldest(): number {
    return this.traces.oldest
  }

  /** The trace that arrived next after it, -1 if there is none. */
  newer(handle: number): number {
    return this.traces.newer(handle)
  }

  /** All that scoring looks at; the same object each time, valid until the next call. */
  spansOf(handle: number): AssembledSpans {
    const words = this.traces.page(handle)
    const at = this.traces.at(handle)
    this.#tree.fill(
      words[at + R.FIRST_ROW],
      words[at + R.SPANS],
      words[at + R.START_LOW],
      words[at + R.START_HIGH],
    )
    return this.#tree
  }

  /** Span rows of a trace in order of arrival: `for (let row = a.firstSpan(h); row >= 0; row = a.nextSpan(row))`. */
  firstSpan(handle: number): number {
    return this.traces.page(handle)[this.traces.at(handle) + R.FIRST_ROW]
  }

  nextSpan(row: number): number {
    return this.#column(row, C.NEXT)
  }

  /** The bytes in which a span's content stands from `spanStart` to `spanEnd`. Valid until the next `add`, `forget` or `tidy`. */
  slab(row: number): Uint8Array {
    return this.#slabs.of(row).bytes
  }

  spanStart(row: number): number {
    return this.#column(row, C.OFFSET) + this.#column(row, C.PREFIX)
  }

  spanEnd(row: number): number {
    return this.#column(row, C.OFFSET) + this.#column(row, C.LENGTH)
  }

  /** `SPAN_...` bits. */
  spanFlags(row: number): number {
    return this.#column(row, C.BITS) & C.SPAN_FLAGS
  }

  /** Whether the span has no parent. */
  isRoot(row: number): boolean {
    return (this.#column(row, C.BITS) & C.ROW_ROOT) !== 0
  }

  /** The ResourceSpans without its ScopeSpans, as encoded fields. */
  resourceOf(row: number): Uint8Array {
    return this.#envelopes.bytes(this.#envelopes.resourceOf(this.#column(row, C.ENVELOPE)))
  }

  /** The ScopeSpans without its spans. */
  scopeOf(row: number): Uint8Array {
    return this.#envelopes.bytes(this.#column(row, C.ENVELOPE))
  }

  // --- letting go

  /** New batches with all spans of these traces, by tenant, grouped by resource and scope. The traces are still held. */
  emit(handles: Int32Array, count: number, options: EmitOptions): Batch[] {
    const batches: Batch[] = []
    const { traces } = this
    const ordered = this.#byTenant(handles, count)
    for (let i = 0; i < count; i++) {
      const tenant = traces.tenant(ordered[i])
      this.#emitTrace(ordered[i], options, batches)
      const isLast = i + 1 === count || traces.tenant(ordered[i + 1]) !== tenant
      if (isLast || options.apart === true) this.#takeBatch(tenant, batches)
    }
    return batches
  }

  /** Lets a trace go and says how many spans it held. What becomes of them in the ledger is the owner's business. */
  forget(handle: number): number {
    const { traces } = this
    const spans = traces.spans(handle)
    for (let row = this.firstSpan(handle); row >= 0; ) {
      const slab = this.#slabs.of(row)
      const at = slab.at(row)
      row = slab.words[at + C.NEXT]
      this.#envelopes.release(slab.words[at + C.ENVELOPE])
      this.#slabs.drop(slab, at)
    }
    this.#heldBy[traces.tenant(handle)] -= spans
    this.#held -= spans
    this.#wheel.remove(handle)
    traces.remove(handle)
    return spans
  }

  /** Moves stragglers together and gives memory back; to be called at every tick. At most about a millisecond of work. */
  tidy(nowMs: number): void {
    this.#mover.run(nowMs)
    this.#envelopes.sweep()
    this.#slabs.trim()
    if (nowMs >= this.#shrinkAtMs) {
      this.traces.shrink(this.#largestBatch)
      this.#largestBatch = 0
      this.#shrinkAtMs = nowMs + SHRINK_MS
    }
    this.#room.trim(KEPT_FREE_BYTES)
  }

  /** Gives all memory back; nothing may be called after it. */
  close(): void {
    this.#slabs.close()
    this.#room.close()
    this.#heldBy.fill(0)
    this.#held = 0
  }

  // --- the books

  /** For `ledger.addHolder`. */
  visit(each: HolderVisit): void {
    for (let tenant = 0; tenant < this.#tenants.length; tenant++) {
      const items = this.#heldBy[tenant]
      if (items > 0) each(this.#tenants[tenant], 'traces', items)
    }
  }

  tenantName(tenant: number): TenantId {
    return this.#tenants[tenant]
  }

  /** Number of a tenant, for `traces.find`; -1 for one that has sent nothing. */
  tenantNumber(tenant: TenantId): number {
    return this.#tenantNumbers.get(tenant) ?? -1
  }

  /** Numbers of tenants, services and operations, for `restoreNames`. */
  snapshotNames(): Uint8Array {
    const tenants = new TextEncoder().encode(JSON.stringify(this.#tenants))
    const names = this.operations.snapshot()
    const bytes = new Uint8Array(LENGTH_BYTES + tenants.length + names.length)
    new DataView(bytes.buffer).setUint32(0, tenants.length)
    bytes.set(tenants, LENGTH_BYTES)
    bytes.set(names, LENGTH_BYTES + tenants.length)
    return bytes
  }

  /** Before the first span: gives all names of a snapshot their numbers again. False if there are others already, or it is none. */
  restoreNames(bytes: Uint8Array): boolean {
    if (this.#tenants.length > 0 || bytes.length < LENGTH_BYTES) return false
    const end = LENGTH_BYTES + new DataView(bytes.buffer, bytes.byteOffset).getUint32(0)
    const tenants = readTenants(bytes.subarray(LENGTH_BYTES, end))
    if (tenants === null) return false
    for (const tenant of tenants) this.#tenantNumber(tenant)
    return this.operations.restore(bytes.subarray(end))
  }

  get spansHeld(): number {
    return this.#held
  }

  /** Spans written so far whose trace state could not be read when a threshold was put into it. */
  get unreadableStates(): number {
    return this.#emitter.unreadableStates
  }

  /** Slabs, indexes and tables as reserved. */
  get bytesHeld(): number {
    return this.#room.bytes
  }

  #needOf(batch: Batch): number {
    const { inSlabs, others } = sizeOf(batch)
    return this.#slabs.need(inSlabs) + others + this.traces.need(batch.items)
  }

  /** All that is kept for what may come, so that it does not stand in the way of what has come. */
  #giveBackEmpty(items: number): void {
    this.#envelopes.sweep(true)
    // Resources that only scopes held.
    this.#envelopes.sweep(true)
    this.#slabs.giveBackEmpty()
    this.traces.shrink(items)
  }

  // hot: bench/micro/assembly.ts
  #emitTrace(handle: number, { maxItems, stamp }: EmitOptions, batches: Batch[]): void {
    const emitter = this.#emitter
    const tenant = this.traces.tenant(handle)
    if (stamp !== undefined) stamp(handle, emitter.nextStamp())
    for (let row = this.firstSpan(handle); row >= 0; row = this.nextSpan(row)) {
      if (emitter.count >= maxItems || emitter.isFull) {
        this.#takeBatch(tenant, batches)
        if (stamp !== undefined) emitter.repeatStamp()
      }
      emitter.add(row)
    }
  }

  #byTenant(handles: Int32Array, count: number): Int32Array {
    if (this.#tenants.length <= 1) return handles
    const { traces } = this
    return handles.slice(0, count).sort((a, b) => traces.tenant(a) - traces.tenant(b))
  }

  #takeBatch(tenant: number, batches: Batch[]): void {
    if (this.#emitter.count > 0) batches.push(this.#emitter.take(this.#tenants[tenant]))
  }

  #column(row: number, column: number): number {
    const slab = this.#slabs.of(row)
    return slab.words[slab.at(row) + column]
  }

  #tenantNumber(tenant: TenantId): number {
    let number = this.#tenantNumbers.get(tenant)
    if (number === undefined) {
      number = this.#tenants.length
      this.#tenantNumbers.set(tenant, number)
      this.#tenants.push(tenant)
      this.#heldBy.push(0)
    }
    return number
  }
}

/** Bytes that the spans of a batch take in slabs, rows included, and at most what their groups take. */
function sizeOf(batch: Batch): { inSlabs: number; others: number } {
  let inSlabs = 0
  let others = 0
  for (const { payload, index, selection, items } of batch.parts) {
    const [resources, scopes, spans] = index.levels
    let fields = 0
    for (let item = 0; item < index.items; item++) {
      if (selection !== null && !selection.has(item)) continue
      fields += spans[item * ROW + END] - spans[item * ROW + TAG]
    }
    inSlabs += fields + items * C.ROW_BYTES
    others += payload.bytes.length - fields
    others += ((resources.length + scopes.length) / ROW) * ENVELOPE_OVERHEAD
  }
  return { inSlabs, others }
}

function readTenants(bytes: Uint8Array): TenantId[] | null {
  try {
    const tenants: unknown = JSON.parse(new TextDecoder().decode(bytes))
    return Array.isArray(tenants) && tenants.every(each => typeof each === 'string')
      ? tenants
      : null
  } catch {
    return null
  }
}
