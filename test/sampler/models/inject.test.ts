/** Made-up faults: one thing goes wrong in a copy, the trace itself stays as it is. */
import assert from 'node:assert/strict'
import test from 'node:test'
import fc from 'fast-check'
import { FAULT_KINDS, Injector } from '../../../src/sampler/models/inject.ts'
import { Random } from '../../../src/sampler/models/random.ts'
import { SPAN_ERROR, type TraceSpans } from '../../../src/sampler/trace-spans.ts'

/** A root with children that follow each other, and a grandchild under each. */
function makeTrace(children: number, operations = 0): TraceSpans {
  const count = 1 + 2 * children
  const trace = {
    count,
    operation: Int32Array.from({ length: count }, (_, i) => operations + i),
    service: new Int32Array(count),
    parent: new Int32Array(count).fill(-1),
    start: new Float64Array(count),
    duration: new Float64Array(count).fill(children * 100),
    flags: new Uint8Array(count),
  }
  for (let i = 0; i < children; i++) {
    const [child, grandchild] = [1 + 2 * i, 2 + 2 * i]
    trace.parent.set([0, child], child)
    trace.start.set([i * 100, i * 100 + 10], child)
    trace.duration.set([90, 50], child)
    assert.equal(trace.parent[grandchild], child)
  }
  return trace
}

const total = (trace: TraceSpans): number =>
  trace.duration.subarray(0, trace.count).reduce((a, b) => a + b)

test('whatever is made up, parents stand in the trace and times are numbers', () => {
  fc.assert(
    fc.property(fc.nat(20), fc.nat(), fc.constantFrom(...FAULT_KINDS), (children, seed, kind) => {
      const trace = makeTrace(children)
      const kept = structuredClone(trace)
      const injector = new Injector(new Random(seed))
      injector.inject(makeTrace(3, 500), 'slow')
      const faulty = injector.inject(trace, kind)
      assert.deepEqual(trace, kept)
      if (faulty === null) return
      assert.ok(faulty.count >= 1 && faulty.count <= trace.count)
      for (let i = 0; i < faulty.count; i++) {
        assert.ok(
          faulty.parent[i] >= -1 && faulty.parent[i] < faulty.count && faulty.parent[i] !== i,
        )
        assert.ok(faulty.duration[i] >= 0 && Number.isFinite(faulty.start[i]))
      }
    }),
  )
})

test('slow: a span and those above it take longer', () => {
  const trace = makeTrace(4)

  const faulty = new Injector(new Random(1)).inject(trace, 'slow')!

  assert.ok(total(faulty) > total(trace))
  assert.ok(faulty.duration[0] > trace.duration[0])
})

test('delay: the caller waits, the callee is as fast as ever', () => {
  const trace = makeTrace(1)
  const injector = new Injector(new Random(5))

  for (let i = 0; i < 50; i++) {
    const faulty = injector.inject(trace, 'delay')
    if (faulty !== null) assert.equal(faulty.duration[2], trace.duration[2])
  }
})

test('cut: a subtree is missing', () => {
  const injector = new Injector(new Random(2))
  let found = 0

  for (let i = 0; i < 20; i++) {
    const faulty = injector.inject(makeTrace(3), 'cut')
    if (faulty === null) continue
    found++
    assert.ok(faulty.count === 6 || faulty.count === 5)
    assert.equal(faulty.parent[0], -1)
  }
  assert.ok(found > 5)
})

test('error: a span fails, and its callers with it', () => {
  const faulty = new Injector(new Random(3)).inject(makeTrace(2), 'error')!

  assert.ok(faulty.flags[0] & SPAN_ERROR)
})

test('detour: an operation appears that was not there', () => {
  const injector = new Injector(new Random(4))
  const trace = makeTrace(2)
  assert.equal(injector.inject(trace, 'detour'), null, 'no other operation is known yet')
  injector.inject(makeTrace(2, 100), 'slow')

  const operations = new Set<number>()
  for (let i = 0; i < 20; i++) {
    const faulty = injector.inject(trace, 'detour')
    for (const operation of faulty?.operation.subarray(0, faulty.count) ?? [])
      operations.add(operation)
  }

  assert.ok([...operations].some(operation => operation >= 100))
})

test('empty traces and giant ones are left alone, cycles come to an end', () => {
  const injector = new Injector(new Random(6))
  const ring = { ...makeTrace(1), parent: Int32Array.from([2, 0, 1]) }

  assert.equal(injector.inject({ ...makeTrace(0), count: 0 }), null)
  assert.equal(injector.inject(makeTrace(400)), null)
  for (const kind of FAULT_KINDS) injector.inject(ring, kind)
})
