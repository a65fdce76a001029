/** The way out for made metrics: memory and the ledger are right whether the pipeline behind takes them or not. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { MadeMetrics } from '../../src/core/made-metrics.ts'
import { ACCEPTED, busy } from '../../src/core/outcome.ts'
import { makeRequest } from '../../src/testing/builders.ts'
import { assertBalanced, CollectingConsumer, fakeServices } from '../../src/testing/fakes.ts'

const NEVER = new AbortController().signal

function make() {
  const services = fakeServices()
  const next = new CollectingConsumer()
  const made = new MadeMetrics({ ...services, id: 'it', next })
  const settle = (): void => {
    for (const { tenant, signal, items } of next.batches)
      services.ledger.sent(tenant, signal, items)
    next.releaseAll()
    assert.equal(services.memory.reservedBytes, 0)
  }
  return { services, next, made, settle }
}

test('hands points on as copied items of their tenant', async () => {
  const { services, next, made, settle } = make()

  assert.equal(made.push('acme', makeRequest('metrics', 3)), true)

  assert.deepEqual(
    next.batches.map(({ tenant, signal, items }) => [tenant, signal, items]),
    [['acme', 'metrics', 3]],
  )
  assert.equal(services.ledger.rows()[0].copied, 3)
  assert.equal(made.isIdle, true)
  settle()
  await made.drain(NEVER)
  assertBalanced(services.ledger)
})

test('takes nothing for which there is no memory, and books nothing', async () => {
  const { services, made } = make()
  services.memory.limitBytes = 10

  assert.equal(made.push('default', makeRequest('metrics', 3)), false)

  assert.deepEqual(services.ledger.rows(), [])
  await made.drain(NEVER)
})

test('keeps in line what is not taken at once', async () => {
  const { services, next, made, settle } = make()
  next.answer = () => busy(50)
  made.push('default', makeRequest('metrics', 1))
  made.push('default', makeRequest('metrics', 2))
  assert.equal(made.isIdle, false)
  assertBalanced(services.ledger, 3)

  next.answer = () => ACCEPTED
  await services.clock.advance(100)

  assert.equal(made.isIdle, true)
  assert.equal(next.items, 3)
  settle()
  await made.drain(NEVER)
  assertBalanced(services.ledger)
})

test('drops what is left at the deadline, with the reason', async () => {
  const { services, next, made } = make()
  next.answer = () => busy(50)
  made.push('default', makeRequest('metrics', 2))

  await made.drain(AbortSignal.abort())

  assert.deepEqual(services.ledger.rows()[0].dropped, [
    { stage: 'it', reason: 'shutdown', intentional: false, items: 2 },
  ])
  assert.equal(services.memory.reservedBytes, 0)
  assertBalanced(services.ledger)
})
