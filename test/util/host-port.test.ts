import assert from 'node:assert/strict'
import test from 'node:test'
import { splitHostPort } from '../../src/util/host-port.ts'

test('splits what Go splits', () => {
  assert.deepEqual(splitHostPort('localhost:4317'), { host: 'localhost', port: 4317 })
  assert.deepEqual(splitHostPort(':4317'), { host: '', port: 4317 })
  assert.deepEqual(splitHostPort('[::1]:4317'), { host: '::1', port: 4317 })
  assert.deepEqual(splitHostPort('0.0.0.0:0'), { host: '0.0.0.0', port: 0 })
})

test('says what is wrong with an address', () => {
  for (const text of [
    'localhost',
    'localhost:',
    '::1:4317',
    '[::1]',
    'a:b',
    'a:70000',
    'a/b:1',
    '[a:1',
  ]) {
    assert.equal(typeof splitHostPort(text), 'string', text)
  }
})
