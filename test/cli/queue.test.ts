/** `millrace queue …` over the admin socket: a real box of letters, and exporters that note what they are asked for. */
import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { ACCEPTED, busy, type Outcome, refused } from '../../src/core/outcome.ts'
import type {
  QueueControl,
  QueuedRequest,
  QueueView,
  Requeued,
} from '../../src/core/queue-control.ts'
import { AdminSocket } from '../../src/pipeline/admin-socket.ts'
import type { LetterBox } from '../../src/tenancy/letters/letter-box.ts'
import { request } from '../sampler/assembly/spans.ts'
import { letter, newFolder, openBox } from '../tenancy/letters/kit.ts'
import { runMillrace } from './command-line.ts'

const VIEW: QueueView = {
  exporter: 'otlp/a',
  signal: 'traces',
  tenant: 'acme',
  waiting: { requests: 3, items: 1500, bytes: 300_000 },
  inFlight: 2,
  parked: 1,
  onDisk: { entries: 9, items: 4500, bytes: 3 << 20 },
  breaker: 'open',
  pausedForMs: 4200,
  oldestMs: 125_000,
  lastError: 'UNAVAILABLE\u001b[31m',
}

class FakeQueue implements QueueControl {
  readonly exporter: string
  readonly calls: string[] = []
  readonly put: (each: Requeued) => Outcome
  readonly taken: Requeued[] = []
  answer: () => Outcome = () => ACCEPTED

  constructor(exporter: string) {
    this.exporter = exporter
    this.put = each => {
      const outcome = this.answer()
      if (outcome.kind === 'accepted') this.taken.push(each)
      return outcome
    }
  }

  view(): readonly QueueView[] {
    return [{ ...VIEW, exporter: this.exporter }]
  }

  peek(filter: object, max: number): readonly QueuedRequest[] {
    this.calls.push(`peek ${JSON.stringify(filter)} ${max}`)
    const { exporter } = this
    return [
      {
        ...{ exporter, signal: 'traces', tenant: 'acme', state: 'on_disk', items: 512 },
        ...{ bytes: 2048, ageMs: 61_500, attempts: 4, services: ['shop'], traceIds: ['ab'] },
      },
    ]
  }

  drain(filter: object): number {
    this.calls.push(`drain ${JSON.stringify(filter)}`)
    return 3
  }

  async purge(filter: object): Promise<number> {
    this.calls.push(`purge ${JSON.stringify(filter)}`)
    return 42
  }
}

async function start(t: TestContext, ...exporters: string[]) {
  const folder = newFolder(t)
  const { box } = await openBox(t, join(folder, 'letters'))
  const queues = exporters.map(exporter => new FakeQueue(exporter))
  const letters: LetterBox[] = [box]
  const path = join(folder, 'admin.sock')
  const subject = {
    ...{ rules: () => [], samplers: () => [], queues: () => queues, letters: () => letters },
  }
  const socket = await AdminSocket.open(path, subject as never)
  t.after(() => socket.close())
  const run = (...args: string[]) => runMillrace(['queue', ...args, '--socket', path])
  return { run, box, queues, letters, folder }
}

