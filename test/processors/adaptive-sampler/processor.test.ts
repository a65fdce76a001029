/** `adaptive_sampler`: what it keeps, what it writes into kept spans, and that nothing gets lost on the way. */
import assert from 'node:assert/strict'
import test from 'node:test'
import { ACCEPTED, busy, type Outcome } from '../../../src/core/outcome.ts'
import { assertBalanced } from '../../../src/testing/fakes.ts'
import { partOf, request } from '../../sampler/assembly/spans.ts'
import { shopTrace, startSampler, traceId } from './kit.ts'

test('keeps about the share that the budget allows, with a threshold on every span', async t => {
  const sampler = await startSampler(t, { budget: { ratio: 0.1, burst_credit: 0 } })

  for (let n = 0; n < 20_000; n++) {
    sampler.send(shopTrace(n))
    if (n % 500 === 499) await sampler.clock.advance(1000)
  }
  await sampler.decide()

  const kept = sampler.keptTraces().size
  assert.ok(kept > 1800 && kept < 2200, `${kept} of 20000 kept`)
  const spans = sampler.kept()
  assert.equal(spans.length, kept * 3)
  assert.ok(spans.every(({ traceState }) => /^ot=th:[0-9a-f]{1,14}$/.test(traceState)))
  await sampler.finish()
})

test('every kept span obeys its own threshold', async t => {
  const sampler = await startSampler(t, { budget: { ratio: 0.2 } })
  for (let n = 0; n < 5000; n++) {
    sampler.send(shopTrace(n))
    if (n % 500 === 499) await sampler.clock.advance(1000)
  }
  await sampler.decide()

  for (const { traceId: id, traceState } of sampler.kept()) {
    const threshold = BigInt(`0x${traceState.slice('ot=th:'.length).padEnd(14, '0')}`)
    assert.ok(BigInt(`0x${id.slice(18)}`) >= threshold, `${id} ${traceState}`)
  }
  await sampler.finish()
})

test('keeps what a condition asks for, with certainty, and drops what one forbids', async t => {
  const sampler = await startSampler(t, {
    budget: { ratio: 0.01 },
    always_keep: ['attributes["user"] == "boss"'],
    never_keep: ['name == "GET /health"'],
  })

  for (let n = 0; n < 100; n++) {
    sampler.send(shopTrace(n, { attributes: { user: 'boss' } }))
    sampler.send([{ trace: traceId(1000 + n), name: 'GET /health', status: 2 }])
  }
  await sampler.decide()

  const kept = sampler.keptTraces()
  for (let n = 0; n < 100; n++) {
    assert.ok(kept.has(traceId(n)))
    assert.ok(!kept.has(traceId(1000 + n)))
  }
  const [root] = sampler.kept()
  assert.equal(root.traceState, 'ot=th:0')
  assert.equal(root.attributes['sampling.reason'], 'rule')
  assert.equal(root.attributes['sampling.model'], 'network')
  await sampler.finish()
})

test('says on root spans only, on all, or on none why they were kept', async t => {
  for (const [attributes, expected] of [
    ['root', 1],
    ['all', 3],
    ['none', 0],
  ] as const) {
    const sampler = await startSampler(t, { attributes, always_keep: ['true'] })
    sampler.send(shopTrace(1))
    await sampler.decide()

    const said = sampler.kept().filter(span => 'sampling.reason' in span.attributes)
    assert.equal(said.length, expected, attributes)
    assert.ok(said.every(span => typeof span.attributes['sampling.score'] === 'number'))
    await sampler.finish()
  }
})

test('late spans follow the decision of their trace', async t => {
  const sampler = await startSampler(t, {
    always_keep: ['attributes["user"] == "boss"'],
    never_keep: ['attributes["user"] == "bot"'],
  })
  sampler.send(shopTrace(1, { attributes: { user: 'boss' } }))
  sampler.send(shopTrace(2, { attributes: { user: 'bot' } }))
  await sampler.decide()
  assert.equal(sampler.next.items, 3)

  for (const n of [1, 2]) sampler.send([{ trace: traceId(n), id: '9', parent: '1', name: 'late' }])
  await sampler.clock.advance(100)

  const late = sampler.kept().filter(({ name }) => name === 'late')
  assert.deepEqual(
    late.map(span => [span.traceId, span.traceState]),
    [[traceId(1), 'ot=th:0']],
  )
  assert.equal(sampler.meter.total('millrace_sampler_late_spans'), 2)
  await sampler.finish()
})

test('a late error of a dropped trace goes on, marked and without a probability', async t => {
  const sampler = await startSampler(t, { never_keep: ['attributes["user"] == "bot"'] })
  sampler.send(shopTrace(2, { attributes: { user: 'bot' } }))
  await sampler.decide()

  const state = 'ot=th:8,other=1'
  sampler.send([{ trace: traceId(2), id: '9', parent: '1', name: 'late', status: 2, state }])
  await sampler.clock.advance(100)

  const [late, ...rest] = sampler.kept()
  assert.equal(rest.length, 0)
  assert.equal(late.traceState, 'other=1')
  assert.equal(late.attributes['sampling.late'], true)
  assert.equal(late.attributes['sampling.reason'], 'late')
  await sampler.finish()
})

