import assert from 'node:assert/strict'
import test from 'node:test'
import type { RequestContext } from '../../../src/core/batch.ts'
import { EQUAL_SHARE, OPEN_TENANCY } from '../../../src/core/tenancy.ts'
import { settle } from '../../../src/testing/fakes.ts'
import { afterCrash, entry, FOLDER, openBench, pass, readUid, store, takeAll } from './kit.ts'
import { MemoryFs } from './memory-fs.ts'

const ACKS_WRITTEN_MS = 50
const TIDIED_MS = 20_000

test('gives entries back in the order in which they were stored', async () => {
  const { queue } = await openBench()
  for (let uid = 0; uid < 50; uid++) await store(queue, uid)

  assert.deepEqual(
    await takeAll(queue),
    Array.from({ length: 50 }, (_, i) => i),
  )
  assert.equal(queue.entries, 50)
  assert.equal(queue.next(), null)
})

test('writes and syncs entries that come together once', async () => {
  const { queue, fs } = await openBench({ segmentBytes: 1 << 20 })
  await store(queue, 0)
  fs.calls.clear()

  const answers = await Promise.all(
    Array.from({ length: 40 }, (_, i) => queue.append(entry(i + 1))),
  )

  assert.ok(answers.every(answer => answer.kind === 'stored'))
  assert.equal(fs.calls.get('write'), 1)
  assert.equal(fs.calls.get('sync'), 1)
})

test('who appends hears of an entry before the next one of its group is there', async () => {
  const { queue } = await openBench({ segmentBytes: 1 << 20 })
  const seen: number[] = []

  await Promise.all(
    [1, 2, 3].map(async uid => {
      await queue.append(entry(uid))
      seen.push(queue.entries)
    }),
  )

  assert.deepEqual(seen, [1, 2, 3])
})

test('keeps what the sender was known by', async () => {
  const { queue } = await openBench()
  const context: RequestContext = {
    peer: '10.0.0.1:1234',
    metadata: new Map([['x-team', ['a', 'b']]]),
  }
  await queue.append(entry(1, 100, context))

  const { id } = queue.next()!
  const found = await queue.read(id, bytes => Buffer.alloc(bytes))

  assert.ok(found.kind === 'entry')
  assert.deepEqual(found.context, context)
})

test('counts entries, items and bytes until they are acknowledged', async () => {
  const { queue, storage } = await openBench()
  await store(queue, 3)
  await store(queue, 4)
  assert.deepEqual([queue.entries, queue.items], [2, 9])
  assert.equal(storage.usedBy('acme'), queue.bytes)

  queue.acknowledge(queue.next()!.id)
  queue.acknowledge(queue.next()!.id)

  assert.deepEqual([queue.entries, queue.items, queue.bytes], [0, 0, 0])
  assert.equal(storage.usedBy('acme'), 0)
})

test('an entry that is put back comes again before younger ones', async () => {
  const { queue } = await openBench()
  for (let uid = 0; uid < 30; uid++) await store(queue, uid)
  const taken = Array.from({ length: 25 }, () => queue.next()!.id)

  queue.putBack(taken[20])
  queue.putBack(taken[3])
  queue.putBack(taken[3])

  assert.deepEqual(await takeAll(queue), [3, 20, 25, 26, 27, 28, 29])
})

test('what was not acknowledged is there after a crash, and nothing else', async () => {
  const bench = await openBench()
  for (let uid = 0; uid < 60; uid++) await store(bench.queue, uid)
  for (let i = 0; i < 40; i++) {
    const { id } = bench.queue.next()!
    if (i % 3 !== 0) bench.queue.acknowledge(id)
  }
  await pass(bench, ACKS_WRITTEN_MS)

  const { queue, queues } = await afterCrash(bench)

  const left = Array.from({ length: 60 }, (_, i) => i).filter(i => i >= 40 || i % 3 === 0)
  assert.deepEqual(queues.recovered, ['acme'])
  assert.deepEqual(await takeAll(queue), left)
})

test('a file goes as soon as all of its entries have ended, in any order', async () => {
  const { queue, fs, services } = await openBench({ segmentBytes: 1024 })
  const ids = []
  for (let uid = 0; uid < 20; uid++) ids.push(await store(queue, uid))
  const before = fs.paths().length
  for (let i = 0; i < 20; i++) queue.next()

  // Those in the middle, as far as whole files go.
  for (const id of ids.slice(5, 18)) queue.acknowledge(id)
  await pass({ services }, ACKS_WRITTEN_MS)

  const names = fs.paths().filter(path => path.endsWith('.wal'))
  assert.ok(names.length <= before - 1, `${names.length} of ${before}`)
  assert.ok(names.some(name => name.endsWith('000000000001.wal')))
})

