/** The memory cap under traffic that was made to break it, and that memory comes back. */
import assert from 'node:assert/strict'
import test from 'node:test'
import {
  allHandles,
  assembly,
  handleOf,
  partOf,
  readBatches,
  request,
  type TestSpan,
} from './spans.ts'

const MAX_BYTES = 16 << 20

/** Feeds batches; makes room by forgetting the oldest; says the most that was ever reserved. */
function flood(batches: number, make: (batch: number) => TestSpan[]) {
  const a = assembly({ maxBytes: MAX_BYTES, maxWaitMs: 1e9 })
  let most = 0
  let early = 0
  for (let batch = 0; batch < batches; batch++) {
    const part = partOf(request(make(batch)))
    while (!a.takePart(part, batch)) {
      assert.notEqual(a.oldest(), -1, 'no room although nothing is held')
      for (let i = 0; i < 64 && a.oldest() >= 0; i++, early++) a.forget(a.oldest())
    }
    a.tidy(batch)
    most = Math.max(most, a.memory.reservedBytes)
  }
  return { a, most, early }
}

function list(length: number, make: (i: number) => TestSpan): TestSpan[] {
  return Array.from({ length }, (_, i) => make(i))
}

test('a flood of ids, operations, services and scopes stays under the cap', () => {
  let n = 1
  const { a, most, early } = flood(100, () =>
    list(500, () => {
      const id = (n++).toString(16)
      return { trace: id, id, name: `op ${id}z`, service: `s ${id}`, scope: `x ${id}` }
    }),
  )
  assert.ok(most <= MAX_BYTES, `${most} bytes`)
  assert.ok(early > 0)
  for (const handle of allHandles(a)) a.forget(handle)
  assert.equal(a.spansHeld, 0)
  for (let i = 0; i < 2000; i++) a.tidy(1e6 + i * 20_000)
  // What stays: names, and the room that is kept.
  assert.ok(a.bytesHeld < 8 << 20, `${a.bytesHeld} bytes`)
})

test('one giant trace stays under the cap', () => {
  let n = 1
  const { most, early } = flood(60, () =>
    list(500, () => ({ trace: 'a', id: (n++).toString(16), padding: 500 })),
  )
  assert.ok(most <= MAX_BYTES, `${most} bytes`)
  assert.ok(early > 0)
})

test('spans of odd sizes stay under the cap', () => {
  const sizes = [70_000, 1, 65_000, 900_000, 66_000, 1_048_000, 1_048_500, 1_048_512, 2_000_000]
  let n = 1
  const { most, early } = flood(150, batch =>
    list(1 + (batch % 4), i => ({
      trace: (n++).toString(16),
      padding: sizes[(batch + i) % sizes.length],
    })),
  )
  assert.ok(most <= MAX_BYTES, `${most} bytes`)
  assert.ok(early > 0)
})

test('no room in the process is no room here', () => {
  const a = assembly({ maxBytes: 1 << 30 })
  a.memory.limitBytes = a.memory.reservedBytes + (3 << 20)
  let taken = 0
  while (a.take(list(100, i => ({ trace: `${i + 1}`, padding: 1000 }))) && taken < 100) taken++
  assert.ok(taken > 1 && taken < 100)
  assert.ok(a.memory.reservedBytes <= a.memory.limitBytes)
})

test('a few traces that wait long do not keep the memory of those beside them', () => {
  const a = assembly({ maxBytes: 256 << 20, maxWaitMs: 1e9 })
  const stragglers: TestSpan[] = []
  for (let batch = 0; batch < 60; batch++) {
    const straggler = { trace: 'ff', id: (batch + 1).toString(16), name: `s${batch}` }
    stragglers.push(straggler)
    a.take([straggler, ...list(500, i => ({ trace: `1${i % 50}`, padding: 1000 }))])
  }
  const full = a.bytesHeld
  for (const handle of allHandles(a)) if (handle !== handleOf(a, 'ff')) a.forget(handle)
  for (let i = 0; i < 20; i++) a.tidy(i * 500)

  assert.ok(full > 30 << 20)
  assert.ok(a.bytesHeld < 6 << 20, `${a.bytesHeld} bytes`)
  const handle = handleOf(a, 'ff')
  assert.equal(a.traces.spans(handle), 60)
  const names = [...a.spansOf(handle).operation.subarray(0, 60)].map(
    operation => a.operations.describe(operation).name,
  )
  assert.deepEqual(
    names,
    stragglers.map(({ name }) => name),
  )
  const [batch] = a.emit(Int32Array.of(handle), 1, { maxItems: 100 })
  assert.equal(readBatches([batch]).length, 60)
  batch.release()
  a.take([{ trace: 'ff', id: '99' }])
  assert.equal(a.forget(handle), 61)
  a.close()
  assert.equal(a.memory.reservedBytes, 0)
})

test('moving goes step by step, and stops where there is no room', () => {
  const a = assembly({ maxBytes: 1 << 30, maxWaitMs: 1e9 })
  // More live rows in sparse slabs than one step looks at.
  for (let batch = 0; batch < 40; batch++) {
    a.take(
      list(1000, i => ({
        trace: i % 4 === 0 ? `a${i}` : `b${i}`,
        id: `${batch + 1}`,
        padding: 900,
      })),
    )
  }
  for (const handle of allHandles(a)) {
    if (a.traces.idHex(handle).includes('b')) a.forget(handle)
  }
  a.memory.limitBytes = a.memory.reservedBytes
  const before = a.bytesHeld
  for (let i = 0; i < 10; i++) a.tidy(i * 500)
  a.memory.limitBytes = Number.MAX_SAFE_INTEGER
  for (let i = 10; i < 200; i++) a.tidy(i * 500)
  assert.ok(a.bytesHeld < before / 2, `${a.bytesHeld} of ${before}`)
  const handles = allHandles(a)
  assert.equal(handles.length, 250)
  const sent = readBatches(a.emit(handles, handles.length, { maxItems: 20_000 }))
  assert.equal(sent.length, 10_000)
})
