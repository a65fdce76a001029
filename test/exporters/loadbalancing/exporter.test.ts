/** `loadbalancing`: who gets what, what happens when backends are full, fail, come and go, and that the book closes. */
import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { Batch } from '../../../src/core/batch.ts'
import { factory } from '../../../src/exporters/loadbalancing/factory.ts'
import { ROW, START } from '../../../src/otlp/request-index.ts'
import { Edits } from '../../../src/otlp/splice.ts'
import { assertBalanced, fakeServices, settle } from '../../../src/testing/fakes.ts'
import { FakeStorage } from '../sending/fake-storage.ts'
import { DOWN, type Kit, range, SENT, startBalancing, traceId } from './kit.ts'

const THREE = ['a:1', 'b:1', 'c:1']
const SPARE = { reroute: { enabled: true, consecutive_failures: 2, open_interval: '5s' } }

/** By trace, the addresses that have something of it. */
function owners(kit: Kit): Map<string, Set<string>> {
  const found = new Map<string, Set<string>>()
  for (const [address, { traces }] of kit.backends) {
    for (const trace of traces) {
      if (!found.has(trace)) found.set(trace, new Set())
      found.get(trace)!.add(address)
    }
  }
  return found
}

function assertWhole(kit: Kit, traces: number): void {
  const found = owners(kit)
  assert.equal(found.size, traces)
  for (const [trace, addresses] of found) assert.equal(addresses.size, 1, trace)
}

describe('loadbalancing', () => {
  it('sends all spans of a trace to one backend, through whatever requests they come', async () => {
    const kit = await startBalancing(THREE)

    for (let i = 0; i < 3; i++) await kit.send(range(40))
    await kit.stop()

    assert.equal(kit.spans(), 120)
    assertWhole(kit, 40)
    for (const { traces } of kit.backends.values()) assert.ok(traces.length > 0)
    assertBalanced(kit.services.ledger)
  })

  it('keeps the resource and the order of spans in each share', async () => {
    const kit = await startBalancing(THREE)

    await kit.send(range(30))
    await kit.stop()

    for (const { got, traces } of kit.backends.values()) {
      // biome-ignore lint/suspicious/noExplicitAny: as protobufjs decodes it
      const [{ resource }] = (got[0] as any).resourceSpans
      assert.equal(resource.attributes[0].value.stringValue, 'shop')
      const order = range(30).map(n => traceId(n).toString('hex'))
      assert.deepEqual(
        traces,
        order.filter(id => traces.includes(id)),
      )
    }
  })

  it('sends a service to one backend with routing_key service', async () => {
    const kit = await startBalancing(THREE, { routing_key: 'service' })

    await kit.send(range(40), 'shop')
    await kit.send(range(40, 100), 'shop')
    await kit.stop()

    const used = [...kit.backends.values()].filter(({ traces }) => traces.length > 0)
    assert.equal(used.length, 1)
    assert.equal(kit.spans(), 80)
  })

  it('does not start with a routing key that does not suit the signal', () => {
    const context = {
      ...fakeServices(),
      id: 'loadbalancing',
      signals: ['logs'] as const,
      config: factory.config.schema.parse({
        routing_key: 'metric',
        resolver: { static: { hostnames: ['a'] } },
      }),
    }

    assert.throws(() => factory.create(context, undefined), /routing_key metric does not suit logs/)
  })

  it('says busy while there is no backend', async () => {
    const kit = await startBalancing([])

    assert.equal(await kit.send(range(3)), 'busy')
    await kit.resolve('a:1')
    assert.equal(await kit.send(range(3)), 'accepted')

    await kit.stop()
    assert.equal(kit.spans(), 3)
    assertBalanced(kit.services.ledger)
  })

  it('uses port 4317 for backends that say none', async () => {
    const kit = await startBalancing(['a', '10.0.0.1', '::1', '[::2]', 'b:9'])

    assert.deepEqual([...kit.backends.keys()].sort(), [
      '10.0.0.1:4317',
      '[::1]:4317',
      '[::2]:4317',
      'a:4317',
      'b:9',
    ])
    await kit.stop()
  })
})

