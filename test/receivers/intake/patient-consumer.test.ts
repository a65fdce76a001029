/** What is offered again until it is taken: when, how it is booked meanwhile, and how it ends. */
import assert from 'node:assert/strict'
import test from 'node:test'
import { ACCEPTED, busy, type Outcome, refused } from '../../../src/core/outcome.ts'
import { PatientConsumer } from '../../../src/receivers/intake/patient-consumer.ts'
import { makeBatch } from '../../../src/testing/builders.ts'
import { CollectingConsumer, fakeServices, settle } from '../../../src/testing/fakes.ts'

function start() {
  const services = fakeServices()
  const next = new CollectingConsumer()
  const patient = new PatientConsumer(next, services.clock, services.ledger)
  const held = () => services.ledger.rows().reduce((sum, row) => sum + row.held, 0)
  return { ...services, next, patient, held }
}

test('answers at once what the next one decides at once', () => {
  const { next, patient } = start()
  const batch = makeBatch(1)

  assert.equal(patient.consume(batch), ACCEPTED)

  next.answer = ({ items }) => refused(items, 'bad_data', 'no')
  const outcome = patient.consume(makeBatch(1)) as Outcome
  assert.equal(outcome.kind, 'refused')
})

test('offers again after the time that was asked for, at most a second, and holds it in between', async () => {
  const { next, patient, clock, held } = start()
  const answers = [busy(200), Promise.resolve(busy(30_000)), ACCEPTED]
  next.answer = () => answers.shift()!
  const batch = makeBatch(3)

  const outcome = patient.consume(batch)
  assert.equal(held(), 3)
  await clock.advance(199)
  assert.equal(answers.length, 2)
  await clock.advance(1)
  assert.equal(answers.length, 1)
  assert.equal(held(), 3)
  await clock.advance(1000)

  assert.equal(await outcome, ACCEPTED)
  assert.equal(held(), 0)
  assert.deepEqual(next.batches, [batch])
})

test('gives back what waits when it gives up, and waits for nothing from then on', async () => {
  const { next, patient, clock, held } = start()
  next.answer = () => busy(500, 'unavailable')
  const outcome = patient.consume(makeBatch(2))

  patient.giveUp()
  patient.giveUp()

  assert.deepEqual(await outcome, busy(500, 'unavailable'))
  assert.deepEqual(patient.consume(makeBatch(1)), busy(500, 'unavailable'))
  assert.equal(held(), 0)
  assert.equal(clock.pending, 0)
  await settle()
  assert.equal(next.batches.length, 0)
})