test('decides everything at the end', async t => {
  const sampler = await startSampler(t, { budget: { ratio: 1 } })
  for (let n = 0; n < 300; n++) sampler.send(shopTrace(n).slice(1))

  await sampler.finish()

  assert.equal(sampler.meter.total('millrace_sampler_traces_decided'), 300)
})

test('drops what is left when the time to stop is over, and books it', async t => {
  const sampler = await startSampler(t)
  sampler.send(shopTrace(1))

  await sampler.processor.stop(AbortSignal.abort())

  const [row] = sampler.ledger.rows()
  assert.deepEqual(
    row.dropped.map(({ reason, intentional, items }) => [reason, intentional, items]),
    [['shutdown', false, 3]],
  )
})

test('decides the oldest early when memory is short, and counts it', async t => {
  const sampler = await startSampler(t, { memory_limit: '3MiB', budget: { ratio: 0.5 } })
  let taken = 0
  for (let n = 0; n < 6000; n++) {
    if (sampler.send(shopTrace(n, { padding: 2000 })).kind === 'accepted') taken++
  }

  assert.equal(taken, 6000)
  assert.ok(sampler.meter.total('millrace_sampler_traces_decided_early') > 0)
  assert.ok(sampler.control.view().bytesHeld <= 3 << 20)
  await sampler.finish()
})

test('asks to wait while the next stage takes nothing, and goes on when it does', async t => {
  const sampler = await startSampler(t, { budget: { ratio: 1 } })
  sampler.next.answer = () => busy(1000)
  let refused = 0
  for (let n = 0; n < 40_000 && refused === 0; n++) {
    const outcome = sampler.send(shopTrace(n))
    if (n % 1000 === 999) await sampler.clock.advance(1000)
    if (outcome.kind === 'busy') {
      refused = n
      sampler.ledger.unaccepted('default', 'traces', 3, 'busy')
    }
  }
  assert.ok(refused > 0)

  sampler.next.answer = () => ({ kind: 'accepted' })
  await sampler.clock.advance(5000)

  assert.equal(sampler.send(shopTrace(100_000)).kind, 'accepted')
  await sampler.finish()
})

test('leaves a batch on the book that the next stage has not answered for at the deadline', async t => {
  const sampler = await startSampler(t, { always_keep: ['true'] })
  let reply = (_: Outcome): void => {}
  const late = new Promise<Outcome>(resolve => {
    reply = resolve
  })
  sampler.next.answer = () => late
  sampler.send(shopTrace(1))
  await sampler.decide()

  await sampler.processor.stop(AbortSignal.abort())
  assertBalanced(sampler.ledger, 3)
  reply(ACCEPTED)
  await new Promise(resolve => setImmediate(resolve))
  sampler.ledger.sent('default', 'traces', 3)
  assertBalanced(sampler.ledger)
  sampler.next.releaseAll()
  assert.equal(sampler.memory.reservedBytes, 0)
})

test('spans without a trace id are passed on', async t => {
  const sampler = await startSampler(t, { budget: { ratio: 0.0001 } })

  sampler.send([{ trace: '', name: 'lost' }])
  await sampler.clock.advance(0)

  assert.deepEqual(
    sampler.kept().map(({ name }) => name),
    ['lost'],
  )
  assert.equal(sampler.meter.total('millrace_sampler_invalid_trace_ids'), 1)
  await sampler.finish()
})

test('ids that are not random are sampled by a hash, and say what they count', async t => {
  const sampler = await startSampler(t, { budget: { ratio: 0.25, burst_credit: 0 } })
  const id = (n: number) => `${(n + 1).toString(16).padStart(16, '0')}${'0'.repeat(15)}1`
  for (let n = 0; n < 12_000; n++) {
    const state = 'ot=th:4;other:1'
    sampler.send([{ trace: id(n), name: 'job', kind: 1, state: n % 2 === 0 ? state : undefined }])
    if (n % 500 === 499) await sampler.clock.advance(1000)
  }
  await sampler.decide()

  // Those of the first thousands were decided before it was noticed.
  const late = sampler.kept().filter(span => Number.parseInt(span.traceId.slice(0, 16), 16) > 8000)
  assert.ok(late.length > 600 && late.length < 1400, `${late.length} of 4000`)
  assert.ok(late.every(({ traceState }) => traceState === '' || traceState === 'ot=other:1'))
  const counted = late.reduce(
    (sum, span) => sum + Number(span.attributes['sampling.adjusted_count']),
    0,
  )
  const seen = late.filter(({ traceState }) => traceState === '').length
  assert.ok(seen > 0 && counted > 0)
  await sampler.finish()
})

test('a threshold that came with the spans is raised, never lowered', async t => {
  const sampler = await startSampler(t, { budget: { ratio: 1 } })
  let sent = 0
  for (let n = 0; n < 200; n++) {
    const trace = traceId(n)
    if (BigInt(`0x${trace.slice(18)}`) < 0x80000000000000n) continue
    sent++
    sampler.send([{ trace, state: 'vendor=a,ot=th:8' }])
  }
  await sampler.decide()

  const kept = sampler.kept()
  assert.equal(kept.length, sent)
  assert.deepEqual(new Set(kept.map(span => span.traceState)), new Set(['vendor=a,ot=th:8']))
  await sampler.finish()
})

