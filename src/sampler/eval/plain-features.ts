/**
 * Plain features of single traces, as textbook anomaly detectors get them: how long, how many, how deep, and no memory of what is
 * normal. Apart from the observer, whose vectors are what these baselines are to be told from.
 */
import { HalfSpaceTrees } from '../models/half-space-trees.ts'
import { IsolationForest } from '../models/isolation-forest.ts'
import type { Model } from '../models/model.ts'
import { SelfTime } from '../observe/self-time.ts'
import type { TraceSpans } from '../trace-spans.ts'
import { RecordedSpans } from './features.ts'
import type { Recording } from './recording.ts'
import type { Schedule } from './schedule.ts'

export const PLAIN_MODELS = ['isolation_forest_plain', 'half_space_trees_plain'] as const
export type PlainModel = (typeof PLAIN_MODELS)[number]

export const PLAIN_NAMES = [
  'log_root_duration',
  /** Of the self times of all spans. */
  'log_self_time',
  'log_spans',
  /** Spans from the root to the deepest leaf. */
  'log_depth',
  /** Most children that one span has. */
  'log_fan_out',
  'log_services',
  /** Share of the trace's spans that its rarest operation has. */
  'rarest_share',
] as const

const WIDTH = PLAIN_NAMES.length
/** What stands for 1; there is no look ahead, so the range is fixed. Durations in microseconds: a quarter of an hour. */
const MOST_MICROS = 1e9
const MOST_SPANS = 10_000
const MOST_DEPTH = 256
const MOST_SERVICES = 256
/** Below 1, so that it can be stretched. */
const MOST = 0.999
const FIRST_ROWS = 1_024

/** Rows by place in the schedule's order, each number from 0 to below 1. */
export function plainVectors(recording: Recording, schedule: Schedule): Float32Array {
  const plain = new PlainFeatures()
  const trace = new RecordedSpans()
  const vectors = new Float32Array(recording.traces * WIDTH)
  for (let at = 0; at < recording.traces; at++) {
    trace.read(recording, schedule.order[at], schedule.present)
    plain.read(trace, vectors, at * WIDTH)
  }
  return vectors
}

/** The model, and the rows as it wants them: the half-space trees squash `x / (1 + x)`, which is undone beforehand. */
export function openPlain(
  name: PlainModel,
  vectors: Float32Array,
  seed: number,
): { readonly model: Model; readonly vectors: Float32Array } {
  if (name === 'isolation_forest_plain') {
    return { model: new IsolationForest(PLAIN_NAMES, { seed }), vectors }
  }
  const stretched = vectors.map(value => value / (1 - value))
  return { model: new HalfSpaceTrees(PLAIN_NAMES, { seed }), vectors: stretched }
}

export class PlainFeatures {
  readonly #selfTime = new SelfTime()
  readonly #counts = new Map<number, number>()
  readonly #services = new Set<number>()
  #children = new Int32Array(FIRST_ROWS)

  /** Writes a row to `out` from `at` on; zeros for a trace without spans. */
  read(trace: TraceSpans, out: Float32Array, at: number): void {
    const { count } = trace
    out.fill(0, at, at + WIDTH)
    if (count === 0) return
    this.#selfTime.read(trace)
    const { self, root } = this.#selfTime
    let selfTime = 0
    for (let i = 0; i < count; i++) selfTime += self[i]
    this.#count(trace)
    out[at] = logShare(trace.duration[root], MOST_MICROS)
    out[at + 1] = logShare(selfTime, MOST_MICROS)
    out[at + 2] = logShare(count, MOST_SPANS)
    out[at + 3] = logShare(depthOf(trace), MOST_DEPTH)
    out[at + 4] = logShare(this.#fanOut(trace), MOST_SPANS)
    out[at + 5] = logShare(this.#services.size, MOST_SERVICES)
    out[at + 6] = Math.min(MOST, Math.min(...this.#counts.values()) / count)
  }

  #count({ count, operation, service }: TraceSpans): void {
    this.#counts.clear()
    this.#services.clear()
    for (let i = 0; i < count; i++) {
      this.#counts.set(operation[i], (this.#counts.get(operation[i]) ?? 0) + 1)
      this.#services.add(service[i])
    }
  }

  #fanOut({ count, parent }: TraceSpans): number {
    if (count > this.#children.length) this.#children = new Int32Array(count * 2)
    const children = this.#children.fill(0, 0, count)
    let most = 0
    for (let i = 0; i < count; i++) {
      if (parent[i] >= 0) most = Math.max(most, ++children[parent[i]])
    }
    return most
  }
}

/** Ancestors are followed so far only, since parents may go round in a cycle. */
function depthOf({ count, parent }: TraceSpans): number {
  let most = 0
  for (let i = 0; i < count; i++) {
    let depth = 0
    for (let row = i; row >= 0 && depth < MOST_DEPTH; row = parent[row]) depth++
    most = Math.max(most, depth)
  }
  return most
}

function logShare(value: number, most: number): number {
  return Math.min(MOST, Math.log1p(value) / Math.log1p(most))
}
