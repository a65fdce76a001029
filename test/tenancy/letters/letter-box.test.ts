/** The box of dead letters: what it keeps, finds, gives back and lets go, also after a restart and when the disk fails. */
import assert from 'node:assert/strict'
import {
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  statSync,
  truncateSync,
  writeFileSync,
} from 'node:fs'
import { dirname, join } from 'node:path'
import { test } from 'node:test'
import { crc32 } from 'node:zlib'
import fc from 'fast-check'
import { SYSTEM_FS } from '../../../src/tenancy/wal/fs.ts'
import { makeRequest } from '../../../src/testing/builders.ts'
import { FakeClock } from '../../../src/testing/fakes.ts'
import { request } from '../../sampler/assembly/spans.ts'
import { faultyFs, letter, newFolder, openBox } from './kit.ts'

const HOUR = 3_600_000

function filesIn(directory: string): string[] {
  if (!existsSync(directory)) return []
  const names = readdirSync(directory, { recursive: true, encoding: 'utf8' })
  return names.filter(name => statSync(join(directory, name)).isFile()).sort()
}

test('gives a letter back as it was put in', async t => {
  const { box, clock } = await openBox(t, newFolder(t))
  const bytes = request([{ trace: 'abc', service: 'shop' }])
  const context = { metadata: new Map([['x-team', ['a', 'b']]]), peer: '10.0.0.1:5' }

  const isKept = await box.put(letter({ bytes, context, items: 1 }))

  assert.equal(isKept, true)
  const [view] = await box.list({}, 10)
  assert.deepEqual(view, {
    ...{ id: view.id, atMs: clock.now(), tenant: 'acme', exporter: 'otlp/backend' },
    ...{ signal: 'traces', reason: 'bad_data', message: 'the backend says no', items: 1 },
    ...{ bytes: bytes.length, services: ['shop'], traceIds: ['abc'.padStart(32, '0')] },
  })
  const found = await box.read(view.id)
  assert.deepEqual(found?.view, view)
  assert.deepEqual(Buffer.from(found!.bytes), Buffer.from(bytes))
  assert.deepEqual(found?.context, context)
})

test('letters are there after a restart, removed ones are not', async t => {
  const folder = newFolder(t)
  const first = await openBox(t, folder)
  for (const tenant of ['a', 'b', 'A/../b', 'a']) {
    await first.box.put(letter({ tenant }))
    await first.clock.advance(1)
  }
  const [oldest] = await first.box.list({}, 1)
  assert.equal(await first.box.remove([oldest.id, oldest.id, 'zz-1', '../../etc']), 1)
  const before = await first.box.list({}, 10)
  await first.box.close()

  const { box } = await openBox(t, folder)

  assert.deepEqual(await box.list({}, 10), before)
  assert.deepEqual(
    before.map(({ tenant }) => tenant),
    ['b', 'A/../b', 'a'],
  )
  assert.equal(box.summary().letters, 3)
  assert.equal(await box.read(oldest.id), null)
})

test('only its owner can read letters', async t => {
  const folder = join(newFolder(t), 'letters')
  const { box } = await openBox(t, folder)
  await box.put(letter())
  await box.put(letter())
  await box.remove([(await box.list({}, 1))[0].id])

  assert.equal(statSync(folder).mode & 0o777, 0o700)
  assert.deepEqual(
    filesIn(folder).map(name => statSync(join(folder, name)).mode & 0o777),
    [0o600, 0o600],
  )
})

test('files go with their last letter', async t => {
  const folder = newFolder(t)
  const { box } = await openBox(t, folder)
  for (const tenant of ['a', 'a', 'b']) await box.put(letter({ tenant }))

  const all = await box.list({}, 10)
  assert.equal(await box.remove(all.map(({ id }) => id)), 3)

  assert.deepEqual(filesIn(folder), [])
  assert.equal(box.summary().bytes, 0)
  assert.equal(await box.put(letter()), true, 'the box goes on')
})

test('finds letters by tenant, exporter, signal, reason, time and trace', async t => {
  const { box, clock } = await openBox(t, newFolder(t))
  const trace = (id: string) => request([{ trace: id }])
  await box.put(letter({ tenant: 'a', bytes: trace('1') }))
  await clock.advance(HOUR)
  await box.put(letter({ tenant: 'b', reason: 'too_large', bytes: trace('2') }))
  await box.put(letter({ exporter: 'kafka', bytes: trace('3') }))
  const logs = makeRequest('logs', 2)
  await box.put(letter({ signal: 'logs', items: 2, bytes: logs }))
  const count = async (filter: Parameters<typeof box.list>[0]) =>
    (await box.list(filter, 10)).length

  assert.equal(await count({ tenant: 'a' }), 1)
  assert.equal(await count({ tenant: 'nobody' }), 0)
  assert.equal(await count({ exporter: 'otlp/backend' }), 3)
  assert.equal(await count({ signal: 'logs' }), 1)
  assert.equal(await count({ reason: 'too_large' }), 1)
  assert.equal(await count({ sinceMs: clock.now() }), 3)
  assert.equal(await count({ traceId: '2'.padStart(32, '0') }), 1)
  assert.equal(await count({ traceId: '2'.padStart(32, '0'), tenant: 'a' }), 0)
  assert.equal((await box.list({}, 2)).length, 2)
})

