/** What the receiver takes out of files, and what it does while they grow, are rotated, or hold rubbish. */
import assert from 'node:assert/strict'
import { readdirSync, readlinkSync } from 'node:fs'
import {
  appendFile,
  copyFile,
  mkdir,
  rename,
  rm,
  stat,
  truncate,
  writeFile,
} from 'node:fs/promises'
import { join } from 'node:path'
import { test } from 'node:test'
import { gzipSync } from 'node:zlib'
import { busy, refused } from '../../../src/core/outcome.ts'
import { SIGNALS } from '../../../src/core/signal.ts'
import { compress } from '../../../src/net/compression.ts'
import { type assertBalanced, CollectingConsumer } from '../../../src/testing/fakes.ts'
import { sampleRequest } from '../../harness/samples.ts'
import { FakeStorage, framed, hex, line, makeFolder, startReceiver } from './kit.ts'

const FILES = 'millrace_file_receiver_files'
const LEFT_OUT = 'millrace_file_receiver_left_out_records'

test('sends each line of a file, whatever the signal', async t => {
  const folder = await makeFolder(t)
  const path = join(folder, 'a.json')
  await writeFile(path, SIGNALS.map(signal => line(1, signal)).join(''))

  const kit = await startReceiver(t, { include: [path] })

  for (const signal of SIGNALS) {
    await kit.has(1, signal)
    assert.deepEqual(kit.taken(signal), [hex(1, signal)])
  }
  assert.equal(kit.services.meter.total('otelcol_receiver_accepted_spans'), 5)
  assert.equal(kit.services.meter.total('millrace_file_receiver_records'), 3)
})

test('sends what is appended, once the line is whole', async t => {
  const folder = await makeFolder(t)
  const path = join(folder, 'a.json')
  await writeFile(path, line(1))
  const kit = await startReceiver(t, { include: [path], force_flush_period: '1h' })
  await kit.has(1)
  const text = line(2)

  await appendFile(path, text.slice(0, 100))
  await appendFile(path, text.slice(100))
  await kit.has(2)

  assert.deepEqual(kit.taken(), [hex(1), hex(2)])
})

test('takes a last line without its end when the file does not grow any more', async t => {
  const folder = await makeFolder(t)
  const path = join(folder, 'a.json')
  await writeFile(path, line(1) + line(2).trimEnd())

  const kit = await startReceiver(t, { include: [path] })
  await kit.has(2)

  assert.deepEqual(kit.taken(), [hex(1), hex(2)])
})

test('does not count the beginning of a line as a bad one', async t => {
  const folder = await makeFolder(t)
  const path = join(folder, 'a.json')
  await writeFile(path, line(2).slice(0, 200))
  const kit = await startReceiver(t, { include: [path] })

  await new Promise(resolve => setTimeout(resolve, 200))
  await appendFile(path, line(2).slice(200))
  await kit.has(1)

  assert.deepEqual(kit.taken(), [hex(2)])
  assert.equal(kit.services.meter.total(LEFT_OUT), 0)
})

test('begins at the end when told so, and at the beginning of files that come later', async t => {
  const folder = await makeFolder(t)
  await writeFile(join(folder, 'a.json'), line(1) + line(2).slice(0, 50))
  const kit = await startReceiver(t, { include: [join(folder, '*.json')], start_at: 'end' })
  await kit.until(() => kit.services.meter.total(FILES) === 1, 'a file')

  await appendFile(join(folder, 'a.json'), line(2).slice(50))
  await kit.has(1)
  await writeFile(join(folder, 'b.json'), line(3))
  await kit.has(2)

  assert.deepEqual(kit.taken(), [hex(2), hex(3)])
})

