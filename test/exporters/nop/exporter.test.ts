/** The `nop` exporter. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { factory } from '../../../src/exporters/nop/factory.ts'
import { assertBalanced, fakeHost, fakeServices } from '../../../src/testing/fakes.ts'
import { sampleRequest } from '../../harness/samples.ts'
import { acceptBatch } from '../batch-of.ts'

test('counts what it takes as sent and lets the bytes go', async () => {
  const services = fakeServices()
  const config = factory.config.schema.parse(null)
  const context = { ...services, id: 'nop', config, signals: ['logs' as const] }
  const exporter = factory.create(context, undefined)
  await exporter.start(fakeHost())
  const { batch, freed } = acceptBatch(services, 'logs', sampleRequest('logs', 1, 3).bytes)

  assert.deepEqual(await exporter.consume(batch), { kind: 'accepted' })
  await exporter.stop(AbortSignal.timeout(1000))

  assert.ok(freed())
  assert.equal(services.ledger.rows()[0].sent, 3)
  assert.equal(services.meter.total('otelcol_exporter_sent_log_records'), 3)
  assertBalanced(services.ledger)
})
