/** Takes batches in: lays out edits, makes room, marks what conditions ask for, knows spans that come late. */
import { Batch, type Part } from '../../core/batch.ts'
import type { Clock } from '../../core/clock.ts'
import type { MemoryBudget } from '../../core/memory.ts'
import type { Counter } from '../../core/meter.ts'
import { ACCEPTED, busy, type Outcome, refused } from '../../core/outcome.ts'
import type { Outlet } from '../../core/outlet.ts'
import { withoutEdits } from '../../rules/apply/without-edits.ts'
import type { Assembly } from '../../sampler/assembly/assembly.ts'
import type { SpanMarker } from './conditions.ts'
import { VOUCHED_FOR } from './flags.ts'
import type { IdUniformity } from './id-uniformity.ts'
import type { LateSpans } from './late-spans.ts'
import type { Sampler } from './sampler.ts'

export interface IntakeParts {
  readonly assembly: Assembly
  readonly sampler: Sampler
  readonly marker: SpanMarker
  readonly late: LateSpans
  readonly ids: IdUniformity
  readonly outlet: Outlet
  readonly memory: MemoryBudget
  readonly maxBytes: number
  readonly clock: Clock
  readonly invalidIds: Counter
}

export class Intake {
  readonly #parts: IntakeParts
  #passes = true

  constructor(parts: IntakeParts) {
    this.#parts = parts
  }

  // hot: bench/flow/side-by-side.ts
  /** Accepted: the batch is not needed any more, and released. */
  take(given: Batch): Outcome {
    const { outlet } = this.#parts
    if (outlet.isFull) return busy(outlet.retryAfterMs)
    const batch = withoutEdits(given)
    const isTaken = this.#makeRoom(batch)
    if (isTaken) this.#add(batch)
    if (batch !== given) batch.release()
    if (!isTaken) return this.#noRoom(batch)
    given.release()
    return ACCEPTED
  }

  /** The same for a batch of one part that was taken in before: spans without a valid id were passed on then. */
  takeBack(batch: Batch): Outcome {
    this.#passes = false
    const outcome = this.take(batch)
    this.#passes = true
    return outcome
  }

  /** What would not fit an empty house never will. */
  #noRoom(batch: Batch): Outcome {
    const { assembly, memory, maxBytes } = this.#parts
    if (!assembly.isTooLarge(batch)) return busy(memory.retryAfterMs())
    const why = `${batch.items} spans need more memory than memory_limit (${maxBytes} bytes)`
    return refused(batch.items, 'too_large', why)
  }

  #makeRoom(batch: Batch): boolean {
    const { assembly, outlet, sampler } = this.#parts
    while (!assembly.reserve(batch)) {
      if (outlet.isFull || assembly.isTooLarge(batch) || !sampler.makeRoom()) return false
    }
    return true
  }

  #add(batch: Batch): void {
    const { assembly, marker, clock } = this.#parts
    for (const part of batch.parts) {
      const marks = marker.isIdle ? null : marker.mark(part, batch.context)
      assembly.add(part, batch.tenant, clock.monotonic())
      if (marks !== null) this.#mark(marks, part.index.items)
      this.#greet()
      if (this.#passes && assembly.passed > 0) this.#pass(batch, assembly.passedPart(part))
    }
  }

  #mark(marks: Uint8Array, items: number): void {
    const { itemTrace, traces } = this.#parts.assembly
    for (let item = 0; item < items; item++) {
      if (marks[item] === 0 || itemTrace[item] < 0) continue
      traces.addConditions(itemTrace[item], 0, marks[item])
    }
  }

  /** Traces that have just begun. */
  #greet(): void {
    const { assembly, late, ids } = this.#parts
    const { traces, newTraces, newCount } = assembly
    for (let i = 0; i < newCount; i++) {
      const handle = newTraces[i]
      late.recognise(handle)
      const flags = traces.flags(handle)
      if ((flags & VOUCHED_FOR) === 0) {
        ids.add(traces.randomnessHigh(handle))
      }
    }
  }

  /** Spans without a valid trace id belong to no trace that could be judged. */
  #pass({ signal, tenant, context }: Batch, part: Part): void {
    const { outlet, invalidIds } = this.#parts
    part.payload.retain()
    invalidIds.value += part.items
    outlet.push(new Batch(signal, tenant, context, [part]))
  }
}
