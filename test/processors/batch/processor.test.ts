/** `batch`: when it sends, what it keeps apart, what it does while the next stage is slow, and that nothing gets lost. */
import assert from 'node:assert/strict'
import test from 'node:test'
import fc from 'fast-check'
import { ACCEPTED, busy, type Outcome, refused } from '../../../src/core/outcome.ts'
import { type BatchConfig, config as spec } from '../../../src/processors/batch/config.ts'
import { BatchProcessor } from '../../../src/processors/batch/processor.ts'
import { makeBatch } from '../../../src/testing/builders.ts'
import {
  assertBalanced,
  CollectingConsumer,
  fakeServices,
  settle,
} from '../../../src/testing/fakes.ts'

function start(settings: Partial<Record<keyof BatchConfig, unknown>> = {}) {
  const services = fakeServices()
  const next = new CollectingConsumer()
  const config = spec.schema.parse(settings)
  const processor = new BatchProcessor(
    { ...services, id: 'batch', config, signals: ['traces'] },
    next,
  )
  return { ...services, next, processor }
}

test('joins requests until the batch is full', () => {
  const { processor, next, meter } = start({ send_batch_size: 10 })

  for (const items of [4, 4]) assert.equal(processor.consume(makeBatch(items)), ACCEPTED)
  assert.equal(next.items, 0)
  processor.consume(makeBatch(4))

  assert.deepEqual(
    next.batches.map(batch => [batch.parts.length, batch.items]),
    [[3, 12]],
  )
  assert.equal(meter.total('otelcol_processor_batch_batch_size_trigger_send'), 1)
})

test('sends a small batch after the time-out', async () => {
  const { processor, next, clock, meter } = start({ timeout: '200ms' })
  processor.consume(makeBatch(3))

  await clock.advance(199)
  assert.equal(next.items, 0)
  await clock.advance(1)

  assert.equal(next.items, 3)
  assert.equal(meter.total('otelcol_processor_batch_timeout_trigger_send'), 1)
  assert.equal(clock.pending, 0)
})

test('splits what is larger than the greatest size', () => {
  const { processor, next } = start({ send_batch_size: 4, send_batch_max_size: 4 })

  processor.consume(makeBatch(10))

  assert.deepEqual(
    next.batches.map(batch => batch.items),
    [4, 4, 2],
  )
})

test('keeps signals, tenants and metadata values apart', async () => {
  const { processor, next, clock } = start({ metadata_keys: ['X-Team'] })
  const context = (team: string) => ({ metadata: new Map([['x-team', [team]]]), peer: '' })

  processor.consume(makeBatch(1, { context: context('a') }))
  processor.consume(makeBatch(1, { context: context('b') }))
  processor.consume(makeBatch(1, { context: context('a') }))
  processor.consume(makeBatch(1, { tenant: 'other', context: context('a') }))
  processor.consume(makeBatch(1, { signal: 'logs', context: context('a') }))
  await clock.advance(200)

  assert.deepEqual(next.batches.map(batch => batch.items).sort(), [1, 1, 1, 2])
  assert.deepEqual(next.batches[0].context.metadata.get('x-team'), ['a'])
})

test('refuses one more combination of metadata values than the limit', () => {
  const { processor } = start({ metadata_keys: ['team'], metadata_cardinality_limit: 1 })
  const context = (team: string) => ({ metadata: new Map([['team', [team]]]), peer: '' })
  processor.consume(makeBatch(1, { context: context('a') }))

  const outcome = processor.consume(makeBatch(1, { context: context('b') })) as Outcome

  assert.equal(outcome.kind, 'refused')
})

test('values that one tenant makes up leave the others theirs, and make room when nothing waits', async () => {
  const { processor, clock } = start({ metadata_keys: ['team'], metadata_cardinality_limit: 2 })
  const send = (tenant: string, team: string) => {
    const context = { metadata: new Map([['team', [team]]]), peer: '' }
    return (processor.consume(makeBatch(1, { tenant, context })) as Outcome).kind
  }

  const flood = ['1', '2', '3', '4'].map(team => send('a', team))
  const neighbour = send('b', '1')
  await clock.advance(60_000)
  const later = send('a', '5')

  assert.deepEqual(flood, ['accepted', 'accepted', 'refused', 'refused'])
  assert.equal(neighbour, 'accepted')
  assert.equal(later, 'accepted')
})

test('tenants that come once are forgotten', async () => {
  const { processor, clock, meter } = start()
  const cardinality = () =>
    [...meter.reads].find(([name]) => name.includes('cardinality'))?.[1]() ?? -1
  for (let i = 0; i < 1000; i++) {
    processor.consume(makeBatch(1, { tenant: `t${i}` }))
    if (i % 100 === 0) await clock.advance(10_000)
  }

  assert.ok(cardinality() <= 200, `${cardinality()} are remembered`)
})

