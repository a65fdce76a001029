/** Several tenants in one exporter: each with its own room, pauses, breaker and share of the slots. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import type { HasQueueControl } from '../../../src/core/queue-control.ts'
import { EQUAL_SHARE, OPEN_TENANCY, type Tenancy } from '../../../src/core/tenancy.ts'
import { MAX_TENANT_SERIES } from '../../../src/exporters/sending/lane-metrics.ts'
import type { EncodedBatch, SendResult } from '../../../src/exporters/sending/sender.ts'
import { assertBalanced, fakeHost, fakeServices, settle } from '../../../src/testing/fakes.ts'
import { SENT, type SendingKit, sentItems, startSending } from './kit.ts'

const RETRY = { kind: 'retry', message: 'not now' } as const

class Weights implements Tenancy {
  version = 1
  readonly door = OPEN_TENANCY.door
  weights: Record<string, number> = {}
  delivered: unknown[] = []
  readonly usage = {
    received() {},
    turnedAway() {},
    delivered: (...what: unknown[]) => void this.delivered.push(what),
  }

  shareOf(tenant: string) {
    return { ...EQUAL_SHARE, weight: this.weights[tenant] ?? 1 }
  }
}

function startWeighted(weights: Record<string, number>, config: object = {}) {
  const tenancy = new Weights()
  tenancy.weights = weights
  const kit = startSending(config, {}, { ...fakeServices(), tenancy } as never)
  return { ...kit, tenancy }
}

/** Answers the oldest attempts one by one and returns how many items of each tenant have left. */
async function answerSome(kit: SendingKit, count: number): Promise<Map<string, number>> {
  const sent = new Map<string, number>()
  for (let i = 0; i < count; i++) {
    const at = kit.sender.attempts.length - kit.sender.open.length
    const { batch } = kit.sender.attempts[at]
    sent.set(batch.tenant, (sent.get(batch.tenant) ?? 0) + batch.bytes)
    kit.sender.open.shift()!.answer(SENT)
    await settle()
  }
  return sent
}

test('the full queue of one tenant turns nobody else away', () => {
  const kit = startSending({ sending_queue: { queue_size: 1 } })
  kit.sender.reply = null
  kit.feed(1, 'traces', 'a')

  const kinds = ['a', 'b'].map(tenant => {
    const outcome = kit.exporter.consume(kit.batch(1, 'traces', tenant).batch)
    return (outcome as { kind: string }).kind
  })

  assert.deepEqual(kinds, ['busy', 'accepted'])
})

test('tenants with a backlog share the destination in proportion to their weights', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(
        fc.record({
          weight: fc.constantFrom(1, 2, 3, 5),
          items: fc.integer({ min: 50, max: 400 }),
        }),
        { minLength: 2, maxLength: 4 },
      ),
      fc.constantFrom(1, 10),
      async (tenants, num_consumers) => {
        const weights = Object.fromEntries(tenants.map(({ weight }, i) => [`t${i}`, weight]))
        const queue = { num_consumers, queue_size: 100_000 }
        const kit = startWeighted(weights, { sending_queue: queue })
        kit.sender.reply = null
        const total = 20 * 65_536 * tenants.reduce((sum, { weight }) => sum + weight, 0)
        // Enough of each that nobody runs dry before the end.
        for (const [i, { items }] of tenants.entries()) {
          const { batch } = kit.batch(items, 'traces', `t${i}`)
          for (let n = 0; n * batch.bytes < total; n++) void kit.exporter.consume(batch.share())
        }
        // The first one found all slots free.
        await answerSome(kit, num_consumers)
        const sent = new Map<string, number>()
        let all = 0
        while (all < total) {
          for (const [tenant, bytes] of await answerSome(kit, num_consumers)) {
            sent.set(tenant, (sent.get(tenant) ?? 0) + bytes)
            all += bytes
          }
        }
        const sum = tenants.reduce((s, { weight }) => s + weight, 0)
        for (const [i, { weight }] of tenants.entries()) {
          const share = (sent.get(`t${i}`) ?? 0) / all / (weight / sum)
          assert.ok(Math.abs(share - 1) < 0.1, `weight ${weight} of ${sum} got ${share}`)
        }
      },
    ),
    { numRuns: 6 },
  )
})

test('a weight that is changed while requests wait counts from then on', async () => {
  const kit = startWeighted({ a: 1, b: 1 }, { sending_queue: { num_consumers: 1 } })
  kit.sender.reply = null
  for (let i = 0; i < 400; i++) kit.feed(400, 'traces', i % 2 === 0 ? 'a' : 'b')
  await answerSome(kit, 20)
  kit.tenancy.weights = { a: 3, b: 1 }
  kit.tenancy.version++
  kit.feed(1, 'traces', 'c')
  const sent = await answerSome(kit, 120)

  const ratio = sent.get('a')! / sent.get('b')!
  assert.ok(Math.abs(ratio - 3) < 0.3, `${ratio}`)
})

test('one who comes late to a long queue of another is served next', async () => {
  const kit = startSending({ sending_queue: { num_consumers: 1 } })
  kit.sender.reply = null
  for (let i = 0; i < 500; i++) kit.feed(400, 'traces', 'a')
  await answerSome(kit, 5)
  kit.feed(1, 'traces', 'b')
  const before = kit.sender.attempts.length
  for (let i = 0; i < 4; i++) await answerSome(kit, 1)

  const tenants = kit.sender.attempts.slice(before).map(({ batch }) => batch.tenant)
  assert.ok(tenants.includes('b'), `${tenants}`)
})

