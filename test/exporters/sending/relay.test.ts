/** Senders that hand a batch on to others: what is booked, who is told, and what becomes of the rest. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { section } from '../../../src/config/fields.ts'
import { splitBatch } from '../../../src/core/split-batch.ts'
import { sendingFields } from '../../../src/exporters/sending/config.ts'
import { createSendingExporter } from '../../../src/exporters/sending/exporter.ts'
import type { EncodedBatch, Moved, RelaySender } from '../../../src/exporters/sending/sender.ts'
import { fakeServices, settle } from '../../../src/testing/fakes.ts'
import { sampleRequest } from '../../harness/samples.ts'
import { acceptBatch } from '../batch-of.ts'

const schema = section(sendingFields())

function start(
  send: (encoded: EncodedBatch) => Moved | { kind: 'sent' },
  section: object = {},
  wantsNoBytes = true,
) {
  const services = fakeServices()
  const config = schema.parse({ retry_on_failure: { initial_interval: '1s' }, ...section })
  const seen: EncodedBatch[] = []
  const sender: RelaySender = {
    wantsNoBytes,
    start: async () => {},
    stop: async () => {},
    send: async encoded => {
      seen.push(encoded)
      return send(encoded)
    },
  }
  const context = { ...services, id: 'relay', config, signals: ['traces'] as const }
  const exporter = createSendingExporter(context, config, sender, { random: () => 0.5 })
  const accept = (items = 5) =>
    acceptBatch(services, 'traces', sampleRequest('traces', 1, items).bytes)
  return { services, seen, exporter, accept }
}

/** The last items of a batch as one of their own. */
function lastOf({ batch }: EncodedBatch, items: number) {
  const { pieces } = splitBatch(batch.share(), { maxItems: batch.items - items })
  pieces[0].release()
  return pieces[1]
}

const nothing = { sent: 0, dropped: 0 }
function booked({ services }: ReturnType<typeof start>) {
  const [row] = services.ledger.rows()
  if (row === undefined) return nothing
  return { sent: row.sent, dropped: row.dropped.reduce((sum, { items }) => sum + items, 0) }
}

test('books nothing for what others have taken, and lets go of the bytes', async () => {
  const kit = start(() => ({ kind: 'moved' }))
  const { batch, freed } = kit.accept()

  assert.equal((await kit.exporter.consume(batch)).kind, 'accepted')
  await settle()

  assert.deepEqual(booked(kit), nothing)
  assert.equal(freed(), true)
  assert.equal(kit.services.meter.total('otelcol_exporter_sent_spans'), 0)
  assert.equal(kit.services.meter.total('otelcol_exporter_queue_size'), 0)
})

test('gives no bytes to a sender that wants none, and bytes to others', async () => {
  const none = start(() => ({ kind: 'moved' }))
  const some = start(() => ({ kind: 'moved' }), {}, false)

  for (const kit of [none, some]) await kit.exporter.consume(kit.accept().batch)

  assert.equal(none.seen[0].chunks.length, 0)
  assert.ok(some.seen[0].chunks.length > 0)
})

test('tells who waits for the result that it is taken', async () => {
  const kit = start(() => ({ kind: 'moved' }), { sending_queue: { enabled: false } })
  const { batch, freed } = kit.accept()

  assert.equal((await kit.exporter.consume(batch)).kind, 'accepted')

  assert.deepEqual(booked(kit), nothing)
  assert.equal(freed(), true)
})

test('tries what is left again, alone, and books what becomes of it', async () => {
  let attempts = 0
  const kit = start(encoded => {
    if (attempts++ > 0) return { kind: 'sent' }
    const result = { kind: 'retry', message: 'later' } as const
    return { kind: 'moved', left: { batch: lastOf(encoded, 2), result } }
  })
  const { batch, freed } = kit.accept(5)

  await kit.exporter.consume(batch)
  await settle()
  const used = kit.services.meter.total('otelcol_exporter_queue_size')
  await kit.services.clock.advance(2000)

  assert.deepEqual(
    kit.seen.map(({ items }) => items),
    [5, 2],
  )
  assert.equal(used, 1)
  assert.deepEqual(booked(kit), { sent: 2, dropped: 0 })
  assert.equal(freed(), true)
  assert.equal(kit.services.meter.total('otelcol_exporter_queue_size'), 0)
})

test('tells who waits for the result how much was refused of what is left', async () => {
  const kit = start(
    encoded => {
      const result = { kind: 'drop', reason: 'permission_denied', message: 'no' } as const
      return { kind: 'moved', left: { batch: lastOf(encoded, 2), result } }
    },
    { sending_queue: { enabled: false } },
  )
  const { batch } = kit.accept(5)

  const outcome = await kit.exporter.consume(batch)

  assert.deepEqual(outcome, {
    kind: 'refused',
    items: 2,
    why: 'permission_denied',
    message: 'no',
  })
})
