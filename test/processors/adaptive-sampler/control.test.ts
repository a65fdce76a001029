/** What operators are told of an `adaptive_sampler`, and what it hears from them. */
import assert from 'node:assert/strict'
import test from 'node:test'
import { describeKey } from '../../../src/processors/adaptive-sampler/describe-key.ts'
import { shopTrace, startSampler, traceId } from './kit.ts'

test('explains a kept and a dropped trace', async t => {
  const sampler = await startSampler(t, {
    always_keep: ['attributes["user"] == "boss"'],
    never_keep: ['attributes["user"] == "bot"'],
  })
  sampler.send(shopTrace(1, { attributes: { user: 'boss' } }))
  sampler.send(shopTrace(2, { attributes: { user: 'bot' } }))
  await sampler.decide()

  const [[kept], [dropped]] = [1, 2].map(n => sampler.control.explain(traceId(n)))

  assert.deepEqual(
    [kept.kept, kept.reason, kept.probability, kept.threshold, kept.spans, kept.tenant],
    [true, 'rule', 1, '0', 3, 'default'],
  )
  assert.match(kept.model, /^network /)
  assert.deepEqual([dropped.kept, dropped.probability], [false, 0])
  assert.deepEqual(sampler.control.explain(traceId(3)), [])
  await sampler.finish()
})

test('names from spans cannot steer the terminal of who asks', () => {
  const describe = () => ({ tenant: 'a', service: 's\u001b[2J', name: 'x\n\u009b0m', kind: 2 })
  const told = describeKey({ why: 1, operation: 0, callee: -1 }, { describe, count: 1 })
  assert.equal(told, 's\ufffd[2J x\ufffd\ufffd0m (server): own time')
})

test('names what stood out', async t => {
  const sampler = await startSampler(t, { budget: { ratio: 1 } })
  for (let n = 0; n < 3000; n++) {
    sampler.send(shopTrace(n))
    if (n % 500 === 499) await sampler.clock.advance(1000)
  }

  sampler.send(shopTrace(9999, { slow: 80_000 }))
  await sampler.decide()

  const [{ evidence, score }] = sampler.control.explain(traceId(9999))
  const [{ score: usual }] = sampler.control.explain(traceId(2500))
  assert.equal(evidence?.key, 'payment charge (server): own time')
  assert.ok(score > usual, `${score} > ${usual}`)
  await sampler.finish()
})

test('takes feedback about traces that it has noted', async t => {
  const sampler = await startSampler(t)
  sampler.send(shopTrace(1))
  await sampler.decide()

  assert.equal(sampler.control.feedback(traceId(1), 'useful'), null)
  assert.match(sampler.control.feedback(traceId(2), 'noise') ?? '', /nothing is noted/)
  assert.deepEqual(sampler.control.view().feedback, { useful: 1, noise: 0 })
  await sampler.finish()
})

test('the same word about a trace counts once, and another one takes its place', async t => {
  const sampler = await startSampler(t)
  sampler.send(shopTrace(1))
  sampler.send(shopTrace(2))
  await sampler.decide()
  const said = (trace: number, verdict: 'useful' | 'noise') =>
    assert.equal(sampler.control.feedback(traceId(trace), verdict), null)

  said(1, 'useful')
  said(1, 'useful')
  said(2, 'useful')
  assert.deepEqual(sampler.control.view().feedback, { useful: 2, noise: 0 })
  said(1, 'noise')
  said(1, 'noise')

  assert.deepEqual(sampler.control.view().feedback, { useful: 1, noise: 1 })
  assert.equal(sampler.meter.total('millrace_sampler_feedback'), 3)
  await sampler.finish()
})

test('compares models in shadow and as arms', async t => {
  const sampler = await startSampler(t, {
    model: 'heuristic',
    challengers: [
      { model: 'rules', mode: 'split' },
      { model: 'half_space_trees', mode: 'shadow' },
    ],
  })
  for (let n = 0; n < 4000; n++) {
    sampler.send(shopTrace(n, n % 50 === 0 ? { status: 2 } : {}))
    if (n % 500 === 499) await sampler.clock.advance(1000)
  }
  await sampler.decide()

  const { arms, verdicts } = sampler.control.compare()

  assert.deepEqual(
    arms.map(({ model, role }) => [model, role]),
    [
      ['heuristic', 'live'],
      ['rules', 'arm'],
      ['half_space_trees', 'shadow'],
    ],
  )
  const [live, arm] = arms
  assert.equal(live.traces + arm.traces, 4000)
  assert.ok(Math.abs(live.traces - arm.traces) < 300)
  assert.ok(live.symptomatic > 20 && arm.symptomatic > 20)
  assert.deepEqual(
    verdicts.map(({ challenger }) => challenger),
    ['rules', 'half_space_trees'],
  )
  await sampler.finish()
})
