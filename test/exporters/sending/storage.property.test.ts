/** Whatever destination and disk do, and however often the exporter is replaced: every item is in one state, none is lost. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import type { Outcome } from '../../../src/core/outcome.ts'
import type { SendResult } from '../../../src/exporters/sending/sender.ts'
import { type FakeServices, fakeHost, fakeServices, settle } from '../../../src/testing/fakes.ts'
import { FakeStorage, type Faults } from './fake-storage.ts'
import { SENT, type SendingKit, startSending } from './kit.ts'

const answer: fc.Arbitrary<SendResult> = fc.constantFrom<SendResult>(
  SENT,
  { kind: 'sent', rejected: 2 },
  { kind: 'retry', message: 'later' },
  { kind: 'retry', afterMs: 500, message: 'slower' },
  { kind: 'drop', reason: 'too_large', message: 'no' },
  { kind: 'drop', reason: 'bad_data', message: 'no' },
  { kind: 'drop', reason: 'rejected', message: 'no' },
)

const fault: fc.Arbitrary<Partial<Faults>> = fc.constantFrom<Partial<Faults>>(
  { append: null, read: null, evict: false },
  { append: { kind: 'failed', retryAfterMs: 1000, message: 'EIO' } },
  { append: { kind: 'full', drop: true, isShare: false, retryAfterMs: 1000, message: 'quota' } },
  { append: { kind: 'full', drop: false, isShare: true, retryAfterMs: 1000, message: 'quota' } },
  { append: null, evict: true },
  { read: { kind: 'failed', message: 'EIO' } },
  { read: { kind: 'damaged', message: 'CRC' } },
)

type Step =
  | { readonly do: 'feed'; readonly items: number; readonly tenant: string }
  | { readonly do: 'answer'; readonly which: number; readonly result: SendResult }
  | { readonly do: 'advance'; readonly ms: number }
  | { readonly do: 'fault'; readonly fault: Partial<Faults> }
  | { readonly do: 'restart'; readonly aborted: boolean }

const step: fc.Arbitrary<Step> = fc.oneof(
  fc.record({
    do: fc.constant('feed' as const),
    items: fc.integer({ min: 1, max: 9 }),
    tenant: fc.constantFrom('a', 'b'),
  }),
  fc.record({ do: fc.constant('answer' as const), which: fc.nat(20), result: answer }),
  fc.record({ do: fc.constant('advance' as const), ms: fc.constantFrom(50, 200, 5000, 31_000) }),
  fc.record({ do: fc.constant('fault' as const), fault }),
  fc.record({ do: fc.constant('restart' as const), aborted: fc.boolean() }),
)

const config = fc.record({
  max_request_bytes: fc.constantFrom(0, 300),
  sending_queue: fc.record({
    storage: fc.constant('disk'),
    num_consumers: fc.constantFrom(1, 3),
    queue_size: fc.constantFrom(3, 40),
    sizer: fc.constantFrom('requests', 'items'),
    block_on_overflow: fc.boolean(),
    batch: fc.option(fc.record({ min_size: fc.constantFrom(0, 12), max_size: fc.constant(12) }), {
      nil: undefined,
    }),
  }),
  retry_on_failure: fc.record({ enabled: fc.boolean(), max_elapsed_time: fc.constant('60s') }),
})

/** One exporter after the other on one storage; every item that was answered for is followed. */
class Story {
  readonly #settings: object
  readonly storage = new FakeStorage()
  readonly services: FakeServices = fakeServices()
  kit!: SendingKit
  pending = 0

  constructor(settings: object) {
    this.#settings = settings
  }

  async start(): Promise<void> {
    this.kit = startSending(this.#settings, {}, this.services)
    this.kit.sender.reply = null
    await this.kit.exporter.start(fakeHost(new Map([['disk', this.storage]])))
  }

  feed(items: number, tenant: string): void {
    const { batch } = this.kit.batch(items, 'traces', tenant)
    this.pending += items
    void Promise.resolve(this.kit.exporter.consume(batch)).then((outcome: Outcome) => {
      this.pending -= items
      if (outcome.kind === 'accepted') return
      const refused = outcome.kind === 'refused' ? outcome.items : items
      this.services.ledger.unaccepted(tenant, 'traces', refused, outcome.kind)
      if (refused === items) batch.release()
    })
  }

  async restart(aborted: boolean): Promise<void> {
    const stopped = this.kit.stop(aborted)
    for (let i = 0; i < 200 && this.kit.sender.open.length > 0; i++) {
      for (const { answer } of this.kit.sender.open.splice(0)) answer(SENT)
      await settle()
    }
    await this.services.clock.advance(1)
    await stopped
    await settle()
    await this.start()
  }

  check(): void {
    let missing = 0
    for (const row of this.services.ledger.rows()) {
      const lost = row.dropped.reduce((sum, { items }) => sum + items, 0)
      missing += row.accepted - row.sent - row.kept - lost - row.held
    }
    assert.equal(missing, this.pending)
  }

  /** All is well from now on: everything has to arrive. */
  async finish(): Promise<void> {
    Object.assign(this.storage.faults, { append: null, read: null, evict: false })
    for (let i = 0; i < 60; i++) {
      for (const { answer } of this.kit.sender.open.splice(0)) answer(SENT)
      await this.services.clock.advance(2000)
    }
  }
}

test('every item is in one state after every step, and in the end nothing is left on disk', async () => {
  await fc.assert(
    fc.asyncProperty(config, fc.array(step, { maxLength: 40 }), async (settings, steps) => {
      const story = new Story(settings)
      await story.start()
      for (const action of steps) {
        if (action.do === 'feed') story.feed(action.items, action.tenant)
        else if (action.do === 'advance') await story.services.clock.advance(action.ms)
        else if (action.do === 'fault') Object.assign(story.storage.faults, action.fault)
        else if (action.do === 'restart') await story.restart(action.aborted)
        else story.kit.sender.open.splice(action.which, 1)[0]?.answer(action.result)
        for (let i = 0; i < 4; i++) await settle()
        story.check()
      }

      await story.finish()

      story.check()
      assert.equal(story.pending, 0)
      for (const tenant of ['a', 'b']) {
        assert.equal(story.storage.queue('scripted', 'traces', tenant).entries, 0)
      }
      assert.equal(story.services.memory.reservedBytes, 0)
      const held = story.services.ledger.rows().reduce((sum, row) => sum + row.held, 0)
      assert.equal(held, 0)
    }),
    { numRuns: 150 },
  )
})