test('reads what the file exporter writes: protobuf and zstd', async t => {
  const folder = await makeFolder(t)
  const requests = [1, 2, 3].map(n => sampleRequest('traces', n).bytes)
  const zstd = async (bytes: Uint8Array) => framed(await compress('zstd', [bytes], bytes.length, 0))
  await writeFile(join(folder, 'a.pb'), Buffer.concat(requests.map(framed)))
  await writeFile(join(folder, 'b.zst'), Buffer.concat(await Promise.all(requests.map(zstd))))
  const lines = [1, 2, 3].map(n => Buffer.from(line(n).trimEnd()))
  await writeFile(join(folder, 'c.zst'), Buffer.concat(await Promise.all(lines.map(zstd))))

  const cases = [
    { include: [join(folder, 'a.pb')], format: 'proto' },
    { include: [join(folder, 'b.zst')], format: 'proto', compression: 'zstd' },
    { include: [join(folder, 'c.zst')], format: 'json', compression: 'zstd' },
  ]
  for (const settings of cases) {
    const kit = await startReceiver(t, settings)
    await kit.has(3)
    assert.deepEqual(kit.taken(), [hex(1), hex(2), hex(3)])
  }
})

test('tells the signals in protobuf apart by what is in them', async t => {
  const folder = await makeFolder(t)
  const path = join(folder, 'a.pb')
  const all = SIGNALS.map(signal => framed(sampleRequest(signal, 4).bytes))
  await writeFile(path, Buffer.concat(all))

  const kit = await startReceiver(t, { include: [path], format: 'proto' })

  for (const signal of SIGNALS) {
    await kit.has(1, signal)
    assert.deepEqual(kit.taken(signal), [hex(4, signal)])
  }
})

test('reads whole files that are gzip, and streams that are added to them', async t => {
  const folder = await makeFolder(t)
  const path = join(folder, 'a.json.gz.1')
  await writeFile(path, gzipSync(line(1) + line(2).trimEnd()))
  await writeFile(join(folder, 'b.json'), line(9))

  const kit = await startReceiver(t, { include: [join(folder, '*')], compression: 'auto' })
  await kit.has(3)
  await appendFile(path, gzipSync(line(3)))
  await kit.has(4)

  assert.deepEqual(kit.taken().sort(), [hex(1), hex(2), hex(3), hex(9)].sort())
  assert.equal(kit.services.meter.total(LEFT_OUT), 0)
})

test('goes on with a gzip file that was not whole yet', async t => {
  const folder = await makeFolder(t)
  const path = join(folder, 'a.gz')
  const all = gzipSync(Array.from({ length: 50 }, (_, n) => line(n)).join(''))
  await writeFile(path, all.subarray(0, all.length / 2))
  const kit = await startReceiver(t, { include: [path], compression: 'gzip' })
  await kit.has(1)

  await appendFile(path, all.subarray(all.length / 2))
  await kit.has(50)

  assert.deepEqual(
    kit.taken(),
    Array.from({ length: 50 }, (_, n) => hex(n)),
  )
})

test('follows a file through its rotation and goes on in the new one', async t => {
  const folder = await makeFolder(t)
  const path = join(folder, 'a.json')
  await writeFile(path, line(1))
  const kit = await startReceiver(t, { include: [path] })
  await kit.has(1)

  await rename(path, join(folder, 'a.1'))
  await appendFile(join(folder, 'a.1'), line(2))
  await writeFile(path, line(3))
  await kit.has(3)

  assert.deepEqual(kit.taken().sort(), [hex(1), hex(2), hex(3)].sort())
})

test('does not read a rotated file again under its new name', async t => {
  const folder = await makeFolder(t)
  await writeFile(join(folder, 'a.json'), line(1))
  const kit = await startReceiver(t, { include: [join(folder, '*')] })
  await kit.has(1)

  await rename(join(folder, 'a.json'), join(folder, 'a-1.json'))
  await writeFile(join(folder, 'a.json'), line(2))
  await kit.has(2)

  assert.deepEqual(kit.taken(), [hex(1), hex(2)])
})

