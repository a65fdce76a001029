/** Thresholds and randomness of consistent sampling, by the examples of the specification and by their own laws. */
import assert from 'node:assert/strict'
import test from 'node:test'
import fc from 'fast-check'
import {
  ALWAYS,
  formatRandomness,
  formatThreshold,
  MAX_PRECISION,
  NEVER,
  parseRandomness,
  parseThreshold,
  probabilityToThreshold,
  thresholdToProbability,
} from '../../src/sampler/threshold.ts'
import { TraceState } from '../../src/sampler/trace-state.ts'

test('writes the thresholds of common probabilities', () => {
  const texts = ([1, 0.5, 0.25, 0.1, 0.01, 1 / 3] as const).map(probability =>
    formatThreshold(probabilityToThreshold(probability, 4) ?? NEVER),
  )

  assert.deepEqual(texts, ['0', '8', 'c', 'e666', 'fd70a', 'aaab'])
})

test('knows no threshold outside of the range', () => {
  for (const probability of [0, -1, 1.1, Number.NaN, 2 ** -57]) {
    assert.equal(probabilityToThreshold(probability, 4), undefined)
  }
})

test('reads what it has written', () => {
  fc.assert(
    fc.property(fc.bigInt({ min: ALWAYS, max: NEVER - 1n }), value => {
      assert.equal(parseThreshold(formatThreshold(value)), value)
      assert.equal(parseRandomness(formatRandomness(value)), value)
    }),
  )
})

test('a threshold stands for about the probability that it was made of', () => {
  const probabilities = fc.double({ min: 1e-12, max: 1, noNaN: true })
  fc.assert(
    fc.property(
      probabilities,
      fc.integer({ min: 3, max: MAX_PRECISION }),
      (probability, digits) => {
        const threshold = probabilityToThreshold(probability, digits)
        assert.ok(threshold !== undefined && threshold >= ALWAYS && threshold < NEVER)
        const error = Math.abs(thresholdToProbability(threshold) - probability) / probability
        // Half a step of 2^-56 is all that there is.
        assert.ok(error <= 16 ** (1 - digits) + 2 ** -56 / probability, `${error}`)
      },
    ),
  )
})

test('changes its own entry of a trace state and leaves the others', () => {
  const state = TraceState.parse('a=1, ot=x:y;th:8 ,tenant@sys=v')!

  state.setThreshold(0xc0_0000_0000_0000n)
  state.setRandomness(0xff_ffff_ffff_ffffn)

  assert.equal(state.toString(), 'ot=rv:ffffffffffffff;th:c;x:y,a=1,tenant@sys=v')
  state.clearThreshold()
  assert.equal(state.toString(), 'ot=rv:ffffffffffffff;x:y,a=1,tenant@sys=v')
})

test('does not know a threshold or a randomness that stands there more than once', () => {
  const rv = 'rv:ffffffffffffff'
  const doubled: readonly [text: string, written: string][] = [
    ['ot=th:8;th:c;k:v,x=y', 'ot=k:v,x=y'],
    ['ot=th:8;th:8', ''],
    ['ot=th:8,ot=th:c;k:v', 'ot=k:v'],
    ['ot=th:8,ot=k:v', 'ot=k:v'],
    [`ot=${rv};th:8;${rv}`, 'ot=th:8'],
    [`ot=${rv},ot=th:8,x=y`, 'x=y'],
  ]
  for (const [text, written] of doubled) {
    const state = TraceState.parse(text)!
    assert.ok(state.isDoubled, text)
    assert.equal(state.randomness, null, text)
    assert.equal(state.toString(), written)
  }
  const lost = TraceState.parse('ot=th:8;th:c')!
  lost.setThreshold(0xf0_0000_0000_0000n)
  assert.deepEqual([lost.threshold, lost.toString()], [null, ''])
  assert.equal(TraceState.parse(`ot=th:8;${rv},x=y`)!.isDoubled, false)
})

test('refuses trace states that are none', () => {
  const bad = [
    'a',
    'A=1',
    'a=',
    'a=\u00e4',
    'ot=th:zz',
    'ot=rv:12',
    'ot=;',
    `a=${'x'.repeat(1100)}`,
  ]
  for (const text of bad) assert.equal(TraceState.parse(text), undefined, text)
  const many = Array.from({ length: 32 }, (_, i) => `k${i}=v`).join()
  assert.equal(TraceState.parse(many), undefined)
})