test('ls shows what waits, and why', async t => {
  const { run } = await start(t, 'otlp/a', 'otlp/b')

  const { code, stdout } = await run('ls', '--exporter', 'otlp/a')

  assert.equal(code, 0)
  const [head, row, ...rest] = stdout.split('\n')
  assert.match(head, /^exporter +signal +tenant +waiting +memory +on disk +disk +in flight/)
  assert.match(row, /^otlp\/a +traces +acme +1500 +293\.0 KiB +4500 +3\.0 MiB +2 +2m5s {2}/)
  assert.match(row, /breaker open, paused for 4s, 1 to be tried again, UNAVAILABLE \[31m$/)
  assert.deepEqual(rest, [''])
  assert.equal((await run('ls', '--tenant', 'other')).stdout, 'nothing waits\n')
  assert.equal(JSON.parse((await run('ls', '--json')).stdout).queues.length, 2)
})

test('peek shows requests, oldest first', async t => {
  const { run, queues } = await start(t, 'otlp/a')

  const { stdout } = await run('peek', '--tenant', 'acme', '--signal', 'traces', '--max', '7')

  assert.match(stdout, /otlp\/a +traces +acme +on disk +512 +2\.0 KiB +1m1s +4 +shop +ab\n/)
  assert.deepEqual(queues[0].calls, ['peek {"signal":"traces","tenant":"acme"} 7'])
  assert.equal((await run('peek', '--signal', 'smells')).code, 2)
  assert.equal((await run('peek', '--max', '0')).code, 2)
})

test('drain and purge reach the exporters that are meant', async t => {
  const { run, queues } = await start(t, 'otlp/a', 'otlp/b')

  const drained = await run('drain', '--exporter', 'otlp/b')
  const purged = await run('purge', '--tenant', 'acme')
  const unclear = await run('purge')
  const all = await run('purge', '--all')
  const nowhere = await run('drain', '--exporter', 'kafka')

  assert.equal(drained.stdout, 'otlp/b: 3 requests woken\n')
  assert.equal(purged.stdout, 'otlp/a: 42 items let go\notlp/b: 42 items let go\n')
  assert.deepEqual([unclear.code, all.code, nowhere.code], [1, 0, 1])
  assert.match(unclear.stderr, /MILLRACE_QUEUE_USAGE: .* everything that waits; narrow it/)
  assert.match(nowhere.stderr, /there is no kafka/)
  assert.deepEqual(queues[0].calls, ['purge {"tenant":"acme"}', 'purge {}'])
})

test('letters ls shows them with their reasons, narrowed as asked', async t => {
  const { run, box } = await start(t)
  const bytes = request([{ trace: 'abc', service: 'shop' }])
  await box.put(letter({ tenant: 'a', bytes, message: 'bad\nname' }))
  await box.put(letter({ tenant: 'b', reason: 'too_large' }))

  const { stdout } = await run('letters', 'ls', '--trace', 'ABC'.padStart(32, '0'))
  const [view] = await box.list({ tenant: 'a' }, 1)

  assert.match(
    stdout,
    new RegExp(`^${view.id} .* a +otlp/backend .* shop +bad_data +bad name$`, 'm'),
  )
  assert.equal(stdout.split('\n').length, 4)
  assert.match(stdout, /\nfile_storage: 2 letters with 2 items, \d+ B of 1\.0 MiB\n/)
  const json = JSON.parse((await run('letters', 'ls', '--reason', 'too_large', '--json')).stdout)
  assert.deepEqual(
    json.letters.map((each: { tenant: string }) => each.tenant),
    ['b'],
  )
  const since = await run('letters', 'ls', '--since', '2026-01-31T12:00Z', '--json')
  assert.deepEqual(JSON.parse(since.stdout).letters, [])
  assert.equal((await run('letters', 'ls', '--since', 'soon')).code, 1)
  assert.equal((await run('letters', 'ls', '--trace', 'xyz')).code, 1)
})

test('letters show gives the request as OTLP/JSON or protobuf', async t => {
  const { run, box, folder } = await start(t)
  const bytes = request([{ trace: 'abc', service: 'shop', name: 'GET /' }])
  await box.put(letter({ bytes }))
  const [{ id }] = await box.list({}, 1)

  const { stdout, stderr } = await run('letters', 'show', id)

  const shown = JSON.parse(stdout)
  assert.equal(shown.resourceSpans[0].scopeSpans[0].spans[0].name, 'GET /')
  assert.match(stderr, /reason {6}bad_data\n {2}message {5}the backend says no\n/)
  const json = JSON.parse((await run('letters', 'show', id, '--json')).stdout)
  assert.deepEqual([json.letter.id, json.request], [id, shown])
  const file = join(folder, 'letter.pb')
  await run('letters', 'show', id, '--proto', file)
  assert.deepEqual(readFileSync(file), Buffer.from(bytes))
  assert.equal((await run('letters', 'show', 'nothing-1')).code, 1)
})

test('what others wrote cannot steer the terminal', async t => {
  const { run, box } = await start(t)
  const name = 'a\u001b[2J\u009b2Jb'
  await box.put(letter({ bytes: request([{ trace: 'a', service: name, name }]), message: name }))
  const [{ id }] = await box.list({}, 1)

  const outputs = [await run('letters', 'ls'), await run('letters', 'show', id)]

  for (const { stdout, stderr } of outputs) {
    // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what must not be there
    assert.doesNotMatch(stdout + stderr, /[\u0000-\u0009\u000b-\u001f\u007f-\u009f]/)
  }
  const shown = JSON.parse(outputs[1].stdout)
  assert.equal(shown.resourceSpans[0].scopeSpans[0].spans[0].name, name)
})

test('letters show gives the bytes of what is no OTLP', async t => {
  const { run, box } = await start(t)
  await box.put(letter({ bytes: Buffer.from('poison') }))
  const [{ id }] = await box.list({}, 1)

  const { stdout } = await run('letters', 'show', id)

  assert.equal(Buffer.from(stdout, 'base64').toString(), 'poison')
})

test('requeue puts letters into the queue that they come from, and removes them', async t => {
  const { run, box, queues } = await start(t, 'otlp/backend', 'other')
  const context = { metadata: new Map([['x-team', ['red']]]), peer: '' }
  await box.put(letter({ tenant: 'a', context }))
  await box.put(letter({ tenant: 'b', exporter: 'gone' }))
  await box.put(letter({ tenant: 'c', exporter: 'other', items: 5 }))

  const one = await run('letters', 'requeue', (await box.list({ tenant: 'a' }, 1))[0].id)
  const rest = await run('requeue', '--all')

  assert.equal(one.stdout, '1 of 1 letters are queued again, 1 items\n')
  const { tenant, signal, items } = queues[0].taken[0]
  assert.deepEqual([tenant, signal, items], ['a', 'traces', 1])
  assert.deepEqual(queues[0].taken[0].context, context)
  assert.equal(rest.code, 1)
  assert.equal(rest.stdout, '1 of 2 letters are queued again, 5 items\n')
  assert.match(rest.stderr, /the exporter gone does not run/)
  assert.deepEqual(
    (await box.list({}, 10)).map(view => view.tenant),
    ['b'],
  )
  assert.equal((await run('requeue')).code, 1, 'something has to be meant')
})

test('`queue requeue` takes the ids of letters as `letters requeue` does', async t => {
  const { run, box, queues } = await start(t, 'otlp/backend')
  await box.put(letter({ tenant: 'a' }))
  await box.put(letter({ tenant: 'b' }))
  const [{ id }] = await box.list({ tenant: 'b' }, 1)

  const { stdout } = await run('requeue', id)

  assert.equal(stdout, '1 of 1 letters are queued again, 1 items\n')
  assert.deepEqual(
    queues[0].taken.map(({ tenant }) => tenant),
    ['b'],
  )
})

test('ids and filters together are refused, since one of both would not be heeded', async t => {
  const { run, box } = await start(t, 'otlp/backend')
  await box.put(letter({ tenant: 'a' }))
  const [{ id }] = await box.list({}, 1)

  for (const command of [['requeue'], ['letters', 'requeue'], ['letters', 'purge']]) {
    const { code, stderr } = await run(...command, id, '--tenant', 'b')
    assert.equal(code, 1)
    assert.match(stderr, /MILLRACE_QUEUE_USAGE/)
  }
  assert.equal(box.summary().letters, 1)
})

test('a letter that is not there is no success for purge', async t => {
  const { run, box } = await start(t)
  await box.put(letter())
  const [{ id }] = await box.list({}, 1)

  const { code, stdout, stderr } = await run('letters', 'purge', id, 'nosuch-1')

  assert.deepEqual([code, stdout], [1, '1 letter thrown away\n'])
  assert.match(stderr, /^1 of the 2 that were named/)
})

test('a queue without room stops the requeue, and no letter is lost', async t => {
  const { run, box, queues } = await start(t, 'otlp/backend')
  for (let i = 0; i < 5; i++) await box.put(letter())
  let room = 2
  queues[0].answer = () => (room-- > 0 ? ACCEPTED : busy(1000))

  const { code, stdout, stderr } = await run('requeue', '--reason', 'bad_data')

  assert.equal(code, 1)
  assert.equal(stdout, '2 of 5 letters are queued again, 2 items\n')
  assert.match(stderr, /has no room now; the rest was left alone, try again later\n$/)
  assert.equal(box.summary().letters, 3)
  queues[0].answer = () => refused(1, 'unimplemented', 'this exporter is in no traces pipeline')
  const again = await run('requeue', '--all', '--json')
  const { wanted, taken, results } = JSON.parse(again.stdout)
  assert.deepEqual([wanted, taken, results.length], [3, 0, 3])
})

test('many letters go in portions', async t => {
  const { run, box, queues } = await start(t, 'otlp/backend')
  await Promise.all(Array.from({ length: 450 }, () => box.put(letter())))

  const { stdout } = await run('requeue', '--all')

  assert.equal(stdout, '450 of 450 letters are queued again, 450 items\n')
  assert.equal(queues[0].taken.length, 450)
})

test('large letters go a few at a time', async t => {
  const { run, box, queues } = await start(t, 'otlp/backend')
  box.limits = { maxBytes: 1 << 30, maxAgeMs: 0, minFreeBytes: 0, sync: false }
  for (let i = 0; i < 4; i++) await box.put(letter({ bytes: Buffer.alloc(20 << 20) }))

  const { stdout } = await run('requeue', '--all')

  assert.equal(stdout, '4 of 4 letters are queued again, 4 items\n')
  assert.equal(queues[0].taken.length, 4)
})

test('letters show hides what proves who the sender is', async t => {
  const { run, box } = await start(t)
  const metadata = new Map([
    ['authorization', ['Bearer mr_abc_hush']],
    ['x-api-key', ['hush', 'hush']],
    ['x-team', ['red']],
  ])
  await box.put(letter({ context: { metadata, peer: '' } }))
  const [{ id }] = await box.list({}, 1)

  const { stdout, stderr } = await run('letters', 'show', id)
  const json = await run('letters', 'show', id, '--json')

  assert.match(stderr, /x-team {6}red/)
  assert.match(stderr, /x-api-key {3}\[REDACTED\], \[REDACTED\]\n/)
  assert.ok(![stdout, stderr, json.stdout, json.stderr].some(text => text.includes('hush')))
})

test('letters purge throws away what is meant', async t => {
  const { run, box } = await start(t)
  for (const tenant of ['a', 'b', 'b', 'c']) await box.put(letter({ tenant }))
  const [{ id }] = await box.list({ tenant: 'a' }, 1)

  assert.equal((await run('letters', 'purge', id)).stdout, '1 letter thrown away\n')
  assert.equal((await run('letters', 'purge', '--tenant', 'b')).stdout, '2 letters thrown away\n')
  assert.equal((await run('letters', 'purge')).code, 1)
  assert.equal(box.summary().letters, 1)
})

test('of several storages one has to be named', async t => {
  const { run, box, letters, queues, folder } = await start(t, 'otlp/backend')
  const other = await openBox(t, join(folder, 'second'), { id: 'file_storage/b' })
  letters.push(other.box)
  await box.put(letter())
  await other.box.put(letter())
  const [{ id }] = await other.box.list({}, 1)

  const unclear = await run('letters', 'show', id)
  const named = await run('letters', 'show', id, '--storage', 'file_storage/b')
  const all = await run('requeue', '--all')

  assert.match(unclear.stderr, /several storages keep letters \(file_storage, file_storage\/b\)/)
  assert.equal(named.code, 0)
  assert.equal(all.stdout, '2 of 2 letters are queued again, 2 items\n')
  assert.equal(queues[0].taken.length, 2)
})
