import assert from 'node:assert/strict'
import test from 'node:test'
import { TickSize } from '../../../src/processors/adaptive-sampler/tick-size.ts'

test('a tick holds few traces at first and grows while choosing among them is quick', () => {
  const size = new TickSize()
  const rows: number[] = []

  for (let tick = 0; tick < 5; tick++) {
    rows.push(size.rows)
    size.fit(size.rows, size.rows / 256)
  }

  assert.deepEqual(rows, [128, 256, 512, 640, 640], 'as many as take 2.5 ms')
})

test('a tick never holds more than 1,024 traces', () => {
  const size = new TickSize()

  for (let tick = 0; tick < 10; tick++) size.fit(size.rows, 0)

  assert.equal(size.rows, 1024)
})

test('after a slow tick the next one holds fewer traces, but not less than 128', () => {
  const size = new TickSize()
  for (let tick = 0; tick < 10; tick++) size.fit(size.rows, 0)

  size.fit(1024, 5)
  assert.equal(size.rows, 512)

  size.fit(512, 500)
  assert.equal(size.rows, 128)
})

test('a tick of few traces does not raise how many fit', () => {
  const size = new TickSize()

  size.fit(3, 0.001)

  assert.equal(size.rows, 128)
})
