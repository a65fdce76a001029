import assert from 'node:assert/strict'
import test from 'node:test'
import { crc32 } from 'node:zlib'
import fc from 'fast-check'
import { encodeSegmentHeader, VERSION } from '../../../src/tenancy/wal/format.ts'
import {
  afterCrash,
  type Bench,
  contentOf,
  FOLDER,
  openBench,
  pass,
  randomFrom,
  store,
  takeAll,
  uidOf,
} from './kit.ts'
import { MemoryFs } from './memory-fs.ts'

const SEGMENT = `${FOLDER}/acme/000000000001.wal`
const RUNS = 300

/** A folder with entries 0 to 29 in several files, of which every fourth has ended. */
async function filled(): Promise<MemoryFs> {
  const bench = await openBench({ segmentBytes: 2048 })
  for (let uid = 0; uid < 30; uid++) await store(bench.queue, uid, 150 + uid)
  const ids = Array.from({ length: 30 }, () => bench.queue.next()!.id)
  for (let uid = 0; uid < 30; uid += 4) bench.queue.acknowledge(ids[uid])
  await pass(bench, 100)
  return bench.fs.crash('process', randomFrom(1))
}

function reopen(fs: MemoryFs): Promise<Bench> {
  return openBench({ fs, segmentBytes: 2048 })
}

function reportOf({ storage }: Bench) {
  return storage.reports.get('otlp traces')!
}

test('one damaged stretch loses the entries whose bytes it touches and no others, and is told', async () => {
  const original = await filled()
  const paths = original.paths().filter(path => path.endsWith('.wal'))
  const place = fc.record({
    file: fc.nat(paths.length - 1),
    at: fc.nat(),
    bytes: fc.integer({ min: 1, max: 40 }),
  })
  await fc.assert(
    fc.asyncProperty(place, fc.integer({ min: 1, max: 255 }), async ({ file, at, bytes }, mask) => {
      const fs = original.crash('process', randomFrom(1))
      const content = Buffer.from(fs.bytesOf(paths[file]))
      const from = at % content.length
      const to = Math.min(content.length, from + bytes)
      const touched = new Set(uidsIn(content, from, to))
      for (let i = from; i < to; i++) content[i] ^= mask
      fs.setBytes(paths[file], content)

      const bench = await reopen(fs)
      const found = await takeAll(bench.queue)

      const missing = Array.from({ length: 30 }, (_, uid) => uid)
        .filter(uid => uid % 4 !== 0)
        .filter(uid => !found.includes(uid) && !touched.has(uid))
      assert.deepEqual(missing, [], `touched ${[...touched]}`)
      assert.ok(
        found.every(uid => uid === -1 || uid % 4 !== 0),
        'nothing comes back that had ended',
      )
      const lost = [...touched].filter(uid => uid % 4 !== 0 && !found.includes(uid))
      const told = found.filter(uid => uid === -1).length + reportOf(bench).lostEntries
      assert.ok(told + reportOf(bench).tornTails >= lost.length, `${told} told of ${lost.length}`)
    }),
    { numRuns: RUNS },
  )
})

/** Entries whose record lies within the stretch, at least in part. */
function uidsIn(content: Buffer, from: number, to: number): number[] {
  const uids: number[] = []
  let at = content.readUInt16LE(10)
  while (at + 40 <= content.length && content.readUInt32LE(at) !== 0) {
    const body = content.readUInt32LE(at + 12) + content.readUInt32LE(at + 16)
    const end = at + Math.ceil((40 + body) / 8) * 8
    if (from < end && to > at) uids.push(content.readUInt32LE(at + 40))
    at = end
  }
  return uids
}

test('damaged acknowledgements bring back what they named and nothing else', async () => {
  const original = await filled()
  const paths = original.paths().filter(path => path.endsWith('.ack'))
  await fc.assert(
    fc.asyncProperty(fc.nat(paths.length - 1), fc.nat(), async (file, at) => {
      const fs = original.crash('process', randomFrom(1))
      const content = Buffer.from(fs.bytesOf(paths[file]))
      content[at % content.length] ^= 0x10
      fs.setBytes(paths[file], content)

      const { queue } = await reopen(fs)
      const found = await takeAll(queue)

      const expected = Array.from({ length: 30 }, (_, uid) => uid).filter(uid => uid % 4 !== 0)
      assert.deepEqual(
        found.filter(uid => uid % 4 !== 0),
        expected,
      )
      assert.ok(found.length - expected.length <= 1)
    }),
    { numRuns: 100 },
  )
})

test('a write that was cut off is no entry and no damage', async () => {
  const bench = await openBench()
  await store(bench.queue, 1, 200)
  await store(bench.queue, 2, 1500)
  const whole = bench.fs.bytesOf(SEGMENT)
  const end = whole.length - [...whole].reverse().findIndex(byte => byte !== 0)

  for (let cut = 340; cut < end; cut += 111) {
    const fs = new MemoryFs()
    fs.setBytes(SEGMENT, Buffer.from(whole.subarray(0, cut)))
    const next = await reopen(fs)

    assert.deepEqual(await takeAll(next.queue), [1], `cut at ${cut}`)
    assert.equal(reportOf(next).tornTails, 1)
    assert.equal(reportOf(next).lostEntries, 0)
    assert.equal(fs.bytesOf(SEGMENT).length < cut, true, 'what was cut off is taken away')
  }
})

