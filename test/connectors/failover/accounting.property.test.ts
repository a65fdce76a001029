/** Whatever the levels answer: each item is taken by exactly one pipeline of one level, given back, or in the book as dropped. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { factory } from '../../../src/connectors/failover/factory.ts'
import { ACCEPTED, busy, type Outcome, refused } from '../../../src/core/outcome.ts'
import type { Signal } from '../../../src/core/signal.ts'
import { settle } from '../../../src/testing/fakes.ts'
import { makeConnector, traces } from '../json-batch.ts'

const IDS = ['traces/a', 'traces/b', 'traces/c', 'traces/d']
const PIPELINES = Object.fromEntries(IDS.map(id => [id, 'traces' as Signal]))
const SECTIONS: Readonly<Record<string, object>> = {
  'one pipeline a level': { priority_levels: IDS.map(id => [id]) },
  'two pipelines a level': { priority_levels: [IDS.slice(0, 2), IDS.slice(2)] },
  'with a queue': {
    priority_levels: [IDS.slice(0, 1), IDS.slice(1)],
    sending_queue: { queue_size: 6, num_consumers: 2 },
  },
}

const ANSWERS: readonly ((items: number) => Outcome)[] = [
  () => ACCEPTED,
  () => busy(200, 'unavailable'),
  () => busy(200),
  items => refused(items, 'bad_data', 'no'),
  items => refused(items, 'rejected', 'no'),
  items => (items > 1 ? refused(1, 'bad_data', 'one') : ACCEPTED),
]

const step = fc.record({
  pipeline: fc.nat(IDS.length - 1),
  answer: fc.nat(ANSWERS.length - 1),
  isLate: fc.boolean(),
  items: fc.integer({ min: 1, max: 3 }),
  waitMs: fc.nat(3000),
})

for (const [name, section] of Object.entries(SECTIONS)) {
  test(`the book closes: ${name}`, async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(step, { maxLength: 30 }), async steps => {
        const kit = makeConnector(factory, { ...section, retry_interval: '2s' }, PIPELINES)
        let taken = 0
        const answers: Promise<string>[] = []
        for (const { pipeline, answer, isLate, items, waitMs } of steps) {
          kit.sinks.get(IDS[pipeline])!.answer = batch => {
            const outcome = ANSWERS[answer](batch.items)
            // What was taken in part is its taker's, who has sent the rest.
            if (outcome.kind === 'refused' && outcome.items < batch.items) {
              kit.services.ledger.sent(batch.tenant, batch.signal, batch.items - outcome.items)
              taken += batch.items - outcome.items
              queueMicrotask(() => batch.release())
            }
            return isLate ? Promise.resolve(outcome) : outcome
          }
          const spans = Array.from({ length: items }, (_, i) => String(i))
          answers.push(kit.send('traces', traces({ shop: spans })))
          await settle()
          await kit.services.clock.advance(waitMs)
        }
        await kit.connector.stop(AbortSignal.abort())
        await Promise.all(answers)
        // What was on its way at the deadline comes to its end after that.
        await settle()

        for (const sink of kit.sinks.values()) taken += sink.items
        kit.assertSettled()
        const [row] = kit.services.ledger.rows()
        if (row !== undefined) assert.equal(row.sent, taken)
      }),
      { numRuns: 150 },
    )
  })
}
