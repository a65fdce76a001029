/** What a destination refuses is searched for its bad items; those are laid aside with the reason, the others arrive. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Batch, type Part } from '../../../src/core/batch.ts'
import type { SendResult } from '../../../src/exporters/sending/sender.ts'
import { assertBalanced, fakeHost, settle } from '../../../src/testing/fakes.ts'
import { decode } from '../../otlp/oracle.ts'
import { FakeStorage } from './fake-storage.ts'
import { droppedItems, SENT, type SendingKit, sentItems, startSending } from './kit.ts'

const BAD: SendResult = { kind: 'drop', reason: 'bad_data', message: 'cannot be parsed' }

async function startStored(config: object = {}): Promise<SendingKit & { storage: FakeStorage }> {
  const storage = new FakeStorage()
  const kit = startSending({ sending_queue: { storage: 'disk' }, ...config })
  await kit.exporter.start(fakeHost(new Map([['disk', storage]])))
  return { ...kit, storage }
}

async function settleAll(): Promise<void> {
  for (let i = 0; i < 100; i++) await settle()
}

/** Refuses every request that holds one of these paths of the sample spans. */
function refuse(kit: SendingKit, paths: readonly string[], result: SendResult = BAD): void {
  const poisons = paths.map(path => Buffer.from(path))
  kit.sender.reply = ({ chunks }) => {
    const bytes = Buffer.concat([...chunks])
    return poisons.some(poison => bytes.includes(poison)) ? result : SENT
  }
}

test('finds the bad item of a large request in few attempts, and sends all others', async () => {
  const kit = await startStored()
  refuse(kit, ['/items/77'])
  void kit.exporter.consume(kit.batch(512, 'logs').batch)
  await settleAll()
  assert.equal(sentItems(kit), 512)
  void kit.exporter.consume(kit.batch(512).batch)
  await settleAll()

  assert.equal(sentItems(kit), 1023)
  assert.equal(droppedItems(kit, 'bad_data'), 1)
  assert.ok(kit.sender.attempts.length <= 22, `${kit.sender.attempts.length}`)
  assert.equal(kit.storage.queue('scripted', 'traces').entries, 0)
  assertBalanced(kit.services.ledger)

  const [letter, ...others] = kit.storage.kept
  assert.equal(others.length, 0)
  const { exporter, signal, tenant, reason, message, items } = letter
  assert.deepEqual(
    { exporter, signal, tenant, reason, message, items },
    {
      exporter: 'scripted',
      signal: 'traces',
      tenant: 'default',
      reason: 'bad_data',
      message: 'cannot be parsed',
      items: 1,
    },
  )
  const bytes = Buffer.concat([...letter.chunks])
  assert.ok(bytes.includes('/items/77'))
  const message1 = decode('TracesRequest', bytes) as { resourceSpans: unknown[] }
  assert.equal(message1.resourceSpans.length, 1)
})

test('finds several bad items', async () => {
  const kit = await startStored()
  refuse(kit, ['/items/11', '/items/49'])
  void kit.exporter.consume(kit.batch(50).batch)
  await settleAll()

  assert.equal(sentItems(kit), 48)
  assert.equal(kit.storage.kept.length, 2)
  assertBalanced(kit.services.ledger)
})

test('a sender that throws at an item loses that item only', async () => {
  const kit = startSending()
  const poison = Buffer.from('/items/33')
  kit.sender.reply = ({ chunks }) => {
    if (Buffer.concat([...chunks]).includes(poison)) throw new Error('broken')
    return SENT
  }
  kit.feed(50)
  await settleAll()

  assert.equal(sentItems(kit), 49)
  assert.equal(droppedItems(kit, 'internal_error'), 1)
  assertBalanced(kit.services.ledger)
})

for (const config of [
  { max_request_bytes: 1_000_000 },
  { sending_queue: { sizer: 'bytes', queue_size: 1_000_000 } },
  { sending_queue: { batch: { sizer: 'bytes', min_size: 10, max_size: 100 } } },
]) {
  test(`a request that cannot be encoded is dropped, and others go on (${JSON.stringify(config)})`, async () => {
    const kit = startSending(config)
    const { batch } = kit.batch(1)
    const edits = { size: 1 } as Part['edits']
    const parts = batch.parts.map(part => ({ ...part, edits }))
    void kit.exporter.consume(new Batch('traces', batch.tenant, batch.context, parts))
    await settleAll()
    kit.feed(5)
    await kit.services.clock.advance(1000)
    await settleAll()

    assert.equal(sentItems(kit), 5)
    assert.equal(droppedItems(kit, 'internal_error'), 1)
    assertBalanced(kit.services.ledger)
  })
}

