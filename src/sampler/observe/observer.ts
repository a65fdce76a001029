/**
 * Knows what has been normal so far and says how far a trace is from it. One object for one stream of decisions (a shard);
 * nothing is allocated for a trace.
 */

import { decodeSnapshot, encodeSteps, toEnd } from '../models/snapshot-blocks.ts'
import type { TraceSpans } from '../trace-spans.ts'
import {
  SPAN_CLIENT_FAULT,
  SPAN_ERROR,
  SPAN_EXCEPTION,
  SPAN_LINKED,
  SPAN_ORPHAN,
  SPAN_SERVER_FAULT,
} from '../trace-spans.ts'
import { EventRates } from './event-rates.ts'
import { KEY_GAP, KEY_SELF, KeyStore } from './key-store.ts'
import { Round, SHIFTED_AT } from './round.ts'
import { SelfTime } from './self-time.ts'
import { Structures } from './structures.ts'
import { Sums } from './sums.ts'
import { AT, VECTOR_LENGTH } from './vector.ts'

export interface ObserverLimits {
  /** Operations and edges; beyond, those of a service share one. */
  readonly keys: number
  /** Structures remembered. */
  readonly structures: number
}

export const DEFAULT_LIMITS: ObserverLimits = { keys: 32_768, structures: 8_192 }

/** What a key is about. */
export type WhyKind = 'self' | 'gap' | 'structure' | 'duration' | 'error' | 'none'

/** The key that weighs most in the last trace. Overwritten by the next `observe`. */
export interface Why {
  kind: WhyKind
  /** Operation id; of the caller where the kind is `gap`, of the root where it is `structure`; -1: none. */
  operation: number
  /** Operation id of the callee where the kind is `gap`; else -1. */
  callee: number
  /** -log10 of how often something at least as odd happens there. */
  surprise: number
  /** Standard deviations by which recent traces there are odder than before. */
  shift: number
  /** Microseconds, where the kind is about time. */
  value: number
  /** Observations that the judgement rests on. */
  seen: number
}

const FAILED = SPAN_ERROR | SPAN_EXCEPTION | SPAN_SERVER_FAULT
/** Kinds of marks counted: those that the row has numbers for. */
const MARKS = 6
const SNAPSHOT_VERSION = 1

interface Head {
  readonly version: number
  readonly traces: number
  /** Blocks of the keys; those of the structures follow. */
  readonly keys: number
}

export class Observer {
  /** Numbers in a row. */
  static readonly VECTOR = VECTOR_LENGTH
  /** Of the last trace. */
  readonly why: Why = {
    ...{ kind: 'none', operation: -1, callee: -1, surprise: 0, shift: 0, value: 0, seen: 0 },
  }
  /**
   * Whether the last trace goes through a key in shift, or fails or is built as others lately do and are where they did not: the
   * threshold must not be learned from it.
   */
  shifted = false
  /** Class of the last trace's structure: dense from 0, below `structures`; reused when a class has not been seen for long. */
  structure = 0
  /** Traces of that class seen before the last. */
  structureSeen = 0
  /** Traces observed. */
  traces = 0

  readonly #limits: ObserverLimits
  #keys: KeyStore
  #structures: Structures
  #self: Round
  #gaps: Round
  #errors: EventRates
  readonly #tree = new SelfTime()
  readonly #sums = new Sums()
  /** Operation that the last trace begins with. */
  #entry = -1
  readonly #marks = new Int32Array(MARKS)

  constructor(limits: Partial<ObserverLimits> = {}) {
    this.#limits = { ...DEFAULT_LIMITS, ...limits }
    this.#keys = new KeyStore(this.#limits.keys)
    this.#structures = new Structures(this.#limits.structures)
    this.#self = new Round(this.#keys)
    this.#gaps = new Round(this.#keys)
    this.#errors = new EventRates(this.#keys)
  }

