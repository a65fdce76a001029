/** How much of what a system does is still seen in the kept traces: entries, calls, call trees, and how evenly. */
import { LABEL_SYMPTOMATIC, type Recording } from './recording.ts'
import type { Choice } from './run.ts'
import type { Schedule } from './schedule.ts'
import type { Shapes } from './shapes.ts'

/** Call trees that are compared with each other; of more, so many that stand evenly among them. */
const MOST_COMPARED = 400

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
  /** Call trees without repeated siblings. */
  readonly pathsKept: number
  /** Sets of calls that a trace consists of. */
  readonly callSetsKept: number
  /** Mean over pairs of kept traces of the share of their calls that only one of them has. */
  readonly dissimilarity: number
  /** Bits by which call trees of kept traces differ; more is more even. */
  readonly entropy: number
  /** Call trees kept / traces kept. */
  readonly structuresPerTrace: number
}

export function measureVariety(
  recording: Recording,
  schedule: Schedule,
  choice: Choice,
  shapes: Shapes,
): Variety {
  const { structures, structure, label } = recording
  const kept = new Float64Array(structures)
  const abnormal = new Uint8Array(structures)
  const abnormalKept = new Uint8Array(structures)
  for (let at = 0; at < schedule.order.length; at++) {
    const trace = schedule.order[at]
    const id = structure[trace]
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
    entriesKept: shareSeen(shapes.entries, kept),
    callsKept: shareSeen(shapes.calls, kept),
    pathsKept: shareSeen(shapes.path, kept),
    callSetsKept: shareSeen(shapes.callSet, kept),
    dissimilarity: compareKept(shapes, kept),
    entropy: sum(present.map(n => -(n / total) * Math.log2(n / total))),
    structuresPerTrace: share(present.length, total),
  }
}

/** Of what call trees have, the share that kept ones have. */
function shareSeen(of: ArrayLike<Int32Array | number>, kept: Float64Array): number {
  const all = new Set<number>()
  const seen = new Set<number>()
  for (let id = 0; id < kept.length; id++) {
    const has = of[id]
    for (const one of typeof has === 'number' ? [has] : has) {
      all.add(one)
      if (kept[id] > 0) seen.add(one)
    }
  }
  return share(seen.size, all.size)
}

function compareKept({ calls }: Shapes, kept: Float64Array): number {
  const present = [...kept.keys()].filter(id => kept[id] > 0)
  const step = Math.ceil(present.length / MOST_COMPARED)
  const ids = present.filter((_, at) => at % step === 0)
  let traces = 0
  let apart = 0
  for (const [at, id] of ids.entries()) {
    traces += kept[id]
    for (const other of ids.slice(0, at)) {
      apart += kept[id] * kept[other] * distance(calls[id], calls[other])
    }
  }
  return share(apart, (traces * (traces - 1)) / 2)
}

/** 1 - what both have / what one of them has. */
function distance(a: Int32Array, b: Int32Array): number {
  let both = 0
  for (let i = 0, j = 0; i < a.length && j < b.length; ) {
    const order = a[i] - b[j]
    if (order === 0) both++
    if (order <= 0) i++
    if (order >= 0) j++
  }
  const either = a.length + b.length - both
  return either === 0 ? 0 : 1 - both / either
}

function sum(values: Float64Array | Uint8Array): number {
  let total = 0
  for (const value of values) total += value
  return total
}

function share(part: number, whole: number): number {
  return whole === 0 ? 0 : part / whole
}