describe('a list with a backend that cannot be started', () => {
  it('is taken as soon as it can, though it does not change again', async () => {
    let fault: Error | null = null
    const kit = await startBalancing(['a:1'], {}, {}, { startFault: () => fault })

    fault = new Error('the certificate cannot be read')
    await kit.resolve('b:1')
    await kit.send(range(3))
    const before = kit.at('a:1').traces.length
    fault = null
    await kit.advance(60_000)
    await kit.send(range(3))

    assert.equal(before, 3)
    assert.equal(kit.at('b:1').traces.length, 3)
    await kit.stop()
  })

  it('is not tried any more when another one has come, or after the stop', async () => {
    let fault: Error | null = null
    const kit = await startBalancing(['a:1'], {}, {}, { startFault: () => fault })

    fault = new Error('the certificate cannot be read')
    const late = kit.resolve('b:1')
    fault = null
    await kit.resolve('c:1')
    await late
    await kit.advance(60_000)
    await kit.send(range(3))
    fault = new Error('the certificate cannot be read')
    await kit.resolve('d:1')
    await kit.stop()
    fault = null
    await kit.advance(60_000)

    assert.equal(kit.at('c:1').traces.length, 3)
    assert.ok(kit.at('d:1').isStopped)
  })
})

describe('a request that processors have changed', () => {
  /** Every span gets the trace id of the first one. */
  function edited(kit: Kit, spans: number) {
    const { batch, freed } = kit.request(range(spans))
    const [part] = batch.parts
    const { bytes } = part.payload
    const edits = new Edits()
    const rows = part.index.levels[2]
    const first = bytes.subarray(rows[START], rows[START] + 18)
    for (let item = 1; item < spans; item++) {
      const start = rows[item * ROW + START]
      edits.add(start, start + 18, first)
    }
    const { signal, tenant, context } = batch
    return { batch: new Batch(signal, tenant, context, [{ ...part, edits }]), freed }
  }

  it('is routed by what it says now, and its new bytes count as memory', async () => {
    const kit = await startBalancing(THREE)
    for (const backend of kit.backends.values()) backend.reply = () => DOWN
    const { batch, freed } = edited(kit, 30)

    assert.equal((await kit.exporter.consume(batch)).kind, 'accepted')
    await settle()
    const held = kit.services.memory.reservedBytes
    for (const backend of kit.backends.values()) backend.reply = () => SENT
    await kit.advance(60_000)

    assert.ok(held > 0)
    assert.equal(kit.services.memory.reservedBytes, 0)
    assert.equal(freed(), true)
    assertWhole(kit, 1)
    assert.equal(kit.spans(), 30)
    await kit.stop()
    assertBalanced(kit.services.ledger)
  })

  it('is given back when there is no memory for it', async () => {
    const kit = await startBalancing(THREE)
    kit.services.memory.limitBytes = 10
    const { batch, freed } = edited(kit, 30)

    const outcome = await kit.exporter.consume(batch)

    assert.equal(outcome.kind, 'busy')
    assert.equal(freed(), false)
    batch.release()
    await kit.stop()
  })
})

