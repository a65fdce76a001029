/** Endpoints that are taken out and come back: by checks, by their requests, in comparison, and all of them at once. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { fakeHost, settle } from '../../../../src/testing/fakes.ts'
import { createPool, DOWN, type PoolKit, SENT, sendMany, startPool } from './kit.ts'

const NO_BREAKER = { circuit_breaker: { enabled: false } }
const CHECKS = {
  ...NO_BREAKER,
  health_check: { interval: '10s', jitter: 0, healthy_threshold: 2, unhealthy_threshold: 3 },
}

/** Requests that an endpoint gets of the next `n`. */
async function shareOf(kit: PoolKit, name: string, n: number): Promise<number> {
  const before = kit.at(name).requests
  await sendMany(kit, n)
  return kit.at(name).requests - before
}

test('failed checks in a row take an endpoint out, passed ones bring it back', async () => {
  const kit = await startPool(['a:1', 'b:1'], CHECKS)
  const { clock } = kit.services
  await settle()
  kit.health.set('a:1', 'connection refused')
  await clock.advance(20_000)
  const afterTwo = await shareOf(kit, 'a:1', 10)
  await clock.advance(10_000)
  const afterThree = await shareOf(kit, 'a:1', 10)
  kit.health.set('a:1', null)
  await clock.advance(10_000)
  const afterOneGood = await shareOf(kit, 'a:1', 10)
  await clock.advance(10_000)
  const afterTwoGood = await shareOf(kit, 'a:1', 10)

  assert.deepEqual([afterTwo, afterThree, afterOneGood, afterTwoGood], [5, 0, 0, 5])
  assert.equal(kit.at('a:1').hurries, 1)
  assert.equal(kit.metric('health_checks', 'a:1', 'result=failed'), 3)
  assert.equal(kit.metric('healthy', 'a:1'), 1)
})

test('a check that passes again lets one request try at once, whatever the breaker said', async () => {
  const kit = await startPool(['a:1', 'b:1'], {
    health_check: { interval: '1s', jitter: 0, healthy_threshold: 1, unhealthy_threshold: 1 },
    circuit_breaker: { consecutive_failures: 1, open_interval: '30s' },
    passive_health_check: { consecutive_failures: 1, unhealthy_for: '30s' },
  })
  const { clock } = kit.services
  await settle()
  kit.at('a:1').reply = () => DOWN
  kit.health.set('a:1', 'connection refused')
  await sendMany(kit, 4)
  await clock.advance(1000)
  kit.at('a:1').reply = () => SENT
  kit.health.set('a:1', null)
  await clock.advance(1000)

  assert.equal(await shareOf(kit, 'a:1', 10), 5)
  assert.equal(kit.metric('breaker_state', 'a:1'), 0)
})

test('the very first check decides alone', async () => {
  const kit = createPool(['a:1', 'b:1'], CHECKS)
  kit.health.set('a:1', 'connection refused')
  await kit.pool.start(fakeHost())
  await settle()

  await sendMany(kit, 10)

  assert.deepEqual(kit.counts(), { 'a:1': 0, 'b:1': 10 })
})

test('a check that passes in between starts the count anew', async () => {
  const kit = await startPool(['a:1', 'b:1'], CHECKS)
  const { clock } = kit.services
  await settle()
  for (const fault of ['x', 'x', null, 'x', 'x', null]) {
    kit.health.set('a:1', fault)
    await clock.advance(10_000)
  }

  assert.equal(kit.metric('healthy', 'a:1'), 1)
})

test('a check without an answer has failed at its timeout, and the next comes an interval later', async () => {
  const kit = await startPool(['a:1', 'b:1'], {
    ...NO_BREAKER,
    health_check: { interval: '10s', timeout: '2s', jitter: 0 },
  })
  const { clock } = kit.services
  await settle()
  kit.health.set('a:1', 'silent')
  await clock.advance(12_000)
  const first = kit.metric('health_checks', 'a:1', 'result=failed')
  await clock.advance(11_900)
  const before = kit.metric('health_checks', 'a:1', 'result=failed')
  await clock.advance(100)

  assert.deepEqual([first, before], [1, 1])
  assert.equal(kit.metric('health_checks', 'a:1', 'result=failed'), 2)
})