test('an idle queue without entries has no file and no open file', async () => {
  const { queue, fs, services } = await openBench()
  await store(queue, 1)
  queue.acknowledge(queue.next()!.id)

  await pass({ services }, TIDIED_MS)

  assert.deepEqual(fs.paths(), [])
  assert.equal(fs.openFiles, 0)
  await store(queue, 2)
  assert.equal(await readUid(queue, queue.next()!.id), 2)
})

test('a released tenant leaves nothing behind, and begins anew when it comes back', async () => {
  const bench = await openBench()
  const { queue, queues, fs } = bench
  await store(queue, 1)
  queue.acknowledge(queue.next()!.id)

  queues.release('acme')
  await pass(bench, ACKS_WRITTEN_MS)

  assert.deepEqual([fs.paths(), await fs.list(FOLDER)], [[], []])
  assert.notEqual(queues.of('acme'), queue)
  await store(queues.of('acme'), 2)
  const again = await afterCrash(bench)
  assert.deepEqual(await takeAll(again.queue), [2])
})

test('a tenant that comes back while it is forgotten loses nothing, whenever that is', async () => {
  for (let turns = 0; turns < 40; turns++) {
    const bench = await openBench()
    await store(bench.queue, 1)
    bench.queue.acknowledge(bench.queue.next()!.id)
    bench.queues.release('acme')
    for (let i = 0; i < turns; i++) await settle()

    const queue = bench.queues.of('acme')
    for (let i = 0; i < turns % 4; i++) await settle()
    await store(queue, 2)
    await pass(bench, ACKS_WRITTEN_MS)

    assert.equal(bench.queues.of('acme'), queue, `after ${turns} turns`)
    assert.equal(await readUid(queue, queue.next()!.id), 2)
    assert.deepEqual(await takeAll((await afterCrash(bench)).queue), [2])
  }
})

test('a released tenant with entries, or with files that do not go, is kept', async () => {
  const bench = await openBench()
  const { queue, queues, fs } = bench
  await store(queue, 1)
  queues.release('acme')
  await pass(bench, ACKS_WRITTEN_MS)
  assert.equal(queues.of('acme'), queue)

  fs.fault = operation => (operation === 'remove' ? { code: 'EIO' } : null)
  queue.acknowledge(queue.next()!.id)
  queues.release('acme')
  await pass(bench, ACKS_WRITTEN_MS)

  assert.equal(queues.of('acme'), queue)
  fs.fault = () => null
  await pass(bench, TIDIED_MS)
  assert.deepEqual(fs.paths(), [])
})

test('empty folders of tenants that are gone are removed at the start', async () => {
  const bench = await openBench()
  await bench.fs.makeFolder(`${FOLDER}/long-gone`)

  const { fs } = await afterCrash(bench)
  await pass(bench, 0)

  assert.deepEqual(await fs.list(FOLDER), [])
})

test('nothing is on disk before the first append, and nothing after a close with nothing left', async () => {
  const { queue, queues, fs, storage } = await openBench()
  assert.deepEqual(fs.paths(), [])
  await store(queue, 1)
  queue.acknowledge(queue.next()!.id)

  await queues.close()
  await storage.stop()

  assert.deepEqual(fs.paths(), [])
  assert.deepEqual(await fs.list(FOLDER), [])
  assert.equal(storage.fileBytes, 0)
  assert.equal(fs.openFiles, 0)
})

test('entries larger than a file have one of their own', async () => {
  const bench = await openBench({ segmentBytes: 1024 })
  await store(bench.queue, 1, 50)
  await store(bench.queue, 2, 100_000)
  await store(bench.queue, 3, 50)

  const { queue } = await afterCrash(bench)

  assert.deepEqual(await takeAll(queue), [1, 2, 3])
})

test('empty requests and many small ones are kept', async () => {
  const bench = await openBench({ segmentBytes: 1 << 20 })
  await Promise.all(Array.from({ length: 3000 }, (_, uid) => bench.queue.append(entry(uid, 4))))
  await bench.queue.append({ items: 0, chunks: [], byteLength: 0, context: entry(0).context })

  const { queue } = await afterCrash(bench)

  assert.equal(queue.entries, 3001)
})