describe('a full backend', () => {
  const SMALL = { sending_queue: { queue_size: 1, num_consumers: 1 } }

  it('gives the request back when nobody has taken a share of it', async () => {
    const kit = await startBalancing(['a:1'], {}, SMALL)
    kit.at('a:1').reply = () => new Promise(() => {})

    assert.equal(await kit.send([1]), 'accepted')
    assert.equal(await kit.send([2]), 'busy')

    await kit.stop(true)
    assertBalanced(kit.services.ledger)
  })

  it('is offered its share again for the timeout when others have theirs, and then it is dropped', async () => {
    const kit = await startBalancing(THREE, { timeout: '2s' }, SMALL)
    kit.at('a:1').reply = () => new Promise(() => {})
    assert.equal(await kit.send(range(40)), 'accepted')

    const second = kit.send(range(40))
    await kit.advance(2500)
    assert.equal(await second, 'accepted')

    const [{ dropped }] = kit.services.ledger.rows()
    assert.deepEqual(
      dropped.map(({ stage, reason }) => [stage, reason]),
      [['loadbalancing', 'queue_full']],
    )
    assert.equal(kit.at('b:1').got.length, 2)
    await kit.stop(true)
    assertBalanced(kit.services.ledger)
  })

  it('gets its share late when it has room again in time', async () => {
    const kit = await startBalancing(THREE, {}, SMALL)
    const open: (() => void)[] = []
    kit.at('a:1').reply = () => new Promise(resolve => open.push(() => resolve(SENT)))
    await kit.send(range(40))

    const second = kit.send(range(40))
    await kit.advance(500)
    open.shift()!()
    await kit.advance(500)
    assert.equal(await second, 'accepted')
    open.shift()!()
    await kit.stop()

    assert.equal(kit.spans(), 80)
    assertBalanced(kit.services.ledger)
  })

  it('lets senders wait with block_on_overflow', async () => {
    const queue = { ...SMALL.sending_queue, block_on_overflow: true }
    const otlp = { timeout: '0s', sending_queue: queue }
    const kit = await startBalancing(['a:1'], { timeout: '1s' }, otlp)
    const open: (() => void)[] = []
    kit.at('a:1').reply = () => new Promise(resolve => open.push(() => resolve(SENT)))
    await kit.send([1])

    const second = kit.send([2])
    await kit.advance(60_000)
    open.shift()!()
    await kit.advance(1000)

    assert.equal(await second, 'accepted')
    open.shift()?.()
    await kit.stop()
    assertBalanced(kit.services.ledger)
  })
})