test('spans that contradict their own threshold lose it', async t => {
  const sampler = await startSampler(t, { always_keep: ['true'] })
  const trace = `${'1'.repeat(18)}${'0'.repeat(13)}1`
  sampler.send([{ trace, state: 'ot=th:8;rv:00000000000001' }])
  await sampler.decide()

  assert.deepEqual(
    sampler.kept().map(span => span.traceState),
    ['ot=rv:00000000000001'],
  )
  await sampler.finish()
})

test('the hard limit holds in every ten seconds', async t => {
  const limit = 100
  const sampler = await startSampler(t, {
    budget: { ratio: 1, max_spans_per_second: limit },
    always_keep: ['attributes["user"] == "boss"'],
  })
  const sentAt: number[] = []
  sampler.next.answer = batch => {
    for (let i = 0; i < batch.items; i++) sentAt.push(sampler.clock.now())
    return { kind: 'accepted' }
  }
  for (let second = 0; second < 40; second++) {
    for (let n = 0; n < 200; n++) {
      sampler.send(shopTrace(second * 1000 + n, n < 60 ? { attributes: { user: 'boss' } } : {}))
    }
    await sampler.clock.advance(1000)
  }

  for (let from = sentAt[0]; from < sentAt[sentAt.length - 1]; from += 500) {
    const inWindow = sentAt.filter(at => at >= from && at < from + 10_000).length
    assert.ok(inWindow <= limit * 10, `${inWindow} spans in ten seconds`)
  }
  assert.ok(sentAt.length > 30 * limit)
  await sampler.finish()
})

test('a trace that grows while it waits for its tick counts with all of its spans', async t => {
  const sampler = await startSampler(t, {
    ...{ decision_wait: '2100ms', always_keep: ['true'] },
    budget: { max_spans_per_second: 20 },
  })
  for (const n of [1, 2]) sampler.send(shopTrace(n))
  await sampler.clock.advance(2500)
  const more = Array.from({ length: 500 }, (_, i) => ({
    ...shopTrace(1)[1],
    id: (100 + i).toString(16),
  }))
  sampler.send([...more, { ...shopTrace(2)[1], id: '99', status: 2 }])
  await sampler.decide()

  assert.deepEqual([...sampler.keptTraces()], [traceId(2)])
  assert.equal(sampler.next.items, 4)
  await sampler.finish()
})

test('a trace that no ceiling ever lets through is counted', async t => {
  const sampler = await startSampler(t, {
    ...{ always_keep: ['true'], budget: { max_spans_per_second: 1 } },
  })
  const big = Array.from({ length: 50 }, (_, i) => ({
    ...shopTrace(1)[1],
    id: (9 + i).toString(16),
  }))
  sampler.send([...shopTrace(1), ...big])
  await sampler.decide()

  const value = (name: string) => sampler.meter.total(`millrace_sampler_${name}`)
  assert.deepEqual([value('oversize_traces'), value('traces_decided')], [1, 1])
  await sampler.finish()
})

test('tenants with a budget of their own get it', async t => {
  const sampler = await startSampler(t, {
    budget: { ratio: 0.05, burst_credit: 0, tenants: { gold: { ratio: 0.5, burst_credit: 0 } } },
  })
  for (let n = 0; n < 8000; n++) {
    sampler.send(shopTrace(n), n % 2 === 0 ? 'gold' : 'plain')
    if (n % 500 === 499) await sampler.clock.advance(1000)
  }
  await sampler.decide()

  const kept = (tenant: string) =>
    sampler.next.batches
      .filter(batch => batch.tenant === tenant)
      .reduce((sum, batch) => sum + batch.items / 3, 0)
  assert.ok(kept('gold') > 1600 && kept('gold') < 2400, `${kept('gold')} of 4000`)
  assert.ok(kept('plain') > 100 && kept('plain') < 350, `${kept('plain')} of 4000`)
  await sampler.finish()
})

test('the importance that rules give weighs a trace up or down', async t => {
  const sampler = await startSampler(t, { budget: { ratio: 0.1, burst_credit: 0 } })
  for (let n = 0; n < 9000; n++) {
    const part = partOf(request(shopTrace(n)))
    const hint = [0, 20, -20][n % 3]
    await sampler.sendParts([{ ...part, importance: new Int16Array(3).fill(hint) }])
    if (n % 500 === 499) await sampler.clock.advance(1000)
  }
  await sampler.decide()

  const ids = sampler.keptTraces()
  const kept = [0, 1, 2].map(
    rest =>
      Array.from({ length: 3000 }, (_, i) => traceId(i * 3 + rest)).filter(id => ids.has(id))
        .length,
  )
  assert.ok(kept[1] > 2 * kept[0] && kept[0] > 2 * kept[2], kept.join(' '))
  await sampler.finish()
})
