import assert from 'node:assert/strict'
import test from 'node:test'
import { entry, openBench, pass, store } from './kit.ts'
import { type Fault, type FsOperation, MemoryFs } from './memory-fs.ts'
import { type Step, Trial } from './trial.ts'

/** Appends, several files, acknowledgements, reading, and a file that goes. */
const WORK: readonly Step[] = [
  { kind: 'burst', count: 5, bytes: 300 },
  { kind: 'append', bytes: 700 },
  ...many(6, { kind: 'take' }),
  { kind: 'read', which: 2 },
  ...many(4, { kind: 'acknowledge', which: 0 }),
  { kind: 'pass', ms: 20 },
  { kind: 'burst', count: 8, bytes: 400 },
  { kind: 'putBack', which: 1 },
  ...many(6, { kind: 'take' }),
  { kind: 'read', which: 1 },
  { kind: 'read', which: 4 },
  ...many(5, { kind: 'acknowledge', which: 0 }),
  { kind: 'pass', ms: 300 },
  { kind: 'append', bytes: 100 },
  { kind: 'pass', ms: 20_000 },
  { kind: 'burst', count: 3, bytes: 3000 },
]

const OPERATIONS: readonly FsOperation[] = [
  ...(['open', 'create', 'write', 'read', 'sync', 'syncFolder'] as const),
  ...(['truncate', 'remove', 'makeFolder', 'close'] as const),
]

function many(count: number, step: Step): Step[] {
  return Array.from({ length: count }, () => step)
}

async function work(trial: Trial, isOver = () => false): Promise<void> {
  for (const step of WORK) {
    if (isOver()) break
    await trial.step(step)
  }
}

async function callsOf(operation: FsOperation): Promise<number> {
  const trial = await Trial.begin({ segmentBytes: 2048 })
  trial.bench.fs.calls.clear()
  await work(trial)
  return trial.bench.fs.calls.get(operation) ?? 0
}

for (const operation of OPERATIONS) {
  for (const fault of faultsOf(operation)) {
    test(`loses nothing when one ${operation} fails with ${nameOf(fault)}, whichever it is`, async () => {
      const calls = await callsOf(operation)
      for (let n = 1; n <= calls; n++) {
        const fs = new MemoryFs()
        const trial = await Trial.begin({ fs, segmentBytes: 2048 })
        let seen = 0
        fs.fault = asked => (asked === operation && ++seen === n ? fault : null)
        await work(trial)
        fs.fault = () => null
        await trial.crash(n % 2 === 0 ? 'process' : 'power', n)
        await work(trial)
        assert.ok(trial.storedCount > 0)
      }
    })

    test(`loses nothing when every ${operation} fails with ${nameOf(fault)} from one on`, async () => {
      const calls = await callsOf(operation)
      for (let n = 1; n <= calls; n += 2) {
        const fs = new MemoryFs()
        const trial = await Trial.begin({ fs, segmentBytes: 2048 })
        let seen = 0
        fs.fault = asked => (asked === operation && ++seen >= n ? fault : null)
        await work(trial)
        // What could not be cut off again may be met again.
        trial.mayFailedAppear = operation === 'truncate' || operation === 'sync'
        fs.fault = () => null
        await trial.crash('process')
        await work(trial)
      }
    })
  }
}

for (const kind of ['process', 'power'] as const) {
  test(`loses nothing when the ${kind} ends at any moment`, async () => {
    const total = await totalCalls()
    for (let n = 0; n <= total; n++) {
      const fs = new MemoryFs()
      const trial = await Trial.begin({ fs, segmentBytes: 2048 })
      fs.diesAfter = n
      await work(trial, () => fs.isDead)
      assert.ok(fs.isDead || n === total)
      await trial.crash(kind, n)
      await trial.step({ kind: 'append', bytes: 100 })
      await trial.crash(kind, n + 1)
    }
  })
}

