/** What the decider has to know of a held trace, put together from its numbers and the marks of the user's conditions. */
import type { Assembly } from '../../sampler/assembly/assembly.ts'
import { TRACE_BAD_STATE, TRACE_THRESHOLD } from '../../sampler/assembly/traces.ts'
import type { Decider } from '../../sampler/decide/decider.ts'
import {
  TRAIT_ERROR,
  TRAIT_HASHED,
  TRAIT_KEEP,
  TRAIT_NEVER,
  TRAIT_SHIFTED,
  TRAIT_UNKNOWN,
} from '../../sampler/decide/options.ts'
import { hashedRandomness, keeps, result } from '../../sampler/decide/probability.ts'
import { FACT_CLEAN, FACT_SHIFTED, FACT_SYMPTOMATIC } from '../../sampler/models/compare.ts'
import type { Observer } from '../../sampler/observe/observer.ts'
import { SPAN_ERROR, SPAN_EXCEPTION, SPAN_SERVER_FAULT } from '../../sampler/trace-spans.ts'
import { ALWAYS_KEEP, NEVER_KEEP } from './conditions.ts'
import { VOUCHED_FOR } from './flags.ts'
import type { IdUniformity } from './id-uniformity.ts'
import type { TenantBudgets } from './tenant-budgets.ts'
import type { TickRows } from './tick-rows.ts'

/** All collectors must hash alike. */
const SALT = 0x6d696c6c
const ID_BYTES = 16
const FAILED = SPAN_ERROR | SPAN_EXCEPTION | SPAN_SERVER_FAULT

export class TraceReader {
  readonly #assembly: Assembly
  readonly #observer: Observer
  readonly #ids: IdUniformity
  readonly #hasConditions: boolean
  readonly #id = new Uint8Array(ID_BYTES)
  readonly #view = new DataView(this.#id.buffer)
  readonly #budgets: TenantBudgets

  constructor(
    assembly: Assembly,
    observer: Observer,
    ids: IdUniformity,
    budgets: TenantBudgets,
    hasConditions: boolean,
  ) {
    this.#assembly = assembly
    this.#observer = observer
    this.#ids = ids
    this.#budgets = budgets
    this.#hasConditions = hasConditions
  }

  isFailed(flags: number): boolean {
    return (flags & FAILED) !== 0
  }

  /** The budget that the trace spends. */
  shareOf(handle: number): number {
    return this.#budgets.shareOf(this.#assembly.traces.tenant(handle))
  }

  /** Of the trace that was observed last. */
  traits(handle: number): number {
    const { traces } = this.#assembly
    const flags = traces.flags(handle)
    let traits = 0
    if (this.#observer.shifted) traits |= TRAIT_SHIFTED
    traits |= this.#signs(handle, flags)
    const isRandom = (flags & VOUCHED_FOR) !== 0
    if (!isRandom && !this.#ids.isRandom) return traits | TRAIT_HASHED
    return this.#isConsistent(handle, flags) ? traits : traits | TRAIT_UNKNOWN
  }

  /** For the comparison of models. */
  facts(traits: number): number {
    if ((traits & TRAIT_SHIFTED) !== 0) {
      return (traits & TRAIT_ERROR) !== 0 ? FACT_SYMPTOMATIC | FACT_SHIFTED : FACT_SHIFTED
    }
    return (traits & TRAIT_ERROR) !== 0 ? FACT_SYMPTOMATIC : FACT_CLEAN
  }

  // hot: bench/flow/side-by-side.ts
  addTo(decider: Decider, rows: TickRows, row: number): void {
    const { traces } = this.#assembly
    const handle = rows.handle[row]
    const traits = this.#refresh(rows, row)
    let high = traces.randomnessHigh(handle)
    let low = traces.randomnessLow(handle)
    if ((traits & TRAIT_HASHED) !== 0) {
      for (let word = 0; word < ID_BYTES / 4; word++) {
        this.#view.setInt32(word * 4, traces.idWord(handle, word as 0 | 1 | 2 | 3))
      }
      hashedRandomness(this.#id, 0, SALT)
      high = result.high
      low = result.low
    }
    decider.add(
      handle,
      high,
      low,
      traces.thresholdHigh(handle),
      traces.thresholdLow(handle),
      rows.score[row],
      rows.structure[row],
      traces.spans(handle),
      traces.bytes(handle),
      weightOf(traces.importance(handle)),
      traits,
      this.shareOf(handle),
    )
  }

  /** Spans may have come since the trace was looked at. */
  #refresh(rows: TickRows, row: number): number {
    const handle = rows.handle[row]
    rows.traits[row] |= this.#signs(handle, this.#assembly.traces.flags(handle))
    return rows.traits[row]
  }

  /** What single spans say. */
  #signs(handle: number, flags: number): number {
    let signs = (flags & FAILED) !== 0 ? TRAIT_ERROR : 0
    if (!this.#hasConditions) return signs
    const marks = this.#assembly.traces.conditions(handle, 0)
    if ((marks & ALWAYS_KEEP) !== 0) signs |= TRAIT_KEEP
    if ((marks & NEVER_KEEP) !== 0) signs |= TRAIT_NEVER
    return signs
  }

  /** A trace that its own `th` would not have let through was sampled by something else before. */
  #isConsistent(handle: number, flags: number): boolean {
    if ((flags & TRACE_BAD_STATE) !== 0) return false
    if ((flags & TRACE_THRESHOLD) === 0) return true
    const { traces } = this.#assembly
    return keeps(
      traces.randomnessHigh(handle),
      traces.randomnessLow(handle),
      traces.thresholdHigh(handle),
      traces.thresholdLow(handle),
    )
  }
}

/** Hints of rules: 10 weighs eleven times as much as none, -10 an eleventh. */
function weightOf(importance: number): number {
  return importance >= 0 ? 1 + importance : 1 / (1 - importance)
}