test('keeps what is no valid OTLP at all', async t => {
  const { box } = await openBox(t, newFolder(t))

  await box.put(letter({ bytes: Buffer.from('not protobuf'), items: 7 }))

  const [view] = await box.list({}, 1)
  assert.deepEqual([view.items, view.services, view.traceIds], [7, [], []])
  assert.equal(Buffer.from((await box.read(view.id))!.bytes).toString(), 'not protobuf')
})

test('the tenant with most letters makes room, oldest first', async t => {
  const { box, lines } = await openBox(t, newFolder(t), { maxBytes: 200_000 })
  const bytes = Buffer.alloc(10_000)
  await box.put(letter({ tenant: 'small', bytes }))
  for (let i = 0; i < 40; i++) {
    assert.equal(await box.put(letter({ tenant: 'flood', bytes, message: `${i}` })), true)
  }

  const summary = box.summary()
  assert.ok(summary.bytes <= 200_000)
  assert.equal(summary.evicted + summary.letters, 41)
  assert.equal((await box.list({ tenant: 'small' }, 1)).length, 1)
  const flood = await box.list({ tenant: 'flood' }, 100)
  assert.equal(flood.at(-1)?.message, '39')
  assert.equal(flood[0].message, String(40 - flood.length))
  assert.ok(lines.some(({ event }) => event === 'letters_evicted'))
})

test('what never fits is turned away and pushes nothing out', async t => {
  const { box } = await openBox(t, newFolder(t), { maxBytes: 20_000 })
  await box.put(letter())

  const answers = await Promise.all([
    box.put(letter({ bytes: Buffer.alloc(30_000) })),
    box.put(letter()),
  ])

  assert.deepEqual(answers, [false, true])
  assert.deepEqual([box.summary().letters, box.summary().refused], [2, 1])
})

test('letters go when they are too old, also across a restart', async t => {
  const folder = newFolder(t)
  const clock = new FakeClock()
  const options = { maxAgeMs: HOUR, clock }
  const first = await openBox(t, folder, options)
  await first.box.put(letter({ message: 'old' }))
  await clock.advance(HOUR / 2)
  await first.box.put(letter({ message: 'young' }))
  await clock.advance(HOUR / 2 + 60_000)
  assert.equal(first.box.summary().evicted, 1)
  await first.box.close()

  const { box } = await openBox(t, folder, options)

  const left = await box.list({}, 10)
  assert.deepEqual(
    left.map(({ message }) => message),
    ['young'],
  )
  await clock.advance(HOUR)
  await box.close()
  assert.deepEqual(filesIn(folder), [])
})

test('a damaged letter is passed over and told, the others stay', async t => {
  const folder = newFolder(t)
  const first = await openBox(t, folder)
  for (let i = 0; i < 5; i++) {
    await first.box.put(letter({ bytes: Buffer.alloc(100, `<${i}>`), message: `m${i}` }))
  }
  await first.box.close()
  const [name] = filesIn(folder)
  const bytes = readFileSync(join(folder, name))
  bytes[bytes.indexOf('<1>') + 50] ^= 1
  bytes[bytes.indexOf('"m2"') + 1] ^= 1
  const meta = bytes.lastIndexOf('{"exporter"', bytes.indexOf('"m3"'))
  bytes.fill(0xff, meta - 44, meta)
  writeFileSync(join(folder, name), bytes)

  const { box, lines } = await openBox(t, folder)
  const views = await box.list({}, 10)

  for (const { id } of views) await box.read(id)
  const left = await box.list({}, 10)
  assert.deepEqual(
    left.map(({ message }) => message),
    ['m0', 'm4'],
  )
  assert.equal(box.summary().damaged, 3)
  assert.ok(lines.some(({ event }) => event === 'letter_damaged'))
})

