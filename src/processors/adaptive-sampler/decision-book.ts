/** Where decisions are written down: for spans that come late, and for people who ask why. */
import type { TenantId } from '../../core/batch.ts'
import type { SamplerDecision } from '../../core/sampler-control.ts'
import type { Assembly } from '../../sampler/assembly/assembly.ts'
import type { DecisionCache } from '../../sampler/decide/decision-cache.ts'
import { REASON_NAMES, TRAIT_HASHED } from '../../sampler/decide/options.ts'
import { Observer } from '../../sampler/observe/observer.ts'
import { formatThreshold } from '../../sampler/threshold.ts'
import type { Arm } from './arms.ts'
import { DecisionRing, LoggedDecision } from './decision-log.ts'
import { describeKey } from './describe-key.ts'
import { EARLY } from './flags.ts'
import type { TickRows } from './tick-rows.ts'

/** How `erase` stands in the cache: nobody knows the probability, or it is told beside `th`. */
export const ERASED_UNKNOWN = 1
export const ERASED_COUNTED = 2

const WIDTH = Observer.VECTOR
const HALF_BITS = 28n

export interface BookParts {
  readonly assembly: Assembly
  readonly cache: DecisionCache
  /** Decisions of each kind that are noted. */
  readonly size: number
  /** Hears of every decision. */
  readonly onDecided: (tenant: TenantId, id: Int32Array) => void
  readonly arms: readonly Arm[]
}

export class DecisionBook {
  readonly #parts: BookParts
  readonly #kept: DecisionRing
  readonly #dropped: DecisionRing
  readonly #entry = new LoggedDecision()
  /** Wall time of what is written down next. */
  atMs = 0

  constructor(parts: BookParts) {
    this.#parts = parts
    this.#kept = new DecisionRing(parts.size, WIDTH)
    this.#dropped = new DecisionRing(parts.size, WIDTH)
  }

  /** Called while the trace is still held, as `dropped` is. */
  kept(arm: Arm, row: number): void {
    const { cache } = this.#parts
    const { decider, rows } = arm
    const entry = this.#fill(arm, row)
    const isHashed = (rows.traits[row] & TRAIT_HASHED) !== 0
    const { id } = entry
    cache.keep(
      id[0],
      id[1],
      id[2],
      id[3],
      entry.tenant,
      decider.thresholdHigh[row],
      decider.thresholdLow[row],
      decider.erase[row] === 0 ? 0 : isHashed ? ERASED_COUNTED : ERASED_UNKNOWN,
      decider.probability[row],
      decider.reason[row],
      rows.score[row],
    )
    this.#kept.add(entry, rows.vectors, row * WIDTH)
  }

  dropped(arm: Arm, row: number): void {
    const { cache } = this.#parts
    const { rows } = arm
    const entry = this.#fill(arm, row)
    const { id } = entry
    cache.drop(id[0], id[1], id[2], id[3], entry.tenant)
    this.#dropped.add(entry, rows.vectors, row * WIDTH)
  }

  /** Oldest first. */
  explain(traceId: string): readonly SamplerDecision[] {
    const id = wordsOf(traceId)
    return [this.#kept, this.#dropped]
      .flatMap(ring => ring.rowsOf(id).map(row => this.#tell(traceId, ring.read(row))))
      .sort((a, b) => a.atMs - b.atMs)
  }

  /** The vector of the latest decision about a trace; undefined when none is noted. */
  vectorOf(traceId: string): Float32Array | undefined {
    const id = wordsOf(traceId)
    for (const ring of [this.#kept, this.#dropped]) {
      const [row] = ring.rowsOf(id)
      if (row !== undefined) return ring.vector(row)
    }
    return undefined
  }

  #fill(arm: Arm, row: number): LoggedDecision {
    const { assembly, arms, onDecided } = this.#parts
    const { traces } = assembly
    const { decider, rows } = arm
    const entry = this.#entry
    const handle = rows.handle[row]
    for (let word = 0; word < entry.id.length; word++) {
      entry.id[word] = traces.idWord(handle, word as 0 | 1 | 2 | 3)
    }
    entry.atMs = this.atMs
    entry.tenant = traces.tenant(handle)
    entry.isKept = decider.keep[row] === 1
    entry.reason = entry.isKept ? decider.reason[row] : decider.lane[row]
    entry.isEarly = (traces.flags(handle) & EARLY) !== 0
    entry.isErased = decider.erase[row] === 1
    entry.score = rows.score[row]
    entry.probability = decider.probability[row]
    entry.thresholdHigh = decider.thresholdHigh[row]
    entry.thresholdLow = decider.thresholdLow[row]
    entry.spans = traces.spans(handle)
    entry.bytes = traces.bytes(handle)
    fillWhy(entry, rows, row)
    entry.model = arms.indexOf(arm)
    onDecided(assembly.tenantName(entry.tenant), entry.id)
    return entry
  }

  #tell(traceId: string, decision: LoggedDecision): SamplerDecision {
    const { assembly, arms } = this.#parts
    const { model } = arms[decision.model]
    const high = BigInt(decision.thresholdHigh)
    const threshold = (high << HALF_BITS) | BigInt(decision.thresholdLow)
    const key = describeKey(decision, assembly.operations)
    return {
      atMs: decision.atMs,
      traceId,
      tenant: assembly.tenantName(decision.tenant),
      kept: decision.isKept,
      reason: (REASON_NAMES[decision.reason] || 'none') as SamplerDecision['reason'],
      score: decision.score,
      model: `${model.name} ${model.version}`,
      probability: decision.probability,
      threshold: decision.isErased || !decision.isKept ? '' : formatThreshold(threshold),
      spans: decision.spans,
      bytes: decision.bytes,
      early: decision.isEarly,
      evidence: key === null ? null : { key, surprise: decision.surprise, shift: decision.shift },
    }
  }
}

function fillWhy(entry: LoggedDecision, rows: TickRows, row: number): void {
  entry.why = rows.why[row]
  entry.operation = rows.operation[row]
  entry.callee = rows.callee[row]
  entry.surprise = rows.surprise[row]
  entry.shift = rows.shift[row]
}

function wordsOf(traceId: string): Int32Array {
  const words = new Int32Array(4)
  for (let i = 0; i < words.length; i++) {
    words[i] = Number.parseInt(traceId.slice(i * 8, (i + 1) * 8), 16) | 0
  }
  return words
}