test('close syncs whatever the policy says', async () => {
  for (const fsync of ['interval', 'never'] as const) {
    const bench = await openBench({ fsync })
    for (let uid = 0; uid < 20; uid++) await store(bench.queue, uid)
    assert.equal(bench.fs.calls.get('sync') ?? 0, 0)

    await bench.queues.close()
    const { queue } = await afterCrash(bench, 'power', {}, 0)

    assert.equal(queue.entries > 0 || fsync === 'never', true)
    if (fsync === 'interval') assert.equal(queue.entries, 20)
  }
})

test('with the policy interval what is written is synced after the interval', async () => {
  const bench = await openBench({ fsync: 'interval', fsyncIntervalMs: 200 })
  for (let uid = 0; uid < 40; uid++) await store(bench.queue, uid)
  await pass(bench, 1000)

  const { queue } = await afterCrash(bench, 'power', {}, 7)

  assert.equal(queue.entries, 40)
})

test('appends after close are turned away', async () => {
  const { queue, queues } = await openBench()
  await queues.close()

  const answer = await queue.append(entry(1))

  assert.equal(answer.kind, 'full')
})

test('a second opening of the same queues is refused while the first is open', async () => {
  const { storage, queues } = await openBench()

  await assert.rejects(storage.open('otlp', 'traces'), { code: 'MILLRACE_STORAGE_LOCKED' })
  await queues.close()
  await assert.doesNotReject(storage.open('otlp', 'traces'))
})

test('tenants, exporters and signals do not share queues', async () => {
  const bench = await openBench()
  await store(bench.queue, 1)
  await store(bench.queues.of('../acme'), 2)
  await store(bench.queues.of('ACME'), 3)
  const logs = await bench.storage.open('otlp', 'logs')
  await store(logs.of('acme'), 4)

  const next = await afterCrash(bench)
  const nextLogs = await next.storage.open('otlp', 'logs')

  assert.deepEqual(next.queues.recovered, ['../acme', 'ACME', 'acme'])
  assert.deepEqual(await takeAll(next.queues.of('acme')), [1])
  assert.deepEqual(await takeAll(next.queues.of('../acme')), [2])
  assert.deepEqual(await takeAll(next.queues.of('ACME')), [3])
  assert.deepEqual(await takeAll(nextLogs.of('acme')), [4])
  assert.ok(next.fs.paths().every(path => path.startsWith('/data/queues/otlp/')))
})

test('names of 128 characters of any kind come back from disk', async () => {
  const tenant = ':A@'.repeat(42)
  const bench = await openBench({ tenant })
  await store(bench.queue, 1)

  const next = await afterCrash(bench)

  assert.deepEqual(next.queues.recovered, [tenant])
})

test('refuses what goes over the share of a tenant, and takes it when there is room again', async () => {
  const tenancy = {
    ...OPEN_TENANCY,
    shareOf: (tenant: string) => ({ ...EQUAL_SHARE, diskBytes: tenant === 'acme' ? 1000 : 0 }),
  }
  const { queue, queues } = await openBench({ tenancy })
  await store(queue, 1, 400)
  await store(queue, 2, 400)

  const answer = await queue.append(entry(3, 400))
  await store(queues.of('other'), 4, 4000)
  queue.acknowledge(queue.next()!.id)

  assert.equal(answer.kind, 'full')
  assert.ok(answer.kind === 'full' && !answer.drop && answer.isShare && answer.retryAfterMs > 0)
  await store(queue, 3, 400)
})

test('drop_newest says so, and drop_oldest makes room by the oldest that are not taken', async () => {
  const newest = await openBench({ maxBytesPerTenant: 1000, overflow: 'drop_newest' })
  await store(newest.queue, 1, 800)
  const refused = await newest.queue.append(entry(2, 800))
  assert.ok(refused.kind === 'full' && refused.drop)

  const oldest = await openBench({ maxBytesPerTenant: 1000, overflow: 'drop_oldest' })
  for (const uid of [1, 2, 3]) await store(oldest.queue, uid, 200)
  oldest.queue.next()
  const stored = await oldest.queue.append(entry(4, 400))

  assert.ok(stored.kind === 'stored')
  assert.equal(stored.evictedItems, (2 % 7) + 1)
  assert.deepEqual(await takeAll(oldest.queue), [3, 4])
})

