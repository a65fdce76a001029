/** The `debug` exporter: what is printed, where, and that nothing is lost by not printing it. */
import assert from 'node:assert/strict'
import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import type { Logger } from '../../../src/core/logger.ts'
import { config as spec } from '../../../src/exporters/debug/config.ts'
import { DebugExporter } from '../../../src/exporters/debug/exporter.ts'
import { factory } from '../../../src/exporters/debug/factory.ts'
import { Selection } from '../../../src/otlp/selection.ts'
import { assertBalanced, fakeHost, fakeServices } from '../../../src/testing/fakes.ts'
import { sampleRequest } from '../../harness/samples.ts'
import { acceptBatch } from '../batch-of.ts'
import { SAMPLES } from './sample-requests.ts'

type Printed = [event: string, fields: unknown]

async function startExporter(t: TestContext, settings: object) {
  const printed: Printed[] = []
  const log = {
    info: (event: string, fields?: unknown) => printed.push([event, fields]),
    warn: (event: string, fields?: unknown) => printed.push([event, fields]),
  } as unknown as Logger
  const services = fakeServices()
  const config = spec.schema.parse(settings)
  const context = { ...services, log, id: 'debug', config, signals: ['traces' as const] }
  const exporter = new DebugExporter(context)
  await exporter.start()
  t.after(() => exporter.stop())
  return { services, exporter, printed }
}

test('prints the counts of each signal at verbosity basic', async t => {
  const { services, exporter, printed } = await startExporter(t, null as never)

  for (const signal of ['traces', 'metrics', 'logs'] as const) {
    assert.equal(
      exporter.consume(acceptBatch(services, signal, SAMPLES[signal]).batch).kind,
      'accepted',
    )
  }

  assert.deepEqual(printed, [
    ['Traces', { 'resource spans': 2, spans: 3 }],
    ['Metrics', { 'resource metrics': 1, metrics: 6, 'data points': 9 }],
    ['Logs', { 'resource logs': 1, 'log records': 3 }],
  ])
})

test('counts and prints only the items that are still in', async t => {
  const { services, exporter, printed } = await startExporter(t, { verbosity: 'normal' })
  const selection = Selection.all(3)
  selection.clear(0)
  selection.clear(1)

  exporter.consume(acceptBatch(services, 'traces', SAMPLES.traces, selection).batch)

  assert.deepEqual(printed[0], ['Traces', { 'resource spans': 1, spans: 1 }])
  assert.equal(printed[1][0], 'ResourceTraces #0\nScopeTraces #0\nsecond resource  \n')
})

test('counts what it takes as sent and lets the bytes go, printed or not', async t => {
  const { services, exporter, printed } = await startExporter(t, {
    sampling_initial: 1,
    sampling_thereafter: 0,
  })

  const batches = [1, 2, 3].map(n =>
    acceptBatch(services, 'logs', sampleRequest('logs', n, 4).bytes),
  )
  for (const { batch } of batches) exporter.consume(batch)

  assert.equal(printed.length, 1)
  assert.ok(batches.every(({ freed }) => freed()))
  assert.equal(services.meter.total('otelcol_exporter_sent_log_records'), 12)
  assertBalanced(services.ledger)
})

test('prints the first batches of each second and then every Mth', async t => {
  const { services, exporter, printed } = await startExporter(t, {
    sampling_initial: 2,
    sampling_thereafter: 3,
  })
  const consume = () => {
    for (let n = 0; n < 9; n++) {
      const { bytes } = sampleRequest('logs', n, n + 1)
      exporter.consume(acceptBatch(services, 'logs', bytes).batch)
    }
  }

  consume()
  await services.clock.advance(1000)
  consume()

  const sizes = printed.map(([, fields]) => (fields as Record<string, number>)['log records'])
  assert.deepEqual(sizes, [1, 2, 5, 8, 1, 2, 5, 8])
})

test('writes plain text to files when the internal logger is off', async t => {
  const dir = await mkdtemp(join(tmpdir(), 'millrace-debug-'))
  t.after(() => rm(dir, { recursive: true }))
  const path = join(dir, 'out.txt')
  const settings = { verbosity: 'normal', use_internal_logger: false, output_paths: [path] }
  const { services, exporter } = await startExporter(t, settings)

  exporter.consume(acceptBatch(services, 'traces', SAMPLES.traces).batch)
  await exporter.stop()

  const text = await readFile(path, 'utf8')
  const golden = await readFile(join(import.meta.dirname, '../../golden/debug/traces-normal.txt'))
  assert.equal(text, `Traces\t{"resource spans": 2, "spans": 3}\n${golden}\n`)
})

test('fails to start when a file cannot be opened', async () => {
  const services = fakeServices()
  const config = spec.schema.parse({ use_internal_logger: false, output_paths: ['/no/such/dir/x'] })
  const exporter = new DebugExporter({ ...services, id: 'debug', config, signals: [] })

  await assert.rejects(exporter.start(), /ENOENT/)
})

test('answers busy before start and after stop', async t => {
  const { services, exporter } = await startExporter(t, null as never)
  await exporter.stop()
  await exporter.stop()

  const { batch, freed } = acceptBatch(services, 'traces', SAMPLES.traces)
  assert.equal(exporter.consume(batch).kind, 'busy')
  assert.ok(!freed())
})

for (const [settings, message] of [
  [{ output_paths: ['stdout'] }, 'output_paths is not supported when use_internal_logger is true'],
  [
    { use_internal_logger: false, output_paths: [] },
    'output_paths must not be empty when use_internal_logger is false',
  ],
] as const) {
  test(`refuses a configuration where ${message}`, () => {
    const problems = spec.check!(spec.schema.parse(settings))
    assert.deepEqual(
      problems.map(problem => problem.message),
      [message],
    )
  })
}

test('takes a verbosity in any case and refuses others', () => {
  assert.equal(spec.schema.parse({ verbosity: 'Detailed' }).verbosity, 'detailed')
  assert.ok(!spec.schema.safeParse({ verbosity: 'loud' }).success)
})

test('prints from a queue where the configuration has one', async t => {
  const printed: string[] = []
  const services = fakeServices()
  const log = { info: (event: string) => printed.push(event) } as unknown as Logger
  const config = spec.schema.parse({ sending_queue: null })
  const context = { ...services, log, id: 'debug', config, signals: ['traces' as const] }
  const exporter = factory.create(context, undefined)
  await exporter.start(fakeHost())
  t.after(() => exporter.stop(AbortSignal.timeout(1000)))

  assert.equal(
    (await exporter.consume(acceptBatch(services, 'traces', SAMPLES.traces).batch)).kind,
    'accepted',
  )
  await exporter.stop(AbortSignal.timeout(1000))

  assert.deepEqual(printed, ['Traces'])
  assertBalanced(services.ledger)
})
