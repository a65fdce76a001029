/** What becomes of a request that may go to several endpoints: another one at once, waits, breakers, credits of tenants. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { fakeHost, settle } from '../../../../src/testing/fakes.ts'
import { AbortSource } from '../../../../src/util/abort.ts'
import { createPool, DOWN, SENT, sendMany, startPool } from './kit.ts'

test('a request that one endpoint cannot take goes to another at once', async () => {
  const kit = await startPool(['a:1', 'b:1'])
  kit.at('a:1').reply = () => DOWN

  const results = await sendMany(kit, 4)

  assert.deepEqual(results, [SENT, SENT, SENT, SENT])
  assert.equal(kit.at('b:1').requests, 4)
  assert.equal(kit.services.meter.total('millrace_endpoint_other_tries'), kit.at('a:1').requests)
})

test('one attempt asks no more endpoints than max_tries', async () => {
  const kit = await startPool(['a:1', 'b:1', 'c:1', 'd:1'], { max_tries: 2 })
  for (const endpoint of kit.made) endpoint.reply = () => DOWN

  const result = await kit.send()

  assert.equal(result.kind, 'retry')
  assert.equal(
    Object.values(kit.counts()).reduce((a, b) => a + b),
    2,
  )
})

test('no endpoint is asked twice within one attempt', async () => {
  const kit = await startPool(['a:1', 'b:1'], { max_tries: 9, circuit_breaker: { enabled: false } })
  for (const endpoint of kit.made) endpoint.reply = () => DOWN

  await kit.send()

  assert.deepEqual(kit.counts(), { 'a:1': 1, 'b:1': 1 })
})

test('an answer for good is not doubted by asking others', async () => {
  const kit = await startPool(['a:1', 'b:1'])
  const refused = { kind: 'drop', reason: 'bad_data', message: 'no' } as const
  for (const endpoint of kit.made) endpoint.reply = () => refused

  const result = await kit.send()

  assert.equal(result.kind, 'drop')
  assert.equal(kit.at('a:1').requests + kit.at('b:1').requests, 1)
})

test('the next attempt of a batch prefers an endpoint where it has not just failed', async () => {
  const kit = await startPool(['a:1', 'b:1', 'c:1'], {
    max_tries: 1,
    circuit_breaker: { enabled: false },
  })
  for (const endpoint of kit.made) endpoint.reply = () => DOWN
  const batch = kit.batch()
  const order: string[] = []
  for (let i = 0; i < 12; i++) {
    const before = kit.counts()
    await kit.send(batch)
    const after = kit.counts()
    order.push(Object.keys(after).find(name => after[name] > before[name])!)
    // Others come between, so that turns alone would come back to the same one.
    for (let j = 0; j < i % 3; j++) await kit.send()
  }

  for (let i = 1; i < order.length; i++) assert.notEqual(order[i], order[i - 1])
})

test('the message says which endpoint did not take it', async () => {
  const kit = await startPool(['a:1'])
  kit.at('a:1').reply = () => DOWN

  assert.deepEqual(await kit.send(), { kind: 'retry', message: 'a:1: connection refused' })
})

test('a fault on our side is held against no endpoint and not tried elsewhere', async () => {
  const kit = await startPool(['a:1', 'b:1'], { circuit_breaker: { consecutive_failures: 1 } })
  for (const endpoint of kit.made) {
    endpoint.reply = () => ({ kind: 'retry', message: 'no credentials', isOurs: true })
  }

  await sendMany(kit, 6)

  assert.deepEqual(kit.counts(), { 'a:1': 3, 'b:1': 3 })
  assert.equal(kit.metric('breaker_state', 'a:1'), 0)
})

test('an endpoint that asks a tenant to wait gets nothing of it meanwhile, but data of others', async () => {
  const kit = await startPool(['a:1', 'b:1'])
  const slow = { kind: 'retry', afterMs: 5000, message: 'slow down' } as const
  kit.at('a:1').reply = ({ batch }) => (batch.tenant === 'loud' ? slow : SENT)

  for (let i = 0; i < 6; i++) await kit.send(kit.batch({ tenant: 'loud' }))
  const fromLoud = kit.at('a:1').requests
  for (let i = 0; i < 6; i++) await kit.send(kit.batch({ tenant: 'calm' }))
  const fromCalm = kit.at('a:1').requests - fromLoud
  await kit.services.clock.advance(5001)
  for (let i = 0; i < 4; i++) await kit.send(kit.batch({ tenant: 'loud' }))

  assert.equal(fromLoud, 1)
  assert.equal(fromCalm, 3)
  assert.equal(kit.at('a:1').requests, fromLoud + fromCalm + 1)
})

test('when every endpoint asks to wait the answer says how long, and nobody is asked before', async () => {
  const kit = await startPool(['a:1', 'b:1'])
  kit.at('a:1').reply = () => ({ kind: 'retry', afterMs: 9000, message: 'later' })
  kit.at('b:1').reply = () => ({ kind: 'retry', afterMs: 4000, message: 'later' })

  await kit.send()
  await kit.services.clock.advance(1000)
  const result = await kit.send()

  assert.equal(result.kind === 'retry' && result.afterMs, 3000)
  assert.deepEqual(kit.counts(), { 'a:1': 1, 'b:1': 1 })
})

test('one that asks to wait does not hold up what another can take later', async () => {
  const kit = await startPool(['a:1', 'b:1', 'c:1'], { max_tries: 1 })
  for (const endpoint of kit.made) {
    endpoint.reply = () => ({ kind: 'retry', afterMs: 9000, message: 'later' })
  }

  const result = await kit.send()

  assert.deepEqual(Object.keys(result), ['kind', 'message'])
})

test('a breaker opens for one endpoint alone and lets one request try later', async () => {
  const kit = await startPool(['a:1', 'b:1'], {
    circuit_breaker: { consecutive_failures: 3, open_interval: '5s' },
  })
  const a = kit.at('a:1')
  a.reply = () => DOWN
  await sendMany(kit, 20)
  const whenOpen = a.requests
  const state = kit.metric('breaker_state', 'a:1')

  await kit.services.clock.advance(5000)
  a.reply = null
  const probes = Array.from({ length: 6 }, () => kit.send())
  await settle()
  const atOnce = a.open.length
  a.open[0].answer(SENT)
  await Promise.all(probes)
  a.reply = () => SENT
  await sendMany(kit, 4)

  assert.equal(whenOpen, 3)
  assert.equal(state, 2)
  assert.equal(atOnce, 1)
  assert.equal(a.hurries, 1)
  assert.equal(kit.metric('breaker_state', 'a:1'), 0)
  assert.equal(a.requests, whenOpen + 1 + 2)
})

test('a breaker opens by ratio where failures are no longer in a row', async () => {
  const kit = await startPool(['a:1'], {
    circuit_breaker: { consecutive_failures: 100, failure_ratio: 0.5, min_requests: 10 },
  })
  let i = 0
  kit.at('a:1').reply = () => (i++ % 2 === 0 ? DOWN : SENT)

  await sendMany(kit, 30)

  assert.ok(kit.at('a:1').requests < 14, `${kit.at('a:1').requests} requests`)
  assert.equal(kit.metric('breaker_state', 'a:1'), 2)
})

test('when all breakers are open the answer says when the first will try', async () => {
  const kit = await startPool(['a:1', 'b:1'], {
    circuit_breaker: { consecutive_failures: 1, open_interval: '5s' },
  })
  for (const endpoint of kit.made) endpoint.reply = () => DOWN
  await kit.send()
  await kit.services.clock.advance(2000)

  const result = await kit.send()

  assert.equal(result.kind === 'retry' && result.afterMs, 3000)
  assert.deepEqual(kit.counts(), { 'a:1': 1, 'b:1': 1 })
})

test('while the only way is being tried, others wait for what comes of it', async () => {
  const kit = await startPool(['a:1'], {
    circuit_breaker: { consecutive_failures: 1, open_interval: '5s' },
  })
  const a = kit.at('a:1')
  a.reply = () => DOWN
  await kit.send()
  await kit.services.clock.advance(5000)
  a.reply = null

  const sent = [kit.send(), kit.send(), kit.send()]
  await settle()
  const tried = a.open.length
  a.reply = () => SENT
  a.open[0].answer(SENT)

  assert.equal(tried, 1)
  assert.deepEqual(await Promise.all(sent), [SENT, SENT, SENT])
})

test('try_timeout ends a try, and another endpoint gets the rest of the time', async () => {
  const kit = await startPool(['a:1', 'b:1'], { try_timeout: '500ms' })
  kit.at('a:1').reply = null
  kit.at('b:1').reply = null

  const sent = kit.send()
  await settle()
  const first = kit.at('a:1').open.length > 0 ? 'a:1' : 'b:1'
  const second = first === 'a:1' ? 'b:1' : 'a:1'
  await kit.services.clock.advance(500)
  kit.at(second).open[0].answer(SENT)

  assert.deepEqual(await sent, SENT)
  assert.equal(kit.metric('requests', first, 'result=retry'), 1)
})

test('the end of an attempt reaches the endpoint that is asked, and no other is asked after it', async () => {
  const kit = await startPool(['a:1', 'b:1'], { try_timeout: '10s' })
  for (const endpoint of kit.made) endpoint.reply = null
  const abort = new AbortSource()

  const sent = kit.send(kit.batch(), abort)
  await settle()
  abort.abort(new Error('no answer within 5000 ms'))

  assert.match((await sent).message!, /no answer within 5000 ms/)
  assert.equal(kit.at('a:1').requests + kit.at('b:1').requests, 1)
})

test('an endpoint that got the last moments of an attempt is not blamed for its end', async () => {
  const kit = await startPool(['a:1', 'b:1'], {
    try_timeout: '4s',
    circuit_breaker: { consecutive_failures: 1 },
  })
  for (const endpoint of kit.made) endpoint.reply = null
  const abort = new AbortSource()

  const sent = kit.send(kit.batch(), abort)
  await settle()
  const first = kit.at('a:1').open.length > 0 ? 'a:1' : 'b:1'
  const second = first === 'a:1' ? 'b:1' : 'a:1'
  await kit.services.clock.advance(5000)
  abort.abort(new Error('no answer within 5000 ms'))
  await sent

  assert.equal(kit.metric('breaker_state', first), 2)
  assert.equal(kit.metric('breaker_state', second), 0)
})

test('requests that wait for room do not hold up others for which there is some', async () => {
  const kit = await startPool(['a:1', 'b:1'], {
    adaptive_concurrency: { initial: 1, min: 1, max: 1 },
  })
  const [a, b] = [kit.at('a:1'), kit.at('b:1')]
  b.reply = () => ({ kind: 'retry', afterMs: 60_000, message: 'quota' })
  while (b.requests === 0) await kit.send(kit.batch({ tenant: 'loud' }))
  a.reply = b.reply = null
  const busy = [kit.send(), kit.send()]
  await settle()
  const loud = kit.send(kit.batch({ tenant: 'loud' }))
  const calm = kit.send(kit.batch({ tenant: 'calm' }))
  await settle()

  b.open[0].answer(SENT)
  await settle()
  const next = b.open.map(({ encoded }) => encoded.batch.tenant)
  for (let i = 0; i < 3; i++) {
    for (const { open } of kit.made) for (const { answer } of [...open]) answer(SENT)
    await settle()
  }

  assert.deepEqual(next, ['calm'])
  assert.deepEqual(await Promise.all([...busy, loud, calm]), [SENT, SENT, SENT, SENT])
})

test('tries at other endpoints end when most of them fail: a dead backend does not see every request twice', async () => {
  const kit = await startPool(['a:1', 'b:1'], { circuit_breaker: { enabled: false } })
  for (const endpoint of kit.made) endpoint.reply = () => DOWN

  await sendMany(kit, 1000)

  const { 'a:1': a, 'b:1': b } = kit.counts()
  assert.ok(a + b < 1000 * 1.35, `${a + b} requests`)
})

test('a sender that throws is a fault of ours, and what is in flight is counted right', async () => {
  const kit = await startPool(['a:1'])
  kit.at('a:1').reply = () => {
    throw new Error('oops')
  }

  const result = await kit.send()

  assert.deepEqual(result, { kind: 'drop', reason: 'internal_error', message: 'a:1: oops' })
  assert.equal(kit.metric('in_flight', 'a:1'), 0)
})

test('nothing is left open when one of the endpoints cannot start', async () => {
  const kit = createPool(
    ['a:1', 'b:1', 'c:1'],
    { health_check: {} },
    {
      prepare: endpoint => {
        if (endpoint.place.endpoint === 'b:1') endpoint.startFault = new Error('no certificate')
      },
    },
  )

  await assert.rejects(kit.pool.start(fakeHost()), /no certificate/)

  assert.deepEqual(
    kit.made.filter(({ isStarted }) => isStarted).map(({ isStopped }) => isStopped),
    [true, true],
  )
  assert.equal(kit.services.clock.pending, 0)
  assert.equal(kit.services.meter.reads.size, 0)
})

test('a pool that has stopped has no timers and shows no series', async () => {
  const kit = await startPool(['a:1', 'b:1'], { health_check: {}, outlier_ejection: {} })
  await sendMany(kit, 5)
  await settle()

  await kit.pool.stop()

  assert.ok(kit.made.every(({ isStopped }) => isStopped))
  assert.equal(kit.services.clock.pending, 0)
  assert.equal(kit.services.meter.reads.size, 0)
})