test('knows a file again that was copied away and emptied', async t => {
  const folder = await makeFolder(t)
  const path = join(folder, 'a.json')
  await writeFile(path, line(1) + line(2))
  const kit = await startReceiver(t, { include: [join(folder, '*')] })
  await kit.has(2)

  // Rotation by copying does both at once: seen in between, the copy is another file.
  await mkdir(join(folder, 'sub'))
  await copyFile(path, join(folder, 'sub', 'a.1'))
  await truncate(path, 0)
  await appendFile(path, line(3))
  await kit.has(3)
  await rename(join(folder, 'sub', 'a.1'), join(folder, 'a.1'))
  await appendFile(path, line(4))
  await kit.has(4)

  assert.deepEqual(
    kit.taken(),
    [1, 2, 3, 4].map(n => hex(n)),
  )
})

test('sends a file again that was deleted and put there once more', async t => {
  const folder = await makeFolder(t)
  const path = join(folder, 'a.json')
  await writeFile(path, line(1) + line(2))
  const kit = await startReceiver(t, { include: [path] })
  await kit.has(2)

  await rm(path)
  await kit.until(() => kit.services.meter.total(FILES) === 0, 'the file to be given up')
  await writeFile(path, line(1) + line(2))
  await kit.has(4)

  assert.deepEqual(kit.taken(), [hex(1), hex(2), hex(1), hex(2)])
})

test('knows a file again that was moved away and back', async t => {
  const folder = await makeFolder(t)
  await writeFile(join(folder, 'a.json'), line(1))
  const kit = await startReceiver(t, { include: [join(folder, '*.json')] })
  await kit.has(1)

  await rename(join(folder, 'a.json'), join(folder, 'a.old'))
  await kit.until(() => kit.services.meter.total(FILES) === 0, 'the file to be given up')
  await appendFile(join(folder, 'a.old'), line(2))
  await rename(join(folder, 'a.old'), join(folder, 'b.json'))
  await kit.has(2)

  assert.deepEqual(kit.taken(), [hex(1), hex(2)])
})

test('reads two files with the same content both', async t => {
  const folder = await makeFolder(t)
  await writeFile(join(folder, 'a.json'), line(1))
  await writeFile(join(folder, 'b.json'), line(1))

  const kit = await startReceiver(t, { include: [join(folder, '*.json')] })
  await kit.has(2)

  assert.deepEqual(kit.taken(), [hex(1), hex(1)])
})

test('sends a line that is not a request to the dead letters and goes on', async t => {
  const folder = await makeFolder(t)
  const path = join(folder, 'a.json')
  const bad = ['{"resourceSpans":[{', '{"resourceSpans":3}', 'rubbish', '{"other":[]}']
  await writeFile(path, `${line(1)}${bad.join('\n')}\n\n{}\r\n${line(2)}`)
  const storage = new FakeStorage()

  const kit = await startReceiver(t, { include: [path] }, storage)
  await kit.has(2)

  assert.deepEqual(kit.taken(), [hex(1), hex(2)])
  assert.equal(kit.services.meter.total(LEFT_OUT), 4)
  assert.deepEqual(
    storage.written.map(({ chunks }) => Buffer.concat(chunks).toString()),
    bad,
  )
  assert.deepEqual(
    storage.written.map(({ reason }) => reason),
    ['malformed', 'malformed', 'unknown', 'unknown'],
  )
  assert.match(storage.written[0].message, /a\.json, before byte \d+: .*not valid OTLP\/JSON/)
  assert.equal(storage.written[0].exporter, 'receiver/otlp_json_file')
})

test('passes over a line that is longer than max_log_size', async t => {
  const folder = await makeFolder(t)
  const path = join(folder, 'a.json')
  await writeFile(path, `${line(1)}{"resourceSpans":"${'x'.repeat(2_000_000)}"}\n${line(2)}`)

  const kit = await startReceiver(t, { include: [path], max_log_size: 500_000 })
  await kit.has(2)

  assert.deepEqual(kit.taken(), [hex(1), hex(2)])
  assert.equal(kit.services.meter.total(LEFT_OUT), 1)
})

