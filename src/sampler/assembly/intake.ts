/** Takes spans in: copies their bytes run by run, reads each once into its row, and adds the row to its trace. */
import type { Part } from '../../core/batch.ts'
import { spanFacts } from '../../otlp/kernel/kernel.ts'
import { FACT_WORDS } from '../../otlp/kernel/span-facts.ts'
import { END, PARENT, ROW, START, TAG } from '../../otlp/request-index.ts'
import { EnvelopeReader } from './envelope-reader.ts'
import type { Envelopes } from './envelopes.ts'
import type { Operations } from './operations.ts'
import { OtReader } from './ot-reader.ts'
import * as C from './row.ts'
import type { Slab, Slabs } from './slabs.ts'
import { SpanReader } from './span-reader.ts'
import * as R from './trace-record.ts'
import {
  TRACE_BAD_STATE,
  TRACE_EXPLICIT_RANDOMNESS,
  TRACE_FULL,
  TRACE_RANDOM_ID,
  TRACE_READY,
  TRACE_ROOT,
  TRACE_THRESHOLD,
  TRACE_THRESHOLD_MIXED,
  type Traces,
} from './traces.ts'
import type { Wheel } from './wheel.ts'

const FIRST_ROOM = 1024
/** Spans that the kernel reads at a time. */
const FACTS_SPANS = 512

export interface IntakeParts {
  readonly slabs: Slabs
  readonly envelopes: Envelopes
  readonly operations: Operations
  readonly traces: Traces
  readonly wheel: Wheel
}

export interface IntakeOptions {
  readonly maxWaitMs: number
  readonly waitAfterRootMs?: number
  readonly maxSpans?: number
  readonly holdsZeroIds?: boolean
}

export class Intake {
  itemTrace = new Int32Array(FIRST_ROOM)
  newTraces = new Int32Array(FIRST_ROOM)
  newCount = 0
  passed = 0
  /** Spans that were taken in. */
  taken = 0
  readonly #slabs: Slabs
  readonly #envelopes: Envelopes
  readonly #operations: Operations
  readonly #traces: Traces
  readonly #wheel: Wheel
  readonly #maxWaitMs: number
  readonly #waitAfterRootMs: number
  readonly #maxSpans: number
  readonly #holdsZeroIds: boolean
  readonly #reader = new SpanReader()
  readonly #groups = new EnvelopeReader()
  readonly #ot = new OtReader()
  /** Of the part at hand. */
  #part: Part | null = null
  #tenant = 0
  #nowMs = 0
  #resource = -1
  #resourceEnvelope = -1
  #scope = -1
  #envelope = -1
  #envelopeSpans = 0
  #service = 0
  /** What the kernel has read of the spans from `#factsFrom` to `#factsTo` - 1; null when it has the request no longer. */
  #facts: Int32Array | null = null
  #factsFrom = 0
  #factsTo = 0
  /** Trace of the span before. */
  #last = -1

  constructor(parts: IntakeParts, options: IntakeOptions) {
    this.#slabs = parts.slabs
    this.#envelopes = parts.envelopes
    this.#operations = parts.operations
    this.#traces = parts.traces
    this.#wheel = parts.wheel
    this.#maxWaitMs = options.maxWaitMs
    this.#waitAfterRootMs = options.waitAfterRootMs ?? -1
    this.#maxSpans = options.maxSpans || Number.POSITIVE_INFINITY
    this.#holdsZeroIds = options.holdsZeroIds === true
  }

  // hot: bench/micro/assembly.ts
  add(part: Part, tenant: number, nowMs: number): void {
    const { index, selection } = part
    const spans = index.levels[2]
    this.#begin(part, tenant, nowMs)
    for (let item = 0; item < index.items; ) {
      if (selection !== null && !selection.has(item)) {
        this.itemTrace[item++] = -1
        continue
      }
      const scope = spans[item * ROW + PARENT]
      if (scope !== this.#scope) this.#openScope(scope)
      item = this.#addRun(item)
    }
    this.#closeScope()
    if (this.#resourceEnvelope >= 0) this.#envelopes.release(this.#resourceEnvelope)
    this.#part = this.#facts = null
  }

  #begin(part: Part, tenant: number, nowMs: number): void {
    if (part.index.items > this.itemTrace.length) {
      const room = Math.max(part.index.items, this.itemTrace.length * 2)
      this.itemTrace = new Int32Array(room)
      this.newTraces = new Int32Array(room)
    }
    this.newCount = this.passed = this.taken = 0
    this.#part = part
    this.#tenant = tenant
    this.#nowMs = nowMs
    this.#factsTo = 0
    this.#resource = this.#resourceEnvelope = this.#scope = this.#envelope = this.#last = -1
  }

  #openScope(scope: number): void {
    this.#closeScope()
    const { payload, index } = this.#part!
    const [resources, scopes, spans] = index.levels
    const groups = this.#groups
    const resource = scopes[scope * ROW + PARENT]
    if (resource !== this.#resource) {
      if (this.#resourceEnvelope >= 0) this.#envelopes.release(this.#resourceEnvelope)
      groups.read(payload.bytes, resources, resource, scopes)
      this.#resource = resource
      this.#resourceEnvelope = this.#envelopes.hold(
        this.#tenant,
        false,
        groups.bytes,
        groups.length,
      )
      this.#service = this.#serviceOf(this.#resourceEnvelope)
    }
    groups.read(payload.bytes, scopes, scope, spans)
    this.#scope = scope
    this.#envelope = this.#envelopes.hold(this.#resourceEnvelope, true, groups.bytes, groups.length)
    this.#envelopeSpans = 0
  }

