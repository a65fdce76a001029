/** Traffic that means no good, or is odd: one giant trace, only unique names, floods of ids, skewed clocks, cycles, duplicates. */
import assert from 'node:assert/strict'
import test from 'node:test'
import { startSampler, type TestSpan, traceId } from './kit.ts'

const LIMIT = 4 << 20

function letters(n: number): string {
  return [...String(n)].map(digit => 'abcdefghij'[Number(digit)]).join('')
}

test('all spans of a giant trace share one decision, and memory stays within its limit', async t => {
  for (const user of ['boss', 'bot']) {
    const sampler = await startSampler(t, {
      memory_limit: LIMIT,
      max_spans_per_trace: 1000,
      budget: { ratio: 0.1 },
      always_keep: ['attributes["user"] == "boss"'],
      never_keep: ['attributes["user"] == "bot"'],
    })
    const trace = traceId(1)
    for (let from = 0; from < 50_000; from += 500) {
      const spans = Array.from({ length: 500 }, (_, i): TestSpan => {
        const n = from + i
        const id = (n + 1).toString(16)
        return n === 0
          ? { trace, id, attributes: { user } }
          : { trace, id, parent: '1', name: `step ${n % 7}`, padding: 100 }
      })
      assert.equal(sampler.send(spans).kind, 'accepted')
      assert.ok(sampler.control.view().bytesHeld <= LIMIT)
      await sampler.clock.advance(100)
    }
    await sampler.decide()

    assert.equal(sampler.next.items, user === 'boss' ? 50_000 : 0)
    await sampler.finish()
  }
})

test('only unique operations, services and traces: memory stays within its limit, the budget within its share', async t => {
  const sampler = await startSampler(t, {
    memory_limit: LIMIT * 4,
    budget: { ratio: 0.1, burst_credit: 0 },
  })
  let largest = 0
  for (let n = 0; n < 30_000; n++) {
    const service = `s ${letters(n % 20_000)}`
    const spans = [
      { trace: traceId(n), id: '1', service, name: `GET ${letters(n)}`, duration: (n % 97) * 100 },
      { trace: traceId(n), id: '2', parent: '1', service: 'db', name: `SELECT ${letters(n)}` },
    ]
    assert.equal(sampler.send(spans).kind, 'accepted')
    if (n % 1000 === 999) await sampler.clock.advance(1000)
    largest = Math.max(largest, sampler.control.view().bytesHeld)
  }
  await sampler.decide()

  assert.ok(largest <= LIMIT * 4, `${largest} bytes`)
  const kept = sampler.keptTraces().size
  assert.ok(kept < 3600, `${kept} of 30000`)
  await sampler.finish()
})

test('a flood of traces of one span each is decided early, not refused and not lost', async t => {
  const sampler = await startSampler(t, { memory_limit: LIMIT, budget: { ratio: 0.1 } })
  for (let n = 0; n < 40_000; n += 500) {
    const spans = Array.from({ length: 500 }, (_, i) => ({ trace: traceId(n + i), id: '1' }))
    assert.equal(sampler.send(spans).kind, 'accepted')
    assert.ok(sampler.control.view().bytesHeld <= LIMIT)
  }

  assert.ok(sampler.meter.total('millrace_sampler_traces_decided_early') > 10_000)
  await sampler.finish()
})

test('cycles, duplicates, missing roots and clocks that go back do no harm', async t => {
  const sampler = await startSampler(t, { budget: { ratio: 1 } })
  const odd: TestSpan[][] = [
    [
      { trace: traceId(1), id: '1', parent: '2' },
      { trace: traceId(1), id: '2', parent: '1' },
    ],
    [{ trace: traceId(2), id: '3', parent: '3' }],
    [
      { trace: traceId(3), id: '1' },
      { trace: traceId(3), id: '1' },
      { trace: traceId(3), id: '1', duration: 9 },
    ],
    [{ trace: traceId(4), id: '5', parent: '77' }],
    [
      { trace: traceId(5), id: '1', start: 5000, duration: 1000 },
      { trace: traceId(5), id: '2', parent: '1', start: -9_000_000, duration: -500 },
    ],
  ]
  for (const spans of odd) sampler.send(spans)
  await sampler.clock.advance(32_000)

  const counts = new Map<string, number>()
  for (const span of sampler.kept()) counts.set(span.traceId, (counts.get(span.traceId) ?? 0) + 1)
  assert.deepEqual(
    [1, 2, 3, 4, 5].map(n => counts.get(traceId(n))),
    [2, 1, 3, 1, 2],
  )
  await sampler.finish()
})
