/** Batches that were taken in part, of which somebody waits for the result: what is sent again, and what is booked. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { busy, type Outcome } from '../../../src/core/outcome.ts'
import type { HasQueueControl } from '../../../src/core/queue-control.ts'
import { type Message, PieceSender } from '../../../src/exporters/sending/pieces.ts'
import type { SendResult } from '../../../src/exporters/sending/sender.ts'
import { assertBalanced, settle } from '../../../src/testing/fakes.ts'
import { droppedItems, SENT, sentItems, startSending } from './kit.ts'

const RETRY: SendResult = { kind: 'retry', message: 'not now' }
const BAD: SendResult = { kind: 'drop', reason: 'bad_data', message: 'broken' }
const NO_QUEUE = { sending_queue: { enabled: false } }
const NO_RETRY = { retry_on_failure: { enabled: false } }

/** An exporter without a queue that sends each item as a request of its own; `posted` says which. */
function startItems(config: object, answer: (item: number) => SendResult) {
  const kit = startSending({ ...NO_QUEUE, ...config })
  const pieces = new PieceSender(0)
  const destination = { ...kit, posted: [] as number[], answer }
  kit.sender.attempt = ({ batch }) => {
    const messages = Array.from({ length: batch.items }, (_, i) => oneItem(i))
    return pieces.send(batch, { messages, refused: 0, refusal: BAD }, async ({ chunks }) => {
      destination.posted.push(chunks[0][0])
      return destination.answer(chunks[0][0])
    })
  }
  kit.sender.progressOf = batch => pieces.progress(batch)
  return destination
}

function oneItem(number: number): Message {
  return {
    items: 1,
    size: () => 1,
    encode: () => ({ chunks: [Uint8Array.of(number)], byteLength: 1 }),
  }
}

/** The owner books what was refused, as it does with the answer; the rest was sent. */
function assertRefused(kit: ReturnType<typeof startItems>, refused: number, sent: number): void {
  assert.equal(sentItems(kit), sent)
  assert.equal(kit.services.meter.total('otelcol_exporter_sent_spans'), sent)
  kit.services.ledger.unaccepted('default', 'traces', refused, 'rejected')
  assertBalanced(kit.services.ledger)
}

test('an owner that hands a batch in again has only the rest of it sent', async () => {
  const kit = startItems(NO_RETRY, item => (item < 2 ? SENT : RETRY))
  const { batch, freed } = kit.batch(4)
  const first = await kit.exporter.consume(batch)
  assert.equal(sentItems(kit), 0)
  kit.posted.length = 0
  kit.answer = () => SENT

  const second = await kit.exporter.consume(batch)

  assert.equal(first.kind, 'busy')
  assert.deepEqual(second, { kind: 'accepted' })
  assert.deepEqual(kit.posted, [2, 3])
  assert.equal(sentItems(kit), 4)
  assert.equal(kit.services.meter.total('otelcol_exporter_sent_spans'), 4)
  assert.equal(kit.services.meter.total('otelcol_exporter_send_failed_spans'), 2)
  assert.ok(freed())
  assertBalanced(kit.services.ledger)
})

test('an owner that hands a batch in many times has each item sent until it is taken, and refused once', async () => {
  const kit = startItems(NO_RETRY, () => RETRY)
  const { batch, freed } = kit.batch(5)
  const kinds: string[] = []
  for (let taken = 0; taken < 5; taken++) {
    kit.answer = item => (item === 0 ? BAD : item <= taken ? SENT : RETRY)
    kinds.push((await kit.exporter.consume(batch)).kind)
  }

  assert.deepEqual(kinds, ['busy', 'busy', 'busy', 'busy', 'accepted'])
  assert.equal(kit.posted.filter(item => item === 0).length, 1)
  assert.equal(kit.posted.filter(item => item === 1).length, 2)
  assert.equal(sentItems(kit), 4)
  assert.equal(droppedItems(kit, 'rejected_by_destination'), 1)
  assert.ok(freed())
  assertBalanced(kit.services.ledger)
})

test('a batch that an operator purges was refused but for what had been taken of it', async () => {
  const kit = startItems({}, item => (item === 3 ? RETRY : SENT))
  const { batch, freed } = kit.batch(4)
  const outcome = kit.exporter.consume(batch)
  await settle()

  const purged = (kit.exporter as unknown as HasQueueControl).queueControl.purge({})

  assert.equal(purged, 1)
  const message = 'purged by an operator'
  assert.deepEqual(await outcome, { kind: 'refused', items: 1, why: 'rejected', message })
  assertRefused(kit, 1, 3)
  assert.ok(freed())
})

test('of a batch that was cut, the owner is told exactly what was not taken of any piece', async () => {
  const kit = startItems(NO_RETRY, item => (item === 0 ? SENT : RETRY))
  const one = kit.sender.attempt!
  kit.sender.attempt = async encoded =>
    encoded.items === 4
      ? { kind: 'drop', reason: 'too_large', message: 'too large' }
      : kit.sender.attempts.length === 2
        ? SENT
        : one(encoded)
  const { batch, freed } = kit.batch(4)

  const outcome = await kit.exporter.consume(batch)

  assert.deepEqual(kit.sender.sizes, [4, 2, 2])
  assert.equal(outcome.kind === 'refused' && outcome.items, 1)
  assertRefused(kit, 1, 3)
  assert.ok(freed())
})

test('without anything taken of it a batch is handed in again whole', async () => {
  const kit = startItems(NO_RETRY, () => RETRY)
  const { batch, freed } = kit.batch(2)
  await kit.exporter.consume(batch)
  kit.answer = () => SENT

  const second = await kit.exporter.consume(batch)

  assert.deepEqual(second, { kind: 'accepted' })
  assert.deepEqual(kit.posted, [0, 1, 0, 1])
  assert.equal(sentItems(kit), 2)
  assert.ok(freed())
  assertBalanced(kit.services.ledger)
})

test('whatever fails and whoever repeats it, each item is taken once and booked once', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.integer({ min: 1, max: 12 }),
      fc.array(fc.boolean(), { maxLength: 80 }),
      fc.record({ enabled: fc.boolean(), max_elapsed_time: fc.constantFrom('0s', '7s') }),
      async (items, answers, retry_on_failure) => {
        const taken: number[] = []
        const kit = startItems({ retry_on_failure }, item => {
          if (answers.shift() ?? true) taken.push(item)
          return taken.includes(item) ? SENT : RETRY
        })
        const { batch, freed } = kit.batch(items)
        let outcome: Outcome = busy(0)
        while (outcome.kind === 'busy') {
          const pending = Promise.resolve(kit.exporter.consume(batch))
          for (let s = 0; s < 40; s++) {
            await settle()
            await kit.services.clock.advance(5000)
          }
          outcome = await pending
        }

        assert.equal(outcome.kind, 'accepted')
        assert.deepEqual(
          taken.sort((a, b) => a - b),
          Array.from({ length: items }, (_, i) => i),
        )
        assert.equal(sentItems(kit), items)
        assert.ok(freed())
        assertBalanced(kit.services.ledger)
      },
    ),
    { numRuns: 60 },
  )
})
