/** The assembly as a whole: what goes in comes out, when traces are due, what is counted, how memory is bounded. */
import assert from 'node:assert/strict'
import test from 'node:test'
import { Selection } from '../../../src/otlp/selection.ts'
import {
  allHandles,
  assembly,
  handleOf,
  partOf,
  readBatches,
  readRequest,
  request,
  sorted,
  type TestSpan,
} from './spans.ts'

test('sends on what came in, grouped by resource and scope', () => {
  const a = assembly()
  const first: TestSpan[] = [
    { trace: 'a1', id: '1' },
    { trace: 'a2', id: '1', service: 'cart' },
    { trace: 'a1', id: '2', parent: '1', service: 'cart', scope: 'grpc' },
  ]
  const second: TestSpan[] = [{ trace: 'a1', id: '3', parent: '1' }]
  a.take(first)
  a.take(second)

  const batches = a.emit(allHandles(a), 2, { maxItems: 100 })

  assert.equal(batches.length, 1)
  const sent = readBatches(batches)
  assert.deepEqual(
    sorted(sent),
    sorted([...readRequest(request(first)), ...readRequest(request(second))]),
  )
  assert.equal(batches[0].parts[0].index.levels[0].length / 4, 2)
})

test('takes only what is selected', () => {
  const a = assembly()
  const part = partOf(request([{ trace: '1' }, { trace: '2' }, { trace: '3' }, { trace: '1' }]))
  const selection = Selection.all(4)
  selection.clear(1)
  a.takePart({ ...part, selection, items: 3 })

  assert.equal(a.spansHeld, 3)
  assert.equal(a.traces.count, 2)
  assert.deepEqual(
    [...a.itemTrace.subarray(0, 4)].map(handle => handle >= 0),
    [true, false, true, true],
  )
  assert.equal(a.newCount, 2)
})

test('names traces that are due, earliest first', () => {
  const a = assembly({ maxWaitMs: 1000, waitAfterRootMs: 200 })
  a.take([{ trace: 'a', parent: '7' }], 0)
  a.take([{ trace: 'b', parent: '7' }], 100)
  a.take([{ trace: 'c' }], 300)

  assert.deepEqual(a.due(400), [])
  assert.deepEqual(a.due(500), ['c'])
  a.take([{ trace: 'b', id: '2' }], 600)
  assert.deepEqual(a.due(799), [])
  assert.deepEqual(a.due(1100), ['b', 'a'])
  assert.deepEqual(a.due(9000), [])
})

test('a trace is due at once when it has the most spans it may have', () => {
  const a = assembly({ maxSpans: 3 })
  a.take([
    { trace: 'a', id: '1' },
    { trace: 'a', id: '2' },
  ])
  assert.deepEqual(a.due(0), [])
  a.take([{ trace: 'a', id: '3' }])
  assert.deepEqual(a.due(0), ['a'])
})

test('hands traces out only as far as there is room for handles', () => {
  const a = assembly({ maxWaitMs: 100 })
  a.take(Array.from({ length: 10 }, (_, i) => ({ trace: `a${i}` })))
  const out = new Int32Array(4)
  const counts = [1, 2, 3, 4].map(() => a.ready(1000, out))
  assert.deepEqual(counts, [4, 4, 2, 0])
})

test('keeps tenants apart, and counts what each holds', () => {
  const a = assembly()
  a.take([{ trace: '1' }], 0, 'x')
  a.take([{ trace: '1' }, { trace: '2' }], 0, 'y')

  assert.equal(a.traces.count, 3)
  const held = new Map<string, number>()
  a.visit((tenant, _signal, items) => held.set(tenant, items))
  assert.deepEqual(
    [...held],
    [
      ['x', 1],
      ['y', 2],
    ],
  )
  const batches = a.emit(allHandles(a), 3, { maxItems: 100 })
  assert.deepEqual(
    batches.map(batch => [batch.tenant, batch.items]),
    [
      ['x', 1],
      ['y', 2],
    ],
  )
})

test('cuts batches at the most items, and sends traces apart when asked', () => {
  const a = assembly()
  const spans = Array.from({ length: 25 }, (_, i) => ({
    trace: i < 15 ? 'a' : 'b',
    id: `${i + 1}`,
  }))
  a.take(spans)
  const handles = allHandles(a)

  const cut = a.emit(handles, 2, { maxItems: 10 })
  assert.deepEqual(
    cut.map(batch => batch.items),
    [10, 10, 5],
  )
  assert.deepEqual(sorted(readBatches(cut)), sorted(readRequest(request(spans))))
  const apart = a.emit(handles, 2, { maxItems: 100, apart: true })
  assert.deepEqual(
    apart.map(batch => batch.items),
    [15, 10],
  )
})

