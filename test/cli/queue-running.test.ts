/** `millrace queue …` against a collector that runs in this process, with a storage and a destination that changes its mind. */
import assert from 'node:assert/strict'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { indexRequest } from '../../src/otlp/kernel/kernel.ts'
import { isWireFault } from '../../src/otlp/request-index.ts'
import { AdminSocket } from '../../src/pipeline/admin-socket.ts'
import { assertBalanced } from '../../src/testing/fakes.ts'
import { GrpcSender, startCollector } from '../e2e/kit.ts'
import { freePorts } from '../harness/ports.ts'
import { request } from '../sampler/assembly/spans.ts'
import { newFolder } from '../tenancy/letters/kit.ts'
import { runMillrace } from './command-line.ts'

/** Answers as its `mood` says: `picky` refuses for good what holds the word poison. */
async function startBackend(t: TestContext) {
  const backend = { mood: 'picky' as 'picky' | 'happy' | 'down', spans: 0, port: 0 }
  const server = createServer(async (call, answer) => {
    const chunks: Buffer[] = []
    for await (const chunk of call) chunks.push(chunk as Buffer)
    const body = Buffer.concat(chunks)
    if (backend.mood === 'down') answer.statusCode = 503
    else if (backend.mood === 'picky' && body.includes('poison')) answer.statusCode = 400
    else {
      const index = indexRequest('traces', body)
      if (!isWireFault(index)) backend.spans += index.items
    }
    answer.end()
  })
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
  t.after(() => server.close())
  backend.port = (server.address() as AddressInfo).port
  return backend
}

async function start(t: TestContext, folder = newFolder(t)) {
  const backend = await startBackend(t)
  const [port] = await freePorts(1)
  const config = (letters: object) => ({
    extensions: { file_storage: { directory: folder, letters } },
    receivers: { otlp: { protocols: { grpc: { endpoint: `127.0.0.1:${port}` } } } },
    exporters: {
      otlp_http: {
        ...{ endpoint: `http://127.0.0.1:${backend.port}`, compression: 'none' },
        retry_on_failure: { initial_interval: '60s', max_interval: '60s', max_elapsed_time: '0s' },
        sending_queue: { storage: 'file_storage' },
      },
    },
    service: {
      extensions: ['file_storage'],
      pipelines: { traces: { receivers: ['otlp'], exporters: ['otlp_http'] } },
    },
  })
  const { collector, finish, reload } = await startCollector(t, config({}))
  const path = join(newFolder(t), 'admin.sock')
  const socket = await AdminSocket.open(path, collector.inspector)
  t.after(() => socket.close())
  const sender = new GrpcSender(t, port)
  const send = async (...names: string[]): Promise<void> => {
    const spans = names.map((name, i) => ({ trace: `${i + 1}`, id: `${i + 1}`, name }))
    assert.equal((await sender.send('traces', request(spans))).code, 0)
  }
  const run = (...args: string[]) => runMillrace(['queue', ...args, '--socket', path])
  const change = (letters: object) => reload(config(letters))
  return { run, send, backend, collector, folder, finish, change }
}

/** Until what is asked says so; the test's own limit ends it. */
async function until(holds: () => boolean | Promise<boolean>): Promise<void> {
  while (!(await holds())) await new Promise(resolve => setTimeout(resolve, 20))
}

