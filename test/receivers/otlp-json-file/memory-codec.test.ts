/** What is remembered of files survives as it was, and anything else is refused. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import {
  decodeMemories,
  encodeMemories,
} from '../../../src/receivers/otlp-json-file/memory-codec.ts'

const MEMORY = {
  path: '/var/log/ä.json',
  dev: 66_306,
  ino: 9_007_199_254_740_991,
  offset: 12,
  inner: 0,
  mark: 12,
  head: Buffer.from([0, 255, 10]),
  tail: Buffer.from('tail'),
}

test('reads what it has written', () => {
  const memories = [MEMORY, { ...MEMORY, head: Buffer.alloc(0), inner: 7 }]

  assert.deepEqual(decodeMemories(encodeMemories(memories)), memories)
  assert.deepEqual(decodeMemories(encodeMemories([])), [])
})

for (const text of [
  '',
  '{}',
  '{"version":2,"files":[]}',
  '{"version":1,"files":{}}',
  '{"version":1,"files":[{}]}',
  '{"version":1,"files":[{"path":"a","dev":1,"ino":1,"offset":-1,"inner":0,"mark":0,"head":"","tail":""}]}',
  '{"version":1,"files":[{"path":1,"dev":1,"ino":1,"offset":1,"inner":0,"mark":0,"head":"","tail":""}]}',
]) {
  test(`refuses ${text || 'nothing'}`, () => {
    assert.throws(() => decodeMemories(Buffer.from(text)))
  })
}
