/** `failover`: which level gets what, when it is left and found again, and that nothing gets lost between levels. */
import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { judgeSection } from '../../../src/config/judge.ts'
import { factory } from '../../../src/connectors/failover/factory.ts'
import { ACCEPTED, busy, refused } from '../../../src/core/outcome.ts'
import type { Signal } from '../../../src/core/signal.ts'
import { settle } from '../../../src/testing/fakes.ts'
import { type ConnectorKit, makeConnector, spanNames, traces } from '../json-batch.ts'

const PIPELINES: Record<string, Signal> = {
  'traces/1': 'traces',
  'traces/2': 'traces',
  'traces/3': 'traces',
}
const LEVELS = [['traces/1'], ['traces/2'], ['traces/3']]
const UNAVAILABLE = busy(700, 'unavailable')

function make(more: object = {}, pipelines = PIPELINES) {
  return makeConnector(factory, { priority_levels: LEVELS, ...more }, pipelines)
}

function break_(kit: ConnectorKit, ...ids: string[]): void {
  for (const id of ids) kit.sinks.get(`traces/${id}`)!.answer = () => UNAVAILABLE
}

function mend(kit: ConnectorKit, ...ids: string[]): void {
  for (const id of ids) kit.sinks.get(`traces/${id}`)!.answer = () => ({ kind: 'accepted' })
}

let n = 0
const one = () => traces({ shop: [`${n++}`] })
const many = (count: number) => Array.from({ length: count }, one)

async function sendAll(kit: ConnectorKit, requests: readonly object[]): Promise<string[]> {
  const said: string[] = []
  for (const request of requests) said.push(await kit.send('traces', request))
  return said
}

function shares(kit: ConnectorKit): number[] {
  return [...kit.sinks.values()].map(({ items }) => items)
}

describe('failover', () => {
  it('sends everything to the first level while that one is well', async () => {
    const kit = make()

    await sendAll(kit, many(3))

    assert.deepEqual(shares(kit), [3, 0, 0])
    kit.assertSettled()
  })

  it('offers the very request that a level did not take to the next one, and stays there', async () => {
    const kit = make()
    break_(kit, '1')

    const said = await sendAll(kit, many(3))
    mend(kit, '1')
    await sendAll(kit, many(2))

    assert.deepEqual(said, ['accepted', 'accepted', 'accepted'])
    assert.deepEqual(shares(kit), [0, 5, 0])
    assert.equal(kit.services.meter.total('otelcol_connector_failover_count'), 1)
    assert.equal(kit.services.meter.total('millrace_failover_level'), 1)
    kit.assertSettled()
  })

  it('returns with the first request after retry_interval when the level is well again', async () => {
    const kit = make({ retry_interval: '1m' })
    break_(kit, '1')
    await sendAll(kit, many(1))
    mend(kit, '1')

    await kit.services.clock.advance(59_000)
    await sendAll(kit, many(1))
    await kit.services.clock.advance(2000)
    await sendAll(kit, many(2))

    assert.deepEqual(shares(kit), [2, 2, 0])
    assert.equal(kit.services.meter.total('millrace_failover_level'), 0)
    kit.assertSettled()
  })

  it('tries a level that is still dead with one request in each interval, which goes out all the same', async () => {
    const kit = make({ retry_interval: '1m' })
    let tries = 0
    kit.sinks.get('traces/1')!.answer = () => {
      tries++
      return UNAVAILABLE
    }
    await sendAll(kit, many(1))

    await kit.services.clock.advance(61_000)
    const said = await sendAll(kit, many(5))

    assert.equal(tries, 2)
    assert.deepEqual(new Set(said), new Set(['accepted']))
    assert.deepEqual(shares(kit), [0, 6, 0])
    kit.assertSettled()
  })

  it('says busy when no level takes it, and asks all of them the next time', async () => {
    const kit = make()
    break_(kit, '1', '2', '3')
    assert.deepEqual(await sendAll(kit, many(2)), ['busy', 'busy'])

    mend(kit, '1')
    assert.deepEqual(await sendAll(kit, many(1)), ['accepted'])

    assert.deepEqual(shares(kit), [1, 0, 0])
    assert.equal(kit.services.meter.total('millrace_failover_level'), 0)
    kit.assertSettled()
  })

  it('moves one level down once although many requests fail there at the same time', async () => {
    const kit = make()
    const open: (() => void)[] = []
    kit.sinks.get('traces/1')!.answer = () =>
      new Promise(resolve => open.push(() => resolve(UNAVAILABLE)))

    const sent = many(4).map(request => kit.send('traces', request))
    for (const fail of open) fail()
    await Promise.all(sent)

    assert.deepEqual(shares(kit), [0, 4, 0])
    assert.equal(kit.services.meter.total('otelcol_connector_failover_count'), 1)
    kit.assertSettled()
  })

  it('passes a request that a level finds malformed on, and does not leave the level for it', async () => {
    const kit = make()
    const first = kit.sinks.get('traces/1')!
    first.answer = batch => refused(batch.items, 'bad_data', 'no')

    await sendAll(kit, many(1))
    mend(kit, '1')
    await sendAll(kit, many(1))

    assert.deepEqual(shares(kit), [1, 1, 0])
    kit.assertSettled()
  })

  it('sends on what does not fit a full level, and does not leave the level for it', async () => {
    const kit = make()
    kit.sinks.get('traces/1')!.answer = () => busy(100)
    await sendAll(kit, many(2))

    mend(kit, '1')
    await sendAll(kit, many(1))

    assert.deepEqual(shares(kit), [1, 2, 0])
    assert.equal(kit.services.meter.total('otelcol_connector_failover_count'), 0)
    kit.assertSettled()
  })

  it('gives back a refusal that all levels share', async () => {
    const kit = make()
    for (const sink of kit.sinks.values())
      sink.answer = batch => refused(batch.items, 'bad_data', 'no')

    assert.deepEqual(await sendAll(kit, many(1)), ['refused 1: no'])

    kit.assertSettled()
  })

  it('gives all pipelines of a level a copy', async () => {
    const kit = make({ priority_levels: [['traces/1', 'traces/2'], ['traces/3']] })

    await sendAll(kit, many(2))

    assert.deepEqual(shares(kit), [2, 2, 0])
    assert.equal(kit.services.ledger.rows()[0].copied, 2)
    kit.assertSettled()
  })

  it('sends one copy on when only some pipelines of a level took it', async () => {
    const kit = make({ priority_levels: [['traces/1', 'traces/2'], ['traces/3']] })
    break_(kit, '2')

    await sendAll(kit, many(2))

    assert.deepEqual(shares(kit), [1, 0, 2])
    kit.assertSettled()
  })

  it('counts a copy as dropped that nobody takes once others have theirs', async () => {
    const kit = make({ priority_levels: [['traces/1', 'traces/2'], ['traces/3']] })
    break_(kit, '2', '3')

    assert.deepEqual(await sendAll(kit, many(1)), ['accepted'])

    assert.deepEqual(shares(kit), [1, 0, 0])
    const [{ dropped }] = kit.services.ledger.rows()
    assert.deepEqual(
      dropped.map(({ reason, items }) => [reason, items]),
      [['queue_full', 1]],
    )
    kit.assertSettled()
  })

  it('does not start with a pipeline that does not receive from it', () => {
    assert.throws(() => make({ priority_levels: [['traces/x']] }), /traces\/x/)
  })

  it('finds a level that is named twice, an empty list and an empty level wrong', () => {
    const faults = (section: object) =>
      judgeSection(factory.config, section).faults.map(({ path }) => path.join('.'))

    assert.deepEqual(faults({ priority_levels: [['traces/a'], ['traces/a']] }), [
      'priority_levels.1.0',
    ])
    assert.deepEqual(faults({ priority_levels: [] }), ['priority_levels'])
    assert.deepEqual(faults({ priority_levels: [[]] }), ['priority_levels.0'])
    assert.deepEqual(faults({}), ['priority_levels'])
  })
})

