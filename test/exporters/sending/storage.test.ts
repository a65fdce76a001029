/** A queue on disk: answered when it is stored, fed in order through a bounded window, still there for the next process. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { DEFAULT_TENANT } from '../../../src/core/batch.ts'
import { SILENT_LOGGER } from '../../../src/core/logger.ts'
import type { Outcome } from '../../../src/core/outcome.ts'
import { TENANT_WINDOW_BYTES } from '../../../src/exporters/sending/window.ts'
import { Selection } from '../../../src/otlp/selection.ts'
import { assertBalanced, type FakeServices, fakeHost, settle } from '../../../src/testing/fakes.ts'
import { sampleRequest } from '../../harness/samples.ts'
import { acceptBatch, type TestBatch } from '../batch-of.ts'
import { FakeStorage } from './fake-storage.ts'
import { droppedItems, SENT, type SendingKit, sentItems, startSending } from './kit.ts'

const RETRY = { kind: 'retry', message: 'not now' } as const

interface StoredKit extends SendingKit {
  readonly storage: FakeStorage
}

async function startStored(
  settings: { queue?: object; retry?: object; config?: object } = {},
  storage = new FakeStorage(),
  services?: FakeServices,
): Promise<StoredKit> {
  const config = {
    ...settings.config,
    retry_on_failure: settings.retry ?? {},
    sending_queue: { storage: 'disk', ...settings.queue },
  }
  const kit = startSending(config, {}, services)
  await kit.exporter.start(fakeHost(new Map([['disk', storage]])))
  return { ...kit, storage }
}

async function consume(kit: SendingKit, items = 5, tenant = DEFAULT_TENANT): Promise<Outcome> {
  const { batch } = kit.batch(items, 'traces', tenant)
  const outcome = await kit.exporter.consume(batch)
  if (outcome.kind !== 'accepted') {
    kit.services.ledger.unaccepted(tenant, 'traces', items, outcome.kind)
    batch.release()
  }
  return outcome
}

async function settleAll(): Promise<void> {
  for (let i = 0; i < 20; i++) await settle()
}

test('answers only when the batch is on disk, and acknowledges when it is delivered', async () => {
  const kit = await startStored()
  kit.sender.reply = null
  const made = kit.batch(5)
  let answered = false
  const outcome = Promise.resolve(kit.exporter.consume(made.batch)).then(o => {
    answered = true
    return o
  })
  const queue = kit.storage.queue('scripted', 'traces')
  await Promise.resolve()
  assert.deepEqual([answered, queue.entries, kit.sender.open.length], [false, 0, 0])

  assert.deepEqual(await outcome, { kind: 'accepted' })
  assert.equal(queue.entries, 1)
  assertBalanced(kit.services.ledger, 5)
  kit.sender.open[0].answer(SENT)
  await settle()

  assert.equal(queue.entries, 0)
  assert.ok(made.freed())
  assertBalanced(kit.services.ledger)
})

test('sends what has just been stored without reading it again', async () => {
  const kit = await startStored()
  for (let i = 0; i < 20; i++) await consume(kit)
  await settleAll()

  assert.equal(sentItems(kit), 100)
  assert.equal(kit.storage.queue('scripted', 'traces').reads, 0)
})

test('what the process leaves behind is sent by the next one, in its order and booked anew', async () => {
  const first = await startStored()
  first.sender.reply = () => RETRY
  for (let items = 1; items <= 4; items++) await consume(first, items)
  await settleAll()
  await first.stop()

  assert.equal(first.services.ledger.rows()[0].kept, 10)
  assert.equal(droppedItems(first, 'shutdown'), 0)
  assertBalanced(first.services.ledger)
  assert.equal(first.storage.opened, 0)

  const second = await startStored({ queue: { num_consumers: 1 } }, first.storage)
  await settleAll()

  assert.deepEqual(second.sender.sizes, [1, 2, 3, 4])
  assert.equal(second.services.ledger.rows()[0].accepted, 10)
  assertBalanced(second.services.ledger)
  assert.equal(first.storage.queue('scripted', 'traces').entries, 0)
})

test('recovers the queues of all tenants, and never mixes them', async () => {
  const first = await startStored()
  first.sender.reply = () => RETRY
  for (const tenant of ['a', 'b', 'c']) await consume(first, tenant.charCodeAt(0) - 96, tenant)
  await first.stop()
  const second = await startStored({}, first.storage)
  await settleAll()

  const sent = second.sender.attempts.map(({ batch, items }) => [batch.tenant, items])
  assert.deepEqual(sent.sort(), [
    ['a', 1],
    ['b', 2],
    ['c', 3],
  ])
  assertBalanced(second.services.ledger)
})

test('delivers at shutdown what is in memory while the destination takes it', async () => {
  const kit = await startStored({ queue: { num_consumers: 1 } })
  kit.sender.reply = null
  for (let i = 0; i < 3; i++) await consume(kit)
  const stopped = kit.stop()
  for (let i = 0; i < 3; i++) {
    kit.sender.open[i].answer(SENT)
    await settleAll()
  }
  await stopped

  assert.equal(sentItems(kit), 15)
  assert.equal(kit.services.ledger.rows()[0].kept, 0)
  assertBalanced(kit.services.ledger)
})

test('what fails at shutdown is not tried again but stays on disk', async () => {
  const kit = await startStored({ queue: { num_consumers: 1 } })
  kit.sender.reply = null
  for (let i = 0; i < 3; i++) await consume(kit)
  const stopped = kit.stop()
  kit.sender.open[0].answer(RETRY)
  await settleAll()
  kit.sender.open[1].answer(SENT)
  await settleAll()
  kit.sender.open[2].answer(RETRY)
  await stopped

  assert.equal(kit.services.ledger.rows()[0].kept, 10)
  assert.equal(kit.storage.queue('scripted', 'traces').entries, 2)
  assertBalanced(kit.services.ledger)
})

test('keeps a bounded window in memory, and the rest on disk only', async () => {
  const kit = await startStored({ queue: { num_consumers: 1 } })
  kit.sender.reply = null
  const { bytes } = sampleRequest('traces', 1, 12_000)
  const made = Array.from({ length: 12 }, () => acceptBatch(kit.services, 'traces', bytes))
  const size = made[0].batch.bytes
  assert.ok(size * made.length > TENANT_WINDOW_BYTES * 1.5, `${size}`)
  for (const { batch } of made) assert.equal((await kit.exporter.consume(batch)).kind, 'accepted')
  await settleAll()

  const held = made.filter(({ freed }) => !freed()).length * size
  assert.ok(held <= TENANT_WINDOW_BYTES + size, `${held}`)
  assertBalanced(kit.services.ledger, 144_000)
  for (let i = 0; i < 12; i++) {
    kit.sender.open[i].answer(SENT)
    await settleAll()
  }

  assert.equal(sentItems(kit), 144_000)
  const queue = kit.storage.queue('scripted', 'traces')
  assert.ok(queue.reads > 0 && queue.reads < 12, `${queue.reads}`)
  assert.equal(queue.entries, 0)
  assert.equal(kit.services.memory.reservedBytes, 0)
  assertBalanced(kit.services.ledger)
})

test('leaves most of a small disk share untaken, so that it can make room', async () => {
  const kit = await startStored({ queue: { num_consumers: 1 } })
  kit.sender.reply = null
  const queue = kit.storage.queue('scripted', 'traces')
  const { bytes } = sampleRequest('traces', 1, 1000)
  queue.limitBytes = bytes.length * 8
  const batches = Array.from({ length: 7 }, () => acceptBatch(kit.services, 'traces', bytes))
  for (const { batch } of batches) await kit.exporter.consume(batch)
  await settleAll()

  const taken = queue.records.filter(({ isTaken }) => isTaken).length
  assert.ok(taken >= 1 && taken <= 3, `${taken}`)
})

test('an entry goes only when all that may hold its items has ended', async () => {
  const batch = { min_size: 8, max_size: 8, sizer: 'items' }
  const kit = await startStored({ queue: { batch } })
  kit.sender.reply = null
  const queue = kit.storage.queue('scripted', 'traces')
  const outcomes = [consume(kit, 6), consume(kit, 6), consume(kit, 4)]
  await Promise.all(outcomes)
  await settleAll()
  assert.deepEqual(
    kit.sender.open.map(({ items }) => items),
    [8, 8],
  )

  kit.sender.open[0].answer(SENT)
  await settleAll()
  assertBalanced(kit.services.ledger, 8)
  assert.equal(queue.entries, 3)
  kit.sender.open[1].answer(SENT)
  await settleAll()

  assert.equal(queue.entries, 0)
  assertBalanced(kit.services.ledger)
})

test('the bound of the queue counts what is on disk, also what was recovered', async () => {
  for (const [sizer, queue_size] of [
    ['requests', 3],
    ['items', 17],
    ['bytes', 4000],
  ] as const) {
    const first = await startStored({ queue: { sizer, queue_size } })
    first.sender.reply = () => RETRY
    for (let i = 0; i < 3; i++) assert.equal((await consume(first)).kind, 'accepted')
    await first.stop()
    const second = await startStored({ queue: { sizer, queue_size } }, first.storage)
    second.sender.reply = () => RETRY
    let more = 0
    while ((await consume(second)).kind === 'accepted') more++
    if (sizer !== 'bytes') assert.equal(more, 0)
    assert.ok(more < 3)

    second.sender.reply = () => SENT
    await second.services.clock.advance(60_000)
    assert.equal((await consume(second)).kind, 'accepted')
    await settleAll()
    assert.equal(second.services.meter.total('otelcol_exporter_queue_size'), 0)
    assertBalanced(second.services.ledger)
  }
})

test('with block_on_overflow senders wait until entries are acknowledged', async () => {
  const kit = await startStored({ queue: { queue_size: 1, block_on_overflow: true } })
  kit.sender.reply = null
  await consume(kit)
  const waiting = consume(kit, 3)
  await settleAll()
  assert.equal(kit.storage.queue('scripted', 'traces').entries, 1)

  kit.sender.open[0].answer(SENT)

  assert.equal((await waiting).kind, 'accepted')
  await settleAll()
  assert.deepEqual(kit.sender.sizes, [5, 3])
})

test('a full or failing disk is told to the sender, and nothing is kept', async () => {
  const kit = await startStored()
  kit.storage.faults.append = { kind: 'failed', retryAfterMs: 5000, message: 'EIO' }
  const failed = await consume(kit)
  kit.storage.faults.append = {
    kind: 'full',
    drop: false,
    isShare: false,
    retryAfterMs: 3000,
    message: 'quota',
  }
  const full = await consume(kit)

  assert.deepEqual(failed, { kind: 'busy', retryAfterMs: 5000, cause: 'unavailable' })
  assert.deepEqual(full, { kind: 'busy', retryAfterMs: 3000, cause: 'overloaded' })
  assert.equal(kit.services.meter.total('otelcol_exporter_enqueue_failed_spans'), 10)
  assert.equal(kit.services.meter.total('otelcol_exporter_queue_size'), 0)
  assertBalanced(kit.services.ledger)
})

test('a sender whose tenant has its share of the disk in use is told that, not that all is full', async () => {
  const kit = await startStored()
  const share = { isShare: true, message: 'share' }
  kit.storage.faults.append = { kind: 'full', drop: false, retryAfterMs: 3000, ...share }

  const outcome = await consume(kit)

  assert.deepEqual(outcome, { kind: 'busy', retryAfterMs: 3000, cause: 'disk_share' })
  assertBalanced(kit.services.ledger)
})

test('a policy that loses the newest, or the oldest, is booked as such', async () => {
  const kit = await startStored({ queue: { num_consumers: 1 } })
  kit.sender.reply = null
  kit.storage.faults.append = {
    kind: 'full',
    drop: true,
    isShare: false,
    retryAfterMs: 0,
    message: 'quota',
  }
  assert.equal((await consume(kit)).kind, 'accepted')
  assert.equal(droppedItems(kit, 'storage_full'), 5)

  // The first waits in memory, so what the second throws out is not there when its turn comes.
  kit.storage.faults.append = null
  kit.services.memory.isShort = true
  const queue = kit.storage.queue('scripted', 'traces')
  for (const items of [1, 2, 3]) {
    const { batch } = kit.batch(items, 'traces')
    kit.storage.faults.evict = items === 3
    await kit.exporter.consume(batch)
    for (const record of queue.records) void record
  }
  await settleAll()
  while (kit.sender.open.length > 0) {
    kit.sender.open.shift()!.answer(SENT)
    await settleAll()
  }
  assert.equal(sentItems(kit) + droppedItems(kit, 'storage_evicted'), 6)
  assertBalanced(kit.services.ledger)
})

test('an entry that cannot be read is asked for again; a damaged one is lost by name', async () => {
  const first = await startStored()
  first.sender.reply = () => RETRY
  await consume(first, 3)
  await consume(first, 4)
  await first.stop()
  first.storage.faults.read = { kind: 'failed', message: 'EIO' }
  const second = await startStored({}, first.storage)
  await settleAll()
  assert.equal(second.sender.attempts.length, 0)
  assertBalanced(second.services.ledger, 7)

  first.storage.faults.read = { kind: 'damaged', message: 'CRC' }
  await second.services.clock.advance(500)
  first.storage.faults.read = null
  await second.services.clock.advance(500)

  assert.ok(droppedItems(second, 'storage_damaged') > 0)
  assert.equal(sentItems(second) + droppedItems(second, 'storage_damaged'), 7)
  assert.equal(second.services.memory.reservedBytes, 0)
  assertBalanced(second.services.ledger)
})

test('what is read counts in the memory budget, and waits while there is no room', async () => {
  const first = await startStored()
  first.sender.reply = () => RETRY
  await consume(first)
  await first.stop()
  const events: string[] = []
  const log = { ...SILENT_LOGGER, error: (event: string) => void events.push(event) }
  const services = { ...startSending().services, log }
  services.memory.limitBytes = 10
  const second = await startStored({}, first.storage, services)
  await settleAll()
  assert.equal(second.sender.attempts.length, 0)
  await services.clock.advance(30_000)
  assert.deepEqual(events, ['stored_entry_waits_for_memory'])

  services.memory.limitBytes = 1e9
  await services.clock.advance(500)

  assert.equal(sentItems(second), 5)
  assert.equal(services.memory.reservedBytes, 0)
})

test('a storage that is no running extension, or stores nothing, is named with a code', async () => {
  for (const extensions of [new Map(), new Map([['disk', { start() {}, stop() {} }]])]) {
    const kit = startSending({ sending_queue: { storage: 'disk' } })
    await assert.rejects(kit.exporter.start(fakeHost(extensions as never)), {
      code: 'MILLRACE_STORAGE_MISSING',
      message: /scripted names disk/,
    })
  }
})

test('takes nothing before its storage is open', () => {
  const kit = startSending({ sending_queue: { storage: 'disk' } })

  const outcome = kit.exporter.consume(kit.batch().batch) as Outcome

  assert.equal(outcome.kind, 'busy')
})

test('what is stored just as the deadline of the shutdown comes is kept, in the books too', async () => {
  const kit = await startStored()
  const queue = kit.storage.queue('scripted', 'traces')
  const append = queue.append.bind(queue)
  let goOn = () => {}
  const held = new Promise<void>(resolve => (goOn = resolve))
  queue.append = async entry => {
    await held
    return await append(entry)
  }
  const outcome = consume(kit)
  await kit.stop(true)
  goOn()

  assert.deepEqual(await outcome, { kind: 'accepted' })
  assert.equal(kit.services.ledger.rows()[0].kept, 5)
  assertBalanced(kit.services.ledger)
})

/** Bytes of requests that are in memory after so many were handed in while the destination takes nothing. */
async function bytesInMemory(
  requests: number,
  make: (services: FakeServices, i: number) => TestBatch,
): Promise<number> {
  const services = startSending().services
  services.memory.limitBytes = 1
  const kit = await startStored({}, new FakeStorage(), services)
  services.memory.limitBytes = Number.MAX_SAFE_INTEGER
  kit.sender.reply = () => RETRY
  const made: TestBatch[] = []
  for (let i = 0; i < requests; i++) {
    const each = make(services, i)
    made.push(each)
    assert.equal((await kit.exporter.consume(each.batch)).kind, 'accepted')
  }
  await settleAll()
  return made.reduce((sum, { batch, freed }) => sum + (freed() ? 0 : batch.bytes), 0)
}

