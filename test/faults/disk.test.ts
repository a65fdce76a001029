/** Disks that are full, read-only or damaged, and folders that are taken: told, survived, and no more lost than must be. */
import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import {
  mkdirSync,
  readdirSync,
  readFileSync,
  statSync,
  truncateSync,
  writeFileSync,
} from 'node:fs'
import { join } from 'node:path'
import test, { type TestContext } from 'node:test'
import { NumberBook } from '../harness/numbered-spans.ts'
import { eventually } from '../harness/process.ts'
import { randomFrom } from './crash-rounds.ts'
import {
  assertExact,
  atEnd,
  missing,
  type Scope,
  Subject,
  sleep,
  startLoad,
  startSink,
  temporaryFolder,
  untilDelivered,
} from './kit.ts'
import { loadOf, tenantsConfig } from './tenants.ts'

const SPANS = 50
/** Nothing was delivered for so long: nothing is left to deliver. */
const QUIET_MS = 1000
const QUEUE = { queue_size: 1_000_000 }

/** A file system of its own that fills quickly; null where this user may not mount one. */
function tinyFileSystem(t: Scope, mib: number): string | null {
  const folder = join(temporaryFolder(t), 'disk')
  mkdirSync(folder)
  try {
    const options = { stdio: 'ignore' } as const
    execFileSync('mount', ['-t', 'tmpfs', '-o', `size=${mib}m`, 'tmpfs', folder], options)
  } catch {
    return null
  }
  atEnd(t, () => execFileSync('umount', ['-l', folder]))
  return folder
}

async function untilRefused(load: { counts: { refused: number } }): Promise<void> {
  await eventually(() => load.counts.refused > 0, 20_000, 'the sender is told no')
}

test('a full disk sends senders away, and goes on once there is room', async t => {
  const directory = tinyFileSystem(t, 24)
  if (directory === null) return t.skip('cannot mount a file system')
  const sink = await startSink(t)
  await sink.die()
  const storage = { directory, fsync: 'always', min_free_bytes: 0, segment_bytes: '4MiB' }
  const subject = await Subject.start(t, { target: sink.port, storage, queue: QUEUE })
  const load = startLoad(t, { port: subject.port, stream: 1, spans: SPANS })
  await untilRefused(load)
  const cpuBefore = subject.cpuSeconds()
  await sleep(1000)

  assert.equal(subject.running.child.exitCode, null)
  assert.ok(subject.cpuSeconds() - cpuBefore < 0.8, 'it spins on a full disk')
  await subject.kill()
  await subject.again()
  await sink.revive()
  const accepted = load.counts.accepted
  await eventually(() => load.counts.accepted > accepted, 20_000, 'more is accepted')
  await load.stop()
  await untilDelivered(load.fates, sink, [1])
  const stopped = await subject.stop()
  assert.equal(stopped.code, 0, stopped.output)
  assertExact(stopped)
})

/** No file may be made or removed in the folders below any more; false where that cannot be had. */
function freeze(folder: string, how: '+i' | '-i'): boolean {
  try {
    execFileSync('chattr', ['-R', how, folder], { stdio: 'ignore' })
    return true
  } catch {
    return false
  }
}

test('a folder that became read-only sends senders away, and goes on once it is writable', async t => {
  const directory = join(temporaryFolder(t), 'storage')
  atEnd(t, () => freeze(directory, '-i'))
  const sink = await startSink(t)
  await sink.die()
  const storage = { directory, create_directory: true, segment_bytes: '1MiB' }
  const subject = await Subject.start(t, { target: sink.port, storage, queue: QUEUE })
  const load = startLoad(t, { port: subject.port, stream: 1, spans: SPANS, rate: 20_000 })
  await eventually(() => load.counts.accepted > 0, 10_000, 'something is accepted')

  if (!freeze(directory, '+i')) return t.skip('files cannot be made immutable here')
  await untilRefused(load)
  assert.equal(subject.running.child.exitCode, null)
  await sink.revive()
  await untilDelivered(load.fates, sink, [1])
  freeze(directory, '-i')
  const { accepted } = load.counts
  await eventually(() => load.counts.accepted > accepted, 20_000, 'more is accepted')

  await load.stop()
  await untilDelivered(load.fates, sink, [1])
  const stopped = await subject.stop()
  assert.equal(stopped.code, 0, stopped.output)
  assertExact(stopped)
})

test('a tenant whose share of the disk is full is sent away alone', async t => {
  const sink = await startSink(t)
  await sink.die()
  const subject = await Subject.start(t, {
    target: sink.port,
    storage: { directory: temporaryFolder(t), fsync: 'always', segment_bytes: '1MiB' },
    queue: QUEUE,
    tenants: tenantsConfig({ small: { disk: '4MiB' } }),
  })
  const fates = new NumberBook()
  const { port } = subject
  const small = loadOf(t, { tenant: 'small', stream: 1 }, fates, { port, spans: SPANS })
  const other = loadOf(t, { tenant: 'other', stream: 2 }, fates, {
    port,
    spans: SPANS,
    rate: 20_000,
  })
  await untilRefused(small)
  const before = other.counts.accepted
  await eventually(() => other.counts.accepted > before + 1000, 20_000, 'the other goes on')

  await Promise.all([small.stop(), other.stop()])
  assert.equal(other.counts.refused, 0)
  await sink.revive()
  await untilDelivered(fates, sink, [1, 2])
  assertExact(await subject.stop())
})