test('checks are spread by the jitter', async () => {
  let next = 0
  const kit = await startPool(
    ['a:1', 'b:1'],
    { health_check: { interval: '10s', jitter: 0.5 } },
    { random: () => [0, 1][next++ % 2] },
  )
  const { clock } = kit.services
  await settle()

  await clock.advance(5000)
  const early = [
    kit.metric('health_checks', 'a:1', 'result=passed'),
    kit.metric('health_checks', 'b:1', 'result=passed'),
  ]
  await clock.advance(10_000)

  assert.deepEqual(early, [2, 1])
  assert.equal(kit.metric('health_checks', 'b:1', 'result=passed'), 2)
})

test('requests that fail in a row make an endpoint avoided for a time, then one more failure is enough', async () => {
  const kit = await startPool(['a:1', 'b:1'], {
    ...NO_BREAKER,
    passive_health_check: { consecutive_failures: 3, unhealthy_for: '10s' },
  })
  kit.at('a:1').reply = () => DOWN

  const first = await shareOf(kit, 'a:1', 20)
  await kit.services.clock.advance(10_000)
  const second = await shareOf(kit, 'a:1', 20)
  await kit.services.clock.advance(10_000)
  kit.at('a:1').reply = () => SENT
  const third = await shareOf(kit, 'a:1', 20)

  assert.deepEqual([first, second, third], [3, 1, 10])
  assert.equal(kit.metric('ejections', 'a:1', 'reason=passive'), 2)
})

const EJECTION = {
  ...NO_BREAKER,
  max_tries: 3,
  outlier_ejection: {
    interval: '10s',
    min_requests: 10,
    base_ejection_time: '30s',
    max_ejection_time: '70s',
  },
}

test('an endpoint that fails more than its peers is ejected, each time for longer', async () => {
  const kit = await startPool(['a:1', 'b:1', 'c:1'], EJECTION)
  const { clock } = kit.services
  let n = 0
  kit.at('a:1').reply = () => (n++ % 2 === 0 ? DOWN : SENT)
  const outFor: number[] = []
  for (let round = 0; round < 4; round++) {
    await sendMany(kit, 60)
    let waited = 0
    while (kit.metric('healthy', 'a:1') === 1) {
      await clock.advance(1000)
      assert.ok(++waited <= 20)
    }
    let ms = 0
    for (; kit.metric('healthy', 'a:1') === 0; ms += 1000) await clock.advance(1000)
    outFor.push(ms)
  }

  assert.deepEqual(outFor, [30_000, 60_000, 70_000, 70_000])
  assert.equal(kit.metric('ejections', 'a:1', 'reason=failures'), 4)
})

test('what fails for all ejects nobody', async () => {
  const kit = await startPool(['a:1', 'b:1', 'c:1'], EJECTION)
  let n = 0
  for (const endpoint of kit.made) endpoint.reply = () => (n++ % 2 === 0 ? DOWN : SENT)

  await sendMany(kit, 90)
  await kit.services.clock.advance(10_000)

  assert.deepEqual(
    ['a:1', 'b:1', 'c:1'].map(name => kit.metric('healthy', name)),
    [1, 1, 1],
  )
})

test('one tenant that asks too much of an endpoint does not make it an outlier', async () => {
  const kit = await startPool(['a:1', 'b:1', 'c:1'], EJECTION)
  const { clock } = kit.services
  kit.at('a:1').reply = ({ batch }) =>
    batch.tenant === 'loud' ? { kind: 'retry', afterMs: 1, message: 'quota' } : SENT

  for (let i = 0; i < 120; i++) {
    await kit.send(kit.batch({ tenant: i % 4 === 0 ? 'calm' : 'loud' }))
    await clock.advance(50)
  }
  await clock.advance(10_000)

  assert.ok(kit.metric('requests', 'a:1', 'result=retry')! > 20)
  assert.equal(kit.metric('ejections', 'a:1', 'reason=failures'), 0)
  assert.equal(kit.metric('breaker_state', 'a:1'), 0)
})