  /** Features from what was normal before this trace, into `out[at]` to `out[at + VECTOR - 1]`; then learns from it. */
  observe(trace: TraceSpans, nowMs: number, out: Float32Array, at: number): void {
    out.fill(0, at, at + VECTOR_LENGTH)
    if (trace.count === 0) return
    this.#read(trace, nowMs, true)
    this.#describe(trace, out, at)
    this.#tell()
    this.#learn(nowMs)
  }

  /** The same row without learning: for traces that never happened. Leaves alone what is known of the last one observed. */
  measure(trace: TraceSpans, nowMs: number, out: Float32Array, at: number): void {
    out.fill(0, at, at + VECTOR_LENGTH)
    if (trace.count === 0) return
    this.#read(trace, nowMs, false)
    this.#describe(trace, out, at)
  }

  /** Ids of operations and services must mean the same after `restore`: keep their names beside it. */
  snapshot(): Uint8Array {
    return toEnd(this.snapshotSteps())
  }

  /** The same in steps, between which others may get a turn; all of it is as it was at the first. */
  *snapshotSteps(): Generator<undefined, Uint8Array> {
    const keys = this.#keys.snapshot()
    const structures = this.#structures.snapshot()
    const head: Head = { version: SNAPSHOT_VERSION, traces: this.traces, keys: keys.length }
    yield
    return yield* encodeSteps(head, [...keys, ...structures])
  }

  /** False, and nothing changed, where the bytes are not a whole snapshot of this version and these limits. */
  restore(bytes: Uint8Array): boolean {
    const snapshot = decodeSnapshot(bytes)
    if (snapshot === null) return false
    const head = snapshot.head as Head
    if (head.version !== SNAPSHOT_VERSION) return false
    const keys = new KeyStore(this.#limits.keys)
    const structures = new Structures(this.#limits.structures)
    if (!keys.restore(snapshot.blocks.slice(0, head.keys))) return false
    if (!structures.restore(snapshot.blocks.slice(head.keys))) return false
    this.#keys = keys
    this.#structures = structures
    this.#self = new Round(keys)
    this.#gaps = new Round(keys)
    this.#errors = new EventRates(keys)
    this.traces = head.traces
    return true
  }

  #read(trace: TraceSpans, nowMs: number, learns: boolean): void {
    const { count, operation, service, parent, duration, flags } = trace
    const keys = this.#keys
    const self = this.#self
    const gaps = this.#gaps
    const tree = this.#tree
    tree.read(trace)
    self.begin()
    gaps.begin()
    this.#marks.fill(0)
    for (let i = 0; i < count; i++) {
      const at = self.put(keys.slot(KEY_SELF, operation[i], 0, service[i], nowMs), tree.self[i])
      if (flags[i] !== 0) this.#mark(flags[i], at)
      const p = parent[i]
      if (p < 0 || service[p] === service[i]) continue
      const gap = duration[p] - duration[i]
      gaps.put(keys.slot(KEY_GAP, operation[p], operation[i], service[i], nowMs), gap > 0 ? gap : 0)
    }
    self.judge()
    gaps.judge()
    this.#structures.read(trace, duration[tree.root], nowMs, learns)
    this.#entry = operation[tree.root]
  }

  /** What a span says of itself, counted; `at` is its key. */
  #mark(flags: number, at: number): void {
    const marks = this.#marks
    if ((flags & FAILED) !== 0) this.#self.failed[at] = 1
    if ((flags & SPAN_ERROR) !== 0) marks[0]++
    if ((flags & SPAN_EXCEPTION) !== 0) marks[1]++
    if ((flags & SPAN_SERVER_FAULT) !== 0) marks[2]++
    if ((flags & SPAN_CLIENT_FAULT) !== 0) marks[3]++
    if ((flags & SPAN_ORPHAN) !== 0) marks[4]++
    if ((flags & SPAN_LINKED) !== 0) marks[5]++
  }

