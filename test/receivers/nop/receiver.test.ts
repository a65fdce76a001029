/** The receiver that receives nothing. */
import assert from 'node:assert/strict'
import test from 'node:test'
import { factory } from '../../../src/receivers/nop/factory.ts'
import { CollectingConsumer, fakeHost, fakeServices } from '../../../src/testing/fakes.ts'

test('starts, hands nothing on, and stops twice', async () => {
  const next = new CollectingConsumer()
  const config = factory.config.schema.parse(null)
  const receiver = factory.create(
    { ...fakeServices(), id: 'nop', config, signals: ['traces'] },
    next,
  )

  await receiver.start(fakeHost())
  await receiver.stop(AbortSignal.abort())
  await receiver.stop(AbortSignal.abort())

  assert.equal(next.batches.length, 0)
})

test('refuses settings, because it has none', () => {
  assert.equal(factory.config.schema.safeParse({ endpoint: 'x' }).success, false)
})