test('what a destination refuses becomes a letter, the rest is delivered, and requeue delivers it later', {
  timeout: 30_000,
}, async t => {
  const { run, send, backend, collector, finish } = await start(t)
  await send('fine', 'poison', 'fine', 'fine')

  await until(() => backend.spans === 3)
  await until(async () => /bad|reject|400/.test((await run('letters', 'ls')).stdout))
  const { letters } = JSON.parse((await run('letters', 'ls', '--json')).stdout)
  const found = await run('letters', 'ls', '--trace', '2'.padStart(32, '0'), '--json')
  const shown = await run('letters', 'show', letters[0].id)

  assert.equal(letters.length, 1)
  assert.deepEqual([letters[0].items, letters[0].exporter], [1, 'otlp_http'])
  assert.equal(JSON.parse(found.stdout).letters.length, 1)
  assert.match(shown.stdout, /"name": "poison"/)
  assertBalanced(collector.ledger)

  backend.mood = 'happy'
  const requeued = await run('requeue', '--exporter', 'otlp_http')

  assert.equal(requeued.stdout, '1 of 1 letters are queued again, 1 items\n')
  await until(() => backend.spans === 4)
  assert.deepEqual(JSON.parse((await run('letters', 'ls', '--json')).stdout).letters, [])
  await finish()
  const [row] = collector.ledger.rows()
  assert.deepEqual([row.accepted, row.copied, row.sent], [4, 1, 4])
  assert.deepEqual(
    row.dropped.map(({ items }) => items),
    [1],
  )
})

test('what waits for a retry is seen, and drain sends it now', { timeout: 30_000 }, async t => {
  const { run, send, backend, finish } = await start(t)
  backend.mood = 'down'
  await send('a', 'b')
  await until(async () => JSON.parse((await run('ls', '--json')).stdout).queues[0]?.parked === 1)

  const listed = await run('ls')
  const peeked = await run('peek', '--tenant', 'default')
  backend.mood = 'happy'
  const drained = await run('drain')

  assert.match(listed.stdout, /otlp_http +traces +default +2 .* +2 +\d+ B .*1 to be tried again/)
  assert.match(peeked.stdout, /otlp_http +traces +default +parked +2 /)
  assert.equal(drained.stdout, 'otlp_http: 1 request woken\n')
  await until(() => backend.spans === 2)
  await until(async () => (await run('ls')).stdout === 'nothing waits\n')
  await finish()
})

test('purge lets go of what waits, on disk too, and books it', { timeout: 30_000 }, async t => {
  const { run, send, backend, collector, folder, finish } = await start(t)
  backend.mood = 'down'
  await send('a', 'b', 'c')
  await until(async () => JSON.parse((await run('ls', '--json')).stdout).queues[0]?.parked === 1)

  const purged = await run('purge', '--tenant', 'default')

  assert.equal(purged.stdout, 'otlp_http: 3 items let go\n')
  await finish()
  const [row] = collector.ledger.rows()
  assert.deepEqual(row.dropped, [
    { stage: 'otlp_http', reason: 'purged', intentional: true, items: 3 },
  ])
  const after = await runMillrace(['queue', 'ls', '--directory', folder])
  assert.ok(after.stdout === 'nothing waits\n' || after.code === 1, after.stdout)
})

test('after a stop the folder shows what waits, and the next collector delivers what was left', {
  timeout: 30_000,
}, async t => {
  const first = await start(t)
  first.backend.mood = 'down'
  await first.send('a')
  await first.send('b', 'c')
  await first.finish()

  const listed = await runMillrace(['queue', 'ls', '--directory', first.folder])
  const peeked = await runMillrace(['queue', 'peek', '--directory', first.folder, '--json'])
  const second = await start(t, first.folder)

  assert.match(listed.stdout, /otlp_http +traces +default +0 +0 B +3 /)
  assert.deepEqual(
    JSON.parse(peeked.stdout).requests.map(({ items }: { items: number }) => items),
    [1, 2],
  )
  await until(() => second.backend.spans === 3)
  await second.finish()
})

test('a reload with other limits of letters keeps the letters', { timeout: 30_000 }, async t => {
  const { run, send, backend, change, finish } = await start(t)
  await send('poison', 'fine')
  await until(async () => /bad_data/.test((await run('letters', 'ls')).stdout))

  await change({ max_bytes: '1MiB' })

  const { stdout } = await run('letters', 'ls')
  assert.match(stdout, /\nfile_storage: 1 letters with 1 items, \d+ B of 1\.0 MiB\n/)
  await send('poison', 'fine')
  await until(async () => /2 letters/.test((await run('letters', 'ls')).stdout))
  assert.equal(backend.spans, 2)
  await finish()
})
