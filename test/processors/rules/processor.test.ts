/** The `rules` processor on batches: ways, books, ownership of bytes, and answers to the sender. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { busy, refused } from '../../../src/core/outcome.ts'
import { assertBalanced, fakeHost, settle } from '../../../src/testing/fakes.ts'
import { deliverAll, type Kit, makeKit, namesOf, startKit, traceOf } from './kit.ts'

/** Nothing is lost and no bytes are held once everything is delivered. */
function assertSettled(kit: Kit): void {
  deliverAll(kit)
  assertBalanced(kit.services.ledger)
  assert.equal(kit.held(), 0, 'payloads are still held')
}

test('what no rule touches goes on as the same batch', async t => {
  const kit = await startKit(t, '  - { name: one, when: name == "x", do: drop }')
  const batch = kit.batch(['a', 'b'])

  assert.equal((await kit.processor.consume(batch)).kind, 'accepted')

  assert.equal(kit.next.batches[0], batch)
  assertSettled(kit)
})

test('drops are booked as intentional, under the name of the rule', async t => {
  const kit = await startKit(t, '  - { name: health, when: name == "a", do: drop }')

  await kit.processor.consume(kit.batch(['a', 'b', 'a']))

  assert.deepEqual(namesOf(kit.next), ['b'])
  assert.deepEqual(kit.services.ledger.rows()[0].dropped, [
    { stage: 'rules', reason: 'health', intentional: true, items: 2 },
  ])
  assert.equal(kit.services.meter.total('millrace_rules_drops'), 2)
  assertSettled(kit)
})

test('a batch of which nothing is left is accepted and gone', async t => {
  const kit = await startKit(t, '  - { name: all, do: drop }')

  assert.equal((await kit.processor.consume(kit.batch(['a']))).kind, 'accepted')

  assert.equal(kit.next.items, 0)
  assertSettled(kit)
})

test('routes by name, to several, and the rest to the default', async t => {
  const kit = await startKit(
    t,
    `  - { name: one, when: name == "a", do: { route: [a, b] } }
  - { name: two, when: name == "b", do: { route: [b] } }`,
  )

  await kit.processor.consume(kit.batch(['a', 'b', 'c']))

  assert.deepEqual(namesOf(kit.to.a), ['a'])
  assert.deepEqual(namesOf(kit.to.b), ['a', 'b'])
  assert.deepEqual(namesOf(kit.next), ['c'])
  assert.equal(kit.services.ledger.rows()[0].copied, 1)
  assertSettled(kit)
})

test('edits reach every destination, and what was sent in stays as it is', async t => {
  const kit = await startKit(
    t,
    `  - { name: rename, when: name == "a", do: ['set(name, "z")'] }
  - { name: copy, when: name == "z", do: { mirror: m, route: [a] } }`,
  )
  const batch = kit.batch(['a', 'b'])
  const before = Buffer.from(batch.parts[0].payload.bytes)

  await kit.processor.consume(batch)

  assert.deepEqual(namesOf(kit.to.a), ['z'])
  assert.deepEqual(namesOf(kit.to.m), ['z'])
  assert.deepEqual(namesOf(kit.next), ['b'])
  assert.deepEqual(Buffer.from(batch.parts[0].payload.bytes), before)
  assertSettled(kit)
})

test('importance goes with the items', async t => {
  const kit = await startKit(t, '  - { name: keep, when: name == "b", do: { importance: 7 } }')

  await kit.processor.consume(kit.batch(['a', 'b']))

  assert.deepEqual([...kit.next.batches[0].parts[0].importance!], [0, 7])
  assertSettled(kit)
})

test('importance outlives edits and drops of a later rules processor', async t => {
  const first = await startKit(
    t,
    `  - { name: rename, do: ['set(name, Concat([name, "x"], ""))'] }
  - { name: keep, when: name == "bx" or name == "cx", do: { importance: 7 } }
  - { name: drop, when: name == "ax", do: drop }`,
  )
  const second = await startKit(
    t,
    `  - { name: less, when: name == "cx", do: { edit: ['set(name, "z")'], importance: -1 } }`,
  )
  await first.processor.consume(first.batch(['a', 'b', 'c']))
  const [batch] = first.next.batches.splice(0)

  await second.processor.consume(batch)

  assert.deepEqual(namesOf(second.next), ['bx', 'z'])
  assert.deepEqual([...second.next.batches[0].parts[0].importance!], [7, -1])
  assert.equal(first.held(), 0)
})

test('a mirror that is down changes nothing for the original', async t => {
  const kit = await startKit(t, '  - { name: shadow, do: { mirror: m } }')
  kit.to.m.answer = () => busy(100)

  assert.equal((await kit.processor.consume(kit.batch(['a']))).kind, 'accepted')

  assert.deepEqual(namesOf(kit.next), ['a'])
  assert.equal(kit.services.ledger.rows()[0].dropped[0].reason, 'mirror_busy')
  assertSettled(kit)
})

test('a dropped item may have been mirrored', async t => {
  const kit = await startKit(
    t,
    `  - { name: shadow, do: { mirror: m } }
  - { name: all, do: drop }`,
  )

  await kit.processor.consume(kit.batch(['a', 'b']))

  assert.deepEqual(namesOf(kit.to.m), ['a', 'b'])
  assertSettled(kit)
})