test('many tenants together have no more in memory than the window of the exporter', async () => {
  const { bytes } = sampleRequest('traces', 1, 4000)
  const kept = await bytesInMemory(120, (services, i) =>
    acceptBatch(services, 'traces', bytes, null, `t${i % 6}`),
  )

  assert.ok(120 * bytes.length > 40 << 20)
  assert.ok(kept <= 18 << 20, `${kept}`)
})

test('a request of which little is left counts with all that it keeps in memory', async () => {
  const { bytes } = sampleRequest('traces', 1, 4000)
  const kept = await bytesInMemory(60, services =>
    acceptBatch(services, 'traces', bytes, Selection.range(4000, 0, 1)),
  )

  assert.ok(60 * bytes.length > 2 * TENANT_WINDOW_BYTES)
  assert.ok(kept <= TENANT_WINDOW_BYTES + bytes.length, `${kept}`)
})

test('who waits for room gets it when what was stored turns out to be damaged', async () => {
  const first = await startStored()
  first.sender.reply = () => RETRY
  await consume(first)
  await first.stop()
  Object.assign(first.storage.faults, { read: { kind: 'failed', message: 'EIO' } })
  const queue = { queue_size: 1, block_on_overflow: true }
  const second = await startStored({ queue }, first.storage)
  await settleAll()
  const outcome = consume(second)
  Object.assign(first.storage.faults, { read: { kind: 'damaged', message: 'CRC' } })
  await second.services.clock.advance(500)
  Object.assign(first.storage.faults, { read: null })
  await settleAll()

  assert.deepEqual(await outcome, { kind: 'accepted' })
  assert.equal(sentItems(second), 5)
  assertBalanced(second.services.ledger)
})

test('stops in order while requests wait for a slot of a destination that fails', async () => {
  const kit = await startStored({ queue: { num_consumers: 1 } })
  kit.sender.reply = null
  for (let i = 0; i < 3; i++) await consume(kit)
  kit.sender.open.shift()!.answer(RETRY)
  await settleAll()
  const stopped = kit.stop()
  await settleAll()
  for (const { answer } of kit.sender.open) answer(RETRY)
  await stopped

  assert.equal(kit.services.ledger.rows()[0].kept, 15)
  assert.equal(kit.storage.opened, 0)
  assertBalanced(kit.services.ledger)
})

test('who sends what can never be stored is told so, and not to come again', async () => {
  const kit = await startStored()
  kit.storage.faults.append = {
    kind: 'full',
    drop: false,
    isShare: false,
    retryAfterMs: 1000,
    message: 'quota',
  }
  assert.equal((await consume(kit)).kind, 'busy')
  kit.storage.queue('scripted', 'traces').limitBytes = 100

  const outcome = await consume(kit)

  assert.equal(outcome.kind === 'refused' && outcome.why, 'too_large')
  assertBalanced(kit.services.ledger)
})
