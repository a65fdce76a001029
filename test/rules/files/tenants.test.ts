/** Globs over tenant ids, against what they mean as regular expressions. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { tenantTest } from '../../../src/rules/files/tenants.ts'
import { matchesGlob } from '../../../src/util/glob.ts'

test('a star is any run, a question mark any one character, all others are themselves', () => {
  assert.ok(matchesGlob('shop-*', 'shop-berlin'))
  assert.ok(matchesGlob('*-eu-?', 'bank-eu-1'))
  assert.ok(!matchesGlob('shop-*', 'ashop-1'))
  assert.ok(!matchesGlob('a.b', 'axb'))
})

test('says the same as the regular expression that it stands for', () => {
  const text = fc.string({ unit: fc.constantFrom('a', 'b', '-'), maxLength: 12 })
  const glob = fc.string({ unit: fc.constantFrom('a', 'b', '-', '*', '?'), maxLength: 8 })
  fc.assert(
    fc.property(glob, text, (pattern, subject) => {
      const source = pattern.replaceAll('*', '.*').replaceAll('?', '.')
      assert.equal(matchesGlob(pattern, subject), new RegExp(`^${source}$`).test(subject))
    }),
    { numRuns: 2000 },
  )
})

test('a pattern of many stars takes no time', () => {
  const began = performance.now()
  assert.equal(matchesGlob('*a'.repeat(50), `${'a'.repeat(5000)}b`), false)
  assert.ok(performance.now() - began < 1000)
})

test('any of several globs is enough, also when asked again', () => {
  const test = tenantTest(['shop-*', 'bank'])
  assert.deepEqual(['bank', 'shop-1', 'banker', 'bank'].map(test), [true, true, false, true])
})