describe('a backend that is gone from the list', () => {
  it('still gets what was queued for it while it takes it', async () => {
    const kit = await startBalancing(THREE)
    const open: (() => void)[] = []
    kit.at('a:1').reply = () => new Promise(resolve => open.push(() => resolve(SENT)))
    await kit.send(range(40))

    await kit.resolve('b:1', 'c:1')
    for (const answer of open.splice(0)) answer()
    await settle()
    await kit.send(range(40))
    await kit.stop()

    assert.equal(kit.spans(), 80)
    assert.ok(kit.at('a:1').traces.length > 0)
    assert.equal(kit.at('a:1').isStopped, true)
    assertBalanced(kit.services.ledger)
  })

  it('hands what it does not get rid of to the new owners, at once', async () => {
    const kit = await startBalancing(THREE)
    kit.at('a:1').reply = () => DOWN
    await kit.send(range(40))
    const before = kit.spans()

    await kit.resolve('b:1', 'c:1')
    await kit.advance(10)

    assert.ok(before < 40)
    assert.equal(kit.spans(), 40)
    assertWhole(kit, 40)
    assert.equal(kit.at('a:1').isStopped, true)
    assertBalanced(kit.services.ledger)
    assert.equal(kit.services.meter.total('millrace_loadbalancer_rerouted_items'), 40 - before)
    await kit.stop()
  })

  it('hands on without another attempt what is left after drain_timeout', async () => {
    const kit = await startBalancing(
      ['a:1', 'b:1'],
      { drain_timeout: '10s' },
      { timeout: '8s', sending_queue: { num_consumers: 1 } },
    )
    kit.at('a:1').reply = () => new Promise(() => {})
    for (let i = 0; i < 5; i++) await kit.send(range(20))

    await kit.resolve('b:1')
    await kit.advance(60_000)

    assert.equal(kit.spans(), 100)
    assert.equal(kit.at('a:1').isStopped, true)
    assertBalanced(kit.services.ledger)
    await kit.stop()
  })

  it('waits with what it has until there is somebody to take it', async () => {
    const kit = await startBalancing(['a:1'])
    kit.at('a:1').reply = () => DOWN
    await kit.send(range(5))

    await kit.resolve()
    await kit.advance(20_000)
    const row = kit.services.ledger.rows()[0]
    await kit.resolve('b:1')
    await kit.advance(2000)

    assert.equal(row.held, 5)
    assert.equal(kit.at('b:1').traces.length, 5)
    assertBalanced(kit.services.ledger)
    await kit.stop()
  })

  it('is a backend like any other when it comes back', async () => {
    const kit = await startBalancing(['a:1', 'b:1'])
    const first = kit.at('a:1')
    await kit.resolve('b:1')
    await kit.resolve('a:1', 'b:1')

    await kit.send(range(40))
    await kit.stop()

    assert.notEqual(kit.at('a:1'), first)
    assert.ok(kit.at('a:1').traces.length > 0)
    assertBalanced(kit.services.ledger)
  })

  it('loses nothing when the process stops while it drains', async () => {
    const otlp = { timeout: '0s', sending_queue: { queue_size: 1 } }
    const kit = await startBalancing(['a:1', 'b:1'], {}, otlp)
    const open: (() => void)[] = []
    kit.at('a:1').reply = () => DOWN
    kit.at('b:1').reply = () => new Promise(resolve => open.push(() => resolve(SENT)))
    await kit.send(range(20))
    await kit.resolve('b:1')

    const stopped = kit.stop()
    await kit.advance(500)
    open.shift()!()
    await kit.advance(1000)
    open.shift()!()
    await kit.advance(1000)
    await stopped

    assert.equal(kit.spans(), 20)
    assertBalanced(kit.services.ledger)
  })

  it('drops what nobody took at the deadline, and says so in the book', async () => {
    const kit = await startBalancing(['a:1'])
    kit.at('a:1').reply = () => DOWN
    await kit.send(range(5))
    await kit.resolve()

    await kit.stop(true)

    const [{ dropped }] = kit.services.ledger.rows()
    assert.deepEqual(
      dropped.map(({ reason, items }) => [reason, items]),
      [['shutdown', 5]],
    )
    assertBalanced(kit.services.ledger)
  })
})