  /** Each span holds its scope's envelope. */
  #closeScope(): void {
    if (this.#scope >= 0) this.#envelopes.retain(this.#envelope, this.#envelopeSpans - 1)
  }

  #serviceOf(resource: number): number {
    const known = this.#envelopes.service(resource)
    if (known >= 0) return known
    const groups = this.#groups
    groups.findService()
    const { nameFrom, nameTo } = groups
    const service = this.#operations.service(this.#tenant, groups.bytes, nameFrom, nameTo)
    this.#envelopes.setService(resource, service)
    return service
  }

  /** Copies the spans from `first` on that follow each other and fit the slab; returns the item after them. */
  #addRun(first: number): number {
    const { payload, index, selection } = this.#part!
    const spans = index.levels[2]
    const from = spans[first * ROW + TAG]
    const slab = this.#slabs.forSpan(spans[first * ROW + END] - from)
    const { free } = slab
    let to = from
    let item = first
    for (let at = first * ROW; item < index.items; item++, at += ROW) {
      if (spans[at + TAG] !== to || spans[at + PARENT] !== this.#scope) break
      if (selection !== null && !selection.has(item)) break
      if (spans[at + END] - from + (item - first + 1) * C.ROW_BYTES > free) break
      to = spans[at + END]
    }
    slab.bytes.set(payload.bytes.subarray(from, to), slab.used)
    const moved = slab.used - from
    slab.used += to - from
    for (let i = first; i < item; i++) {
      if (i >= this.#factsTo) this.#readFacts(i)
      this.#addSpan(slab, i, moved)
    }
    this.#slabs.settle(slab)
    return item
  }

  #readFacts(first: number): void {
    const { payload, index } = this.#part!
    const last = Math.min(first + FACTS_SPANS, index.items)
    this.#facts = spanFacts(payload.bytes, index, first, last)
    this.#factsFrom = first
    this.#factsTo = this.#facts === null ? index.items : last
  }

  #addSpan(slab: Slab, item: number, moved: number): void {
    const reader = this.#reader
    const { words, bytes, view } = slab
    const at = slab.at(slab.rows)
    const spans = this.#part!.index.levels[2]
    const field = spans[item * ROW + TAG] + moved
    const from = spans[item * ROW + START] + moved
    const to = spans[item * ROW + END] + moved
    const facts = this.#facts
    if (facts === null) reader.read(bytes, view, from, to, words, at)
    else reader.take(facts, (item - this.#factsFrom) * FACT_WORDS, moved, words, at)
    if (!reader.isValid && !(this.#holdsZeroIds && reader.isZero)) {
      this.itemTrace[item] = -1
      this.passed++
      return
    }
    const handle = this.#traceOf()
    const row = slab.addRow(to - field)
    words[at + C.NEXT] = -1
    words[at + C.OFFSET] = field
    words[at + C.LENGTH] = to - field
    words[at + C.PREFIX] = from - field
    words[at + C.ENVELOPE] = this.#envelope
    words[at + C.TRACE] = handle
    words[at + C.OPERATION] = this.#operations.operation(
      this.#service,
      reader.kind,
      bytes,
      view,
      reader.nameFrom,
      reader.nameTo,
    )
    const { importance } = this.#part!
    if (importance !== undefined) words[at + C.BITS] |= importance[item] << C.IMPORTANCE_SHIFT
    this.itemTrace[item] = handle
    this.#envelopeSpans++
    this.taken++
    this.#addToTrace(handle, row, slab, at)
  }

  #traceOf(): number {
    const { id0, id1, id2, id3 } = this.#reader
    const traces = this.#traces
    if (this.#last >= 0 && traces.is(this.#last, this.#tenant, id0, id1, id2, id3)) {
      return this.#last
    }
    let handle = traces.find(this.#tenant, id0, id1, id2, id3)
    if (handle < 0) {
      handle = traces.add(this.#tenant, id0, id1, id2, id3, this.#nowMs)
      this.newTraces[this.newCount++] = handle
      this.#wheel.schedule(handle, this.#nowMs + this.#maxWaitMs)
    }
    this.#last = handle
    return handle
  }

  #addToTrace(handle: number, row: number, slab: Slab, rowAt: number): void {
    const traces = this.#traces
    const words = traces.page(handle)
    const at = traces.at(handle)
    const bits = slab.words[rowAt + C.BITS]
    const last = words[at + R.LAST_ROW]
    if (last < 0) words[at + R.FIRST_ROW] = row
    else {
      const before = this.#slabs.of(last)
      before.words[before.at(last) + C.NEXT] = row
    }
    words[at + R.LAST_ROW] = row
    const spans = ++words[at + R.SPANS]
    words[at + R.BYTES] += slab.words[rowAt + C.LENGTH]
    words[at + R.FLAGS] |= bits & C.SPAN_FLAGS
    if ((bits & C.ROW_RANDOM_ID) !== 0) words[at + R.FLAGS] |= TRACE_RANDOM_ID
    traces.doubles(handle)[(at >>> 1) + R.LAST_ARRIVAL_F64] = this.#nowMs
    const importance = bits >> C.IMPORTANCE_SHIFT
    if (spans === 1 || importance > words[at + R.IMPORTANCE]) words[at + R.IMPORTANCE] = importance
    this.#addTimes(words, at, slab.words, rowAt)
    this.#addState(words, at, slab.bytes)
    if ((bits & C.ROW_ROOT) !== 0) this.#addRoot(handle, at)
    if (spans === this.#maxSpans) {
      words[at + R.FLAGS] |= TRACE_FULL
      if ((words[at + R.FLAGS] & TRACE_READY) === 0) this.#wheel.scheduleNow(handle)
    }
  }

  #addTimes(words: Int32Array, at: number, row: Int32Array, rowAt: number): void {
    const low = row[rowAt + C.START_LOW]
    const high = row[rowAt + C.START_HIGH]
    if (isLess(low, high, words[at + R.START_LOW], words[at + R.START_HIGH])) {
      words[at + R.START_LOW] = low
      words[at + R.START_HIGH] = high
    }
    const { endLow, endHigh } = this.#reader
    if (isLess(words[at + R.END_LOW], words[at + R.END_HIGH], endLow, endHigh)) {
      words[at + R.END_LOW] = endLow
      words[at + R.END_HIGH] = endHigh
    }
  }

  #addState(words: Int32Array, at: number, bytes: Uint8Array): void {
    const { stateFrom, stateTo } = this.#reader
    const flags = words[at + R.FLAGS]
    if (stateFrom === stateTo) {
      if ((flags & TRACE_THRESHOLD) !== 0) words[at + R.FLAGS] |= TRACE_THRESHOLD_MIXED
      return
    }
    const ot = this.#ot
    ot.read(bytes, stateFrom, stateTo)
    if (ot.isBad) words[at + R.FLAGS] |= TRACE_BAD_STATE
    if (ot.hasRandomness && (flags & TRACE_EXPLICIT_RANDOMNESS) === 0) {
      words[at + R.FLAGS] |= TRACE_EXPLICIT_RANDOMNESS
      words[at + R.RANDOMNESS_HIGH] = ot.randomnessHigh
      words[at + R.RANDOMNESS_LOW] = ot.randomnessLow
    }
    const had = (flags & TRACE_THRESHOLD) !== 0
    const high = words[at + R.THRESHOLD_HIGH]
    const low = words[at + R.THRESHOLD_LOW]
    const isOther = ot.hasThreshold && (ot.thresholdHigh !== high || ot.thresholdLow !== low)
    if (had !== ot.hasThreshold ? had || words[at + R.SPANS] > 1 : had && isOther) {
      words[at + R.FLAGS] |= TRACE_THRESHOLD_MIXED
    }
    if (!ot.hasThreshold) return
    words[at + R.FLAGS] |= TRACE_THRESHOLD
    const isHigher = ot.thresholdHigh > high || (ot.thresholdHigh === high && ot.thresholdLow > low)
    if (isHigher) {
      words[at + R.THRESHOLD_HIGH] = ot.thresholdHigh
      words[at + R.THRESHOLD_LOW] = ot.thresholdLow
    }
  }

  #addRoot(handle: number, at: number): void {
    const words = this.#traces.page(handle)
    const doubles = this.#traces.doubles(handle)
    const flags = words[at + R.FLAGS]
    if ((flags & TRACE_ROOT) !== 0) return
    words[at + R.FLAGS] |= TRACE_ROOT
    doubles[(at >>> 1) + R.ROOT_ARRIVAL_F64] = this.#nowMs
    if (this.#waitAfterRootMs < 0 || (flags & TRACE_READY) !== 0) return
    this.#wheel.schedule(handle, this.#nowMs + this.#waitAfterRootMs)
  }
}

/** Of unsigned 64-bit numbers in halves. */
function isLess(aLow: number, aHigh: number, bLow: number, bHigh: number): boolean {
  return aHigh === bHigh ? aLow >>> 0 < bLow >>> 0 : aHigh >>> 0 < bHigh >>> 0
}
