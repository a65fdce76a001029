/** The journal of undecided traces: what is written is read again, segments go when they are old, torn ends do no harm. */
import assert from 'node:assert/strict'
import {
  appendFileSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import test, { type TestContext } from 'node:test'
import { DECIDED, Journal, REQUEST } from '../../../src/processors/adaptive-sampler/journal.ts'
import { readRecords } from '../../../src/processors/adaptive-sampler/journal-reader.ts'
import { makeBatch } from '../../../src/testing/builders.ts'
import { FakeClock } from '../../../src/testing/fakes.ts'

function place(t: TestContext): string {
  const directory = mkdtempSync(join(tmpdir(), 'millrace-journal-'))
  t.after(() => rmSync(directory, { recursive: true }))
  return directory
}

async function read(
  directory: string,
  type: number,
  damage: [at: number, bytes: number][] = [],
): Promise<[tenant: string, bytes: number][]> {
  const found: [string, number][] = []
  const onDamage = (_: string, at: number, bytes: number) => void damage.push([at, bytes])
  for (const segment of await new Journal(directory, 'a/b', new FakeClock()).open()) {
    for await (const { tenant, body } of readRecords(segment, type, onDamage)) {
      found.push([tenant, body.length])
    }
  }
  return found
}

test('requests and decisions are read again, by type and in order', async t => {
  const directory = place(t)
  const journal = new Journal(directory, 'a/b', new FakeClock())
  const batches = [makeBatch(2), makeBatch(3, { tenant: 'other' })]
  const sizes = batches.map(batch => batch.parts[0].payload.bytes.length)

  await Promise.all(batches.map(batch => journal.append(batch)))
  for (let n = 0; n < 3; n++) journal.decided('other', Int32Array.of(n, 0, 0, -1))
  await journal.close(false)

  assert.deepEqual(await read(directory, REQUEST), [
    ['default', sizes[0]],
    ['other', sizes[1]],
  ])
  assert.deepEqual(await read(directory, DECIDED), [['other', 48]])
})

test('a segment goes once everything undecided is younger', async t => {
  const directory = place(t)
  const clock = new FakeClock()
  const journal = new Journal(directory, 'a', clock)
  await journal.append(makeBatch(1))
  await clock.advance(15_000)
  await journal.append(makeBatch(1))
  assert.equal(readdirSync(directory).length, 2)

  await journal.prune(0)
  assert.equal(readdirSync(directory).length, 2)
  await journal.prune(10_000)
  assert.equal(readdirSync(directory).length, 1)

  await journal.close(true)
  assert.deepEqual(readdirSync(directory), [])
  assert.equal(journal.bytes, 0)
})

test('what is no record ends the reading of its segment', async t => {
  const directory = place(t)
  const journal = new Journal(directory, 'a/b', new FakeClock())
  await journal.append(makeBatch(2))
  await journal.close(false)
  const [name] = readdirSync(directory)
  appendFileSync(join(directory, name), Buffer.alloc(100, 0xff))
  const damage: [number, number][] = []

  assert.equal((await read(directory, REQUEST, damage)).length, 1)
  assert.deepEqual(
    damage.map(([, bytes]) => bytes),
    [100],
  )
})

test('a record with a changed byte is told and passed over, the others are read', async t => {
  const directory = place(t)
  const journal = new Journal(directory, 'a/b', new FakeClock())
  for (const tenant of ['one', 'two', 'three']) await journal.append(makeBatch(2, { tenant }))
  await journal.close(false)
  const path = join(directory, readdirSync(directory)[0])
  const bytes = readFileSync(path)
  const size = bytes.indexOf('two') - bytes.indexOf('one')
  bytes[2 * size - 1] ^= 1
  writeFileSync(path, bytes)
  const damage: [number, number][] = []

  const found = await read(directory, REQUEST, damage)

  assert.deepEqual(
    found.map(([tenant]) => tenant),
    ['one', 'three'],
  )
  assert.deepEqual(damage, [[size, size]])
})

test('an error of the disk is told to whoever waits', async t => {
  const directory = place(t)
  const journal = new Journal(join(directory, 'gone'), 'a', new FakeClock())

  await assert.rejects(journal.append(makeBatch(1)), /ENOENT/)
})

test('what was not written whole does not hide what comes after it', async t => {
  const directory = place(t)
  const journal = new Journal(directory, 'a/b', new FakeClock())
  await journal.append(makeBatch(1))
  const { open } = await import('node:fs/promises')
  const probe = await open(directory)
  const handles = Object.getPrototypeOf(probe)
  await probe.close()
  const full = t.mock.method(handles, 'writev', async function (this: typeof probe) {
    await this.write(Buffer.alloc(5, 0xff))
    throw new Error('ENOSPC')
  })
  await assert.rejects(journal.append(makeBatch(1)), /ENOSPC/)
  full.mock.restore()
  await journal.append(makeBatch(1))
  await journal.close(false)

  assert.equal((await read(directory, REQUEST)).length, 2)
})

test('decisions are written no later than the next request', async t => {
  const directory = place(t)
  const journal = new Journal(directory, 'a/b', new FakeClock())
  journal.decided('default', Int32Array.of(1, 2, 3, 4))
  await journal.append(makeBatch(1))

  assert.deepEqual(await read(directory, DECIDED), [['default', 16]])
})

test('segments are read in order although the clock went back in between', async t => {
  const directory = place(t)
  class EarlierClock extends FakeClock {
    override now(): number {
      return super.now() - 10_000
    }
  }
  await new Journal(directory, 'a/b', new FakeClock()).append(makeBatch(1))
  const second = new Journal(directory, 'a/b', new EarlierClock())
  await second.open()
  await second.append(makeBatch(1, { tenant: 'later' }))

  assert.deepEqual(
    (await read(directory, REQUEST)).map(([tenant]) => tenant),
    ['default', 'later'],
  )
})

test('the segment that is written to goes too when it is old, so that a full journal gets empty without traffic', async t => {
  const directory = place(t)
  const clock = new FakeClock()
  const journal = new Journal(directory, 'a/b', clock)
  await journal.append(makeBatch(1))
  await clock.advance(15_000)
  await journal.prune(15_000)
  assert.equal(journal.bytes, 0)
  assert.deepEqual(readdirSync(directory), [])

  await journal.append(makeBatch(1))
  await journal.close(false)
  assert.equal((await read(directory, REQUEST)).length, 1)
})