test('a destination that refuses everything is not asked for each item', async () => {
  const kit = await startStored()
  kit.sender.reply = () => BAD
  const feed = async () => {
    const before = kit.sender.attempts.length
    void kit.exporter.consume(kit.batch(500).batch)
    await settleAll()
    return kit.sender.attempts.length - before
  }
  const attempts = [await feed(), await feed(), await feed(), await feed()]
  assert.ok(
    attempts.slice(0, 3).every(n => n > 1 && n <= 13),
    `${attempts}`,
  )
  assert.equal(attempts[3], 1)
  await kit.services.clock.advance(60_000)
  assert.ok((await feed()) > 1)

  assert.equal(droppedItems(kit, 'bad_data'), 2500)
  assert.equal(
    kit.storage.kept.reduce((sum, { items }) => sum + items, 0),
    2500,
  )
  assertBalanced(kit.services.ledger)
})

test('what is refused for another reason than its content is not searched', async () => {
  for (const reason of ['unauthenticated', 'permission_denied', 'unimplemented', 'rejected']) {
    const kit = await startStored()
    kit.sender.reply = () => ({ kind: 'drop', reason, message: 'no' })
    void kit.exporter.consume(kit.batch(50).batch)
    await settleAll()

    assert.equal(kit.sender.attempts.length, 1)
    assert.deepEqual(
      kit.storage.kept.map(letter => [letter.reason, letter.items]),
      [[reason, 50]],
    )
  }
})

test('what ran out of retries is laid aside too', async () => {
  const kit = await startStored({ retry_on_failure: { max_elapsed_time: '30s' } })
  kit.sender.reply = () => ({ kind: 'retry', message: 'down' })
  void kit.exporter.consume(kit.batch(5).batch)
  await settleAll()
  await kit.services.clock.advance(60_000)

  assert.equal(droppedItems(kit, 'retries_exhausted'), 5)
  assert.deepEqual(
    kit.storage.kept.map(({ reason, message }) => [reason, message]),
    [['retries_exhausted', 'down']],
  )
})

test('a stored entry goes only when its letter is written', async () => {
  const kit = await startStored()
  let written!: (kept: boolean) => void
  Object.assign(kit.storage.letters, { put: () => new Promise(resolve => (written = resolve)) })
  kit.sender.reply = () => BAD
  void kit.exporter.consume(kit.batch(1).batch)
  await settleAll()
  assert.equal(kit.storage.queue('scripted', 'traces').entries, 1)
  assertBalanced(kit.services.ledger)
  const stopped = kit.stop()
  await settleAll()

  written(true)
  await stopped

  assert.equal(kit.storage.queue('scripted', 'traces').entries, 0)
  assertBalanced(kit.services.ledger)
})

test('a letter that cannot be kept is said, and changes nothing in the books', async () => {
  const kit = await startStored()
  const said: string[] = []
  kit.services.log.warn = event => void said.push(event)
  kit.storage.keepsLetters = false
  kit.sender.reply = () => BAD
  void kit.exporter.consume(kit.batch(1).batch)
  await settleAll()

  assert.ok(said.includes('letter_not_kept'), `${said}`)
  assert.equal(droppedItems(kit, 'bad_data'), 1)
  assert.equal(kit.storage.queue('scripted', 'traces').entries, 0)
  assertBalanced(kit.services.ledger)
})

test('who waits for the result is told, and keeps what was refused', async () => {
  const kit = startSending({ sending_queue: { enabled: false } })
  refuse(kit, ['/items/2'])

  const outcome = await kit.exporter.consume(kit.batch(4).batch)

  assert.deepEqual(outcome, {
    kind: 'refused',
    items: 1,
    why: 'bad_data',
    message: 'cannot be parsed',
  })
  assert.equal(sentItems(kit), 3)
})

test('without a storage what is refused is booked and gone', async () => {
  const kit = startSending()
  refuse(kit, ['/items/2'])
  const { freed } = kit.feed(4)
  await settleAll()

  assert.equal(sentItems(kit), 3)
  assert.equal(droppedItems(kit, 'bad_data'), 1)
  assert.ok(freed())
  assertBalanced(kit.services.ledger)
})
