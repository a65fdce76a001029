/** `forward`: everything goes on, signal by signal, to the pipelines that name it as a receiver. */
import assert from 'node:assert/strict'
import test from 'node:test'
import { ForwardConnector } from '../../../src/connectors/forward/connector.ts'
import type { Outlets } from '../../../src/core/factory.ts'
import { ACCEPTED, busy } from '../../../src/core/outcome.ts'
import type { Signal } from '../../../src/core/signal.ts'
import { makeBatch } from '../../../src/testing/builders.ts'
import { CollectingConsumer } from '../../../src/testing/fakes.ts'

/** One collecting consumer for each set of pipelines that is asked for. */
function outlets(pipelines: Readonly<Record<string, Signal>>) {
  const ways = new Map<string, CollectingConsumer>()
  const next: Outlets = {
    pipelines: new Map(Object.entries(pipelines)),
    to: ids => {
      const way = new CollectingConsumer()
      ways.set(ids.join(' '), way)
      return way
    },
  }
  return { next, ways }
}

test('sends each signal to the pipelines that carry it', () => {
  const { next, ways } = outlets({ 'traces/a': 'traces', 'traces/b': 'traces', logs: 'logs' })
  const connector = new ForwardConnector(next)

  assert.equal(connector.consume(makeBatch(2)), ACCEPTED)
  assert.equal(connector.consume(makeBatch(3, { signal: 'logs' })), ACCEPTED)

  assert.equal(ways.get('traces/a traces/b')?.items, 2)
  assert.equal(ways.get('logs')?.items, 3)
})

test('answers what the pipelines answer', () => {
  const { next, ways } = outlets({ traces: 'traces' })
  const connector = new ForwardConnector(next)
  ways.get('traces')!.answer = () => busy(300)

  assert.deepEqual(connector.consume(makeBatch(2)), busy(300))
})
