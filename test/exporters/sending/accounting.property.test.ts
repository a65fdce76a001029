/** Whatever a destination answers, in whatever order: every item is in exactly one state, every byte is freed once. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import type { Outcome } from '../../../src/core/outcome.ts'
import type { SendResult } from '../../../src/exporters/sending/sender.ts'
import { settle } from '../../../src/testing/fakes.ts'
import type { TestBatch } from '../batch-of.ts'
import { SENT, type SendingKit, startSending } from './kit.ts'

const answer: fc.Arbitrary<SendResult> = fc.oneof(
  fc.record({ kind: fc.constant('sent' as const), rejected: fc.integer({ min: 0, max: 4 }) }),
  fc.record({
    kind: fc.constant('retry' as const),
    afterMs: fc.constantFrom(undefined, 0, 500, 40_000),
    message: fc.constant('later'),
  }),
  fc.record({
    kind: fc.constant('drop' as const),
    reason: fc.constantFrom('bad_data', 'too_large'),
    message: fc.constant('no'),
  }),
)

type Step =
  | {
      readonly do: 'feed'
      readonly items: number
      readonly signal: 'traces' | 'logs'
      readonly tenant: string
    }
  | { readonly do: 'answer'; readonly which: number; readonly result: SendResult }
  | { readonly do: 'advance'; readonly ms: number }

const step: fc.Arbitrary<Step> = fc.oneof(
  fc.record({
    do: fc.constant('feed' as const),
    items: fc.integer({ min: 1, max: 9 }),
    signal: fc.constantFrom('traces' as const, 'logs' as const),
    tenant: fc.constantFrom('default', 'a', 'b'),
  }),
  fc.record({ do: fc.constant('answer' as const), which: fc.nat(20), result: answer }),
  fc.record({ do: fc.constant('advance' as const), ms: fc.constantFrom(50, 200, 5000, 31_000) }),
)

const steps = fc.array(step, { maxLength: 40 })

const batch = fc.option(
  fc.record({
    min_size: fc.constantFrom(0, 4, 12),
    max_size: fc.constantFrom(0, 12, 20),
    sizer: fc.constant('items' as const),
  }),
  { nil: undefined },
)

const config = fc.record({
  timeout: fc.constantFrom('5s', '0s'),
  max_request_bytes: fc.constantFrom(0, 300, 900),
  sending_queue: fc.record({
    enabled: fc.boolean(),
    num_consumers: fc.constantFrom(1, 3),
    queue_size: fc.constantFrom(3, 40),
    sizer: fc.constantFrom('requests', 'items'),
    block_on_overflow: fc.boolean(),
    batch,
  }),
  circuit_breaker: fc.record({
    enabled: fc.boolean(),
    consecutive_failures: fc.constantFrom(1, 3),
  }),
  retry_budget: fc.record({ burst: fc.constantFrom(1, 100), min_per_second: fc.constant(0.5) }),
  retry_on_failure: fc.record({ enabled: fc.boolean(), max_elapsed_time: fc.constant('60s') }),
})

/** Plays the receiver: takes back what was not taken. */
class Feeder {
  readonly #kit: SendingKit
  readonly fed: TestBatch[] = []
  waiting = 0
  /** Items that the caller still holds, waiting for an outcome. */
  pendingItems = 0

  constructor(kit: SendingKit) {
    this.#kit = kit
  }

  feed(items: number, signal: 'traces' | 'logs', tenant: string): void {
    const made = this.#kit.batch(items, signal, tenant)
    this.fed.push(made)
    const outcome = this.#kit.exporter.consume(made.batch)
    if (!(outcome instanceof Promise)) {
      this.#learn(made, outcome)
      return
    }
    this.pendingItems += items
    void outcome.then(late => {
      this.pendingItems -= items
      this.#learn(made, late)
    })
  }

  #learn({ batch }: TestBatch, outcome: Outcome): void {
    if (outcome.kind === 'accepted') return
    const { ledger } = this.#kit.services
    const items = outcome.kind === 'refused' ? outcome.items : batch.items
    ledger.unaccepted(batch.tenant, batch.signal, items, outcome.kind)
    if (items === batch.items) batch.release()
  }
}

function assertIdentity(kit: SendingKit, pending: number): void {
  let missing = 0
  for (const row of kit.services.ledger.rows()) {
    const lost = row.dropped.reduce((sum, drop) => sum + drop.items, 0)
    missing += row.accepted - row.sent - lost - row.held
    for (const count of [row.sent, row.held, lost]) assert.ok(count >= 0)
  }
  assert.equal(missing, pending)
}

test('every item is in exactly one state after every step, nothing gets stuck, and all bytes are freed once', async () => {
  await fc.assert(
    fc.asyncProperty(config, steps, fc.boolean(), async (settings, steps, isWell) => {
      const kit = startSending(settings)
      kit.sender.reply = null
      const feeder = new Feeder(kit)
      for (const action of steps) {
        if (action.do === 'feed') feeder.feed(action.items, action.signal, action.tenant)
        else if (action.do === 'advance') await kit.services.clock.advance(action.ms)
        else kit.sender.open.splice(action.which, 1)[0]?.answer(action.result)
        await settle()
        assertIdentity(kit, feeder.pendingItems)
      }

      if (isWell) {
        kit.sender.reply = () => SENT
        for (const open of kit.sender.open.splice(0)) open.answer(SENT)
        // Who waited for room is let in first: what is set up on the way would not see the time pass.
        await settle()
        await kit.services.clock.advance(200_000)
        assert.equal(
          kit.services.ledger.rows().reduce((sum, row) => sum + row.held, 0),
          0,
        )
      }
      await kit.stop(true)
      await settle()

      assert.equal(feeder.pendingItems, 0)
      assertIdentity(kit, 0)
      for (const { freed } of feeder.fed) assert.ok(freed())
      assert.equal(
        kit.services.ledger.rows().reduce((sum, row) => sum + row.held, 0),
        0,
      )
    }),
    { numRuns: 200 },
  )
})
