import assert from 'node:assert/strict'
import test from 'node:test'
import { Observer } from '../../../src/sampler/observe/observer.ts'
import { AT, VECTOR_LENGTH, VECTOR_NAMES } from '../../../src/sampler/observe/vector.ts'
import { SPAN_ERROR, type TraceSpans } from '../../../src/sampler/trace-spans.ts'
import { call, trace } from './made-trace.ts'

const row = new Float32Array(VECTOR_LENGTH)

/** Durations that vary without randomness. */
function usual(i: number): TraceSpans {
  return call(10_000 + ((i * 7919) % 1000) * 5, 400 + ((i * 104729) % 100))
}

function teach(observer: Observer, traces: number, make = usual): void {
  for (let i = 0; i < traces; i++) observer.observe(make(i), i * 100, row, 0)
}

function look(observer: Observer, spans: TraceSpans): Float32Array {
  const out = new Float32Array(VECTOR_LENGTH)
  observer.measure(spans, 1e6, out, 0)
  return out
}

test('a slow callee is surprising at its own time and not at the gap', () => {
  const observer = new Observer()
  teach(observer, 2_000)

  const normal = look(observer, usual(17))
  const slow = look(observer, call(80_000, 450))

  assert.ok(slow[AT.self_1] > 3, `${slow[AT.self_1]}`)
  assert.ok(slow[AT.gap_1] < 1.5, `${slow[AT.gap_1]}`)
  assert.ok(normal[AT.self_1] < 2, `${normal[AT.self_1]}`)
})

test('a slow network is surprising at the gap though the callee is as quick as ever', () => {
  const observer = new Observer()
  teach(observer, 2_000)

  observer.observe(call(10_500, 30_000), 1e6, row, 0)

  assert.ok(row[AT.gap_1] > 3)
  assert.notEqual(observer.why.operation, 2)
})

test('a key where many traces are odd at once comes into shift, is not learned, and weighs more', () => {
  const observer = new Observer()
  teach(observer, 2_000)
  const before = look(observer, call(30_000, 450))[AT.heuristic]

  for (let i = 0; i < 200; i++) observer.observe(call(30_000 + i, 450), 300_000 + i * 100, row, 0)

  assert.ok(observer.shifted)
  assert.ok(row[AT.shift] > 8)
  assert.ok(row[AT.heuristic] > 1.5 * before, `${row[AT.heuristic]} after ${before}`)
  assert.equal(observer.why.kind, 'self')
  assert.equal(observer.why.operation, 2)
})

test('what stays shifted for ten minutes is what is normal then', () => {
  const observer = new Observer()
  teach(observer, 2_000)

  for (let i = 0; i < 6_000; i++)
    observer.observe(call(30_000 + (i % 997), 450), 300_000 + i * 500, row, 0)

  assert.equal(observer.shifted, false)
  assert.ok(row[AT.heuristic] < 3)
})

/** The callee is not asked; another operation of the caller answers instead. */
function detour(i: number): TraceSpans {
  const answer = 700 + (i % 89)
  return trace([0, 0, -1, 0, answer + 1000], [7, 0, 0, 100, answer])
}

test('many traces built otherwise at once are in shift, weigh more, and do not become usual', () => {
  const observer = new Observer()
  teach(observer, 2_000)
  const before = look(observer, detour(3))

  for (let i = 0; i < 200; i++) {
    observer.observe(usual(i), 300_000 + i * 200, row, 0)
    assert.equal(observer.shifted, false, `a usual trace after ${i} others`)
    observer.observe(detour(i), 300_100 + i * 200, row, 0)
  }

  assert.ok(observer.shifted)
  assert.ok(row[AT.rarity] > 2.5, `${row[AT.rarity]}`)
  assert.ok(row[AT.heuristic] > 1.5 * before[AT.heuristic], `${row[AT.heuristic]}`)
  assert.ok(row[AT.shift] > 8)
  assert.equal(observer.why.kind, 'structure')
  assert.equal(observer.why.operation, 0)
})

test('traces that are built otherwise for ten minutes are usual then', () => {
  const observer = new Observer()
  teach(observer, 2_000)

  for (let i = 0; i < 6_000; i++) observer.observe(detour(i), 300_000 + i * 500, row, 0)

  assert.equal(observer.shifted, false)
  assert.ok(row[AT.rarity] < 1)
})

test('an entry that gets rarer is no shift', () => {
  const observer = new Observer()
  let shifted = 0
  for (let i = 0; i < 60_000; i++) {
    const isRare = i % (i < 20_000 ? 75 : 125) === 0
    observer.observe(
      isRare ? trace([8, 2, -1, 0, 900], [9, 2, 0, 10, 400]) : usual(i),
      i * 50,
      row,
      0,
    )
    if (isRare && observer.shifted) shifted++
  }

  assert.equal(shifted, 0)
})

test('one trace that is built otherwise is no shift', () => {
  const observer = new Observer()
  teach(observer, 2_000)

  observer.observe(detour(1), 300_000, row, 0)
  observer.observe(detour(2), 300_100, row, 0)

  assert.equal(observer.shifted, false)
})

test('traces that fail where few did are in shift, and those that do not fail are not', () => {
  const observer = new Observer()
  teach(observer, 2_000)

  for (let i = 0; i < 40; i++)
    observer.observe(call(10_000 + i, 450, SPAN_ERROR), 300_000 + i * 100, row, 0)
  assert.ok(observer.shifted)

  observer.observe(usual(5), 305_000, row, 0)
  assert.equal(observer.shifted, false)
})