test('a damaged header costs no letters, as long as one of them can be read', async t => {
  const folder = newFolder(t)
  for (const tenant of ['A', 'B']) {
    const { box } = await openBox(t, folder)
    await box.put(letter({ tenant }))
    await box.close()
  }
  const [a, b] = filesIn(folder)
  const damaged = readFileSync(join(folder, a))
  damaged[20] ^= 1
  writeFileSync(join(folder, a), damaged)
  writeFileSync(join(folder, b), readFileSync(join(folder, b)).fill(1))

  const { box, lines } = await openBox(t, folder)

  const [left, ...none] = await box.list({}, 10)
  assert.deepEqual([left.tenant, none.length], ['A', 0])
  assert.ok(await box.read(left.id))
  assert.deepEqual(filesIn(folder), [a, `${b}.damaged`])
  assert.equal(box.summary().damaged, 2)
  assert.deepEqual(new Set(lines.map(({ event }) => event)), new Set(['letters_damaged']))
})

test('a file of a newer version is left alone', async t => {
  const folder = newFolder(t)
  const first = await openBox(t, folder)
  await first.box.put(letter())
  await first.box.close()
  const [name] = filesIn(folder)
  const newer = readFileSync(join(folder, name))
  newer.writeUInt16LE(99, 8)
  const end = newer.readUInt16LE(10)
  newer.writeUInt32LE(crc32(newer.subarray(64, end), crc32(newer.subarray(0, 60))), 60)
  writeFileSync(join(folder, name), newer)

  const { box, lines } = await openBox(t, folder)
  await box.put(letter())

  assert.deepEqual(readFileSync(join(folder, name)), newer)
  assert.deepEqual([box.summary().letters, lines[0].event], [1, 'letters_of_newer_version'])
})

test('a file cut off anywhere gives the letters before the cut, and no damage', async t => {
  const folder = newFolder(t)
  const first = await openBox(t, folder)
  for (let i = 0; i < 3; i++) await first.box.put(letter({ message: `m${i}` }))
  await first.box.close()
  const [name] = filesIn(folder)
  const whole = readFileSync(join(folder, name))

  await fc.assert(
    fc.asyncProperty(fc.integer({ min: 0, max: whole.length }), async cut => {
      mkdirSync(dirname(join(folder, name)), { recursive: true })
      writeFileSync(join(folder, name), whole)
      truncateSync(join(folder, name), cut)
      const { box } = await openBox(t, folder)
      const messages = (await box.list({}, 10)).map(({ message }) => message)
      await box.close()
      assert.deepEqual(messages, ['m0', 'm1', 'm2'].slice(0, messages.length))
      if (cut === whole.length) assert.equal(messages.length, 3)
      assert.equal(box.summary().damaged, 0)
    }),
    { numRuns: 60 },
  )
})

test('when the disk fails nothing is kept, and it is tried again after a while', async t => {
  for (const call of ['open', 'writev', 'sync', 'makeFolder'] as const) {
    let isBad = true
    const fs = faultyFs(asked => (isBad && asked === call ? 'ENOSPC' : undefined))
    const folder = newFolder(t)
    const { box, clock, lines } = await openBox(t, folder, { fs })

    assert.equal(await box.put(letter()), false, call)
    isBad = false
    assert.equal(await box.put(letter()), false, 'not at once')
    await clock.advance(1000)
    assert.equal(await box.put(letter({ message: 'later' })), true)

    assert.equal(lines[0].event, 'letters_not_kept')
    await box.close()
    const again = await openBox(t, folder)
    const left = await again.box.list({}, 10)
    assert.deepEqual(
      left.map(({ message }) => message),
      ['later'],
    )
    assert.equal(again.box.summary().damaged, 0)
  }
})

test('half a write is taken back', async t => {
  let isBad = false
  const fs = faultyFs(call => (isBad && call === 'writev' ? 'SHORT' : undefined))
  const folder = newFolder(t)
  const { box, clock } = await openBox(t, folder, { fs })
  await box.put(letter({ message: 'before' }))
  isBad = true
  assert.equal(await box.put(letter({ bytes: Buffer.alloc(5000) })), false)
  isBad = false
  await clock.advance(1000)
  await box.put(letter({ message: 'after' }))
  await box.close()

  const again = await openBox(t, folder)

  const left = await again.box.list({}, 10)
  assert.deepEqual(
    left.map(({ message }) => message),
    ['before', 'after'],
  )
})

test('files that cannot be removed still count, so that the room stays bounded', async t => {
  let isBad = true
  const fs = faultyFs(call => (isBad && call === 'remove' ? 'EPERM' : undefined))
  const folder = newFolder(t)
  const { box, clock } = await openBox(t, folder, { fs, maxBytes: 50_000 })
  for (let i = 0; i < 100; i++) {
    await box.put(letter({ bytes: Buffer.alloc(2000) }))
    await clock.advance(1000)
  }
  const onDisk = filesIn(folder).reduce((sum, name) => sum + statSync(join(folder, name)).size, 0)
  assert.ok(onDisk <= 50_000, `${onDisk} bytes`)
  assert.ok(box.summary().refused > 50)

  isBad = false
  await clock.advance(1000)

  assert.equal(await box.put(letter({ bytes: Buffer.alloc(2000) })), true)
})