test('keeps under the limit of all files, with those that still wait for the disk counted', async () => {
  const { queue, storage } = await openBench({ maxBytes: 10_000, segmentBytes: 2048 })

  const answers = await Promise.all(
    Array.from({ length: 60 }, (_, i) => queue.append(entry(i, 300))),
  )

  assert.ok(answers.some(answer => answer.kind === 'full'))
  assert.ok(answers.filter(answer => answer.kind === 'stored').length > 20)
  assert.ok(storage.fileBytes <= 10_000 + 2048)
})

test('drop_oldest under the limit of all files gives whole files back', async () => {
  const { queue, storage } = await openBench({
    ...{ maxBytes: 10_000, segmentBytes: 2048, overflow: 'drop_oldest' as const },
  })
  let evicted = 0
  let items = 0
  for (let uid = 0; uid < 200; uid++) {
    const answer = await queue.append(entry(uid, 300))
    assert.ok(answer.kind === 'stored', JSON.stringify(answer))
    evicted += answer.evictedItems
    items += (uid % 7) + 1
  }

  assert.equal(queue.items + evicted, items)
  assert.ok(storage.fileBytes <= 10_000 + 2048, String(storage.fileBytes))
  const left = await takeAll(queue)
  assert.equal(left.at(-1), 199)
})

test('leaves the bytes free that are to stay free', async () => {
  const fs = new MemoryFs()
  fs.capacity = 12_000
  const { queue } = await openBench({ fs, minFreeBytes: 5000, segmentBytes: 1024 })

  let stored = 0
  for (let uid = 0; uid < 100; uid++) {
    if ((await queue.append(entry(uid, 300))).kind === 'stored') stored++
  }

  assert.ok(stored > 0)
  assert.ok((await fs.freeBytes()) >= 4000, String(await fs.freeBytes()))
})

test('a queue that has all its entries delivered does not fill the limit with what has ended', async () => {
  const { queue, services, storage } = await openBench({ maxBytes: 6000, segmentBytes: 4096 })

  for (let uid = 0; uid < 100; uid++) {
    const answer = await queue.append(entry(uid, 500))
    if (answer.kind === 'stored') queue.acknowledge(queue.next()!.id)
    await pass({ services }, 100)
  }

  assert.equal(queue.entries, 0)
  assert.ok(storage.fileBytes <= 6000)
  const tries = [await queue.append(entry(1, 500))]
  await pass({ services }, 1100)
  tries.push(await queue.append(entry(1, 500)))
  assert.ok(tries.some(answer => answer.kind === 'stored'))
})

test('a file whose last entry ends while the next one is begun is counted out once', async () => {
  const { queue, storage, fs } = await openBench()
  const id = await store(queue, 1, 3000)
  queue.next()
  fs.fault = operation => {
    if (operation === 'truncate') queue.acknowledge(id)
    return null
  }

  await store(queue, 2, 3000)

  assert.ok(storage.fileBytes >= queue.bytes, `${storage.fileBytes} of ${queue.bytes}`)
})

test('whoever opens queues that another is still closing waits for it', async () => {
  const bench = await openBench()
  const { queue, queues, storage, fs } = bench
  await store(queue, 1)
  let goOn = () => {}
  const held = new Promise<void>(resolve => (goOn = resolve))
  const truncate = fs.truncate.bind(fs)
  fs.truncate = async (fd, length) => {
    await held
    return await truncate(fd, length)
  }
  const closed = queues.close()
  const opening = storage.open('otlp', 'traces')
  await pass(bench, 500)
  goOn()
  await closed

  assert.deepEqual((await opening).recovered, ['acme'])
})

test('whoever opens queues that another never closes is refused in the end', async () => {
  const bench = await openBench()
  const { queue, queues, storage, fs } = bench
  await store(queue, 1)
  fs.truncate = () => new Promise(() => {})
  void queues.close()
  const refused = assert.rejects(storage.open('otlp', 'traces'), {
    code: 'MILLRACE_STORAGE_LOCKED',
  })

  await pass(bench, 60_000)

  await refused
})

test('syncs queues of several tenants at once, and none that has nothing new', async () => {
  const bench = await openBench({ fsync: 'interval' })
  const { queues, fs } = bench
  for (let tenant = 0; tenant < 6; tenant++) await store(queues.of(`t${tenant}`), tenant)
  let [running, most] = [0, 0]
  const sync = fs.sync.bind(fs)
  fs.sync = (fd, done) => {
    most = Math.max(most, ++running)
    sync(fd, error => {
      running--
      done(error)
    })
  }
  fs.calls.clear()
  await pass(bench, 100)
  await pass(bench, 300)

  assert.equal(fs.calls.get('sync'), 6)
  assert.equal(most, 3)
})