test('where the oldest make room, what is lost is on the book and nothing else is', async t => {
  const sink = await startSink(t)
  await sink.die()
  const subject = await Subject.start(t, {
    target: sink.port,
    storage: {
      directory: temporaryFolder(t),
      ...{ max_bytes: '8MiB', segment_bytes: '1MiB', overflow: 'drop_oldest' },
    },
    queue: QUEUE,
  })
  const large = { spans: SPANS, paddingBytes: 800, requests: 1000 }
  const load = startLoad(t, { port: subject.port, stream: 1, ...large })
  await load.done
  await sink.revive()
  const { accepted } = load.counts
  let left = accepted
  const isQuiet = async (): Promise<boolean> => {
    const before = left
    await sleep(QUIET_MS)
    left = missing(load.fates, sink, 1)
    return left < accepted && left === before
  }
  await eventually(isQuiet, 30_000, 'nothing more is delivered')

  const stopped = await subject.stop()

  // While files are being removed a sender may be asked to come again.
  assert.ok(accepted > 0.9 * large.requests * SPANS, `${accepted} were accepted`)
  assert.ok(left > 0 && left < accepted, `${left} of ${accepted} are missing`)
  assertExact(stopped)
  const [row] = stopped.rows
  assert.deepEqual([row.accepted, row.sent, row.held], [accepted, accepted - left, 0])
  assert.equal(
    row.dropped.reduce((sum, drop) => sum + drop.items, 0),
    left,
  )
})

test('the second process on a folder does not start and says why', async t => {
  const sink = await startSink(t)
  const storage = { directory: temporaryFolder(t) }
  const subject = await Subject.start(t, { target: sink.port, storage })

  await assert.rejects(Subject.start(t, { target: sink.port, storage }), (error: Error) => {
    assert.match(error.message, /ended with 1/)
    assert.match(error.message, /MILLRACE_STORAGE_LOCKED/)
    assert.match(error.message, new RegExp(`in use.*\\b${subject.running.child.pid}\\b`))
    return true
  })
  assert.equal((await subject.stop()).code, 0)
})

/** Files of a folder and those below, largest last. */
function filesBelow(folder: string, ending: string): string[] {
  return readdirSync(folder, { recursive: true, encoding: 'utf8' })
    .filter(name => name.endsWith(ending))
    .map(name => join(folder, name))
    .sort((a, b) => statSync(a).size - statSync(b).size)
}

/** A collector that was killed with everything on disk and nothing delivered. */
async function killedWithBacklog(t: TestContext, requests: number) {
  const directory = temporaryFolder(t)
  const sink = await startSink(t)
  await sink.die()
  const subject = await Subject.start(t, {
    target: sink.port,
    storage: { directory, fsync: 'always', segment_bytes: '1MiB' },
    queue: QUEUE,
  })
  const load = startLoad(t, { port: subject.port, stream: 1, spans: SPANS, requests })
  await load.done
  await subject.kill()
  return { directory, sink, subject, load }
}

test('flipped bits cost the records they are in and no other, and are told', async t => {
  const requests = 400
  const flips = 5
  const { directory, sink, subject, load } = await killedWithBacklog(t, requests)
  const random = randomFrom(7)
  const files = filesBelow(directory, '.wal')
  for (let i = 0; i < flips; i++) {
    const file = files[Math.floor(random() * files.length)]
    const bytes = readFileSync(file)
    // Zeros at the end of a file were never written.
    const end = bytes.findLastIndex(byte => byte !== 0)
    bytes[64 + Math.floor(random() * (end - 64))] ^= 1 << Math.floor(random() * 8)
    writeFileSync(file, bytes)
  }

  await sink.revive()
  await subject.again()
  await eventually(
    () => missing(load.fates, sink, 1) <= flips * SPANS,
    20_000,
    'all but the damaged is delivered',
  )
  await sleep(300)
  const stopped = await subject.stop()

  const lost = missing(load.fates, sink, 1)
  t.diagnostic(`${lost} spans lost by ${flips} flipped bits`)
  assert.equal(load.counts.accepted, requests * SPANS)
  assert.ok(lost > 0 && lost <= flips * SPANS)
  assert.equal(lost % SPANS, 0)
  assert.match(stopped.output, /damaged/)
  assertExact(stopped)
})

test('a segment that lost its end costs what was in it', async t => {
  const { directory, sink, subject, load } = await killedWithBacklog(t, 200)
  const [largest] = filesBelow(directory, '.wal').reverse()
  const bytes = readFileSync(largest)
  const end = bytes.findLastIndex(byte => byte !== 0) + 1
  truncateSync(largest, Math.floor(end * 0.9))

  await sink.revive()
  await subject.again()
  const most = 0.15 * load.counts.accepted
  await eventually(() => missing(load.fates, sink, 1) <= most, 20_000, 'the rest is delivered')
  await sleep(300)
  const stopped = await subject.stop()

  const share = missing(load.fates, sink, 1) / load.counts.accepted
  t.diagnostic(`${(share * 100).toFixed(1)} % of the spans were in the lost part`)
  assert.ok(share <= 0.15)
  assertExact(stopped)
})

test('a folder that cannot be written to is refused at the start', async t => {
  const directory = temporaryFolder(t)
  writeFileSync(join(directory, 'queues'), 'not a folder')
  const sink = await startSink(t)

  await assert.rejects(
    Subject.start(t, { target: sink.port, storage: { directory } }),
    /MILLRACE_.*file_storage|storage cannot be used/,
  )
})
