/** Arms, the tests that may be looked at at any moment, and models side by side. */
import assert from 'node:assert/strict'
import test from 'node:test'
import { Arms } from '../../../src/sampler/models/arms.ts'
import {
  FACT_CLEAN,
  FACT_SHIFTED,
  FACT_SYMPTOMATIC,
  Shadow,
  Split,
} from '../../../src/sampler/models/compare.ts'
import type { Model } from '../../../src/sampler/models/model.ts'
import { Random } from '../../../src/sampler/models/random.ts'
import { ScoreHistogram } from '../../../src/sampler/models/score-histogram.ts'
import { compareMeans, PairedTest, RunningMean } from '../../../src/sampler/models/sequential.ts'

test('arms get their shares, and say nothing of the low bits of the trace id', () => {
  const arms = new Arms(
    [
      { name: 'a', share: 3 },
      { name: 'b', share: 1 },
      { name: 'never', share: 0 },
    ],
    42,
  )
  const random = new Random(1)
  const counts = [0, 0, 0]

  for (let i = 0; i < 20_000; i++) counts[arms.armOf(i, random.index(2 ** 32))]++

  assert.equal(counts[2], 0)
  assert.ok(Math.abs(counts[1] / 20_000 - 0.25) < 0.02, `${counts}`)
})

test('the salt decides who is in which arm, and two collectors with one salt agree', () => {
  const shares = [
    { name: 'a', share: 1 },
    { name: 'b', share: 1 },
  ]
  const [one, same, other] = [new Arms(shares, 7), new Arms(shares, 7), new Arms(shares, 8)]
  let moved = 0

  for (let i = 0; i < 4000; i++) {
    assert.equal(one.armOf(i, i * 31), same.armOf(i, i * 31))
    if (one.armOf(i, i * 31) !== other.armOf(i, i * 31)) moved++
  }

  assert.ok(Math.abs(moved / 4000 - 0.5) < 0.05, `${moved}`)
})

test('ids that count up are spread over the arms too', () => {
  const arms = new Arms(
    [
      { name: 'a', share: 1 },
      { name: 'b', share: 1 },
    ],
    0,
  )
  let first = 0

  for (let i = 0; i < 4000; i++) if (arms.armOf(0, i) === 0) first++

  assert.ok(Math.abs(first / 4000 - 0.5) < 0.05, `${first}`)
})

test('shares that are no shares are refused', () => {
  assert.throws(() => new Arms([{ name: 'a', share: 0 }], 0), RangeError)
  assert.throws(() => new Arms([{ name: 'a', share: Number.NaN }], 0), RangeError)
})

test('a paired test looked at after every case seldom speaks where nothing is to be said', () => {
  const random = new Random(3)
  let spoken = 0

  for (let run = 0; run < 400; run++) {
    const paired = new PairedTest(0.05)
    for (let i = 0; i < 500 && paired.verdict === 'undecided'; i++) {
      paired.add(random.next() < 0.5, random.next() < 0.5)
    }
    if (paired.verdict !== 'undecided') spoken++
  }

  assert.ok(spoken / 400 <= 0.05, `${spoken} of 400`)
})

test('a paired test finds the better one, and its bounds hold the true difference', () => {
  const random = new Random(4)
  const paired = new PairedTest(0.05)

  for (let i = 0; i < 2000; i++) paired.add(random.next() < 0.8, random.next() < 0.6)

  const { low, high } = paired.bounds()
  assert.equal(paired.verdict, 'better')
  assert.ok(low > 0 && low < 0.2 && high > 0.2 && high < 0.4, `${low} to ${high}`)
})

test('means of two groups are told apart, and equal ones are not', () => {
  const random = new Random(5)
  const [good, poor, alike] = [new RunningMean(), new RunningMean(), new RunningMean()]
  for (let i = 0; i < 3000; i++) {
    good.add(random.next() < 0.9 ? 1 : 0)
    poor.add(random.next() < 0.6 ? 1 : 0)
    alike.add(random.next() < 0.6 ? 1 : 0)
  }

  assert.equal(compareMeans(good, poor, 0.05).verdict, 'better')
  assert.equal(compareMeans(poor, good, 0.05).verdict, 'worse')
  assert.equal(compareMeans(alike, poor, 0.05).verdict, 'undecided')
  assert.equal(compareMeans(new RunningMean(), poor, 0.05).verdict, 'undecided')
})

