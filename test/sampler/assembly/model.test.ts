/** The assembly against a plain model of it, through random histories: nothing is lost, nothing is made up, memory stays bounded. */
import assert from 'node:assert/strict'
import test from 'node:test'
import fc from 'fast-check'
import {
  assembly,
  hexBytes,
  readBatches,
  readRequest,
  request,
  sorted,
  type TestSpan,
} from './spans.ts'

const TICK_MS = 100
const MAX_WAIT_MS = 2000
const ROOT_WAIT_MS = 300
const MAX_SPANS = 40
const MAX_BYTES = 24 << 20

interface Expected {
  readonly spans: TestSpan[]
  dueMs: number
}

const span = fc.record({
  trace: fc.integer({ min: 1, max: 60 }).map(n => n.toString(16)),
  id: fc.integer({ min: 1, max: 1000 }).map(n => n.toString(16)),
  service: fc.constantFrom('shop', 'cart', 'pay'),
  scope: fc.constantFrom('http', 'grpc'),
  name: fc.constantFrom('GET /a', 'GET /users/17', 'work'),
  start: fc.integer({ min: 0, max: 1e6 }),
  // Some traces never see a root.
  isRoot: fc.integer({ min: 0, max: 9 }).map(n => n === 0),
  padding: fc.oneof(
    { weight: 8, arbitrary: fc.constant(0) },
    { weight: 4, arbitrary: fc.integer({ min: 1, max: 30_000 }) },
    { weight: 1, arbitrary: fc.integer({ min: 60_000, max: 1_200_000 }) },
  ),
})

const step = fc.record({
  spans: fc.array(span, { maxLength: 40 }),
  waitMs: fc.integer({ min: 0, max: 800 }),
  handsOut: fc.integer({ min: 1, max: 30 }),
  keeps: fc.boolean(),
})

test('random histories: every span comes out once, when its trace is due, as it came in', () => {
  fc.assert(
    fc.property(fc.array(step, { minLength: 5, maxLength: 40 }), steps => {
      const a = assembly({
        maxBytes: MAX_BYTES,
        maxWaitMs: MAX_WAIT_MS,
        waitAfterRootMs: ROOT_WAIT_MS,
        maxSpans: MAX_SPANS,
        tickMs: TICK_MS,
      })
      const held = new Map<string, Expected>()
      let nowMs = 5000
      for (const { spans, waitMs, handsOut, keeps } of steps) {
        const given: TestSpan[] = spans.map(({ isRoot, ...each }) =>
          isRoot ? each : { ...each, parent: 'ffff' },
        )
        while (given.length > 0 && !a.take(given, nowMs)) {
          assert.notEqual(a.oldest(), -1, 'no room although nothing is held')
          held.delete(a.traces.idHex(a.oldest()))
          a.forget(a.oldest())
        }
        for (const each of given) expect(held, each, nowMs)
        check(a, held)
        nowMs += waitMs
        const out = new Int32Array(handsOut)
        const count = a.ready(nowMs, out)
        const due = [...held].filter(([, trace]) => trace.dueMs <= nowMs)
        assert.equal(count, Math.min(handsOut, due.length))
        const gone = [...out.subarray(0, count)].map(handle => a.traces.idHex(handle))
        const expected = gone.flatMap(id => {
          const trace = held.get(id)
          assert.ok(trace !== undefined && trace.dueMs <= nowMs, 'handed out before it was due')
          return readRequest(request(trace.spans))
        })
        if (keeps) {
          const batches = a.emit(out, count, { maxItems: 7 })
          assert.deepEqual(sorted(readBatches(batches)), sorted(expected))
          for (const batch of batches) batch.release()
        }
        for (let i = 0; i < count; i++) {
          assert.equal(a.forget(out[i]), held.get(gone[i])?.spans.length)
          held.delete(gone[i])
        }
        a.tidy(nowMs)
        check(a, held)
      }
      a.close()
      assert.equal(a.memory.reservedBytes, 0)
    }),
    { numRuns: 60 },
  )
})

function expect(held: Map<string, Expected>, span: TestSpan, nowMs: number): void {
  const id = Buffer.from(hexBytes(span.trace, 16)).toString('hex')
  let trace = held.get(id)
  if (trace === undefined) held.set(id, (trace = { spans: [], dueMs: nowMs + MAX_WAIT_MS }))
  trace.spans.push(span)
  if (
    span.parent === undefined &&
    !trace.spans.slice(0, -1).some(each => each.parent === undefined)
  ) {
    trace.dueMs = Math.min(trace.dueMs, nowMs + ROOT_WAIT_MS)
  }
  if (trace.spans.length === MAX_SPANS) trace.dueMs = nowMs
  // Due at the first tick at or after.
  trace.dueMs = Math.ceil(trace.dueMs / TICK_MS) * TICK_MS
  if (trace.spans.length >= MAX_SPANS) trace.dueMs = Math.min(trace.dueMs, nowMs)
}

function check(a: ReturnType<typeof assembly>, held: Map<string, Expected>): void {
  let spans = 0
  for (const [id, trace] of held) {
    const handle = a.traces.findBytes(a.tenantNumber('default'), Buffer.from(id, 'hex'))
    assert.notEqual(handle, -1)
    assert.equal(a.traces.spans(handle), trace.spans.length)
    let rows = 0
    for (let row = a.firstSpan(handle); row >= 0; row = a.nextSpan(row)) rows++
    assert.equal(rows, trace.spans.length)
    spans += trace.spans.length
  }
  assert.equal(a.traces.count, held.size)
  assert.equal(a.spansHeld, spans)
  assert.ok(a.bytesHeld <= MAX_BYTES, 'memory cap passed')
  assert.equal(a.bytesHeld, a.memory.reservedBytes - 0)
}