describe('a backend that fails', () => {
  it('keeps its share, as upstream, unless reroute is on', async () => {
    const kit = await startBalancing(THREE)
    kit.at('a:1').reply = () => DOWN
    await kit.send(range(40))
    await kit.advance(20_000)
    const before = kit.spans()

    kit.at('a:1').reply = () => SENT
    await kit.advance(40_000)

    assert.ok(before < 40)
    assert.equal(kit.spans(), 40)
    assert.ok(kit.at('a:1').traces.length > 0)
    await kit.stop()
    assertBalanced(kit.services.ledger)
  })

  it('is not failing when there are only no credentials for a tenant', async () => {
    const kit = await startBalancing(THREE, SPARE)
    for (const address of THREE) {
      kit.at(address).reply = () => ({ kind: 'retry', message: 'no token', isOurs: true })
    }

    for (let i = 0; i < 5; i++) {
      await kit.send(range(10))
      await kit.advance(1000)
    }

    const { meter } = kit.services
    assert.equal(meter.total('millrace_loadbalancer_rerouted_items'), 0)
    assert.equal(meter.total('millrace_loadbalancer_backend_state'), 0)
    await kit.stop(true)
  })

  it('gives all of its share to the next on the ring with reroute, and traces stay whole', async () => {
    const reroute = { ...SPARE.reroute, open_interval: '20s' }
    const kit = await startBalancing(THREE, { reroute })
    kit.at('a:1').reply = () => DOWN

    for (let i = 0; i < 4; i++) {
      await kit.send(range(40))
      await kit.advance(1500)
    }
    const attempts = kit.at('a:1').attempts
    await kit.send(range(40))
    await kit.advance(0)

    assert.equal(kit.at('a:1').attempts, attempts)
    assert.equal(kit.spans(), 200)
    assertWhole(kit, 40)
    await kit.stop()
    assertBalanced(kit.services.ledger)
  })

  it('gets its share again once a request has gone through', async () => {
    const kit = await startBalancing(THREE, SPARE)
    kit.at('a:1').reply = () => DOWN
    for (let i = 0; i < 3; i++) {
      await kit.send(range(40))
      await kit.advance(1100)
    }

    kit.at('a:1').reply = () => SENT
    await kit.advance(6000)
    await kit.send(range(40))
    const probed = kit.at('a:1').traces.length
    await kit.send(range(40))

    assert.ok(probed > 0)
    assert.equal(kit.at('a:1').traces.length, probed * 2)
    await kit.stop()
    assert.equal(kit.spans(), 200)
    assertBalanced(kit.services.ledger)
  })

  it('does not count one that asks to wait', async () => {
    const kit = await startBalancing(['a:1', 'b:1'], SPARE)
    kit.at('a:1').reply = () => ({ kind: 'retry', afterMs: 1000, message: 'slower' })
    for (let i = 0; i < 10; i++) {
      await kit.send(range(20))
      await kit.advance(1100)
    }
    kit.at('a:1').reply = () => SENT
    await kit.advance(60_000)

    assert.ok(kit.at('a:1').traces.length > 0)
    assertWhole(kit, 20)
    await kit.stop()
    assertBalanced(kit.services.ledger)
  })

  it('keeps what is its own when all are failing', async () => {
    const kit = await startBalancing(['a:1', 'b:1'], SPARE)
    for (const backend of kit.backends.values()) backend.reply = () => DOWN
    for (let i = 0; i < 6; i++) {
      assert.equal(await kit.send(range(20)), 'accepted')
      await kit.advance(1100)
    }

    for (const backend of kit.backends.values()) backend.reply = () => SENT
    await kit.advance(60_000)

    assert.equal(kit.spans(), 120)
    await kit.stop()
    assertBalanced(kit.services.ledger)
  })

  it('does not keep whole requests for the share of a backend that is down', async () => {
    const kit = await startBalancing(THREE)
    kit.at('a:1').reply = () => DOWN
    await kit.send(range(40))
    const { batch, freed } = kit.request(range(40))

    await kit.exporter.consume(batch)
    await settle()
    const held = kit.services.memory.reservedBytes
    kit.at('a:1').reply = () => SENT
    await kit.advance(60_000)

    assert.equal(freed(), true)
    assert.ok(held > 0)
    assert.equal(kit.spans(), 80)
    assert.equal(kit.services.memory.reservedBytes, 0)
    await kit.stop()
    assertBalanced(kit.services.ledger)
  })

  it('drops what the backend refuses for good, and counts it', async () => {
    const kit = await startBalancing(['a:1'])
    kit.at('a:1').reply = () => ({ kind: 'drop', reason: 'permission_denied', message: 'no' })

    await kit.send(range(5))
    await kit.stop()

    const [{ dropped }] = kit.services.ledger.rows()
    assert.deepEqual(
      dropped.map(({ reason, items }) => [reason, items]),
      [['permission_denied', 5]],
    )
    assertBalanced(kit.services.ledger)
  })
})