test('passes over a line that grows beyond max_log_size while it is written', async t => {
  const folder = await makeFolder(t)
  const path = join(folder, 'a.json')
  await writeFile(path, `${line(1)}{"resourceSpans":"`)
  const kit = await startReceiver(t, { include: [path], max_log_size: 100_000 })
  await kit.has(1)

  for (let i = 0; i < 5; i++) {
    await appendFile(path, 'x'.repeat(300_000))
    const isRead = () => kit.services.meter.total('millrace_file_receiver_unread_bytes') === 0
    await kit.until(isRead, 'the bytes to be passed over')
  }
  await appendFile(path, `"}\n${line(2)}`)
  await kit.has(2)

  assert.deepEqual(kit.taken(), [hex(1), hex(2)])
  assert.equal(kit.services.meter.total(LEFT_OUT), 1)
})

test('passes over the rest of a file in which a length is none', async t => {
  const folder = await makeFolder(t)
  const path = join(folder, 'a.pb')
  const good = framed(sampleRequest('traces', 1).bytes)
  await writeFile(path, Buffer.concat([good, Buffer.from('no length at all'), good]))
  await writeFile(join(folder, 'b.pb'), good)

  const kit = await startReceiver(t, { include: [join(folder, '*.pb')], format: 'proto' })
  await kit.has(2)
  await kit.until(() => kit.services.meter.total(LEFT_OUT) === 1, 'the count of the broken file')

  assert.deepEqual(kit.taken(), [hex(1), hex(1)])
})

test('leaves signals alone that no pipeline has', async t => {
  const folder = await makeFolder(t)
  const path = join(folder, 'a.json')
  await writeFile(path, line(1, 'metrics') + line(2, 'logs') + line(3))
  const storage = new FakeStorage()

  const kit = await startReceiver(t, { include: [path] }, storage, ['traces'])
  await kit.has(1)

  assert.deepEqual(kit.taken(), [hex(3)])
  assert.deepEqual(storage.written, [])
  assert.equal(kit.services.meter.total(LEFT_OUT), 2)
})

test('waits while the pipeline is busy, and repeats what was not taken', async t => {
  const folder = await makeFolder(t)
  const path = join(folder, 'a.json')
  await writeFile(path, line(1) + line(2) + line(3))
  const next = new CollectingConsumer()
  let asked = 0
  next.answer = () => (++asked % 3 === 0 ? { kind: 'accepted' } : busy(1))

  const kit = await startReceiver(t, { include: [path] }, null, SIGNALS, next)
  await kit.has(3)
  await kit.stop()

  assert.deepEqual(kit.taken(), [hex(1), hex(2), hex(3)])
  kit.next.releaseAll()
  assert.equal(kit.services.memory.reservedBytes, 0)
})

test('waits for memory', async t => {
  const folder = await makeFolder(t)
  const path = join(folder, 'a.json')
  await writeFile(path, line(1))
  const kit = await startReceiver(t, { include: [path] })
  await kit.has(1)
  kit.services.memory.limitBytes = 0

  await appendFile(path, line(2))
  await new Promise(resolve => setTimeout(resolve, 50))
  assert.equal(kit.taken().length, 1)
  kit.services.memory.limitBytes = Number.MAX_SAFE_INTEGER
  await kit.has(2)

  assert.deepEqual(kit.taken(), [hex(1), hex(2)])
})

test('keeps what the pipeline refuses for good as a letter', async t => {
  const folder = await makeFolder(t)
  const path = join(folder, 'a.json')
  await writeFile(path, line(1) + line(2))
  const storage = new FakeStorage()
  const next = new CollectingConsumer()
  let asked = 0
  next.answer = batch =>
    ++asked === 1 ? refused(batch.items, 'rejected', 'not like this') : { kind: 'accepted' }

  const kit = await startReceiver(t, { include: [path] }, storage, SIGNALS, next)
  await kit.has(1)
  await kit.stop()

  assert.deepEqual(kit.taken(), [hex(2)])
  assert.equal(storage.written.length, 1)
  assert.equal(storage.written[0].reason, 'refused')
  assert.match(storage.written[0].message, /not like this/)
  assert.equal(kit.services.meter.total('otelcol_receiver_refused_spans'), 5)
})