test('what a sender writes into a request never passes for an entry', async () => {
  const inner = await openBench({ segmentBytes: 1 << 16 })
  for (let uid = 100; uid < 110; uid++) await store(inner.queue, uid, 64)
  const segment = inner.fs.bytesOf(SEGMENT)
  const bench = await openBench({ segmentBytes: 1 << 16 })
  const chunks = [segment.subarray(0, 2000)]
  await bench.queue.append({
    items: 1,
    chunks,
    byteLength: 2000,
    context: { peer: '', metadata: new Map() },
  })
  await store(bench.queue, 7)
  const fs = bench.fs.crash('process', randomFrom(1))
  const content = Buffer.from(fs.bytesOf(SEGMENT))
  // The header of the record around it.
  content[content.readUInt16LE(10) + 5] ^= 1
  fs.setBytes(SEGMENT, content)

  const next = await reopen(fs)

  assert.deepEqual(await takeAll(next.queue), [7])
  assert.equal(reportOf(next).lostEntries, 1)
})

test('a file of a newer version stays as it is, and newer files get other names', async () => {
  const fs = new MemoryFs()
  const header = encodeSegmentHeader({
    ...{
      kind: 'queue',
      seed: 1,
      createdMs: 0,
      number: 5,
      previous: 0,
      previousEnd: 0,
      name: 'acme',
    },
  })
  header.writeUInt16LE(VERSION + 1, 8)
  header.writeUInt32LE(crc32(header.subarray(64), crc32(header.subarray(0, 60))), 60)
  const path = `${FOLDER}/acme/000000000005.wal`
  fs.setBytes(path, header)

  const bench = await reopen(fs)
  await store(bench.queue, 1)
  bench.queue.acknowledge(bench.queue.next()!.id)
  await bench.queues.close()

  assert.deepEqual(reportOf(bench).setAside, [path])
  assert.deepEqual(fs.paths(), [path])
  assert.deepEqual(fs.bytesOf(path), header)
})

test('a file that is no segment is renamed and told, an empty one is removed', async () => {
  const fs = new MemoryFs()
  fs.setBytes(SEGMENT, Buffer.alloc(5000, 'x'))
  fs.setBytes(`${FOLDER}/acme/000000000002.wal`, Buffer.alloc(0))
  fs.setBytes(`${FOLDER}/acme/000000000003.wal`, Buffer.alloc(4096))
  fs.setBytes(`${FOLDER}/acme/000000000004.ack`, Buffer.alloc(16, 1))
  fs.setBytes(`${FOLDER}/acme/notes.txt`, Buffer.from('mine'))

  const bench = await reopen(fs)

  assert.deepEqual(reportOf(bench).setAside, [`${SEGMENT}.damaged`])
  assert.deepEqual(fs.paths(), [`${SEGMENT}.damaged`, `${FOLDER}/acme/notes.txt`])
  await store(bench.queue, 1)
})

for (const [what, firstBytes, zeros, entries] of [
  ['in front of a large entry', 300_000, 4096, 99],
  ['over more than a stretch of reading', 150, 270_000, 45],
] as const) {
  test(`a file whose beginning is zero, ${what}, gives back what stands behind`, async () => {
    const written = await openBench({ segmentBytes: 1 << 20 })
    await store(written.queue, 0, firstBytes)
    for (let uid = 1; uid < 100; uid++) await store(written.queue, uid, 5000)
    await pass(written, 100)
    const fs = written.fs.crash('process', randomFrom(1))
    const bytes = Buffer.from(fs.bytesOf(SEGMENT))
    fs.setBytes(SEGMENT, bytes.fill(0, 0, zeros))

    const bench = await reopen(fs)

    const { emptyFiles, damagedPlaces } = reportOf(bench)
    const found = await takeAll(bench.queue)
    assert.equal(found.filter(uid => uid > 0).length, entries)
    assert.equal(found.at(-1), 99)
    assert.equal(emptyFiles, 0)
    assert.ok(damagedPlaces > 0)
  })
}

test('a file of zeros with a later one behind it had entries', async () => {
  const { fs, queue } = await openBench({ segmentBytes: 2048 })
  for (let uid = 0; uid < 30; uid++) await store(queue, uid, 150)
  const crashed = fs.crash('process', randomFrom(1))
  crashed.setBytes(SEGMENT, Buffer.alloc(crashed.bytesOf(SEGMENT).length))

  const bench = await reopen(crashed)

  assert.equal(reportOf(bench).damagedPlaces, 1)
  assert.ok(bench.events.includes('emptied_segment_removed'))
})

