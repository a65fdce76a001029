/** Whatever a destination did, and however often operators stepped in: once it is well everything arrives and nobody hangs. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import type { HasQueueControl } from '../../../src/core/queue-control.ts'
import type { SendResult } from '../../../src/exporters/sending/sender.ts'
import { assertBalanced, fakeHost, settle } from '../../../src/testing/fakes.ts'
import { SENT, type SendingKit, startSending } from './kit.ts'

/** Longer than all pauses, intervals and time-outs together. */
const LONG_MS = 300_000

type Mood = 'well' | 'failing' | 'slower' | 'silent' | 'refusing'
const MOODS: readonly Mood[] = ['well', 'failing', 'slower', 'silent', 'refusing']

const ANSWERS: Readonly<Record<Exclude<Mood, 'silent'>, SendResult>> = {
  well: SENT,
  failing: { kind: 'retry', message: 'not now' },
  slower: { kind: 'retry', afterMs: 20_000, message: 'later' },
  refusing: { kind: 'drop', reason: 'rejected', message: 'no' },
}

const phase = fc.record({
  mood: fc.constantFrom<Mood | 'mixed'>(...MOODS, 'mixed'),
  /** Tenant and items of what comes. */
  requests: fc.array(fc.tuple(fc.nat(5), fc.integer({ min: 1, max: 20 })), { maxLength: 40 }),
  ms: fc.constantFrom(10, 500, 5000, 40_000),
  operator: fc.constantFrom<'none' | 'drain' | 'purge'>('none', 'none', 'drain', 'purge'),
})

const batched = fc.record({
  min_size: fc.constantFrom(0, 30),
  max_size: fc.constantFrom(0, 30),
})

const settings = fc.record({
  timeout: fc.constantFrom('1s', '5s'),
  sending_queue: fc.record({
    num_consumers: fc.constantFrom(1, 2, 10),
    queue_size: fc.constantFrom(10, 1000),
    block_on_overflow: fc.boolean(),
    batch: fc.option(batched, { nil: undefined }),
  }),
  retry_on_failure: fc.constant({ max_elapsed_time: '0s' }),
  circuit_breaker: fc.constantFrom(
    {},
    { consecutive_failures: 1, open_interval: '1s', max_open_interval: '30s' },
    { consecutive_failures: 2 },
  ),
  retry_budget: fc.constantFrom({}, { ratio: 0, min_per_second: 1, burst: 1 }),
})

class Story {
  readonly kit: SendingKit
  mood: Mood | 'mixed' = 'well'
  /** Who handed something over and was not answered. */
  waiting = 0
  #sent = 0

  constructor(config: object) {
    this.kit = startSending(config)
    this.kit.sender.send = () => this.#answer()
  }

  feed(tenant: string, items: number): void {
    const { exporter, services } = this.kit
    const { batch } = this.kit.batch(items, 'traces', tenant)
    this.waiting++
    void Promise.resolve(exporter.consume(batch)).then(outcome => {
      this.waiting--
      if (outcome.kind === 'accepted') return
      services.ledger.unaccepted(tenant, 'traces', items, outcome.kind)
      batch.release()
    })
  }

  #answer(): Promise<SendResult> {
    const mood = this.mood === 'mixed' ? MOODS[this.#sent++ % MOODS.length] : this.mood
    return mood === 'silent' ? new Promise(() => {}) : Promise.resolve(ANSWERS[mood])
  }
}

test('once a destination is well, all that waits arrives, nobody hangs, and no timer is left', async () => {
  await fc.assert(
    fc.asyncProperty(settings, fc.array(phase, { maxLength: 8 }), async (config, phases) => {
      const story = new Story(config)
      const { exporter, services } = story.kit
      const { queueControl } = exporter as unknown as HasQueueControl
      await exporter.start(fakeHost())
      for (const { mood, requests, ms, operator } of phases) {
        story.mood = mood
        for (const [tenant, items] of requests) story.feed(`t${tenant}`, items)
        await services.clock.advance(ms)
        if (operator === 'drain') queueControl.drain({})
        if (operator === 'purge') await queueControl.purge({ tenant: 't1' })
      }

      story.mood = 'well'
      await services.clock.advance(LONG_MS)
      await settle()

      const held = services.ledger.rows().reduce((sum, row) => sum + row.held, 0)
      assert.equal(held, 0, JSON.stringify(queueControl.view()))
      assert.equal(story.waiting, 0)
      assertBalanced(services.ledger)
      await story.kit.stop()
      assert.equal(services.clock.pending, 0)
    }),
    { numRuns: 150 },
  )
})