test('goes on where it stopped, also within a file that was rotated meanwhile', async t => {
  const folder = await makeFolder(t)
  const path = join(folder, 'a.json')
  const storage = new FakeStorage()
  await writeFile(path, line(1) + line(2))
  const settings = { include: [join(folder, '*')] }
  const first = await startReceiver(t, settings, storage)
  await first.has(2)
  await first.stop()

  await appendFile(path, line(3))
  await rename(path, join(folder, 'b.json'))
  await writeFile(path, line(4))
  const second = await startReceiver(t, settings, storage)
  await second.has(2)

  assert.deepEqual(second.taken().sort(), [hex(3), hex(4)].sort())
})

test('stops within a file that the pipeline does not take, and begins there again', async t => {
  const folder = await makeFolder(t)
  const path = join(folder, 'a.json')
  const storage = new FakeStorage()
  await writeFile(path, Array.from({ length: 10 }, (_, n) => line(n)).join(''))
  const next = new CollectingConsumer()
  next.answer = () => (next.batches.length < 4 ? { kind: 'accepted' } : busy(1000))
  const first = await startReceiver(t, { include: [path] }, storage, SIGNALS, next)
  await first.has(4)

  await first.stop()
  const second = await startReceiver(t, { include: [path] }, storage)
  await second.has(6)

  const all = [...first.taken(), ...second.taken()]
  assert.deepEqual(
    all,
    Array.from({ length: 10 }, (_, n) => hex(n)),
  )
  first.next.releaseAll()
  assertBalancedButTaken(first.services.ledger)
})

test('goes on reading while the storage cannot write, and notes later what it has read', async t => {
  const folder = await makeFolder(t)
  const path = join(folder, 'a.json')
  await writeFile(path, line(1))
  const storage = new FakeStorage()
  const { write } = storage.checkpoints
  let isFull = true
  storage.checkpoints.write = async (name, state) => {
    if (isFull) throw new Error('no space left')
    await write(name, state)
  }

  const kit = await startReceiver(t, { include: [path] }, storage)
  await kit.has(1)
  await appendFile(path, line(2))
  await kit.has(2)
  isFull = false
  await kit.stop()

  assert.equal(storage.states.size, 1)
  const second = await startReceiver(t, { include: [path] }, storage)
  await appendFile(path, line(3))
  await second.has(1)
  assert.deepEqual(second.taken(), [hex(3)])
})

test('does not start with a storage that is not there, or notes that are none', async t => {
  const folder = await makeFolder(t)
  const include = [join(folder, 'a.json')]
  const storage = new FakeStorage()
  storage.states.set('receiver/otlp_json_file', Buffer.from('rubbish'))

  const missing = startReceiver(t, { include, storage: 'file_storage' })
  await assert.rejects(missing, { code: 'MILLRACE_START_FAILED', message: /not running/ })
  const damaged = startReceiver(t, { include }, storage)
  await assert.rejects(damaged, { code: 'MILLRACE_START_FAILED', message: /cannot be read/ })
})

test('removes files that were read when told so', async t => {
  const folder = await makeFolder(t)
  const path = join(folder, 'a.json')
  await writeFile(path, line(1))

  const kit = await startReceiver(t, { include: [path], delete_after_read: true })
  await kit.has(1)
  const isGone = () =>
    stat(path).then(
      () => false,
      () => true,
    )
  await kit.until(isGone, 'the file to be removed')

  assert.deepEqual(kit.taken(), [hex(1)])
})

