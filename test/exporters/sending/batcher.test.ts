/** Joining requests before they are sent. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Batch } from '../../../src/core/batch.ts'
import { assertBalanced, settle } from '../../../src/testing/fakes.ts'
import { decode } from '../../otlp/oracle.ts'
import { type SendingKit, sentItems, startSending } from './kit.ts'

function feedAs(kit: SendingKit, tenant: string, metadata: Record<string, string[]> = {}): void {
  const { batch } = kit.batch(5)
  kit.services.ledger.unaccepted('default', 'traces', 5, 'moved')
  kit.services.ledger.accepted(tenant, 'traces', 5)
  const context = { metadata: new Map(Object.entries(metadata)), peer: '' }
  void kit.exporter.consume(new Batch('traces', tenant, context, batch.parts))
}

test('joins requests until min_size and sends them as one', async () => {
  const kit = startSending({ sending_queue: { batch: { min_size: 12 } } })
  const fed = [kit.feed(5), kit.feed(5)]
  assert.equal(kit.sender.attempts.length, 0)
  assertBalanced(kit.services.ledger, 10)

  fed.push(kit.feed(5))
  await settle()

  assert.deepEqual(kit.sender.sizes, [15])
  const bytes = Buffer.concat([...kit.sender.attempts[0].chunks])
  const message = decode('TracesRequest', bytes) as { resourceSpans: unknown[] }
  assert.equal(message.resourceSpans.length, 3)
  assert.ok(fed.every(({ freed }) => freed()))
  assertBalanced(kit.services.ledger)
})

test('sends a small batch after flush_timeout', async () => {
  const kit = startSending({ sending_queue: { batch: null } })
  kit.feed(5)
  await kit.services.clock.advance(199)
  assert.equal(kit.sender.attempts.length, 0)

  await kit.services.clock.advance(1)

  assert.deepEqual(kit.sender.sizes, [5])
  assert.equal(kit.services.clock.pending, 0)
})

test('splits at max_size and keeps a rest below min_size for company', async () => {
  const kit = startSending({ sending_queue: { batch: { min_size: 6, max_size: 8 } } })
  kit.feed(5)
  kit.feed(14)
  await settle()
  assert.deepEqual(kit.sender.sizes, [8, 8])
  assertBalanced(kit.services.ledger, 3)

  await kit.services.clock.advance(200)

  assert.deepEqual(kit.sender.sizes, [8, 8, 3])
  assertBalanced(kit.services.ledger)
})

test('keeps max_size in bytes', async () => {
  const batch = { sizer: 'bytes', min_size: 300, max_size: 600 }
  const kit = startSending({ sending_queue: { batch } })
  for (let i = 0; i < 6; i++) kit.feed(7)
  await kit.services.clock.advance(200)

  assert.equal(sentItems(kit), 42)
  for (const { byteLength } of kit.sender.attempts) assert.ok(byteLength <= 600, `${byteLength}`)
  assertBalanced(kit.services.ledger)
})

test('never joins tenants', async () => {
  const kit = startSending({ sending_queue: { batch: { min_size: 10 } } })
  for (const tenant of ['a', 'b', 'a', 'b']) feedAs(kit, tenant)
  await settle()

  assert.deepEqual(
    kit.sender.attempts.map(({ batch, items }) => [batch.tenant, items]),
    [
      ['a', 10],
      ['b', 10],
    ],
  )
  assertBalanced(kit.services.ledger)
})

test('joins only requests with equal values of the partition’s metadata keys', async () => {
  const partition = { metadata_keys: ['X-Org'] }
  const kit = startSending({ sending_queue: { batch: { min_size: 10, partition } } })
  for (const org of ['1', '2', '1', '2']) feedAs(kit, 'default', { 'x-org': [org], other: [org] })
  await settle()

  const contexts = kit.sender.attempts.map(({ batch }) => [...batch.context.metadata])
  assert.deepEqual(contexts, [[['x-org', ['1']]], [['x-org', ['2']]]])
})

test('a full queue sends what waits for company instead of turning everyone away', async () => {
  const kit = startSending({ sending_queue: { queue_size: 2, batch: { min_size: 1000 } } })
  kit.feed()
  kit.feed()

  const full = kit.exporter.consume(kit.batch().batch)
  await settle()

  assert.equal((full as { kind: string }).kind, 'busy')
  assert.deepEqual(kit.sender.sizes, [10])
  assert.equal(kit.services.meter.total('otelcol_exporter_queue_size'), 0)
})

test('gives back exactly the room that was taken, however a batch was cut', async () => {
  for (const sizer of ['requests', 'items', 'bytes']) {
    const kit = startSending({
      sending_queue: { sizer, queue_size: 1_000_000, batch: { min_size: 0, max_size: 3 } },
    })
    for (let i = 1; i <= 10; i++) kit.feed(i)
    await kit.services.clock.advance(200)

    assert.equal(sentItems(kit), 55)
    assert.equal(kit.services.meter.total('otelcol_exporter_queue_size'), 0)
  }
})
