/** The history against a list of everything that ever happened: whatever counters do, each growth is told exactly once. */
import assert from 'node:assert/strict'
import test from 'node:test'
import fc from 'fast-check'
import { UsageHistory } from '../../../src/tenancy/usage/history.ts'

const COUNTERS = 4
const MINUTE = 60_000

type Step =
  | { readonly kind: 'note'; readonly counter: number; readonly growth: number }
  | { readonly kind: 'close' }

const step: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 4,
    arbitrary: fc.record({
      kind: fc.constant('note' as const),
      counter: fc.nat({ max: COUNTERS - 1 }),
      growth: fc.integer({ min: -3, max: 5 }),
    }),
  },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('close' as const) }) },
)

/** What is to be told: growths by counter for each minute, the open one last. */
function play(steps: readonly Step[]) {
  const history = new UsageHistory(0, { maxAgeMs: Number.MAX_VALUE, maxCells: 1e6 })
  const series = Array.from({ length: COUNTERS }, (_, i) =>
    history.addSeries({
      ...{ tenant: `t${i}`, signal: 'traces', kind: 'accepted', stage: '', reason: '' },
      intentional: false,
    }),
  )
  const values = new Array(COUNTERS).fill(0)
  const minutes: number[][] = [new Array(COUNTERS).fill(0)]
  for (const each of steps) {
    if (each.kind === 'close') {
      history.close(minutes.length * MINUTE)
      minutes.push(new Array(COUNTERS).fill(0))
      continue
    }
    values[each.counter] += each.growth
    minutes.at(-1)![each.counter] += each.growth
    history.note(series[each.counter], values[each.counter], minutes.length * MINUTE)
  }
  return { history, minutes, values }
}

test('since any minute, the growths of each counter add up to what happened from then on', () => {
  fc.assert(
    fc.property(fc.array(step, { maxLength: 60 }), fc.nat({ max: 20 }), (steps, sinceMinute) => {
      const { history, minutes } = play(steps)
      const told = new Array(COUNTERS).fill(0)

      history.visit(sinceMinute * MINUTE, Number.MAX_VALUE, ({ id }, growth) => {
        told[id] += growth
      })

      const first = Math.min(sinceMinute, minutes.length - 1)
      const sum = (i: number) => minutes.slice(first).reduce((total, each) => total + each[i], 0)
      const happened = told.map((_, i) => sum(i))
      assert.deepEqual(told, happened)
    }),
  )
})

test('each minute is told with its own end', () => {
  fc.assert(
    fc.property(fc.array(step, { maxLength: 60 }), steps => {
      const { history, minutes } = play(steps)
      const told = minutes.map(() => new Array(COUNTERS).fill(0))

      history.visit(0, minutes.length * MINUTE, ({ id }, growth, atMs) => {
        told[atMs / MINUTE - 1][id] += growth
      })

      assert.deepEqual(told, minutes)
    }),
  )
})