test('when the only destination is busy the sender keeps the batch, and nothing is counted', async t => {
  const kit = await startKit(t, '  - { name: some, when: name == "a", do: drop }')
  kit.next.answer = () => busy(300)
  const batch = kit.batch(['a', 'b'])

  assert.deepEqual(await kit.processor.consume(batch), busy(300))

  assert.equal(kit.services.ledger.rows()[0].dropped.length, 0)
  assert.equal(kit.services.meter.total('millrace_rules_hits'), 0)
  kit.next.answer = () => ({ kind: 'accepted' })
  await kit.processor.consume(batch)
  assertSettled(kit)
})

test('a destination that is busy when others have taken theirs is asked again', async t => {
  const kit = await startKit(t, '  - { name: one, when: name == "a", do: { route: [a] } }')
  let attempts = 0
  kit.to.a.answer = () => (++attempts < 3 ? busy(100) : { kind: 'accepted' })

  const outcome = kit.processor.consume(kit.batch(['a', 'b']))
  await settle()
  assert.deepEqual(namesOf(kit.next), ['b'])
  await kit.services.clock.advance(1000)

  assert.equal((await outcome).kind, 'accepted')
  assert.deepEqual(namesOf(kit.to.a), ['a'])
  assertSettled(kit)
})

test('what a busy destination has not taken in time is dropped by its name', async t => {
  const kit = await startKit(t, '  - { name: one, when: name == "a", do: { route: [a] } }', {
    max_wait: '2s',
  })
  kit.to.a.answer = () => busy(100)

  const outcome = kit.processor.consume(kit.batch(['a', 'b']))
  await kit.services.clock.advance(3000)

  assert.equal((await outcome).kind, 'accepted')
  assert.deepEqual(kit.services.ledger.rows()[0].dropped, [
    { stage: 'a', reason: 'queue_full', intentional: false, items: 1 },
  ])
  assertSettled(kit)
})

test('when nobody takes anything the batch goes back whole', async t => {
  const kit = await startKit(t, '  - { name: one, when: name == "a", do: { route: [a, b] } }')
  kit.to.a.answer = () => busy(100)
  kit.to.b.answer = () => busy(700)
  kit.next.answer = () => refused(1, 'rejected', 'no')
  const batch = kit.batch(['a', 'b'])

  assert.deepEqual(await kit.processor.consume(batch), busy(700))

  assert.equal(kit.services.ledger.rows()[0].copied, 0)
  assert.equal(kit.held(), 1)
})

test('of a batch whose rest is refused, the drops stand and the rest is told', async t => {
  const kit = await startKit(t, '  - { name: some, when: name == "a", do: drop }')
  kit.next.answer = batch => refused(batch.items, 'rejected', 'no')
  const batch = kit.batch(['a', 'b', 'c'])

  const outcome = await kit.processor.consume(batch)

  assert.deepEqual(outcome, refused(2, 'rejected', 'no'))
  kit.services.ledger.unaccepted('default', 'traces', 2, 'rejected')
  assertSettled(kit)
})

test('rules for tenants see who sent a batch', async t => {
  const kit = await startKit(t, '  - { name: shop, tenants: [shop-*], do: drop }')

  await kit.processor.consume(kit.batch(['a'], 'shop-1'))
  await kit.processor.consume(kit.batch(['b'], 'bank'))

  assert.deepEqual(namesOf(kit.next), ['b'])
  assertSettled(kit)
})

test('an error that is to be propagated refuses the batch', async t => {
  const kit = await startKit(
    t,
    `  - { name: bad, error_mode: propagate, when: 'Int(name) + 1 == 2', do: drop }`,
  )
  const batch = kit.batch(['a'])

  const outcome = await kit.processor.consume(batch)

  assert.equal(outcome.kind, 'refused')
  assert.equal(kit.services.meter.total('millrace_rules_errors'), 1)
  assert.equal(kit.held(), 1)
})

test('does not start with rules that are not valid, and says where', async t => {
  const kit = makeKit(t, '  - { name: one, do: { route: [nowhere] } }')

  await assert.rejects(
    kit.processor.start(fakeHost()),
    /r\.yaml:3:32: .*there is no exporter "nowhere"/,
  )
})

test('tells why a sampled trace went where it went', async t => {
  const kit = await startKit(
    t,
    `  - { name: rename, do: ['set(name, "z")'] }
  - { name: health, when: name == "z" and kind == 0, do: drop }`,
    { decisions: { sample_rate: 1, size: 2 } },
  )

  await kit.processor.consume(kit.batch(['a', 'b', 'c']))

  assert.deepEqual(kit.processor.ruleControl.why(traceOf(0)), [])
  const [decision] = kit.processor.ruleControl.why(traceOf(2))
  assert.equal(decision.rule, 'health')
  assert.equal(decision.action, 'dropped it')
  assert.deepEqual(decision.because, [
    'true: name == "z" (name = "z")',
    'true: kind == 0 (kind = 0)',
  ])
})