test('a removal that cannot be written down brings letters back and breaks nothing', async t => {
  let isBad = false
  const fs = faultyFs(call => (isBad && call === 'writev' ? 'EIO' : undefined))
  const folder = newFolder(t)
  const { box, lines } = await openBox(t, folder, { fs })
  await box.put(letter())
  await box.put(letter())
  isBad = true
  const [{ id }] = await box.list({}, 1)

  assert.equal(await box.remove([id]), 1)

  assert.equal((await box.list({}, 10)).length, 1)
  assert.equal(lines[0].event, 'letters_not_removed')
  await box.close()
  const again = await openBox(t, folder)
  assert.equal((await again.box.list({}, 10)).length, 2)
})

test('smaller limits hold from the next letter on', async t => {
  const { box } = await openBox(t, newFolder(t))
  for (let i = 0; i < 20; i++) await box.put(letter({ bytes: Buffer.alloc(5000) }))
  assert.equal(box.summary().letters, 20)

  box.limits = { maxBytes: 30_000, maxAgeMs: 0, minFreeBytes: 0, sync: false }
  await box.put(letter())

  const { bytes, maxBytes } = box.summary()
  assert.ok(bytes <= 30_000 && maxBytes === 30_000)
})

test('leaves the disk the room that others need', async t => {
  const free = await SYSTEM_FS.freeBytes(newFolder(t))
  const { box } = await openBox(t, join(newFolder(t), 'letters'), { minFreeBytes: free * 2 })

  assert.equal(await box.put(letter()), false)
})

test('the metric knows a bounded number of reasons', async t => {
  const { box, meter } = await openBox(t, newFolder(t))

  for (let i = 0; i < 80; i++) await box.put(letter({ reason: `r${i}` }))

  const series = [...meter.values.keys()].filter(key => key.startsWith('millrace_letters_kept{'))
  assert.equal(series.length, 51)
  assert.equal(meter.total('millrace_letters_kept'), 80)
})

test('bounds what waits for the disk', async t => {
  const { box } = await openBox(t, newFolder(t), { maxBytes: 1 << 30 })
  const bytes = Buffer.alloc(12 << 20)

  const answers = await Promise.all([1, 2, 3].map(() => box.put(letter({ bytes }))))

  assert.deepEqual(answers, [true, true, false])
})

test('counts what it keeps by reason', async t => {
  const { box, meter } = await openBox(t, newFolder(t))
  await box.put(letter())
  await box.put(letter({ reason: 'too_large' }))

  assert.equal(meter.total('millrace_letters_kept'), 2)
  assert.equal(meter.total('millrace_letters'), 2)
  assert.ok(meter.total('millrace_letters_bytes') > 0)
})

test('after close nothing is taken, and what was pending is written', async t => {
  const folder = newFolder(t)
  const { box } = await openBox(t, folder)
  const pending = box.put(letter())
  await box.close()

  assert.equal(await pending, true)
  assert.equal(await box.put(letter()), false)
  await box.close()
})

test('any sequence of steps leaves what a list would', async t => {
  const step = fc.oneof(
    fc.record({
      kind: fc.constant('put' as const),
      tenant: fc.constantFrom('a', 'b', 'ü/x'),
      size: fc.integer({ min: 0, max: 3000 }),
    }),
    fc.record({ kind: fc.constant('remove' as const), at: fc.nat(20) }),
    fc.record({ kind: fc.constant('reopen' as const) }),
  )
  await fc.assert(
    fc.asyncProperty(fc.array(step, { maxLength: 40 }), async steps => {
      const folder = newFolder(t)
      let { box, clock } = await openBox(t, folder)
      const expected: { id: string; tenant: string; size: number }[] = []
      for (const each of steps) {
        if (each.kind === 'put') {
          const { tenant, size } = each
          await box.put(letter({ tenant, bytes: Buffer.alloc(size) }))
          const id = (await box.list({ tenant }, 1000)).at(-1)!.id
          expected.push({ id, tenant, size })
          await clock.advance(1)
        } else if (each.kind === 'remove') {
          const [gone] = expected.splice(each.at % Math.max(1, expected.length), 1)
          assert.equal(await box.remove(gone === undefined ? [] : [gone.id]), gone ? 1 : 0)
        } else {
          await box.close()
          box = (await openBox(t, folder, { clock })).box
        }
      }
      const views = await box.list({}, 1000)
      assert.deepEqual(
        views.map(({ id, tenant, bytes }) => ({ id, tenant, size: bytes })),
        expected,
      )
      for (const { id, size } of expected) assert.equal((await box.read(id))?.bytes.length, size)
      await box.close()
    }),
    { numRuns: 25 },
  )
})