test('keeps a batch that the next stage cannot take, and answers busy when two wait', async () => {
  const { processor, next, clock, ledger } = start({ send_batch_size: 2 })
  next.answer = () => busy(300)

  assert.equal(processor.consume(makeBatch(2)), ACCEPTED)
  assert.equal(processor.consume(makeBatch(2)), ACCEPTED)
  assert.equal((processor.consume(makeBatch(2)) as Outcome).kind, 'busy')
  next.answer = () => ACCEPTED
  await clock.advance(300)

  assert.deepEqual(
    next.batches.map(batch => batch.items),
    [2, 2],
  )
  assert.equal(
    ledger.rows().reduce((held, row) => held + row.held, 0),
    0,
  )
})

test('hands on what it holds when it stops, and drops by name what nobody takes until the deadline', async () => {
  const { processor, next, ledger } = start()
  next.answer = () => busy(100)
  ledger.accepted('default', 'traces', 3)
  processor.consume(makeBatch(3))
  const deadline = new AbortController()

  const stopped = processor.stop(deadline.signal)
  deadline.abort()
  await stopped

  assertBalanced(ledger)
  assert.equal(ledger.rows()[0].dropped[0].reason, 'shutdown')
})

test('leaves a batch on the book that the next stage has not answered for at the deadline', async () => {
  for (const answer of [ACCEPTED, busy(100)]) {
    const { processor, next, ledger } = start()
    let freed = 0
    let reply = (_: Outcome): void => {}
    const late = new Promise<Outcome>(resolve => {
      reply = resolve
    })
    next.answer = () => late
    ledger.accepted('default', 'traces', 3)
    processor.consume(makeBatch(3, { onFree: () => freed++ }))

    await processor.stop(AbortSignal.abort())
    assert.equal(ledger.rows()[0].held, 3)
    reply(answer)
    await settle()
    if (answer === ACCEPTED) ledger.sent('default', 'traces', 3)
    next.releaseAll()

    assertBalanced(ledger)
    assert.equal(freed, 1)
  }
})

test('lets go of a batch without items at once', async () => {
  const { processor, clock } = start()
  let freed = 0

  assert.equal(processor.consume(makeBatch(0, { onFree: () => freed++ })), ACCEPTED)

  assert.equal(freed, 1)
  assert.equal(clock.pending, 0)
})

test('asks a busy next stage again soon, however long clients are told to wait', async () => {
  const { processor, next, clock } = start({ send_batch_size: 2 })
  next.answer = () => busy(30_000)
  processor.consume(makeBatch(2))
  processor.consume(makeBatch(2))

  assert.deepEqual(processor.consume(makeBatch(2)), busy(30_000))
  next.answer = () => ACCEPTED
  await clock.advance(100)

  assert.equal(next.items, 4)
})

test('loses nothing, whatever the next stage answers and whenever', async () => {
  const answer = fc.constantFrom<'accepted' | 'busy' | 'refused' | 'late'>(
    ...(['accepted', 'accepted', 'busy', 'refused', 'late'] as const),
  )
  await fc.assert(
    fc.asyncProperty(
      fc.array(fc.integer({ min: 1, max: 9 }), { maxLength: 30 }),
      fc.array(answer, { maxLength: 60 }),
      async (sizes, answers) => {
        const { processor, next, clock, ledger } = start({
          send_batch_size: 8,
          send_batch_max_size: 8,
        })
        let freed = 0
        let made = 0
        next.answer = batch => {
          const kind = answers.shift() ?? 'accepted'
          if (kind === 'busy') return busy(50)
          if (kind === 'refused') return refused(batch.items, 'rejected', 'no')
          ledger.sent('default', 'traces', batch.items)
          return kind === 'late'
            ? new Promise(resolve => clock.after(20, () => resolve(ACCEPTED)))
            : ACCEPTED
        }
        for (const size of sizes) {
          const batch = makeBatch(size, { onFree: () => freed++ })
          made++
          ledger.accepted('default', 'traces', size)
          const outcome = processor.consume(batch) as Outcome
          if (outcome.kind !== 'accepted') {
            ledger.unaccepted('default', 'traces', size, outcome.kind)
            batch.release()
          }
          await clock.advance(10)
        }
        await clock.advance(5000)
        await processor.stop(AbortSignal.abort())
        next.releaseAll()

        assertBalanced(ledger)
        assert.equal(freed, made)
      },
    ),
    { numRuns: 60 },
  )
})

test('sends what comes in at once when no size is set, as upstream does', () => {
  const { processor, next, clock } = start({ send_batch_size: 0 })

  processor.consume(makeBatch(3))

  assert.equal(next.items, 3)
  assert.equal(clock.pending, 0)
})
