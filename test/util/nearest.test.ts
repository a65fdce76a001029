import assert from 'node:assert/strict'
import test from 'node:test'
import { editDistance, findNearest } from '../../src/util/nearest.ts'

test('counts a swap of neighbours as one edit', () => {
  assert.equal(editDistance('recieve', 'receive'), 1)
  assert.equal(editDistance('kitten', 'sitting'), 3)
  assert.equal(editDistance('', 'abc'), 3)
})

test('finds the word that was meant, and none where nothing is near', () => {
  const keys = ['endpoint', 'timeout', 'compression', 'tls']

  assert.equal(findNearest('endpiont', keys), 'endpoint')
  assert.equal(findNearest('Timeout', keys), 'timeout')
  assert.equal(findNearest('compresion', keys), 'compression')
  assert.equal(findNearest('quux', keys), undefined)
})
