import assert from 'node:assert/strict'
import test from 'node:test'
import { type Abort, AbortSource } from '../../src/util/abort.ts'

test('calls each listener once and in order, also one that takes another away meanwhile', () => {
  const source = new AbortSource()
  const calls: string[] = []
  const never = (): void => void calls.push('never')
  source.addEventListener('abort', () => calls.push('first'))
  source.addEventListener('abort', never)
  source.addEventListener('abort', () => {
    calls.push('last')
    source.removeEventListener('abort', never)
  })
  source.removeEventListener('abort', never)
  const reason = new Error('shutting down')

  source.abort(reason)
  source.abort(new Error('again'))

  assert.deepEqual(calls, ['first', 'last'])
  assert.equal(source.aborted, true)
  assert.equal(source.reason, reason)
})

test('says nothing to who listens after the end', () => {
  const source = new AbortSource()
  source.abort(new Error('over'))
  let called = false

  source.addEventListener('abort', () => {
    called = true
  })

  assert.equal(called, false)
})

test('a signal of the platform can stand in its place', () => {
  const controller = new AbortController()
  const abort: Abort = controller.signal
  let called = 0
  abort.addEventListener('abort', () => called++, { once: true })

  controller.abort(new Error('over'))

  assert.equal(called, 1)
  assert.equal(abort.aborted, true)
})