test('what failed does not appear where the disk does not let it be cut off', async () => {
  const fs = new MemoryFs()
  const trial = await Trial.begin({ fs, segmentBytes: 8192 })
  await trial.step({ kind: 'burst', count: 3, bytes: 200 })
  const [first] = fs.paths()
  let hasFailed = false
  fs.fault = (operation, path) => {
    if (operation === 'sync' && !hasFailed) {
      hasFailed = true
      return { code: 'EIO' }
    }
    return operation === 'truncate' && path === first ? { code: 'EIO' } : null
  }
  await trial.step({ kind: 'burst', count: 3, bytes: 200 })
  assert.equal(trial.failedCount, 3)
  await trial.step({ kind: 'pass', ms: 1000 })
  await trial.step({ kind: 'append', bytes: 200 })
  assert.equal(trial.storedCount, 4)

  fs.fault = () => null
  await trial.crash('process')
  assert.equal(trial.storedCount, 4)
})

test('tells the health page what the disk does, leaves it alone for a while, and tells when it works again', async () => {
  const { fs, queue, problems, services } = await openBench()
  await store(queue, 1)
  fs.fault = operation => (operation === 'write' ? { code: 'ENOSPC' } : null)

  const full = await queue.append(entry(2))
  const calls = fs.calls.get('write')
  const soon = await queue.append(entry(2))

  assert.equal(full.kind, 'full')
  assert.equal(soon.kind, 'full')
  assert.equal(fs.calls.get('write'), calls)
  let longest = 0
  for (let i = 0; i < 10; i++) {
    await services.clock.advance(20_000)
    const answer = await queue.append(entry(2))
    assert.ok(answer.kind === 'full')
    longest = Math.max(longest, answer.retryAfterMs)
  }
  assert.equal(longest, 10_000)
  fs.fault = () => null
  await services.clock.advance(20_000)
  await store(queue, 2)
  assert.deepEqual(problems, ['the disk is full', null])
})

test('a sync that fails under the policy interval is told, and the file is not written to again', async () => {
  const bench = await openBench({ fsync: 'interval', fsyncIntervalMs: 100, segmentBytes: 1 << 16 })
  await store(bench.queue, 1)
  bench.fs.fault = operation => (operation === 'sync' ? { code: 'EIO' } : null)
  await pass(bench, 150)
  bench.fs.fault = () => null
  await store(bench.queue, 2)
  await pass(bench, 150)

  assert.equal(bench.problems.length, 2)
  assert.equal(bench.problems[1], null)
  assert.equal(bench.fs.paths().length, 2)
})

async function totalCalls(): Promise<number> {
  const trial = await Trial.begin({ segmentBytes: 2048 })
  trial.bench.fs.calls.clear()
  await work(trial)
  return [...trial.bench.fs.calls.values()].reduce((sum, calls) => sum + calls, 0)
}

function faultsOf(operation: FsOperation): readonly Fault[] {
  if (operation === 'write') {
    return [
      { code: 'EIO' },
      { code: 'ENOSPC', bytes: 100 },
      { code: 'EIO', bytes: 700 },
      { code: 'SHORT', bytes: 0 },
      { code: 'SHORT', bytes: 45 },
    ]
  }
  if (operation === 'read') return [{ code: 'EIO' }, { code: 'SHORT', bytes: 7 }]
  if (operation === 'create') return [{ code: 'EROFS' }, { code: 'ENOSPC' }, { code: 'EMFILE' }]
  return [{ code: 'EIO' }]
}

function nameOf({ code, bytes }: Fault): string {
  return bytes === undefined ? code : `${code} after ${bytes} bytes`
}

test('a file that goes while those before it are synced is no failure of the disk', async () => {
  const bench = await openBench({ fsync: 'interval' })
  const { queue, fs } = bench
  for (const uid of [1, 2, 3]) await store(queue, uid, 3000)
  const second = [queue.next(), queue.next()][1]!.id
  fs.fault = (operation, path) => {
    if (operation === 'sync' && path.endsWith('1.wal')) queue.acknowledge(second)
    return null
  }

  await pass(bench, 100)

  assert.equal(queue.entries, 2)
  assert.deepEqual(bench.problems, [])
})

test('a file that could not be removed is not counted for ever once its queue is closed', async () => {
  const { queue, queues, storage, fs } = await openBench()
  await store(queue, 1)
  queue.acknowledge(queue.next()!.id)
  fs.fault = operation => (operation === 'remove' ? { code: 'EIO' } : null)

  await queues.close()

  assert.ok(fs.paths().some(path => path.endsWith('.wal')))
  assert.equal(storage.fileBytes, 0)
})
