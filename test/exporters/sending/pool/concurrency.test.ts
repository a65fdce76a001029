/** How many requests an endpoint gets at a time: what the algorithms learn, and what becomes of requests beyond it. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import {
  type ConcurrencyLimit,
  createLimit,
} from '../../../../src/exporters/sending/pool/concurrency.ts'
import { settle } from '../../../../src/testing/fakes.ts'
import { AbortSource } from '../../../../src/util/abort.ts'
import { balancingOf, DOWN, SENT, startPool } from './kit.ts'

function limitOf(config: object): ConcurrencyLimit {
  return createLimit(balancingOf({ adaptive_concurrency: config }).adaptive_concurrency!)
}

/**
 * A server that works on `capacity` requests at a time for 10 ms each; more wait there. Keeps it as busy as the limit
 * allows. Returns the limit at the end of each second.
 */
function drive(limit: ConcurrencyLimit, seconds: number, capacity: number, startMs = 0): number[] {
  const seen: number[] = []
  let nowMs = startMs
  for (let second = 0; second < seconds; second++) {
    const endMs = nowMs + 1000
    while (nowMs < endMs) {
      const inFlight = limit.limit
      const tookMs = 10 * Math.max(1, inFlight / capacity)
      nowMs += tookMs
      for (let i = 0; i < inFlight; i++) limit.ended(tookMs, inFlight, false, nowMs)
    }
    seen.push(limit.limit)
  }
  return seen
}

test('gradient grows to what the endpoint bears, and stays near it', () => {
  const limit = limitOf({ initial: 4, max: 200 })

  const seen = drive(limit, 120, 30)

  const late = seen.slice(60)
  assert.ok(Math.min(...late) >= 20, `fell to ${Math.min(...late)}`)
  assert.ok(Math.max(...late) <= 120, `rose to ${Math.max(...late)}`)
})

test('gradient falls when the endpoint gets slower and rises again afterwards', () => {
  const limit = limitOf({ initial: 20, max: 100 })
  const before = drive(limit, 60, 40).at(-1)!
  const slow = drive(limit, 5, 8, 60_000).at(-1)!
  const after = drive(limit, 60, 40, 65_000).at(-1)!

  assert.ok(slow < before * 0.6, `${before} then ${slow}`)
  assert.ok(after > slow * 1.5, `${slow} then ${after}`)
})

test('gradient gets used to an endpoint that has become slower for good', () => {
  const limit = limitOf({ initial: 20, max: 60 })
  drive(limit, 30, 200)
  const longer: number[] = []
  let nowMs = 30_000

  for (let round = 0; round < 4000; round++) {
    const inFlight = limit.limit
    nowMs += 40
    for (let i = 0; i < inFlight; i++) limit.ended(40, inFlight, false, nowMs)
    longer.push(limit.limit)
  }

  assert.ok(Math.min(...longer) <= 2, `fell to ${Math.min(...longer)}`)
  assert.equal(longer.at(-1), 60)
})

test('an endpoint that is not busy does not raise its limit', () => {
  const limit = limitOf({ initial: 10 })

  for (let ms = 0; ms < 60_000; ms += 20) limit.ended(10, 1, false, ms)

  assert.equal(limit.limit, 10)
})

for (const algorithm of ['gradient', 'aimd']) {
  test(`${algorithm} falls by its share at failures, once for a burst, and never under min`, () => {
    const limit = limitOf({ algorithm, initial: 50, min: 5, backoff_ratio: 0.5 })

    for (let i = 0; i < 40; i++) limit.ended(10, 50, true, 1000)
    const afterBurst = limit.limit
    for (let i = 0; i < 40; i++) limit.ended(10, 50, true, 2000 + i * 100)

    assert.equal(afterBurst, 25)
    assert.equal(limit.limit, 5)
  })
}

test('aimd adds one for each round of answers, up to max', () => {
  const limit = limitOf({ algorithm: 'aimd', initial: 4, max: 9 })
  const seen: number[] = []

  for (let round = 0; round < 8; round++) {
    const inFlight = limit.limit
    for (let i = 0; i < inFlight; i++) limit.ended(10, inFlight, false, round * 10)
    seen.push(limit.limit)
  }

  assert.ok(seen[3] >= 7 && seen[3] <= 8, `${seen}`)
  assert.equal(seen.at(-1), 9)
})

const TWO_EACH = { adaptive_concurrency: { initial: 2, min: 2, max: 2 } }

test('requests beyond the limits of all endpoints wait in turn and leave when one has room', async () => {
  const kit = await startPool(['a:1', 'b:1'], TWO_EACH)
  for (const endpoint of kit.made) endpoint.reply = null

  const sent = Array.from({ length: 6 }, () => kit.send())
  await settle()
  const first = [kit.at('a:1').open.length, kit.at('b:1').open.length]
  kit.at('a:1').open[0].answer(SENT)
  await settle()
  const then = [kit.at('a:1').open.length, kit.at('b:1').open.length, kit.at('a:1').requests]
  for (let i = 0; i < 3; i++) {
    for (const { open } of kit.made) for (const { answer } of [...open]) answer(SENT)
    await settle()
  }

  assert.deepEqual(first, [2, 2])
  assert.deepEqual(then, [2, 2, 3])
  assert.deepEqual(await Promise.all(sent), Array(6).fill(SENT))
  assert.equal(kit.metric('in_flight', 'a:1'), 0)
})

test('a wait for room ends with the attempt, and its place goes to the next', async () => {
  const kit = await startPool(['a:1'], TWO_EACH)
  const a = kit.at('a:1')
  a.reply = null
  const busy = [kit.send(), kit.send()]
  await settle()
  const abort = new AbortSource()
  const late = kit.send(kit.batch(), abort)
  const next = kit.send()
  await settle()

  abort.abort(new Error('no answer within 5000 ms'))
  const result = await late
  for (let i = 0; i < 2; i++) {
    for (const { answer } of [...a.open]) answer(SENT)
    await settle()
  }

  assert.equal(result.kind, 'retry')
  assert.match(result.message!, /no endpoint had room/)
  assert.deepEqual(await Promise.all([...busy, next]), [SENT, SENT, SENT])
  assert.equal(a.requests, 3)
})

test('so many requests wait at most; more are told to come again', async () => {
  const kit = await startPool(['a:1'], TWO_EACH)
  kit.at('a:1').reply = null
  const batch = kit.batch()

  const sent = Array.from({ length: 1003 }, () => kit.send(batch))
  const result = await sent[1002]
  kit.at('a:1').reply = () => SENT
  for (const { answer } of [...kit.at('a:1').open]) answer(SENT)
  const others = await Promise.all(sent.slice(0, 1002))

  assert.match(result.message!, /too many requests wait/)
  assert.ok(others.every(({ kind }) => kind === 'sent'))
})

test('an endpoint that fails gets fewer requests at a time than its peer', async () => {
  const kit = await startPool(['a:1', 'b:1'], {
    circuit_breaker: { enabled: false },
    adaptive_concurrency: { algorithm: 'aimd', initial: 8, backoff_ratio: 0.5 },
  })
  kit.at('a:1').reply = () => DOWN
  for (let i = 0; i < 12; i++) {
    await kit.send()
    await kit.services.clock.advance(100)
  }

  assert.equal(kit.metric('concurrency_limit', 'a:1'), 1)
  assert.ok(kit.metric('concurrency_limit', 'b:1')! >= 8)
})