describe('backends without queues', () => {
  const NO_QUEUE = { sending_queue: { enabled: false }, retry_on_failure: { enabled: false } }

  it('answer the sender of the data after delivery', async () => {
    const kit = await startBalancing(THREE, {}, NO_QUEUE)
    const open: (() => void)[] = []
    for (const backend of kit.backends.values())
      backend.reply = () => new Promise(resolve => open.push(() => resolve(SENT)))

    let said = ''
    const sent = kit.send(range(40)).then(outcome => (said = outcome))
    await settle()
    const before = said
    for (const answer of open) answer()
    await sent

    assert.equal(before, '')
    assert.equal(said, 'accepted')
    assert.equal(kit.spans(), 40)
    await kit.stop()
    assertBalanced(kit.services.ledger)
  })

  it('get a share that failed again by the list of that moment', async () => {
    const kit = await startBalancing(THREE, {}, NO_QUEUE)
    kit.at('a:1').reply = () => DOWN

    const sent = kit.send(range(40))
    await kit.advance(300)
    await kit.resolve('b:1', 'c:1')
    await kit.advance(2000)

    assert.equal(await sent, 'accepted')
    assert.equal(kit.spans(), 40)
    await kit.stop()
    assertBalanced(kit.services.ledger)
  })

  it('refuse only their own share, and the sender hears how much that was', async () => {
    const kit = await startBalancing(THREE, {}, NO_QUEUE)
    kit.at('a:1').reply = () => ({ kind: 'drop', reason: 'permission_denied', message: 'no' })

    const said = await kit.send(range(40))

    assert.equal(said, `refused ${40 - kit.spans()}: permission_denied`)
    await kit.stop()
    assertBalanced(kit.services.ledger)
  })
})

describe('a queue in front', () => {
  it('hands on to the queues of the backends', async () => {
    const kit = await startBalancing(THREE, { sending_queue: {} })

    for (let i = 0; i < 3; i++) assert.equal(await kit.send(range(40)), 'accepted')
    await kit.stop()

    assert.equal(kit.spans(), 120)
    assertWhole(kit, 40)
    assertBalanced(kit.services.ledger)
  })

  it('routes anew what comes back, with retry_on_failure', async () => {
    const front = { sending_queue: {}, retry_on_failure: { initial_interval: '1s' } }
    const otlp = { sending_queue: { enabled: false }, retry_on_failure: { enabled: false } }
    const kit = await startBalancing(THREE, front, otlp)
    kit.at('a:1').reply = () => DOWN
    await kit.send(range(40))
    const before = kit.spans()

    await kit.resolve('b:1', 'c:1')
    await kit.advance(10_000)

    assert.ok(before > 0 && before < 40)
    assert.equal(kit.spans(), 40)
    assertWhole(kit, 40)
    await kit.stop()
    assertBalanced(kit.services.ledger)
  })

  it('drops and counts what comes back without retry_on_failure, after the timeout', async () => {
    const otlp = { sending_queue: { enabled: false }, retry_on_failure: { enabled: false } }
    const kit = await startBalancing(THREE, { sending_queue: {}, timeout: '2s' }, otlp)
    kit.at('a:1').reply = () => DOWN
    await kit.send(range(40))

    await kit.advance(3000)

    const [{ dropped }] = kit.services.ledger.rows()
    assert.deepEqual(
      dropped.map(({ reason, items }) => [reason, items]),
      [['send_failed', 40 - kit.spans()]],
    )
    await kit.stop()
    assertBalanced(kit.services.ledger)
  })
})

