/** `roundrobin`: turns, who is passed over, and what goes back. */
import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { factory } from '../../../src/connectors/roundrobin/factory.ts'
import { busy, refused } from '../../../src/core/outcome.ts'
import type { Signal } from '../../../src/core/signal.ts'
import { makeBatch } from '../../../src/testing/builders.ts'
import { makeConnector, traces } from '../json-batch.ts'

const PIPELINES: Record<string, Signal> = {
  'traces/a': 'traces',
  'traces/b': 'traces',
  'traces/c': 'traces',
  'logs/a': 'logs',
}

const make = () => makeConnector(factory, {}, PIPELINES)
type Kit = ReturnType<typeof make>
const items = (kit: Kit) => [...kit.sinks.values()].map(sink => sink.items)
const send = (kit: Kit) => kit.send('traces', traces({ shop: ['x'] }))

describe('roundrobin', () => {
  it('gives each pipeline of the signal its turn', async () => {
    const kit = make()

    for (let i = 0; i < 6; i++) await send(kit)

    assert.deepEqual(items(kit), [2, 2, 2, 0])
    kit.assertSettled()
  })

  it('passes over who is busy', async () => {
    const kit = make()
    kit.sinks.get('traces/b')!.answer = async () => busy(50)

    for (let i = 0; i < 6; i++) assert.equal(await send(kit), 'accepted')

    assert.deepEqual(items(kit), [2, 0, 4, 0])
    kit.assertSettled()
  })

  it('says busy with the shortest delay when all are', async () => {
    const kit = make()
    let delay = 300
    for (const sink of kit.sinks.values()) sink.answer = () => busy((delay -= 50))

    assert.equal(await send(kit), 'busy')
    const outcome = await kit.connector.consume(makeBatch(1))

    assert.deepEqual(outcome, busy(0))
    kit.assertSettled()
  })

  it('gives back what a pipeline says about the data', async () => {
    const kit = make()
    for (const sink of kit.sinks.values())
      sink.answer = batch => refused(batch.items, 'bad_data', 'no')

    assert.equal(await send(kit), 'refused 1: no')

    kit.assertSettled()
  })
})
