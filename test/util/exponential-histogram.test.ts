/** The histogram with exponential buckets: where values fall, how it becomes coarser, and that no count is lost. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { ExponentialHistogram } from '../../src/util/exponential-histogram.ts'

function filled(maxSize: number, ...values: readonly number[]): ExponentialHistogram {
  const histogram = new ExponentialHistogram(maxSize)
  for (const value of values) histogram.add(value)
  return histogram
}

function counts(histogram: ExponentialHistogram): number[] {
  return Array.from({ length: histogram.length }, (_, i) => histogram.at(i))
}

/** Bounds of bucket `i`: above the first, up to the second. */
function bounds({ scale, offset }: ExponentialHistogram, i: number): [number, number] {
  const base = 2 ** -scale
  return [2 ** ((offset + i) * base), 2 ** ((offset + i + 1) * base)]
}

test('puts a power of two into the bucket that it ends', () => {
  const histogram = filled(4, 1, 2, 4, 8)

  assert.equal(histogram.scale, 0)
  assert.equal(histogram.offset, -1)
  assert.deepEqual(counts(histogram), [1, 1, 1, 1])
})

test('is as fine as it can be for one value', () => {
  const histogram = filled(160, 1.5)

  assert.equal(histogram.scale, 20)
  assert.deepEqual(counts(histogram), [1])
  assert.equal(filled(160).scale, 0)
})

test('counts zeros apart', () => {
  const histogram = filled(160, 0, 0, 3)

  assert.deepEqual([histogram.zeroCount, histogram.count, histogram.sum], [2, 3, 3])
  assert.deepEqual([histogram.min, histogram.max], [0, 3])
  assert.equal(filled(160, 0).scale, 0)
})

test('takes the smallest and the largest numbers there are', () => {
  const histogram = filled(2, 5e-324, Number.MAX_VALUE, 1)

  assert.equal(histogram.scale, -10)
  assert.equal(
    counts(histogram).reduce((sum, each) => sum + each, 0),
    3,
  )
})

test('counts several of a value at once', () => {
  const histogram = new ExponentialHistogram(160)
  histogram.add(2, 5)
  histogram.add(2, 0)

  assert.deepEqual([histogram.count, histogram.sum, histogram.at(0)], [5, 10, 5])
})

test('keeps every value in the bucket whose bounds are around it, whatever comes after', () => {
  const value = fc.oneof(
    fc.integer({ min: 1, max: 10 ** 9 }),
    fc.double({ min: 1e-9, max: 1e12, noNaN: true }),
  )
  fc.assert(
    fc.property(
      fc.array(value, { minLength: 1, maxLength: 200 }),
      fc.integer({ min: 2, max: 200 }),
      (values, maxSize) => {
        const histogram = filled(maxSize, ...values)

        assert.ok(histogram.length <= maxSize)
        for (let i = 0; i < histogram.length; i++) {
          const [low, high] = bounds(histogram, i)
          // At the finest scales a bound itself is not exact.
          const inside = values.filter(each => each > low * (1 - 1e-9) && each <= high * (1 + 1e-9))
          assert.ok(histogram.at(i) <= inside.length, `bucket ${i}`)
        }
        assert.equal(
          counts(histogram).reduce((sum, each) => sum + each, 0),
          values.length,
        )
        assert.equal(histogram.min, Math.min(...values))
        assert.equal(histogram.max, Math.max(...values))
      },
    ),
  )
})

test('is the same whether values come in order or not, but for the order of the sum', () => {
  fc.assert(
    fc.property(fc.array(fc.integer({ min: 1, max: 10 ** 9 }), { minLength: 1 }), values => {
      const [a, b] = [filled(20, ...values), filled(20, ...[...values].sort((x, y) => y - x))]

      assert.deepEqual([a.scale, a.offset, counts(a), a.sum], [b.scale, b.offset, counts(b), b.sum])
    }),
  )
})