test('spans without a valid trace id are not held and can be passed on', () => {
  const a = assembly()
  const spans = [{ trace: '0' }, { trace: '1' }, { trace: '' }]
  const part = partOf(request(spans))
  a.takePart(part)

  assert.equal(a.spansHeld, 1)
  assert.equal(a.passed, 2)
  const passed = a.passedPart(part)
  assert.equal(passed.items, 2)
  assert.deepEqual(
    [0, 1, 2].map(i => passed.selection?.has(i)),
    [true, false, true],
  )
})

test('spans without a trace id are one trace when asked so', () => {
  const a = assembly({ holdsZeroIds: true })
  a.take([{ trace: '0' }, { trace: '1' }, { trace: '' }])
  assert.equal(a.traces.count, 2)
  assert.equal(a.passed, 0)
})

test('knows a trace by flags, times, bytes and importance', () => {
  const a = assembly()
  const part = partOf(
    request([
      { trace: 'a', id: '1', start: 1000, duration: 500 },
      { trace: 'a', id: '2', parent: '1', start: 1200, duration: 900, status: 2, flags: 0x103 },
    ]),
  )
  a.takePart({ ...part, importance: Int16Array.of(-3, -1) }, 50)
  a.take([{ trace: 'a', id: '3', parent: '1', start: 900, duration: 10 }], 70)

  const handle = handleOf(a, 'a')
  const { traces } = a
  assert.equal(traces.spans(handle), 3)
  assert.equal(traces.durationNanos(handle), 1_200_000)
  assert.equal(traces.importance(handle), 0)
  assert.equal(traces.firstArrivalMs(handle), 50)
  assert.equal(traces.lastArrivalMs(handle), 70)
  assert.equal(traces.rootArrivalMs(handle), 50)
  assert.equal(traces.flags(handle) & 0xff, 1)
  assert.equal(traces.randomnessLow(handle), 0xa)
  assert.equal(traces.idHex(handle), 'a'.padStart(32, '0'))
})

test('forgets a trace, and gives all memory back in the end', () => {
  const a = assembly()
  a.take([{ trace: 'a' }, { trace: 'b' }, { trace: 'a', id: '2' }])
  assert.equal(a.forget(handleOf(a, 'a')), 2)
  assert.equal(handleOf(a, 'a'), -1)
  assert.equal(a.spansHeld, 1)
  assert.equal(a.forget(handleOf(a, 'b')), 1)
  assert.equal(a.oldest(), -1)
  a.close()
  assert.equal(a.memory.reservedBytes, 0)
})

test('a batch that does not fit changes nothing, and fits once older traces are gone', () => {
  const a = assembly({ maxBytes: 6 << 20 })
  const spans = (trace: string) =>
    Array.from({ length: 50 }, (_, i) => ({ trace, id: `${i + 1}`, padding: 20_000 }))
  let batches = 0
  while (a.take(spans(`${batches + 1}`)) && batches < 20) batches++
  assert.ok(batches >= 2 && batches < 7, `${batches} batches`)
  const { spansHeld, bytesHeld } = a
  assert.equal(a.take(spans('ff')), false)
  assert.deepEqual([a.spansHeld, a.bytesHeld], [spansHeld, bytesHeld])
  while (!a.take(spans('ff'))) a.forget(a.oldest())
  assert.ok(a.traces.count >= 1)
  assert.ok(a.bytesHeld <= 6 << 20)
})

test('spans larger than a slab are held as well', () => {
  const a = assembly()
  const spans = [{ trace: '1' }, { trace: '2', padding: 3 << 20 }, { trace: '3' }]
  a.take(spans)
  const sent = readBatches(a.emit(allHandles(a), 3, { maxItems: 10 }))
  assert.deepEqual(sorted(sent), sorted(readRequest(request(spans))))
  for (const handle of allHandles(a)) a.forget(handle)
  a.tidy(0)
  assert.ok(a.bytesHeld < 4 << 20)
})

test('importance goes on with the spans', () => {
  const a = assembly()
  const part = partOf(request([{ trace: '1' }, { trace: '1', id: '2' }]))
  a.takePart({ ...part, importance: Int16Array.of(-5, 7) })
  const [batch] = a.emit(allHandles(a), 1, { maxItems: 10 })
  assert.deepEqual([...(batch.parts[0].importance ?? [])], [-5, 7])
})