test('an empty file is counted and told, as lost where something says that it had entries', async () => {
  const fs = new MemoryFs()
  fs.setBytes(SEGMENT, Buffer.alloc(0))
  fs.setBytes(`${FOLDER}/acme/000000000002.wal`, Buffer.alloc(0))
  fs.setBytes(`${FOLDER}/acme/000000000002.ack`, Buffer.alloc(16, 1))

  const bench = await reopen(fs)

  const { emptyFiles, damagedPlaces } = reportOf(bench)
  assert.deepEqual([emptyFiles, damagedPlaces], [2, 1])
  assert.equal(bench.services.meter.total('millrace_storage_empty_files'), 2)
  for (const event of ['empty_segment_removed', 'emptied_segment_removed']) {
    assert.equal(bench.events.filter(each => each === event).length, 1, event)
  }
  assert.ok(bench.events.includes('stored_queues_recovered'))
  assert.deepEqual(fs.paths(), [])
})

test('a file that cannot be read at the start is left for the next one', async () => {
  const fs = await filled()
  const before = fs.paths()
  const victim = before.filter(path => path.endsWith('.wal'))[1]
  fs.fault = (operation, path) => (operation === 'read' && path === victim ? { code: 'EIO' } : null)

  const first = await reopen(fs)
  const some = await takeAll(first.queue)
  fs.fault = () => null
  const second = await afterCrash(first, 'process', { segmentBytes: 2048 })
  const all = await takeAll(second.queue)

  assert.deepEqual(reportOf(first).setAside, [victim])
  assert.ok(some.length < all.length)
  assert.deepEqual(
    all,
    Array.from({ length: 30 }, (_, uid) => uid).filter(uid => uid % 4 !== 0),
  )
})

for (const operation of ['open', 'read', 'size', 'list', 'remove', 'truncate', 'rename'] as const) {
  test(`a start during which one ${operation} fails loses nothing, whichever it is`, async () => {
    const original = await filled()
    original.setBytes(`${FOLDER}/acme/000000000097.wal`, Buffer.alloc(0))
    original.setBytes(`${FOLDER}/acme/000000000098.ack`, Buffer.alloc(16, 1))
    original.setBytes(`${FOLDER}/acme/000000000099.wal`, Buffer.alloc(500, 'x'))
    const expected = Array.from({ length: 30 }, (_, uid) => uid).filter(uid => uid % 4 !== 0)
    const whole = original.crash('process', randomFrom(1))
    await reopen(whole)
    const calls = whole.calls.get(operation) ?? 0
    assert.ok(calls > 0)
    for (let n = 1; n <= calls; n++) {
      const fs = original.crash('process', randomFrom(1))
      let seen = 0
      fs.fault = asked => (asked === operation && ++seen === n ? { code: 'EIO' } : null)
      await reopen(fs).catch(error => assert.equal(error.code, 'MILLRACE_STORAGE_FOLDER'))
      fs.fault = () => null

      const { queue } = await reopen(fs.crash('process', randomFrom(1)))
      const found = await takeAll(queue)

      assert.deepEqual(
        found.filter(uid => uid % 4 !== 0),
        expected,
        `${operation} ${n}`,
      )
    }
  })
}

test('a folder whose name says nothing takes the tenant from its files', async () => {
  const tenant = '@'.repeat(128)
  const bench = await openBench({ tenant })
  await store(bench.queue, 1)

  const next = await afterCrash(bench, 'process', {})

  assert.ok(bench.fs.paths().every(path => path.includes('/~~')))
  assert.deepEqual(next.queues.recovered, [tenant])
})

test('an entry that is damaged while the process runs is told when it is read and does not come again', async () => {
  const bench = await openBench({ segmentBytes: 1 << 16 })
  for (let uid = 0; uid < 5; uid++) await store(bench.queue, uid)
  const content = bench.fs.bytesOf(SEGMENT)
  content[content.indexOf(contentOf(2, 100)) + 50] ^= 4

  assert.deepEqual(await takeAll(bench.queue), [0, 1, -1, 3, 4])
  assert.equal(bench.queue.entries, 4)
  await pass(bench, 100)
  const next = await afterCrash(bench, 'process', { segmentBytes: 1 << 16 })
  assert.deepEqual(await takeAll(next.queue), [0, 1, 3, 4])
  assert.equal(bench.services.meter.total('millrace_storage_damaged_entries'), 1)
})

test('an entry that the disk never gives ends as damaged after some attempts', async () => {
  const bench = await openBench()
  await store(bench.queue, 1)
  bench.fs.fault = operation => (operation === 'read' ? { code: 'EIO' } : null)

  const answers: string[] = []
  for (let next = bench.queue.next(); next !== null; next = bench.queue.next()) {
    answers.push((await bench.queue.read(next.id, bytes => Buffer.alloc(bytes))).kind)
  }

  assert.deepEqual(answers, [...Array(7).fill('failed'), 'damaged'])
  assert.equal(bench.queue.entries, 0)
})

test('reads exactly what was asked for into what was given', async () => {
  const { queue } = await openBench()
  await store(queue, 9, 777)
  const given = Buffer.alloc(777)

  const found = await queue.read(queue.next()!.id, bytes => given.subarray(0, bytes))

  assert.ok(found.kind === 'entry' && uidOf(found.bytes) === 9)
  assert.deepEqual(given, contentOf(9, 777))
})
