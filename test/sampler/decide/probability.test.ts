import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import {
  depth,
  HALF,
  hashedRandomness,
  keeps,
  probabilityOf,
  randomnessOfId,
  readRandomness,
  readThreshold,
  result,
  thresholdOf,
  writeThreshold,
} from '../../../src/sampler/decide/probability.ts'
import {
  ALWAYS,
  formatThreshold,
  KEPT_BY_ALL,
  NEVER,
  parseRandomness,
  parseThreshold,
  thresholdToProbability,
} from '../../../src/sampler/threshold.ts'

const bits56 = fc.bigInt(0n, KEPT_BY_ALL)
const whole = (high: number, low: number) => BigInt(high) * BigInt(HALF) + BigInt(low)
const high = (value: bigint) => Number(value >> 28n)
const low = (value: bigint) => Number(value & 0xfffffffn)

test('writes and reads the digits of th as the bigint reference does', () => {
  const out = new Uint8Array(16)
  fc.assert(
    fc.property(bits56, value => {
      const length = writeThreshold(high(value), low(value), out, 1)
      const text = Buffer.from(out.subarray(1, 1 + length)).toString()
      assert.equal(text, formatThreshold(value))
      assert.ok(readThreshold(out, 1, 1 + length))
      assert.equal(whole(result.high, result.low), value)
    }),
  )
})

test('reads any text as th and rv exactly as the bigint reference does', () => {
  const text = fc.oneof(
    fc.string({ maxLength: 16 }),
    fc.stringMatching(/^[0-9a-fA-F]{0,15}$/),
    fc.stringMatching(/^[0-9a-f]{14}$/),
  )
  fc.assert(
    fc.property(text, value => {
      const bytes = Buffer.from(value)
      const threshold = parseThreshold(value)
      assert.equal(readThreshold(bytes, 0, bytes.length), threshold !== undefined)
      if (threshold !== undefined) assert.equal(whole(result.high, result.low), threshold)
      const randomness = parseRandomness(value)
      assert.equal(readRandomness(bytes, 0, bytes.length), randomness !== undefined)
      if (randomness !== undefined) assert.equal(whole(result.high, result.low), randomness)
    }),
  )
})

test('takes the low 56 bits of a trace id', () => {
  fc.assert(
    fc.property(fc.uint8Array({ minLength: 20, maxLength: 20 }), bytes => {
      randomnessOfId(bytes, 3)
      const text = Buffer.from(bytes.subarray(12, 19)).toString('hex')
      assert.equal(whole(result.high, result.low), parseRandomness(text))
    }),
  )
})

test('compares randomness with a threshold as bigints compare', () => {
  fc.assert(
    fc.property(bits56, bits56, fc.boolean(), (r, t, same) => {
      const other = same ? r : t
      assert.equal(keeps(high(r), low(r), high(other), low(other)), r >= other)
    }),
  )
})

test('a threshold has the probability it was computed from, and drops randomness of exactly that depth', () => {
  const probability = fc.oneof(
    fc.double({ min: 2 ** -40, max: 1, noNaN: true }),
    fc.integer({ min: 0, max: 40 }).map(shift => 2 ** -shift),
  )
  fc.assert(
    fc.property(probability, p => {
      thresholdOf(p)
      const threshold = whole(result.high, result.low)
      if (p === 1) return assert.equal(threshold, ALWAYS)
      assert.ok(threshold > ALWAYS && threshold < NEVER)
      const told = thresholdToProbability(threshold)
      assert.ok(told <= p && told >= p * (1 - 2 ** -14), `${told} for ${p}`)
      assert.equal(probabilityOf(result.high, result.low), told)
    }),
  )
  fc.assert(
    fc.property(fc.bigInt(1n << 4n, KEPT_BY_ALL), r => {
      thresholdOf(depth(high(r), low(r)))
      assert.ok(r < whole(result.high, result.low) || r === KEPT_BY_ALL)
    }),
  )
})

test('keeps by a threshold as often as it tells', () => {
  const drawn = 200_000
  const id = new Uint8Array(16)
  for (const p of [0.9, 0.31, 0.05]) {
    thresholdOf(p)
    const { high: tHigh, low: tLow } = result
    let kept = 0
    for (let at = 0; at < drawn; at++) {
      new DataView(id.buffer).setUint32(12, at)
      hashedRandomness(id, 0, 7)
      if (keeps(result.high, result.low, tHigh, tLow)) kept++
    }
    const deviation = Math.sqrt((p * (1 - p)) / drawn)
    assert.ok(Math.abs(kept / drawn - p) < 4 * deviation, `${kept / drawn} for ${p}`)
  }
})

test('hashes another salt to other randomness', () => {
  const id = new Uint8Array(16).fill(1)
  hashedRandomness(id, 0, 1)
  const first = whole(result.high, result.low)
  hashedRandomness(id, 0, 2)
  assert.notEqual(whole(result.high, result.low), first)
})
