/** What kept traces still show of a system, on recordings small enough to be counted by hand. */
import assert from 'node:assert/strict'
import test from 'node:test'
import { Quantiles } from '../../../src/sampler/eval/quantiles.ts'
import type { Recording } from '../../../src/sampler/eval/recording.ts'
import type { Choice } from '../../../src/sampler/eval/run.ts'
import type { Schedule } from '../../../src/sampler/eval/schedule.ts'
import { findShapes } from '../../../src/sampler/eval/shapes.ts'
import { measureVariety } from '../../../src/sampler/eval/variety.ts'

/** A span: operation, parent, duration. */
type Span = readonly [number, number, number]

function recordingOf(traces: readonly { tree: number; spans: readonly Span[] }[]): Recording {
  const count = traces.length
  const first = [0]
  for (const { spans } of traces) first.push(first.at(-1)! + spans.length)
  const spans = traces.flatMap(({ spans }) => spans.map(([o, p, d]) => [o, 0, p, 0, d]))
  return {
    ...{ name: 'made up', traces: count, operations: ['a|a', 'a|b', 'b|c', 'b|d'] },
    ...{ services: ['a', 'b'], serviceOf: Int32Array.of(0, 0, 1, 1), faults: [] },
    ...{ start: new Float64Array(count), ids: new Uint8Array(count * 16) },
    ...{ first: Uint32Array.from(first), spans: Int32Array.from(spans.flat()) },
    ...{ label: new Uint8Array(count), fault: new Int16Array(count).fill(-1) },
    structure: Int32Array.from(traces, ({ tree }) => tree),
    structures: Math.max(...traces.map(({ tree }) => tree)) + 1,
  }
}

function choose(kept: readonly number[], traces: number): { schedule: Schedule; choice: Choice } {
  const order = Int32Array.from({ length: traces }, (_, i) => i)
  const keep = Uint8Array.from(order, trace => (kept.includes(trace) ? 1 : 0))
  const schedule = { order, tick: new Float64Array(traces), present: new Uint8Array(0) }
  const choice = { keep, flagged: keep, probability: new Float64Array(traces).fill(1) }
  return { schedule, choice }
}

const ROOT: Span = [0, -1, 10]
/** a -> b; a -> b, b; a -> b -> c; d alone. */
const TREES: readonly (readonly Span[])[] = [
  [ROOT, [1, 0, 1]],
  [ROOT, [1, 0, 1], [1, 0, 1]],
  [ROOT, [1, 0, 1], [2, 1, 1]],
  [[3, -1, 1]],
]

test('trees that differ in repeats only are one path, and calls count once', () => {
  const recording = recordingOf(TREES.map((spans, tree) => ({ tree, spans })))
  const shapes = findShapes(recording)

  const of = (kept: readonly number[]) => {
    const { schedule, choice } = choose(kept, TREES.length)
    const { pathsKept, callSetsKept, callsKept, entriesKept, structuresKept, dissimilarity } =
      measureVariety(recording, schedule, choice, shapes)
    return [structuresKept, pathsKept, callSetsKept, callsKept, entriesKept, dissimilarity]
  }

  assert.deepEqual(of([0]), [1 / 4, 1 / 3, 1 / 3, 1 / 2, 1 / 2, 0])
  assert.deepEqual(of([0, 1]), [2 / 4, 1 / 3, 1 / 3, 1 / 2, 1 / 2, 0])
  assert.deepEqual(of([0, 2]), [2 / 4, 2 / 3, 2 / 3, 1, 1 / 2, 1 / 2])
  assert.deepEqual(of([0, 3]), [2 / 4, 2 / 3, 2 / 3, 1 / 2, 1, 1])
  assert.deepEqual(of([]), [0, 0, 0, 0, 0, 0])
})

test('a trace that turns in a circle, and a very deep one, have a shape too', () => {
  const circle: Span[] = [ROOT, [1, 2, 1], [2, 1, 1]]
  const deep: Span[] = Array.from({ length: 50_000 }, (_, i) => [1, i - 1, 1])
  const recording = recordingOf([
    { tree: 0, spans: circle },
    { tree: 1, spans: deep },
  ])

  const { path, calls } = findShapes(recording)

  assert.notEqual(path[0], path[1])
  assert.deepEqual(
    calls.map(({ length }) => length),
    [2, 1],
  )
})

test('percentiles are as far off as what is kept lies from the range of all', () => {
  const one = (duration: number) => ({ tree: 0, spans: [[0, -1, duration] as const] })
  const recording = recordingOf([0, 25, 50, 75, 100].map(one))
  const quantiles = new Quantiles(recording)

  const of = (kept: readonly number[]) => {
    const { schedule, choice } = choose(kept, 5)
    return quantiles.squaredGaps(schedule, choice)
  }

  assert.equal(of([0, 1, 2, 3, 4]), 0)
  assert.equal(of([]), 1)
  const gaps = [0, 0.25, 0.5, 0.75, 1, 1, 1, 1]
  assert.equal(of([0]), gaps.reduce((sum, gap) => sum + gap ** 2, 0) / gaps.length)
})
