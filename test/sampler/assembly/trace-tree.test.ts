/** What scoring sees of a trace: parents by place, times, flags, and what becomes of senders' oddities. */
import assert from 'node:assert/strict'
import test from 'node:test'
import fc from 'fast-check'
import {
  SPAN_CLIENT_FAULT,
  SPAN_ERROR,
  SPAN_EXCEPTION,
  SPAN_LINKED,
  SPAN_ORPHAN,
  SPAN_SERVER_FAULT,
} from '../../../src/sampler/trace-spans.ts'
import { assembly, handleOf, type TestSpan } from './spans.ts'

function look(spans: readonly Omit<TestSpan, 'trace'>[]) {
  const a = assembly()
  a.take(spans.map(span => ({ ...span, trace: 'a' })))
  const seen = a.spansOf(handleOf(a, 'a'))
  const { count, duplicates } = seen
  return {
    a,
    count,
    duplicates,
    parent: [...seen.parent.subarray(0, count)],
    start: [...seen.start.subarray(0, count)],
    duration: [...seen.duration.subarray(0, count)],
    flags: [...seen.flags.subarray(0, count)],
    operation: [...seen.operation.subarray(0, count)],
    service: [...seen.service.subarray(0, count)],
  }
}

test('parents are places in the trace, whatever the order of arrival', () => {
  const { parent, flags } = look([
    { id: '3', parent: '2' },
    { id: '2', parent: '1' },
    { id: '1' },
    { id: '4', parent: '99' },
  ])
  assert.deepEqual(parent, [1, 2, -1, -1])
  assert.deepEqual(flags, [0, 0, 0, SPAN_ORPHAN])
})

test('times are microseconds since the first start; a negative duration is none', () => {
  const { start, duration } = look([
    { id: '1', start: 500, duration: 2_000 },
    { id: '2', parent: '1', start: 400, duration: -70 },
    { id: '3', parent: '1', start: 700, duration: 0.5 * 2 },
  ])
  assert.deepEqual(start, [100, 0, 300])
  assert.deepEqual(duration, [2000, 0, 1])
})

test('a span id that comes again counts once', () => {
  const { count, duplicates, duration, parent, a } = look([
    { id: '1', duration: 5 },
    { id: '2', parent: '1', duration: 6 },
    { id: '1', duration: 7 },
  ])
  assert.deepEqual([count, duplicates], [2, 1])
  assert.deepEqual(duration, [5, 6])
  assert.deepEqual(parent, [-1, 0])
  assert.equal(a.spansHeld, 3)
})

test('spans without an id of their own are all different and nobody is their child', () => {
  const { count, parent } = look([{ id: '0' }, { id: '0' }, { id: '5', parent: '0' }])
  assert.equal(count, 3)
  assert.deepEqual(parent, [-1, -1, -1])
})

test('a circle is broken at the span that starts first', () => {
  const { parent, flags } = look([
    { id: '1', parent: '3', start: 30 },
    { id: '2', parent: '1', start: 10 },
    { id: '3', parent: '2', start: 20 },
    { id: '4', parent: '2', start: 40 },
    { id: '5', parent: '5', start: 50 },
  ])
  assert.deepEqual(parent, [2, -1, 1, 1, -1])
  assert.deepEqual(flags, [0, SPAN_ORPHAN, 0, 0, SPAN_ORPHAN])
})

test('whatever parents are named, the result is a forest', () => {
  const id = fc.integer({ min: 0, max: 12 }).map(n => n.toString(16))
  const spans = fc.array(fc.record({ id, parent: id, start: fc.integer({ min: 0, max: 99 }) }), {
    minLength: 1,
    maxLength: 40,
  })
  fc.assert(
    fc.property(spans, given => {
      const { parent, flags, count, duplicates } = look(given)
      assert.equal(count + duplicates, given.length)
      const first = given.filter(
        (span, i) => span.id === '0' || given.findIndex(each => each.id === span.id) === i,
      )
      for (let i = 0; i < count; i++) {
        let steps = 0
        for (let p = i; p >= 0; p = parent[p]) assert.ok(steps++ <= count, 'a circle')
        if (parent[i] >= 0) assert.equal(first[parent[i]].id, first[i].parent)
        else assert.equal((flags[i] & SPAN_ORPHAN) !== 0, first[i].parent !== '0')
      }
    }),
    { numRuns: 200 },
  )
})

test('flags tell errors, exceptions, faults and links', () => {
  const flagsOf = (span: Omit<TestSpan, 'trace'>): number => look([span]).flags[0]
  assert.equal(flagsOf({ status: 2 }), SPAN_ERROR)
  assert.equal(flagsOf({ status: 1 }), 0)
  assert.equal(flagsOf({ events: ['a', 'exception', 'b'] }), SPAN_EXCEPTION)
  assert.equal(flagsOf({ events: ['exceptions', ''] }), 0)
  assert.equal(flagsOf({ links: 2 }), SPAN_LINKED)
  assert.equal(flagsOf({ attributes: { 'http.response.status_code': 503 } }), SPAN_SERVER_FAULT)
  assert.equal(flagsOf({ attributes: { 'http.response.status_code': '500' } }), SPAN_SERVER_FAULT)
  assert.equal(flagsOf({ attributes: { 'http.status_code': 404 } }), SPAN_CLIENT_FAULT)
  assert.equal(flagsOf({ attributes: { 'http.status_codes': 404, x: 500 } }), 0)
  assert.equal(flagsOf({ attributes: { 'http.status_code': 200 } }), 0)
  assert.equal(flagsOf({ attributes: { 'rpc.grpc.status_code': 14 } }), SPAN_SERVER_FAULT)
  assert.equal(flagsOf({ attributes: { 'rpc.grpc.status_code': 5 } }), 0)
})

test('operations are told apart by service, name and kind, with ids left out of names', () => {
  const { operation, service, a } = look([
    { id: '1', name: 'GET /users/17' },
    { id: '2', name: 'GET /users/18', parent: '1' },
    { id: '3', name: 'GET /users/18', parent: '1', kind: 3 },
    { id: '4', name: 'GET /users/18', parent: '1', service: 'cart' },
  ])
  assert.equal(operation[0], operation[1])
  assert.equal(new Set(operation).size, 3)
  assert.equal(new Set(service).size, 2)
  assert.deepEqual(a.operations.describe(operation[0]), {
    tenant: 'default',
    service: 'shop',
    name: 'GET /users/{n}',
    kind: 2,
  })
})

test('a trace of 100,000 spans is seen whole, and so is the small one after it', () => {
  const a = assembly({ maxBytes: 256 << 20 })
  const SPANS = 100_000
  for (let from = 0; from < SPANS; from += 1000) {
    const spans = Array.from({ length: 1000 }, (_, i) => ({
      trace: 'a',
      id: (from + i + 1).toString(16),
      parent: from + i === 0 ? undefined : (from + i).toString(16),
      start: from + i,
    }))
    assert.ok(a.take(spans))
  }
  const seen = a.spansOf(handleOf(a, 'a'))
  assert.equal(seen.count, SPANS)
  for (let i = 0; i < SPANS; i++) if (seen.parent[i] !== i - 1) assert.fail(`parent of ${i}`)
  a.take([{ trace: 'b' }])
  const small = a.spansOf(handleOf(a, 'b'))
  assert.equal(small.count, 1)
  assert.ok(small.row.length < SPANS)
})
