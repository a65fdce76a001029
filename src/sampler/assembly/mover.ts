/**
 * Moves spans that are left alone in old slabs together, so that a few traces that wait long do not keep the memory of all
 * that arrived beside them.
 */
import * as C from './row.ts'
import type { Slab, Slabs } from './slabs.ts'
import * as R from './trace-record.ts'
import type { Traces } from './traces.ts'

/** A slab is emptied when it has been mostly empty for so long. */
const SPARSE_MS = 1000
/** Rows that are looked at in one go: about a millisecond. */
const MAX_ROWS = 8192

export class Mover {
  readonly #slabs: Slabs
  readonly #traces: Traces
  readonly #leaving: Slab[] = []
  #looked = 0

  constructor(slabs: Slabs, traces: Traces) {
    this.#slabs = slabs
    this.#traces = traces
  }

  run(nowMs: number): void {
    this.#leaving.length = 0
    this.#looked = 0
    this.#slabs.findLeaving(nowMs, SPARSE_MS, this.#leaving)
    for (const slab of this.#leaving) {
      if (!this.#empty(slab)) return
    }
  }

  /** False when there is no room, or no time. */
  #empty(slab: Slab): boolean {
    const { rows } = slab
    for (let row = 0; row < rows && slab.live > 0; row++) {
      const at = slab.at(row)
      this.#looked++
      if (slab.words[at + C.LENGTH] === 0) continue
      if (this.#looked > MAX_ROWS || !this.#moveTrace(slab.words[at + C.TRACE])) return false
    }
    return true
  }

  /** All spans of a trace that stand in slabs that are to be emptied. */
  #moveTrace(handle: number): boolean {
    const record = this.#traces.at(handle)
    const trace = this.#traces.page(handle)
    let before = -1
    for (let row = trace[record + R.FIRST_ROW]; row >= 0; this.#looked++) {
      const slab = this.#slabs.of(row)
      const at = slab.at(row)
      const next = slab.words[at + C.NEXT]
      let stands = row
      if (slab.isLeaving) {
        stands = this.#move(slab, at)
        if (stands < 0) return false
        if (before < 0) trace[record + R.FIRST_ROW] = stands
        else {
          const previous = this.#slabs.of(before)
          previous.words[previous.at(before) + C.NEXT] = stands
        }
        if (next < 0) trace[record + R.LAST_ROW] = stands
      }
      before = stands
      row = next
    }
    return true
  }

  /** The new row; -1 when there is no room. */
  #move(slab: Slab, at: number): number {
    const length = slab.words[at + C.LENGTH]
    const offset = slab.words[at + C.OFFSET]
    const target = this.#slabs.forMoved(length)
    if (target === null) return -1
    target.bytes.set(slab.bytes.subarray(offset, offset + length), target.used)
    const row = target.addRow(length)
    const to = target.at(row)
    for (let column = 0; column < C.ROW_WORDS; column++) {
      target.words[to + column] = slab.words[at + column]
    }
    target.words[to + C.OFFSET] = target.used
    target.used += length
    this.#slabs.drop(slab, at)
    return row
  }
}
