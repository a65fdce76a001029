/** How much of what a system does is still seen in the kept traces: entries, calls, call trees, and how evenly. */
import {
  LABEL_SYMPTOMATIC,
  type Recording,
  SPAN_FIELDS,
  SPAN_OPERATION,
  SPAN_PARENT,
} from './recording.ts'
import type { Choice } from './run.ts'
import type { Schedule } from './schedule.ts'

export interface Variety {
  /** Call trees of which at least one trace is kept. */
  readonly structuresKept: number
  /** Standard deviation over mean of the kept traces per call tree, all call trees counted. */
  readonly structuresSpread: number
  /** Call trees of symptomatic traces of which a symptomatic one is kept. */
  readonly abnormalStructuresKept: number
  /** Operations that traces begin with. */
  readonly entriesKept: number
  /** Pairs of caller and callee. */
  readonly callsKept: number
  /** Bits by which call trees of kept traces differ; more is more even. */
  readonly entropy: number
  /** Call trees kept / traces kept. */
  readonly structuresPerTrace: number
}

export function measureVariety(recording: Recording, schedule: Schedule, choice: Choice): Variety {
  const { structures, structure, label } = recording
  const kept = new Float64Array(structures)
  const abnormal = new Uint8Array(structures)
  const abnormalKept = new Uint8Array(structures)
  const example = new Int32Array(structures).fill(-1)
  for (let at = 0; at < schedule.order.length; at++) {
    const trace = schedule.order[at]
    const id = structure[trace]
    if (example[id] < 0) example[id] = trace
    kept[id] += choice.keep[at]
    if (label[trace] !== LABEL_SYMPTOMATIC) continue
    abnormal[id] = 1
    if (choice.keep[at] === 1) abnormalKept[id] = 1
  }
  const total = sum(kept)
  const mean = total / structures
  const present = kept.filter(n => n > 0)
  return {
    structuresKept: share(present.length, structures),
    structuresSpread: share(Math.sqrt(sum(kept.map(n => (n - mean) ** 2)) / structures), mean),
    abnormalStructuresKept: share(sum(abnormalKept), sum(abnormal)),
    ...measureCalls(recording, kept, example),
    entropy: sum(present.map(n => -(n / total) * Math.log2(n / total))),
    structuresPerTrace: share(present.length, total),
  }
}

/** A call tree has the same calls in each of its traces, so that one of them tells. */
function measureCalls(
  recording: Recording,
  kept: Float64Array,
  example: Int32Array,
): { entriesKept: number; callsKept: number } {
  const { first, spans, operations } = recording
  const entries = new Map<number, boolean>()
  const calls = new Map<number, boolean>()
  for (let id = 0; id < kept.length; id++) {
    const has = kept[id] > 0
    const from = first[example[id]]
    for (let span = from; span < first[example[id] + 1]; span++) {
      const operation = spans[span * SPAN_FIELDS + SPAN_OPERATION]
      const parent = spans[span * SPAN_FIELDS + SPAN_PARENT]
      if (parent < 0) {
        entries.set(operation, has || entries.get(operation) === true)
      } else {
        const caller = spans[(from + parent) * SPAN_FIELDS + SPAN_OPERATION]
        const call = caller * operations.length + operation
        calls.set(call, has || calls.get(call) === true)
      }
    }
  }
  return { entriesKept: shareOfTrue(entries), callsKept: shareOfTrue(calls) }
}

function shareOfTrue(all: Map<number, boolean>): number {
  return share([...all.values()].filter(Boolean).length, all.size)
}

function sum(values: Float64Array | Uint8Array): number {
  let total = 0
  for (const value of values) total += value
  return total
}

function share(part: number, whole: number): number {
  return whole === 0 ? 0 : part / whole
}
