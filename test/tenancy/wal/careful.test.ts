import assert from 'node:assert/strict'
import test from 'node:test'
import type { DeadLetters, NewLetter } from '../../../src/core/storage.ts'
import { type Bench, openBench, pass, randomFrom, readUid, store, takeAll, uidOf } from './kit.ts'
import type { MemoryFs } from './memory-fs.ts'

const SETTLED_MS = 61_000
const TRIAL_OVER_MS = 1100

class Box implements DeadLetters {
  readonly letters: NewLetter[] = []
  isFull = false

  async put(letter: NewLetter): Promise<boolean> {
    if (!this.isFull) this.letters.push(letter)
    return !this.isFull
  }
}

/** An exception ends the process. */
function crash({ storage, fs }: Bench): MemoryFs {
  storage.noteFault()
  return fs.crash('process', randomFrom(1))
}

/** Somebody else ends it. */
function kill({ fs }: Bench): MemoryFs {
  return fs.crash('process', randomFrom(1))
}

/** Entries 0 to 5 on disk, and processes that end right after their start, until one is careful. */
async function untilCareful(letters: DeadLetters): Promise<Bench> {
  let bench = await openBench({ letters })
  for (let uid = 0; uid < 6; uid++) await store(bench.queue, uid)
  for (let starts = 0; starts < 3; starts++) {
    bench = await openBench({ fs: crash(bench), letters })
    await takeAll(bench.queue)
  }
  return bench
}

test('after three starts that failed what was found is tried one at a time', async () => {
  const { queue, events } = await untilCareful(new Box())

  assert.ok(events.includes('storage_careful'))
  assert.equal(queue.entries, 6)
  assert.equal(queue.next(), null)
})

test('the next one comes when the one before it has ended or was put back', async () => {
  const box = new Box()
  const careful = await openBench({ fs: crash(await untilCareful(box)), letters: box })
  const { queue } = careful

  const first = queue.next()!
  assert.equal(await readUid(queue, first.id), 0)
  assert.equal(queue.next(), null)
  queue.acknowledge(first.id)
  const second = queue.next()!
  assert.equal(await readUid(queue, second.id), 1)
  queue.putBack(second.id)
  assert.equal(queue.next()?.id, second.id)
})

test('an entry that was being tried at three ends goes to the dead letters, and the rest goes on', async () => {
  const box = new Box()
  let bench = await untilCareful(box)
  for (let starts = 0; starts < 4 && box.letters.length === 0; starts++) {
    bench = await openBench({ fs: crash(bench), letters: box })
    // Entry 2 ends the process whenever it is sent.
    for (let next = bench.queue.next(); next !== null; next = bench.queue.next()) {
      const uid = await readUid(bench.queue, next.id)
      if (uid === 2) break
      bench.queue.acknowledge(next.id)
    }
    await pass(bench, 50)
  }

  assert.equal(box.letters.length, 1)
  const [letter] = box.letters
  assert.deepEqual(
    [letter.reason, letter.tenant, letter.exporter, letter.signal, letter.items],
    [...['crash_suspect', 'acme', 'otlp', 'traces'], (2 % 7) + 1],
  )
  assert.equal(uidOf(letter.chunks[0]), 2)
  assert.equal(bench.storage.reports.get('otlp traces')?.suspects, 1)
  assert.equal(bench.queue.entries, 0)
})

test('who kills the process puts no blame on what is stored', async () => {
  const box = new Box()
  let bench = await openBench({ letters: box })
  for (let uid = 0; uid < 6; uid++) await store(bench.queue, uid)
  for (let starts = 0; starts < 9; starts++) {
    bench = await openBench({ fs: kill(bench), letters: box })
    assert.equal((await takeAll(bench.queue)).length, 6)
  }
  // From the tenth on there is care; what is tried for longer than a moment is cleared.
  for (let starts = 0; starts < 40; starts++) {
    bench = await openBench({ fs: kill(bench), letters: box })
    await readUid(bench.queue, bench.queue.next()!.id)
    await pass(bench, starts % 3 === 0 ? TRIAL_OVER_MS : 0)
  }

  assert.equal(box.letters.length, 0)
  assert.equal(bench.queue.entries, 6)
})

test('an entry that the dead letters do not take stays on disk and is not sent', async () => {
  const box = new Box()
  box.isFull = true
  let bench = await untilCareful(box)
  const tried: number[] = []
  for (let starts = 0; starts < 5; starts++) {
    bench = await openBench({ fs: crash(bench), letters: box })
    tried.push(await readUid(bench.queue, bench.queue.next()!.id))
  }

  assert.equal(bench.queue.entries, 6)
  assert.deepEqual(tried, [0, 0, 1, 1, 1])
})

test('an entry that was tried for a while without harm is suspected no more', async () => {
  const box = new Box()
  let bench = await untilCareful(box)
  for (let starts = 0; starts < 6; starts++) {
    bench = await openBench({ fs: crash(bench), letters: box })
    await readUid(bench.queue, bench.queue.next()!.id)
    await pass(bench, TRIAL_OVER_MS)
  }

  assert.equal(box.letters.length, 0)
  assert.equal(bench.queue.entries, 6)
})

test('a process that has run for a minute, or stopped as it should, is not followed by care', async () => {
  const box = new Box()
  const settled = await openBench({ fs: crash(await untilCareful(box)), letters: box })
  await pass(settled, SETTLED_MS)
  const next = await openBench({ fs: crash(settled), letters: box })
  assert.equal((await takeAll(next.queue)).length, 6)

  const careful = await untilCareful(box)
  await careful.storage.stop()
  const after = await openBench({ fs: careful.fs, letters: box })
  assert.equal((await takeAll(after.queue)).length, 6)
})