describe('the queue in front of the levels', () => {
  it('keeps what no level takes and sends it in order when one is well', async () => {
    const kit = make({ sending_queue: { num_consumers: 1 } })
    break_(kit, '1', '2', '3')
    const requests = many(4)

    assert.deepEqual(new Set(await sendAll(kit, requests)), new Set(['accepted']))
    const held = kit.services.ledger.rows()[0].held
    mend(kit, '2')
    await kit.services.clock.advance(1000)

    assert.equal(held, 4)
    assert.deepEqual(spanNames(kit.got('traces/2')), spanNames(requests))
    kit.assertSettled()
  })

  it('is bounded', async () => {
    const kit = make({ sending_queue: { queue_size: 3, sizer: 'items' } })
    break_(kit, '1', '2', '3')

    const said = await sendAll(kit, many(4))
    const large = await kit.send('traces', traces({ shop: ['a', 'b', 'c', 'd'] }))

    assert.deepEqual(said, ['accepted', 'accepted', 'accepted', 'busy'])
    assert.match(large, /can never fit/)
    await kit.connector.stop(AbortSignal.abort())
    kit.assertSettled()
  })

  it('does not let one tenant wait for another whose queues are full', async () => {
    const kit = make({ sending_queue: { num_consumers: 2 } })
    for (const sink of kit.sinks.values()) {
      sink.answer = ({ tenant }) => (tenant === 'full' ? busy(1000) : ACCEPTED)
    }
    for (const request of many(3)) await kit.send('traces', request, undefined, 'full')

    const said = await kit.send('traces', one(), undefined, 'well')

    assert.equal(said, 'accepted')
    assert.equal(kit.sinks.get('traces/1')!.items, 1)
    await kit.connector.stop(AbortSignal.abort())
    kit.assertSettled()
  })

  it('lets senders wait for room with block_on_overflow', async () => {
    const kit = make({ sending_queue: { queue_size: 1, block_on_overflow: true } })
    break_(kit, '1', '2', '3')
    await kit.send('traces', one())

    let said = ''
    const waiting = kit.send('traces', one()).then(outcome => (said = outcome))
    await settle()
    const before = said
    mend(kit, '3')
    await kit.services.clock.advance(1000)
    await waiting

    assert.equal(before, '')
    assert.equal(said, 'accepted')
    kit.assertSettled()
  })

  it('goes out at shutdown as far as it is taken, and the rest is dropped and counted', async () => {
    const kit = make({ sending_queue: {} })
    break_(kit, '1', '2', '3')
    await sendAll(kit, many(3))

    const deadline = new AbortController()
    const stopped = kit.connector.stop(deadline.signal)
    mend(kit, '1')
    await kit.services.clock.advance(1000)
    await stopped

    assert.equal(kit.sinks.get('traces/1')!.items, 3)
    kit.assertSettled()
  })

  it('drops what is left at the deadline', async () => {
    const kit = make({ sending_queue: {} })
    break_(kit, '1', '2', '3')
    await sendAll(kit, many(3))

    await kit.connector.stop(AbortSignal.abort())

    const [{ dropped }] = kit.services.ledger.rows()
    assert.deepEqual(
      dropped.map(({ reason, items }) => [reason, items]),
      [['shutdown', 3]],
    )
    kit.assertSettled()
  })
})
