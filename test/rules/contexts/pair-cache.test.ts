/** Encoded attributes that are used again are the ones that would be written anew. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { fieldWriter } from '../../../src/rules/contexts/field-writer.ts'
import { PairCache } from '../../../src/rules/contexts/pair-cache.ts'

function written(number: number, key: string, text: string): Buffer {
  const { bytes, length } = fieldWriter.pair(number, key, text)
  return Buffer.from(bytes.subarray(0, length))
}

test('a text is known from its second time on, by its number', () => {
  const cache = new PairCache('tenant')

  for (const text of ['', 'shop', 'é😀', 'x'.repeat(256)]) {
    assert.equal(cache.find(9, text), null)
    assert.deepEqual(Buffer.from(cache.find(9, text)!), written(9, 'tenant', text))
    assert.equal(cache.find(7, text), null)
    assert.deepEqual(Buffer.from(cache.find(7, text)!), written(7, 'tenant', text))
  }
})

test('long texts are not held on to', () => {
  const cache = new PairCache('tenant')
  const text = 'x'.repeat(257)
  cache.find(9, text)

  assert.equal(cache.find(9, text), null)
})

test('a text that pushes another one out is not taken for it', () => {
  const cache = new PairCache('tenant')
  for (let i = 0; i < 5000; i++) {
    const text = `user-${i % 700}`
    const known = cache.find(9, text)
    if (known !== null) assert.deepEqual(Buffer.from(known), written(9, 'tenant', text))
  }
})
