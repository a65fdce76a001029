/** What changed messages take is reserved in the memory budget, and what grows out of proportion waits for room. */
import assert from 'node:assert/strict'
import test from 'node:test'
import { config as spec } from '../../../src/processors/transform/config.ts'
import { TransformProcessor } from '../../../src/processors/transform/processor.ts'
import { CollectingConsumer, fakeServices } from '../../../src/testing/fakes.ts'
import { batchOfJson, tracesOf } from '../../processors/request-batch.ts'

const DOUBLE = 'set(span.cache["x"], Concat([span.cache["x"], span.cache["x"]], ""))'
const SMALL = ['set(span.name, "y")']
/** 2 MiB out of a request of a few bytes. */
const LARGE = [
  'set(span.cache["x"], "0123456789abcdef")',
  ...Array.from({ length: 17 }, () => DOUBLE),
  'set(span.attributes["x"], span.cache["x"])',
]

function start(statements: readonly string[], reserved: number, limit: number) {
  const services = fakeServices()
  const next = new CollectingConsumer()
  const { memory } = services
  Object.assign(memory, { limitBytes: limit, reservedBytes: reserved })
  const config = spec.schema.parse({ trace_statements: [{ context: 'span', statements }] })
  const context = { ...services, id: 'transform', config, signals: ['traces'] as const }
  return { processor: new TransformProcessor(context, next), next, memory }
}

const batch = () => batchOfJson('traces', tracesOf({ name: 'a' }))

test('changes are reserved until the batch is let go', async () => {
  const { processor, next, memory } = start(LARGE, 0, 64 << 20)

  assert.equal((await processor.consume(batch())).kind, 'accepted')

  assert.ok(memory.reservedBytes >= 2 << 20)
  next.releaseAll()
  assert.equal(memory.reservedBytes, 0)
})

test('changes out of proportion wait for room, and the batch stays whole', async () => {
  const { processor, next, memory } = start(LARGE, 0, 1 << 20)
  const given = batch()

  assert.equal((await processor.consume(given)).kind, 'busy')

  assert.equal(memory.reservedBytes, 0)
  assert.equal(next.batches.length, 0)
  given.release()
})

test('small changes are made in a full house too, so that it can empty', async () => {
  const { processor, next, memory } = start(SMALL, 1000, 1000)

  assert.equal((await processor.consume(batch())).kind, 'accepted')

  next.releaseAll()
  assert.equal(memory.reservedBytes, 1000)
})