test('a destination that asks one tenant to slow down goes on getting the others’ data', async () => {
  const kit = startSending({}, { random: () => 0.5 })
  kit.sender.reply = ({ batch }) =>
    batch.tenant === 'a' ? { kind: 'retry', afterMs: 20_000, message: 'quota' } : SENT
  kit.feed(5, 'traces', 'a')
  await settle()
  for (let i = 0; i < 5; i++) {
    kit.feed(1, 'traces', 'a')
    kit.feed(2, 'traces', 'b')
  }
  await kit.services.clock.advance(1000)

  assert.equal(sentItems(kit), 10)
  assert.equal(kit.sender.attempts.filter(({ batch }) => batch.tenant === 'a').length, 1)
})

test('attempts of a failing tenant hold at most half of the slots while others are here', async () => {
  const kit = startSending({ sending_queue: { num_consumers: 4 } })
  const isBad = ({ batch }: EncodedBatch) => batch.tenant === 'bad'
  kit.sender.reply = encoded => (isBad(encoded) ? RETRY : SENT)
  kit.feed(1, 'traces', 'bad')
  kit.feed(1, 'traces', 'good')
  await settle()
  kit.sender.reply = null
  for (let i = 0; i < 20; i++) kit.feed(1, 'traces', 'bad')
  assert.equal(kit.sender.open.length, 2)
  kit.feed(1, 'traces', 'good')
  kit.feed(1, 'traces', 'good')
  assert.equal(kit.sender.open.length, 4)

  // Well again: the bound is gone.
  for (const attempt of kit.sender.open.splice(0)) attempt.answer(SENT)
  await settle()
  assert.equal(kit.sender.open.length, 4)
  kit.sender.reply = () => SENT
  while (kit.sender.open.length > 0) {
    kit.sender.open.shift()!.answer(SENT)
    await settle()
  }
  await kit.services.clock.advance(60_000)
  assertBalanced(kit.services.ledger)
})

test('the only tenant may use all slots although it fails', async () => {
  const kit = startSending({ sending_queue: { num_consumers: 4 } })
  kit.sender.reply = () => RETRY
  kit.feed(1, 'traces', 'bad')
  await settle()
  kit.sender.reply = null
  for (let i = 0; i < 20; i++) kit.feed(1, 'traces', 'bad')

  assert.equal(kit.sender.open.length, 4)
})

test('the health page names the tenant whose requests fail, until its own go through', async () => {
  const kit = startSending()
  const told: unknown[] = []
  const host = { ...fakeHost(), reportStatus: (...status: unknown[]) => void told.push(status) }
  await kit.exporter.start(host)
  let isWell = false
  kit.sender.reply = ({ batch }): SendResult => (batch.tenant === 'a' && !isWell ? RETRY : SENT)
  for (let i = 0; i < 10; i++) {
    kit.feed(1, 'traces', i % 2 === 0 ? 'a' : 'b')
    await kit.services.clock.advance(500)
  }
  isWell = true
  await kit.services.clock.advance(60_000)

  assert.deepEqual(told, [
    ['scripted', 'recoverable_error', 'tenant a: not now'],
    ['scripted', 'ok'],
  ])
})

test('queues of tenants that are silent are let go, and their series with them', async () => {
  const kit = startSending()
  for (let i = 0; i < MAX_TENANT_SERIES + 50; i++) kit.feed(1, 'traces', `t${i}`)
  await settle()
  const series = (name: string) =>
    [...kit.services.meter.reads.keys()].filter(k => k.includes(name))
  assert.equal(series('millrace_queue_bytes').length, MAX_TENANT_SERIES + 1)
  assert.equal(series('tenant=other').length, 3)

  await kit.services.clock.advance(120_000)

  assert.ok(series('millrace_queue_bytes').length <= 1)
  kit.feed(1, 'traces', 't7')
  await settle()
  assert.equal(sentItems(kit), MAX_TENANT_SERIES + 51)
  assertBalanced(kit.services.ledger)
})

test('shows what each tenant has in memory', async () => {
  const kit = startSending({ sending_queue: { num_consumers: 1 } })
  kit.sender.reply = null
  for (let i = 0; i < 3; i++) kit.feed(5, 'traces', 'a')
  kit.feed(2, 'traces', 'b')

  const read = (name: string, tenant: string) =>
    kit.services.meter.reads.get(`${name}{exporter=scripted,signal=traces,tenant=${tenant}}`)?.()
  assert.equal(read('millrace_queue_items', 'a'), 15)
  assert.equal(read('millrace_queue_items', 'b'), 2)
  assert.ok(read('millrace_queue_bytes', 'a')! > read('millrace_queue_bytes', 'b')!)
  assert.equal(read('millrace_breaker_state', 'a'), 0)
})

test('books what was delivered for whom, in bytes', async () => {
  const kit = startWeighted({})
  kit.feed(5, 'traces', 'a')
  await settle()

  const { byteLength } = kit.sender.attempts[0]
  assert.deepEqual(kit.tenancy.delivered, [['a', 'traces', 'scripted', byteLength]])
})

test('a tenant that waits behind one whose requests were purged still gets its turn', async () => {
  const kit = startSending({ sending_queue: { num_consumers: 2 } })
  kit.sender.reply = () => ({ kind: 'retry', message: 'not now' })
  for (const tenant of ['a', 'b', 'c']) kit.feed(1, 'traces', tenant)
  await settle()
  kit.sender.reply = null
  await kit.services.clock.advance(10_000)
  assert.equal(kit.sender.open.length, 1)
  const { queueControl } = kit.exporter as unknown as HasQueueControl
  assert.equal(await queueControl.purge({ tenant: 'b' }), 1)

  kit.sender.reply = () => SENT
  kit.sender.open[0].answer(SENT)
  await settle()

  assert.equal(sentItems(kit), 2)
  assertBalanced(kit.services.ledger)
})