test('does not remove a gzip file of which the end is missing', async t => {
  const folder = await makeFolder(t)
  const path = join(folder, 'a.gz')
  const all = gzipSync(Array.from({ length: 50 }, (_, n) => line(n)).join(''))
  await writeFile(path, all.subarray(0, all.length / 2))
  const whole = join(folder, 'b.gz')

  const settings = { include: [join(folder, '*.gz')], compression: 'gzip', delete_after_read: true }
  const kit = await startReceiver(t, settings)
  await kit.has(1)
  await new Promise(resolve => setTimeout(resolve, 200))
  await writeFile(whole, gzipSync(line(60)))
  const isGone = (name: string) =>
    stat(name).then(
      () => false,
      () => true,
    )
  await kit.until(() => kit.taken().includes(hex(60)), 'the other file to be read')
  await kit.until(() => isGone(whole), 'the other file to be removed')
  assert.equal(await isGone(path), false)
  await appendFile(path, all.subarray(all.length / 2))
  await kit.has(51)

  await kit.until(() => isGone(path), 'the file to be removed')
})

test('keeps no more files open than it may, however many there are at the start', async t => {
  const folder = await makeFolder(t)
  for (let n = 0; n < 30; n++) await writeFile(join(folder, `${n}.json`), line(n))
  const next = new CollectingConsumer()
  let most = 0
  next.answer = () => {
    most = Math.max(most, openFilesIn(folder))
    return { kind: 'accepted' }
  }

  const settings = { include: [join(folder, '*.json')], max_concurrent_files: 5 }
  const kit = await startReceiver(t, settings, null, SIGNALS, next)
  await kit.has(30)

  assert.equal(kit.services.meter.total(FILES), 30)
  assert.ok(most <= 6, `${most} files are open`)
})

/** 0 where the system does not tell. */
function openFilesIn(folder: string): number {
  let count = 0
  try {
    for (const fd of readdirSync('/proc/self/fd')) {
      if (readlinkOf(fd).startsWith(folder)) count++
    }
  } catch {}
  return count
}

function readlinkOf(fd: string): string {
  try {
    return readlinkSync(`/proc/self/fd/${fd}`)
  } catch {
    return ''
  }
}

test('sends a file again and again when told so', async t => {
  const folder = await makeFolder(t)
  const path = join(folder, 'a.json')
  await writeFile(path, line(1) + line(2))

  const kit = await startReceiver(t, { include: [path], replay_file: true })
  await kit.has(6)

  assert.deepEqual(kit.taken().slice(0, 4), [hex(1), hex(2), hex(1), hex(2)])
})

test('leaves excluded files alone', async t => {
  const folder = await makeFolder(t)
  await writeFile(join(folder, 'a.json'), line(1))
  await writeFile(join(folder, 'b.json'), line(2))
  await mkdir(join(folder, 'x', 'y'), { recursive: true })
  await writeFile(join(folder, 'x', 'y', 'c.json'), line(3))

  const include = [join(folder, '**', '*.json')]
  const kit = await startReceiver(t, { include, exclude: [join(folder, 'b*')] })
  await kit.has(2)

  assert.deepEqual(kit.taken().sort(), [hex(1), hex(3)].sort())
})

test('books every item of a file that is deleted while it is read', async t => {
  const folder = await makeFolder(t)
  const path = join(folder, 'a.json')
  await writeFile(path, Array.from({ length: 20 }, (_, n) => line(n)).join(''))
  const next = new CollectingConsumer()
  next.answer = () => new Promise(resolve => setTimeout(() => resolve({ kind: 'accepted' }), 5))
  const kit = await startReceiver(t, { include: [path] }, null, SIGNALS, next)
  await kit.has(1)

  await rm(path)
  await kit.has(20)

  assert.equal(kit.taken().length, 20)
})

/** What was taken is held by the test, which has let it go without booking it. */
function assertBalancedButTaken(ledger: Parameters<typeof assertBalanced>[0]): void {
  const [row] = ledger.rows()
  assert.equal(row.accepted, 20)
  assert.deepEqual(row.dropped, [])
}
