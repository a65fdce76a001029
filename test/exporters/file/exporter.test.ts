/** The `file` exporter: formats, and what happens to batches when the disk says no. */
import assert from 'node:assert/strict'
import { mkdir, mkdtemp, readdir, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import type { Signal } from '../../../src/core/signal.ts'
import { SIGNALS } from '../../../src/core/signal.ts'
import { config as spec } from '../../../src/exporters/file/config.ts'
import { FileExporter } from '../../../src/exporters/file/exporter.ts'
import { decompress } from '../../../src/net/compression.ts'
import { decodeJson } from '../../../src/otlp/json/decode.ts'
import { Selection } from '../../../src/otlp/selection.ts'
import { assertBalanced, fakeHost, fakeServices } from '../../../src/testing/fakes.ts'
import { sampleRequest } from '../../harness/samples.ts'
import { acceptBatch } from '../batch-of.ts'

async function startExporter(t: TestContext, settings: object = {}) {
  const dir = await mkdtemp(join(tmpdir(), 'millrace-file-'))
  const path = join(dir, 'out')
  const services = fakeServices()
  const config = spec.schema.parse({ path, ...settings })
  const exporter = new FileExporter({ ...services, id: 'file', config, signals: ['traces'] })
  const statuses: string[] = []
  await exporter.start({ ...fakeHost(), reportStatus: (_, status) => statuses.push(status) })
  const stop = () => exporter.stop(AbortSignal.timeout(5000))
  t.after(async () => {
    await stop()
    await rm(dir, { recursive: true, force: true })
  })
  const offer = (signal: Signal, bytes: Uint8Array) => {
    const accepted = acceptBatch(services, signal, bytes)
    return { ...accepted, outcome: exporter.consume(accepted.batch) }
  }
  const consume = (signal: Signal, n: number) => offer(signal, sampleRequest(signal, n).bytes)
  return { dir, path, services, exporter, statuses, stop, offer, consume }
}

function records(bytes: Buffer): Buffer[] {
  const found: Buffer[] = []
  for (let at = 0; at < bytes.length; ) {
    const length = bytes.readUInt32BE(at)
    found.push(bytes.subarray(at + 4, at + 4 + length))
    at += 4 + length
  }
  return found
}

test('writes one line of JSON per batch, for every signal', async t => {
  const { path, services, stop, consume } = await startExporter(t)

  for (const signal of SIGNALS) assert.equal(consume(signal, 1).outcome.kind, 'accepted')
  await stop()

  const lines = (await readFile(path, 'utf8')).split('\n')
  assert.equal(lines.pop(), '')
  for (const [i, signal] of SIGNALS.entries()) {
    const decoded = decodeJson(signal, Buffer.from(lines[i]))
    assert.deepEqual(
      Buffer.from(decoded as Uint8Array),
      Buffer.from(sampleRequest(signal, 1).bytes),
    )
  }
  assertBalanced(services.ledger)
})

test('writes requests with their length before them in format proto', async t => {
  const { path, stop, consume } = await startExporter(t, { format: 'proto' })

  consume('traces', 1)
  consume('traces', 2)
  await stop()

  const expected = [1, 2].map(n => Buffer.from(sampleRequest('traces', n).bytes))
  assert.deepEqual(records(await readFile(path)), expected)
})

test('writes only the items that are still in', async t => {
  const { path, services, exporter, stop } = await startExporter(t, { format: 'proto' })
  const selection = Selection.none(5)
  selection.set(2)
  const { bytes } = sampleRequest('traces', 1)

  exporter.consume(acceptBatch(services, 'traces', bytes, selection).batch)
  await stop()

  const [record] = records(await readFile(path))
  assert.ok(record.length < bytes.length / 2)
  assert.equal(services.ledger.rows()[0].sent, 1)
})

for (const format of ['json', 'proto']) {
  test(`compresses each request by itself with zstd in format ${format}`, async t => {
    const { path, stop, consume } = await startExporter(t, { format, compression: 'zstd' })

    consume('logs', 1)
    await stop()

    const [record] = records(await readFile(path))
    const plain = Buffer.from((await decompress('zstd', record, 1 << 20)) as Uint8Array)
    const bytes = format === 'json' ? decodeJson('logs', plain) : plain
    assert.deepEqual(Buffer.from(bytes as Uint8Array), Buffer.from(sampleRequest('logs', 1).bytes))
  })
}

test('holds a batch until flush_interval, and counts it as sent only when it is written', async t => {
  const { path, services, consume } = await startExporter(t)
  const { freed } = consume('traces', 1)

  assert.equal(await readFile(path, 'utf8'), '')
  assert.ok(!freed())
  assertBalanced(services.ledger, 5)
  await services.clock.advance(1000)
  await until(freed)

  assert.match(await readFile(path, 'utf8'), /^\{.*\}\n$/)
  assert.equal(services.meter.total('otelcol_exporter_sent_spans'), 5)
  assertBalanced(services.ledger)
})

test('does not wait for flush_interval with rotation', async t => {
  const { dir, services, consume } = await startExporter(t, { rotation: null })

  await until(consume('traces', 1).freed)

  assert.deepEqual(await readdir(dir), ['out'])
  assertBalanced(services.ledger)
})

test('keeps a batch that cannot be written and writes it when the disk works again', async t => {
  const { dir, path, services, statuses, consume } = await startExporter(t)
  await rm(dir, { recursive: true })
  const first = consume('traces', 1)

  await services.clock.advance(1000)
  await until(() => statuses.includes('recoverable_error'))
  assert.ok(!first.freed())
  assertBalanced(services.ledger, 5)
  await mkdir(dir)
  await services.clock.advance(1000)
  await until(first.freed)

  assert.match(await readFile(path, 'utf8'), /^\{.*\}\n$/)
  assert.deepEqual(statuses, ['recoverable_error', 'ok'])
  assertBalanced(services.ledger)
})

test('answers busy when the buffer is full, and takes a batch again when there is room', async t => {
  const { dir, services, offer } = await startExporter(t, { format: 'proto' })
  await rm(dir, { recursive: true })
  const { bytes } = sampleRequest('logs', 1, 50_000)
  const taken: ReturnType<typeof offer>[] = []
  for (let last = offer('logs', bytes); last.outcome.kind === 'accepted'; ) {
    taken.push(last)
    last = offer('logs', bytes)
  }

  assert.equal(taken.length, Math.floor((64 << 20) / bytes.length))
  await mkdir(dir)
  await until(() => {
    void services.clock.advance(1000)
    return taken.every(({ freed }) => freed())
  })
  assert.equal(offer('logs', bytes).outcome.kind, 'accepted')
})

test('drops what it cannot write at shutdown and says so', async t => {
  const { dir, services, stop, consume } = await startExporter(t)
  await rm(dir, { recursive: true })
  const { freed } = consume('traces', 1)

  await stop()

  assert.ok(freed())
  const [row] = services.ledger.rows()
  assert.deepEqual(row.dropped, [
    { stage: 'file', reason: 'write_failed', intentional: false, items: 5 },
  ])
  assert.equal(services.meter.total('otelcol_exporter_send_failed_spans'), 5)
  assertBalanced(services.ledger)
})

test('writes what waits when it stops, and takes nothing afterwards', async t => {
  const { path, stop, consume } = await startExporter(t)
  consume('traces', 1)

  await stop()
  await stop()

  assert.match(await readFile(path, 'utf8'), /^\{.*\}\n$/)
  assert.equal(consume('traces', 2).outcome.kind, 'busy')
})

test('fails to start when the file cannot be opened', async () => {
  const services = fakeServices()
  const config = spec.schema.parse({ path: '/no/such/dir/out' })
  const exporter = new FileExporter({ ...services, id: 'file', config, signals: [] })

  await assert.rejects(exporter.start(fakeHost()), /ENOENT/)
  await exporter.stop(AbortSignal.timeout(100))
})

for (const [settings, at] of [
  [{ append: true, rotation: null }, 'append'],
  [{ directory_permissions: '0700' }, 'directory_permissions'],
  [{ group_by: { enabled: true } }, 'group_by.enabled'],
  [{ encoding: 'otlp_encoding' }, 'encoding'],
] as const) {
  test(`refuses a configuration that is at odds with itself or not supported: ${at}`, () => {
    const problems = spec.check!(spec.schema.parse({ path: 'x', ...settings }))
    assert.deepEqual(
      problems.map(({ path }) => path.join('.')),
      [at],
    )
  })
}

test('refuses a configuration without path, with an unknown format, or with unknown keys', () => {
  for (const settings of [{}, { path: '' }, { path: 'x', format: 'xml' }, { path: 'x', pth: 1 }]) {
    assert.ok(!spec.schema.safeParse(settings).success, JSON.stringify(settings))
  }
})

/** The disk answers in its own time. */
async function until(check: () => boolean): Promise<void> {
  const end = Date.now() + 5000
  while (!check()) {
    if (Date.now() > end) throw new Error('did not happen')
    await new Promise(resolve => setTimeout(resolve, 2))
  }
}