test('answers that are given up on the server’s side count against it where others take the data', async () => {
  const kit = await startPool(['a:1', 'b:1', 'c:1'], EJECTION)
  kit.at('a:1').reply = () => ({ kind: 'drop', reason: 'rejected', message: 'HTTP 500' })

  await sendMany(kit, 60)
  await kit.services.clock.advance(10_000)

  assert.equal(kit.metric('ejections', 'a:1', 'reason=failures'), 1)
})

test('few requests say nothing about an endpoint', async () => {
  const kit = await startPool(['a:1', 'b:1', 'c:1'], EJECTION)
  kit.at('a:1').reply = () => DOWN

  await sendMany(kit, 15)
  await kit.services.clock.advance(10_000)

  assert.equal(kit.metric('healthy', 'a:1'), 1)
})

test('an endpoint that answers far slower than the median of the others is ejected', async () => {
  const kit = await startPool(['a:1', 'b:1', 'c:1'], EJECTION)
  const { clock } = kit.services
  for (const endpoint of kit.made) endpoint.reply = null
  for (let i = 0; i < 36; i++) {
    const sent = kit.send()
    await settle()
    const slow = kit.at('a:1').open.length > 0
    await clock.advance(slow ? 400 : 100)
    for (const { open } of kit.made) for (const { answer } of [...open]) answer(SENT)
    await sent
  }
  await clock.advance(3000)

  assert.equal(kit.metric('ejections', 'a:1', 'reason=latency'), 1)
  assert.equal(kit.metric('healthy', 'b:1'), 1)
})

test('no more than max_ejection_percent are out at a time, the worst of them', async () => {
  const kit = await startPool(['a:1', 'b:1', 'c:1', 'd:1', 'e:1', 'f:1', 'g:1'], {
    ...EJECTION,
    outlier_ejection: { ...EJECTION.outlier_ejection, max_ejection_percent: 30 },
  })
  let n = 0
  kit.at('a:1').reply = () => DOWN
  kit.at('b:1').reply = () => DOWN
  kit.at('c:1').reply = () => (n++ % 2 === 0 ? DOWN : SENT)

  await sendMany(kit, 210)
  await kit.services.clock.advance(10_000)

  assert.deepEqual(
    ['a:1', 'b:1', 'c:1', 'd:1'].map(name => kit.metric('healthy', name)),
    [0, 0, 1, 1],
  )
})

test('when none is well all are used', async () => {
  const kit = await startPool(['a:1', 'b:1', 'c:1'], CHECKS)
  await settle()
  for (const name of ['a:1', 'b:1', 'c:1']) kit.health.set(name, 'connection refused')
  await kit.services.clock.advance(30_000)

  await sendMany(kit, 30)

  assert.deepEqual(kit.counts(), { 'a:1': 10, 'b:1': 10, 'c:1': 10 })
  assert.equal(kit.services.meter.total('millrace_endpoint_panic'), 1)
})

test('under panic_threshold all are used although some are well', async () => {
  const kit = await startPool(['a:1', 'b:1', 'c:1'], { ...CHECKS, panic_threshold: 50 })
  const { clock } = kit.services
  await settle()
  kit.health.set('a:1', 'connection refused')
  await clock.advance(30_000)
  const oneOut = await shareOf(kit, 'a:1', 30)
  kit.health.set('b:1', 'connection refused')
  await clock.advance(30_000)
  const twoOut = await shareOf(kit, 'a:1', 30)

  assert.deepEqual([oneOut, twoOut], [0, 10])
})

test('a panic does not open breakers: nothing is sent where a breaker says no', async () => {
  const kit = await startPool(['a:1', 'b:1'], {
    health_check: { interval: '10s', jitter: 0 },
    circuit_breaker: { consecutive_failures: 1, open_interval: '30s' },
  })
  await settle()
  for (const name of ['a:1', 'b:1']) kit.health.set(name, 'connection refused')
  await kit.services.clock.advance(30_000)
  kit.at('a:1').reply = () => DOWN
  await sendMany(kit, 4)

  await sendMany(kit, 10)

  assert.equal(kit.at('a:1').requests, 1)
})
