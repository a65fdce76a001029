import assert from 'node:assert/strict'
import test from 'node:test'
import fc from 'fast-check'
import { nameOfPathSegment, pathSegment } from '../../src/tenancy/path-segment.ts'

const MAX_BYTES = 200
const name = fc.oneof(
  fc.string({ unit: 'binary', maxLength: 40 }),
  fc.string({ unit: fc.constantFrom(...'aAzZ09._@:-~/\\ %'), maxLength: 130 }),
)

test('is one safe step whatever the name is', () => {
  fc.assert(
    fc.property(name, text => {
      const step = pathSegment(text)
      assert.match(step, /^[a-z0-9_~.-]+$/)
      assert.ok(step.length <= MAX_BYTES)
      assert.ok(!step.startsWith('.') && !step.endsWith('.'))
    }),
  )
})

test('different names are different steps, also where case does not count', () => {
  fc.assert(
    fc.property(name, name, (a, b) => {
      const isSame = Buffer.from(a, 'utf8').equals(Buffer.from(b, 'utf8'))
      assert.equal(pathSegment(a).toLowerCase() === pathSegment(b).toLowerCase(), isSame)
    }),
    {
      examples: [
        ['A', 'a'],
        ['a', '~61'],
        ['a/b', 'a~2fb'],
        ['', '..'],
      ],
    },
  )
})

test('gives the name back unless it is too long', () => {
  fc.assert(
    fc.property(name, text => {
      const step = pathSegment(text)
      const isReadable = !step.startsWith('~~')
      assert.equal(nameOfPathSegment(step), isReadable ? Buffer.from(text).toString() : null)
    }),
  )
})

test('names that look like paths or devices are harmless', () => {
  assert.equal(pathSegment('otlp_grpc/a'), 'otlp_grpc~2fa')
  assert.equal(pathSegment('..'), '~2e~2e')
  assert.equal(pathSegment('.hidden'), '~2ehidden')
  assert.equal(pathSegment('con'), '~63on')
  assert.equal(pathSegment('team-a_1.eu'), 'team-a_1.eu')
  assert.equal(pathSegment('Acme'), '~41cme')
})

test('steps that no name becomes give no name', () => {
  for (const step of ['~', '~6', '~61', '~zz', 'A', '..', '~~abc', 'a/b', '~ff']) {
    assert.equal(nameOfPathSegment(step), null, step)
  }
})
