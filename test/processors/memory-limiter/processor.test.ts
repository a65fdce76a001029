/** `memory_limiter`: which limits it asks for, and what it answers while memory is short. */
import assert from 'node:assert/strict'
import test from 'node:test'
import { ACCEPTED, type Outcome } from '../../../src/core/outcome.ts'
import { config as spec } from '../../../src/processors/memory-limiter/config.ts'
import { MemoryLimiter, memoryLimits } from '../../../src/processors/memory-limiter/processor.ts'
import { makeBatch } from '../../../src/testing/builders.ts'
import { CollectingConsumer, fakeServices } from '../../../src/testing/fakes.ts'

const MIB = 1 << 20

test('asks for the fixed limit with a fifth of it as spike, or for shares of what there is', () => {
  const read = (settings: object) => memoryLimits(spec.schema.parse(settings), 1000 * MIB)

  assert.deepEqual(read({ limit_mib: 100 }), {
    limitBytes: 100 * MIB,
    spikeBytes: 20 * MIB,
    checkIntervalMs: 1000,
  })
  assert.deepEqual(
    read({ limit_percentage: 50, spike_limit_percentage: 30, check_interval: '5s' }),
    {
      limitBytes: 500 * MIB,
      spikeBytes: 300 * MIB,
      checkIntervalMs: 5000,
    },
  )
})

test('finds a missing limit, an interval of 0 and a spike that is no smaller than the limit', () => {
  const problems = (settings: object) =>
    spec.check!(spec.schema.parse(settings)).map(p => p.path[0])

  assert.deepEqual(problems({ check_interval: '0s' }), ['check_interval', 'limit_mib'])
  assert.deepEqual(problems({ limit_mib: 10, spike_limit_mib: 10 }), ['spike_limit_mib'])
  assert.deepEqual(problems({ limit_mib: 10 }), [])
})

test('sets the limits while it runs and sends data back while resident memory is too high', async () => {
  const services = fakeServices()
  const next = new CollectingConsumer()
  const config = spec.schema.parse({ limit_mib: 100 })
  const context = { ...services, id: 'memory_limiter', config, signals: ['traces' as const] }
  const limiter = new MemoryLimiter(context, next)
  const before = services.memory.limitBytes

  await limiter.start()
  assert.equal(services.memory.limitBytes, 100 * MIB)
  assert.equal(limiter.consume(makeBatch(2)), ACCEPTED)
  services.memory.isShort = true
  assert.equal((limiter.consume(makeBatch(3)) as Outcome).kind, 'busy')
  await limiter.stop()

  assert.equal(services.memory.limitBytes, before)
  assert.equal(next.items, 2)
  assert.equal(services.meter.total('otelcol_processor_memory_limiter_accepted_spans'), 2)
  assert.equal(services.meter.total('otelcol_processor_memory_limiter_refused_spans'), 3)
})