  #describe(trace: TraceSpans, out: Float32Array, at: number): void {
    const self = this.#self
    const gaps = this.#gaps
    const sums = this.#sums
    sums.begin()
    sums.add(self)
    sums.add(gaps)
    sums.addErrors(self, this.#errors)
    sums.addStructure(this.#structures)
    writeTop(self, out, at + AT.self_1)
    writeTop(gaps, out, at + AT.gap_1)
    out[at + AT.shift] = sums.shift
    out[at + AT.shift_surprise] = sums.shiftSurprise
    out[at + AT.shifted_surprise] = sums.shifted
    const keys = self.count + gaps.count
    out[at + AT.unusual_share] = (self.unusual + gaps.unusual) / keys
    out[at + AT.cold_share] = (self.cold + gaps.cold) / keys
    out[at + AT.log_spans] = Math.log10(1 + trace.count)
    out[at + AT.rarity] = this.#structures.rarity
    out[at + AT.duration] = this.#structures.duration
    const marks = this.#marks
    out[at + AT.errors] = Math.log10(1 + marks[0])
    out[at + AT.exceptions] = Math.log10(1 + marks[1])
    out[at + AT.server_faults] = Math.log10(1 + marks[2])
    out[at + AT.client_faults] = Math.log10(1 + marks[3])
    out[at + AT.orphans] = Math.log10(1 + marks[4])
    out[at + AT.links] = Math.log10(1 + marks[5])
    out[at + AT.error_surprise] = sums.errorSurprise
    out[at + AT.error_shift] = sums.errorShift
    out[at + AT.heuristic] = Math.max(sums.top, sums.errorTop, sums.structureTop)
  }

  #learn(nowMs: number): void {
    this.#self.learn(nowMs)
    this.#errors.learnAll(this.#self, nowMs)
    this.#gaps.learn(nowMs)
    this.#structures.learn(nowMs)
    this.traces++
  }

  /** What callers read of the trace beside its row. */
  #tell(): void {
    const sums = this.#sums
    const why = this.why
    const { shift } = this.#structures
    this.shifted =
      this.#self.shifted + this.#gaps.shifted > 0 || Math.max(shift, sums.errorShift) > SHIFTED_AT
    this.structure = this.#structures.structure
    this.structureSeen = this.#structures.seen
    why.operation = why.callee = -1
    why.value = 0
    if (sums.structureTop > Math.max(sums.top, sums.errorTop)) {
      why.kind = 'structure'
      why.operation = this.#entry
      why.surprise = this.#structures.rarity
      why.shift = shift
      why.seen = this.traces
      return
    }
    const error = sums.errorTop > sums.top
    const round = error ? this.#self : sums.topRound
    if (round === undefined) {
      why.kind = 'none'
      why.surprise = why.shift = why.seen = 0
      return
    }
    this.#tellKey(round, error)
  }

  #tellKey(round: Round, error: boolean): void {
    const sums = this.#sums
    const why = this.why
    const at = error ? sums.errorAt : sums.topAt
    const slot = round.slot[at]
    const gap = round === this.#gaps
    why.kind = error ? 'error' : gap ? 'gap' : 'self'
    why.operation = this.#keys.firstOf(slot)
    if (gap) why.callee = this.#keys.secondOf(slot)
    why.surprise = error ? sums.errorSurprise : round.surprise[at]
    why.shift = error ? sums.errorShift : round.shift[at]
    why.value = round.value[at]
    why.seen = this.#keys.seen[slot]
  }
}

function writeTop(round: Round, out: Float32Array, at: number): void {
  let first = 0
  let second = 0
  let third = 0
  for (let k = 0; k < round.count; k++) {
    const u = round.surprise[k]
    if (u > first) {
      third = second
      second = first
      first = u
    } else if (u > second) {
      third = second
      second = u
    } else if (u > third) {
      third = u
    }
  }
  out[at] = first
  out[at + 1] = second
  out[at + 2] = third
}
