/** What operators see of queues, and what they can do with them. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { NO_CONTEXT } from '../../../src/core/batch.ts'
import type { HasQueueControl, QueueControl } from '../../../src/core/queue-control.ts'
import { assertBalanced, fakeHost, settle } from '../../../src/testing/fakes.ts'
import { sampleRequest } from '../../harness/samples.ts'
import { FakeStorage } from './fake-storage.ts'
import { droppedItems, SENT, type SendingKit, sentItems, startSending } from './kit.ts'

const RETRY = { kind: 'retry', message: 'not now' } as const

function controlOf(kit: SendingKit): QueueControl {
  return (kit.exporter as unknown as HasQueueControl).queueControl
}

async function settleAll(): Promise<void> {
  for (let i = 0; i < 20; i++) await settle()
}

/** Each has 12,000 spans, so that not all of them fit the window in memory. */
async function feedLarge(kit: SendingKit, count: number): Promise<void> {
  const { batch } = kit.batch(12_000)
  kit.services.ledger.accepted('default', 'traces', 12_000 * (count - 1))
  for (let i = 1; i < count; i++) await kit.exporter.consume(batch.share())
  await kit.exporter.consume(batch)
}

async function startStored(queue: object = {}) {
  const storage = new FakeStorage()
  const kit = startSending({ sending_queue: { storage: 'disk', ...queue } })
  await kit.exporter.start(fakeHost(new Map([['disk', storage]])))
  return { ...kit, storage }
}

test('shows what waits, is in flight and is parked, for each tenant', async () => {
  const kit = startSending({ sending_queue: { num_consumers: 1 } })
  kit.sender.reply = () => RETRY
  kit.feed(5, 'traces', 'a')
  await settle()
  kit.sender.reply = null
  kit.feed(3, 'traces', 'b')
  kit.feed(2, 'traces', 'b')
  await kit.services.clock.advance(400)

  const rows = controlOf(kit).view()

  assert.deepEqual(
    rows.map(row => [row.tenant, row.waiting.items, row.inFlight, row.parked, row.lastError]),
    [
      ['a', 5, 0, 1, 'not now'],
      ['b', 2, 1, 0, ''],
    ],
  )
  assert.equal(rows[0].oldestMs, 400)
  assert.equal(rows[0].breaker, 'closed')
  assert.equal(rows[0].onDisk, null)
})

test('shows an open breaker, a pause, and what is on disk', async () => {
  const kit = await startStored()
  kit.sender.reply = () => ({ kind: 'retry', afterMs: 8000, message: 'slow down' })
  void kit.exporter.consume(kit.batch(5).batch)
  await settleAll()
  await kit.services.clock.advance(1000)

  const [row] = controlOf(kit).view()

  assert.equal(row.pausedForMs, 7000)
  assert.deepEqual([row.onDisk!.entries, row.onDisk!.items], [1, 5])
})

test('tells of each request that waits how old it is, whose it is and what is in it', async () => {
  const kit = startSending({ sending_queue: { num_consumers: 1, batch: { min_size: 6 } } })
  kit.sender.reply = null
  kit.feed(6)
  kit.feed(7)
  await kit.services.clock.advance(100)
  kit.feed(1)

  const all = await controlOf(kit).peek({}, 10)

  assert.deepEqual(all.map(({ state, items, ageMs }) => [state, items, ageMs]).sort(), [
    ['in_flight', 6, 100],
    ['waiting', 1, 0],
    ['waiting', 7, 100],
  ])
  assert.ok(all.every(({ services }) => services.length > 0))
  assert.ok(all.every(({ traceIds }) => traceIds.every(id => /^[0-9a-f]{32}$/.test(id))))
  assert.equal((await controlOf(kit).peek({}, 2)).length, 2)
  assert.equal((await controlOf(kit).peek({ tenant: 'nobody' }, 10)).length, 0)
  assert.equal((await controlOf(kit).peek({ signal: 'logs' }, 10)).length, 0)
  assert.equal((await controlOf(kit).peek({ exporter: 'other' }, 10)).length, 0)
})

test('looks at what is on disk only, and leaves it in its place', async () => {
  const kit = await startStored({ num_consumers: 1 })
  kit.sender.reply = null
  await feedLarge(kit, 12)
  await settleAll()

  const all = await controlOf(kit).peek({}, 100)

  assert.equal(all.length, 12)
  const onDisk = all.filter(({ state }) => state === 'on_disk')
  assert.ok(onDisk.length > 2 && onDisk.every(({ services }) => services.length > 0))
  for (let i = 0; i < 12; i++) {
    kit.sender.open[i].answer(SENT)
    await settleAll()
  }
  assert.equal(sentItems(kit), 144_000)
  assertBalanced(kit.services.ledger)
})

