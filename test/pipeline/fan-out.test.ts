/** Fan-out: who owns what afterwards, and what the caller hears, for every mix of answers. */
import assert from 'node:assert/strict'
import test from 'node:test'
import fc from 'fast-check'
import { ACCEPTED, busy, type Outcome, refused } from '../../src/core/outcome.ts'
import { FanOut } from '../../src/pipeline/fan-out.ts'
import { AccountingLedger } from '../../src/telemetry/ledger.ts'
import { makeBatch } from '../../src/testing/builders.ts'
import { CollectingConsumer } from '../../src/testing/fakes.ts'

function fanOut(answers: readonly (Outcome | Promise<Outcome>)[]) {
  const ledger = new AccountingLedger()
  const consumers = answers.map(answer => {
    const consumer = new CollectingConsumer()
    consumer.answer = () => answer
    return consumer
  })
  const branches = consumers.map((consumer, i) => ({ id: `exporter/${i}`, consumer }))
  return { ledger, consumers, fan: new FanOut(branches, ledger) }
}

test('shares the payload with every consumer and frees it after the last has let go', () => {
  let freed = 0
  const { fan, consumers } = fanOut([ACCEPTED, ACCEPTED, ACCEPTED])

  const outcome = fan.consume(makeBatch(3, { onFree: () => freed++ }))

  assert.equal(outcome, ACCEPTED)
  assert.equal(consumers[0].batches[0].parts[0].payload, consumers[2].batches[0].parts[0].payload)
  for (const [i, consumer] of consumers.entries()) {
    assert.equal(freed, 0, `freed before consumer ${i} let go`)
    consumer.releaseAll()
  }
  assert.equal(freed, 1)
})

test('drops the copy for a full consumer by its name when another took the batch', () => {
  const { fan, ledger } = fanOut([ACCEPTED, busy(500)])

  const outcome = fan.consume(makeBatch(4))

  assert.equal(outcome, ACCEPTED)
  assert.deepEqual(ledger.rows()[0].dropped, [
    { stage: 'exporter/1', reason: 'queue_full', intentional: false, items: 4 },
  ])
  assert.equal(ledger.rows()[0].copied, 4)
})

test('answers busy with the longest wait when nobody took the batch, and books nothing', () => {
  const { fan, ledger } = fanOut([busy(500), busy(900), refused(4, 'rejected', 'no')])

  const outcome = fan.consume(makeBatch(4))

  assert.deepEqual(outcome, busy(900))
  assert.equal(ledger.rows()[0].copied, 0)
  assert.deepEqual(ledger.rows()[0].dropped, [])
})

test('answers with the refusal when everybody refuses', () => {
  const no = refused(4, 'bad_data', 'no')
  const { fan } = fanOut([no, no])

  assert.equal(fan.consume(makeBatch(4)), no)
})

test('frees the payload exactly once and balances the ledger for every mix of answers', async () => {
  const answer = fc.oneof(
    fc.constant<Outcome>(ACCEPTED),
    fc.constant<Outcome>(busy(100)),
    fc.constant<Outcome>(refused(5, 'rejected', 'all')),
    fc.constant<Outcome>(refused(2, 'bad_data', 'some')),
  )
  const timed = fc.tuple(answer, fc.boolean())
  await fc.assert(
    fc.asyncProperty(fc.array(timed, { minLength: 2, maxLength: 5 }), async mix => {
      let freed = 0
      const { fan, ledger, consumers } = fanOut(
        mix.map(([outcome, isLate]) => (isLate ? Promise.resolve(outcome) : outcome)),
      )
      const batch = makeBatch(5, { onFree: () => freed++ })
      ledger.accepted('default', 'traces', 5)

      const outcome = await fan.consume(batch)

      if (outcome.kind !== 'accepted') {
        ledger.unaccepted('default', 'traces', 5, outcome.kind)
        batch.release()
      }
      // A consumer that refuses some took the others and owns its share.
      for (const [i, [given]] of mix.entries()) {
        const isPartial = given.kind === 'refused' && given.items < 5
        if (given.kind !== 'accepted' && !isPartial) continue
        ledger.sent('default', 'traces', given.kind === 'refused' ? 5 - given.items : 5)
        if (isPartial) batch.release()
        else consumers[i].releaseAll()
      }
      assert.equal(freed, 1)
      assert.ok(ledger.rows()[0].balanced, JSON.stringify(ledger.rows()[0]))
    }),
  )
})