describe('a queue in front that is on disk', () => {
  const STORED = { sending_queue: { storage: 'disk' } }
  const withDisk = (storage: FakeStorage) => ({
    extensions: new Map([['disk', storage]]),
  })

  it('lets go of a request only when all backends have delivered their share', async () => {
    const storage = new FakeStorage()
    const kit = await startBalancing(THREE, STORED, {}, withDisk(storage))
    const open: (() => void)[] = []
    kit.at('a:1').reply = () => new Promise(resolve => open.push(() => resolve(SENT)))
    assert.equal(await kit.send(range(40)), 'accepted')
    await settleAll()

    const before = storage.queue('loadbalancing', 'traces').items
    for (const answer of open) answer()
    await settleAll()

    assert.equal(before, 40)
    assert.equal(storage.queue('loadbalancing', 'traces').items, 0)
    assert.equal(kit.spans(), 40)
    await kit.stop()
    assertBalanced(kit.services.ledger)
  })

  it('tries only what came back again, and by the list of that moment', async () => {
    const storage = new FakeStorage()
    const kit = await startBalancing(THREE, STORED, {}, withDisk(storage))
    kit.at('a:1').reply = () => DOWN
    await kit.send(range(40))
    await settleAll()
    await kit.resolve('b:1', 'c:1')
    await kit.advance(20_000)

    assert.equal(kit.spans(), 40)
    assertWhole(kit, 40)
    assert.equal(storage.queue('loadbalancing', 'traces').items, 0)
    await kit.stop()
    assertBalanced(kit.services.ledger)
  })

  it('keeps what is not delivered for the next process', async () => {
    const storage = new FakeStorage()
    const first = await startBalancing(THREE, STORED, {}, withDisk(storage))
    for (const backend of first.backends.values()) backend.reply = () => DOWN
    await first.send(range(40))
    await settleAll()
    await first.stop(true)

    const second = await startBalancing(THREE, STORED, {}, withDisk(storage))
    await settleAll()
    await second.advance(10_000)

    assertBalanced(first.services.ledger)
    assert.equal(second.spans(), 40)
    await second.stop()
    assertBalanced(second.services.ledger)
  })
})

describe('what operators see', () => {
  it('shows the queue of each backend, and wakes or purges one or all', async () => {
    const kit = await startBalancing(THREE)
    for (const backend of kit.backends.values()) backend.reply = () => DOWN
    await kit.send(range(40))

    const { queueControl } = kit.exporter
    const rows = queueControl.view()
    const names = rows.map(({ exporter }) => exporter).sort()
    const seen = await queueControl.peek({ exporter: 'loadbalancing' }, 10)
    kit.at('a:1').reply = () => SENT
    const woken = queueControl.drain({ exporter: 'loadbalancing@a:1' })
    await settle()
    const delivered = kit.spans()
    const purged = await queueControl.purge({})

    assert.deepEqual(
      names,
      THREE.map(address => `loadbalancing@${address}`),
    )
    assert.equal(seen.length, 3)
    assert.equal(woken, 1)
    assert.ok(delivered > 0)
    assert.equal(purged, 40 - delivered)
    await kit.stop()
    assertBalanced(kit.services.ledger)
  })

  it('puts a letter back by the ring', async () => {
    const kit = await startBalancing(THREE)
    const { batch } = kit.request(range(20))
    const [{ payload, index }] = batch.parts
    const { signal, tenant, context } = batch
    const request = { signal, tenant, items: index.items, bytes: payload.bytes, context }
    kit.services.ledger.dropped(tenant, signal, 20, {
      stage: 'test',
      reason: 'letter',
      intentional: false,
    })

    const outcome = await kit.exporter.queueControl.put(request)
    await kit.stop()

    assert.equal(outcome.kind, 'accepted')
    assert.equal(kit.spans(), 20)
    assertBalanced(kit.services.ledger)
  })

  it('counts answers by backend', async () => {
    const kit = await startBalancing(['a:1'])
    await kit.send(range(5))
    kit.at('a:1').reply = () => DOWN
    await kit.send(range(5))

    const series = [...kit.services.meter.values].filter(([key]) => key.includes('backend_outcome'))
    assert.deepEqual(
      series.map(([key, { value }]) => [key.includes('success=true'), value]).sort(),
      [
        [false, 1],
        [true, 1],
      ],
    )
    assert.equal(kit.services.meter.total('millrace_loadbalancer_backend_queue_size'), 1)
    await kit.stop(true)
  })
})

async function settleAll(): Promise<void> {
  for (let i = 0; i < 20; i++) await settle()
}