test('drain wakes what is parked, lifts pauses and lets the breaker try', async () => {
  const kit = startSending({ circuit_breaker: { consecutive_failures: 1 } })
  kit.sender.reply = ({ batch }) =>
    batch.tenant === 'a' ? RETRY : { kind: 'retry', afterMs: 20_000, message: 'slow' }
  for (const tenant of ['a', 'b']) kit.feed(5, 'traces', tenant)
  await settle()
  kit.feed(1, 'traces', 'a')
  kit.sender.reply = () => SENT
  assert.equal(sentItems(kit), 0)

  // One waits for its retry, one behind the open breaker.
  assert.equal(controlOf(kit).drain({ tenant: 'a' }), 2)
  await settleAll()
  assert.equal(sentItems(kit), 6)
  assert.equal(controlOf(kit).drain({}), 1)
  await settleAll()

  assert.equal(sentItems(kit), 11)
  assertBalanced(kit.services.ledger)
})

test('purge lets go of what is not in flight, as an intention', async () => {
  const kit = startSending({ sending_queue: { num_consumers: 1, batch: { min_size: 5 } } })
  kit.sender.reply = null
  for (let i = 0; i < 3; i++) kit.feed(5)
  kit.feed(2)
  kit.feed(4, 'logs')

  assert.equal(await controlOf(kit).purge({ signal: 'traces' }), 12)

  assertBalanced(kit.services.ledger, 9)
  const [traces] = kit.services.ledger.rows().filter(row => row.signal === 'traces')
  assert.deepEqual(traces.dropped, [
    { stage: 'scripted', reason: 'purged', intentional: true, items: 12 },
  ])
  kit.sender.open[0].answer(SENT)
  await kit.services.clock.advance(300)
  assert.equal(sentItems(kit), 5)
  assert.equal(kit.services.clock.pending, 1)
})

test('purge lets go of what is on disk too', async () => {
  const kit = await startStored({ num_consumers: 1 })
  kit.sender.reply = null
  await feedLarge(kit, 12)
  await settleAll()

  assert.equal(await controlOf(kit).purge({}), 132_000)

  assert.equal(kit.storage.queue('scripted', 'traces').entries, 1)
  assertBalanced(kit.services.ledger, 12_000)
  kit.sender.open[0].answer(SENT)
  await settleAll()
  assert.equal(kit.storage.queue('scripted', 'traces').entries, 0)
  assert.equal(kit.services.meter.total('otelcol_exporter_queue_size'), 0)
  assertBalanced(kit.services.ledger)
})

test('what is put back is sent and booked as a new obligation', async () => {
  for (const kit of [startSending(), await startStored()]) {
    const { bytes } = sampleRequest('traces', 1, 7)
    const request = { signal: 'traces', tenant: 'a', items: 7, bytes, context: NO_CONTEXT } as const

    const outcome = await controlOf(kit).put(request)
    await settleAll()

    assert.equal(outcome.kind, 'accepted')
    assert.equal(sentItems(kit), 7)
    const [row] = kit.services.ledger.rows()
    assert.deepEqual([row.tenant, row.accepted, row.copied], ['a', 0, 7])
    assert.equal(kit.services.memory.reservedBytes, 0)
    assertBalanced(kit.services.ledger)
  }
})

test('what cannot be put back leaves no trace', async () => {
  const kit = startSending({ sending_queue: { queue_size: 1 } })
  kit.sender.reply = null
  kit.feed(1)
  const { bytes } = sampleRequest('traces', 1, 7)
  const request = { signal: 'traces', tenant: 'default', items: 7, context: NO_CONTEXT } as const

  const full = await controlOf(kit).put({ ...request, bytes })
  const broken = await controlOf(kit).put({ ...request, bytes: Buffer.from([1, 2, 3]) })
  kit.services.memory.limitBytes = 10
  const short = await controlOf(kit).put({ ...request, tenant: 'b', bytes })

  assert.deepEqual([full.kind, broken.kind, short.kind], ['busy', 'refused', 'busy'])
  assert.equal(kit.services.memory.reservedBytes, 0)
  assertBalanced(kit.services.ledger, 1)
  assert.equal(droppedItems(kit, 'purged'), 0)
})