test('an operation that never failed and fails is a surprise, one that always fails is none', () => {
  const healthy = new Observer()
  teach(healthy, 1_000)
  const failing = new Observer()
  teach(failing, 1_000, i => call(10_000 + (i % 500), 400, SPAN_ERROR))
  const failed = call(10_200, 400, SPAN_ERROR)

  healthy.observe(failed, 1e6, row, 0)

  assert.ok(row[AT.error_surprise] > 3)
  assert.ok(row[AT.errors] > 0)
  assert.equal(healthy.why.kind, 'error')
  assert.ok(look(failing, failed)[AT.error_surprise] < 0.1)
})

test('a trace with a turn never taken is rare; one that lacks a span that is sometimes late is not', () => {
  const observer = new Observer()
  const late = trace([0, 0, -1, 0, 11_500], [1, 0, 0, 100, 10_500])
  teach(observer, 3_000, i => (i % 50 === 49 ? late : usual(i)))

  const strange = look(observer, trace([0, 0, -1, 0, 11_500], [7, 0, 0, 100, 10_500]))

  assert.ok(strange[AT.rarity] > 3)
  assert.ok(look(observer, late)[AT.rarity] < 2)
})

test('siblings in another order are the same structure', () => {
  const observer = new Observer()
  observer.observe(trace([0, 0, -1, 0, 9], [1, 0, 0, 1, 2], [2, 0, 0, 4, 2]), 0, row, 0)
  const first = observer.structure

  observer.observe(trace([0, 0, -1, 0, 9], [2, 0, 0, 1, 2], [1, 0, 0, 4, 2]), 1, row, 0)

  assert.equal(observer.structure, first)
  assert.equal(observer.structureSeen, 1)
})

test('a known structure without two of its spans counts as new once, then as the known one', () => {
  const observer = new Observer()
  const children = [1, 2, 3, 4].map(operation => [operation, operation, 0, operation, 2] as const)
  const whole = trace([0, 0, -1, 0, 9], ...children)
  teach(observer, 200, () => whole)
  const known = observer.structure
  const counted = (): number[] => {
    const lacking = trace([0, 0, -1, 0, 9], ...children.slice(0, 2))
    observer.observe(lacking, 1e6, row, 0)
    return [observer.structure, observer.structureSeen]
  }
  observer.observe(trace([0, 0, -1, 0, 9], ...children.slice(0, 3)), 1e6, row, 0)

  const [first, seenBefore] = counted()
  const [second] = counted()

  assert.notEqual(first, known)
  assert.equal(seenBefore, 0)
  assert.equal(second, known)
})

test('measuring learns nothing and leaves what is told of the last trace alone', () => {
  const observer = new Observer()
  teach(observer, 500)
  const why = { ...observer.why }
  const kept = observer.snapshot()

  for (let i = 0; i < 300; i++) look(observer, call(90_000, 9_000))

  assert.deepEqual({ ...observer.why }, why)
  assert.equal(observer.traces, 500)
  const after = new Observer()
  assert.ok(after.restore(kept))
  assert.deepEqual(look(observer, usual(3)), look(after, usual(3)))
})

test('a restored observer judges as the one that was saved', () => {
  const observer = new Observer()
  teach(observer, 1_500)

  const restored = new Observer()
  const done = restored.restore(observer.snapshot())

  assert.ok(done)
  for (let i = 0; i < 50; i++) {
    const one = new Float32Array(VECTOR_LENGTH)
    const other = new Float32Array(VECTOR_LENGTH)
    observer.observe(call(9_000 + i * 400, 500), 1e6 + i, one, 0)
    restored.observe(call(9_000 + i * 400, 500), 1e6 + i, other, 0)
    assert.deepEqual(one, other)
  }
})

test('refuses a snapshot that is cut or changed, and keeps what it has', () => {
  const observer = new Observer()
  teach(observer, 200)
  const bytes = observer.snapshot()
  const before = look(observer, usual(5))
  const changed = bytes.slice()
  changed[changed.length >> 1] ^= 1

  assert.equal(observer.restore(bytes.subarray(0, bytes.length - 1)), false)
  assert.equal(observer.restore(changed), false)
  assert.equal(observer.restore(new Uint8Array(0)), false)
  assert.deepEqual(look(observer, usual(5)), before)
})

test('cycles, missing parents, empty traces and huge ones give finite numbers', () => {
  const observer = new Observer()
  teach(observer, 100)
  const long = trace(
    ...Array.from({ length: 20_000 }, (_, i) => [i % 7, i % 3, i - 1, i, 20_000 - i] as const),
  )
  const strange = [
    trace(),
    trace([0, 0, 1, 0, 5], [1, 0, 0, 0, 5]),
    trace([0, 0, -1, 0, 5, 16], [1, 0, 0, 7, 90]),
    trace([0, 0, -1, 0, 0]),
    long,
  ]

  for (const spans of strange) {
    observer.observe(spans, 1e6, row, 0)
    VECTOR_NAMES.forEach((name, at) => {
      assert.ok(Number.isFinite(row[at]), name)
    })
  }
})

test('never remembers more keys than it may, however many operations there are', () => {
  const observer = new Observer({ keys: 1_024, structures: 1_024 })

  for (let i = 0; i < 20_000; i++) {
    observer.observe(trace([i, i % 50, -1, 0, 100], [i + 1, 7, 0, 1, 50]), i, row, 0)
  }

  assert.ok(observer.snapshot().length < 4 << 20)
})