test('a histogram of scores gives quantiles, and sees when scores move', () => {
  const histogram = new ScoreHistogram()
  const moved = new ScoreHistogram()
  const random = new Random(6)
  for (let i = 0; i < 5000; i++) {
    histogram.add(random.next())
    moved.add(random.next() ** 3)
  }

  assert.ok(Math.abs(histogram.scoreAt(0.05) - 0.95) < 0.01)
  assert.ok(Math.abs(histogram.scoreAt(0.5) - 0.5) < 0.03)
  assert.ok(histogram.driftFrom(histogram.copy()) < 1e-9)
  assert.ok(moved.driftFrom(histogram) > 0.25)
})

test('in shadow a better challenger is found; one that cries wolf is not promoted', () => {
  const shadow = new Shadow([byColumn('live', 0), byColumn('good', 1)], { flagShare: 0.05 })
  const { vectors, facts } = shadowTraffic(12_000)

  for (let from = 0; from < 12_000; from += 3000) {
    shadow.judge(
      vectors.subarray(from * 2, (from + 3000) * 2),
      2,
      3000,
      facts.subarray(from, from + 3000),
    )
  }

  const view = shadow.view()
  assert.equal(view.verdicts[0].outcome, 'better')
  assert.equal(shadow.promotable(), 'good')
  assert.ok(view.arms[1].symptomaticKept > view.arms[0].symptomaticKept)
  assert.ok(view.cleanFlagged[1] < 0.06)
  assert.deepEqual(
    view.arms.map(arm => arm.role),
    ['live', 'shadow'],
  )
})

test('in shadow the model in charge may bring its scores along', () => {
  let calls = 0
  const counting: Model = {
    ...{ name: 'live', version: '1' },
    score: () => {
      calls++
    },
  }
  const shadow = new Shadow([counting, byColumn('other', 1)])

  shadow.judge(new Float32Array(20), 2, 10, new Uint8Array(10), new Float32Array(10))

  assert.equal(calls, 0)
})

test('arms are compared by how much of what matters each kept of its own traces', () => {
  const split = new Split([byColumn('live', 0), byColumn('arm', 1)])
  const random = new Random(9)

  for (let i = 0; i < 4000; i++) {
    const arm = i % 2
    split.record(arm, FACT_SYMPTOMATIC, random.next() < (arm === 0 ? 0.6 : 0.9), true)
    split.record(arm, FACT_CLEAN, random.next() < 0.05, random.next() < 0.02)
  }

  const [verdict] = split.verdicts()
  assert.equal(verdict.outcome, 'better')
  assert.ok(verdict.low > 0 && verdict.high > verdict.difference)
  assert.equal(split.arms()[0].symptomatic, 2000)
})

/** Scores are the values of a column. */
function byColumn(name: string, column: number): Model {
  return {
    ...{ name, version: '1' },
    score(vectors, count, out) {
      for (let row = 0; row < count; row++) out[row] = vectors[row * 2 + column]
    },
  }
}

/** The second column knows what is symptomatic, the first knows it now and then. */
function shadowTraffic(count: number) {
  const random = new Random(8)
  const vectors = new Float32Array(count * 2)
  const facts = new Uint8Array(count)
  for (let row = 0; row < count; row++) {
    const symptomatic = row > 2000 && random.next() < 0.1
    facts[row] = symptomatic ? FACT_SYMPTOMATIC | FACT_SHIFTED : FACT_CLEAN
    vectors[row * 2] = symptomatic && random.next() < 0.4 ? 0.99 : random.next() * 0.98
    vectors[row * 2 + 1] = symptomatic && random.next() < 0.9 ? 0.99 : random.next() * 0.98
  }
  return { vectors, facts }
}
