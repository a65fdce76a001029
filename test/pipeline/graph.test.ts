/** The ways of a graph: where batches go, what is counted on the road, and that nobody's bytes are lost or freed twice. */
import assert from 'node:assert/strict'
import test from 'node:test'
import fc from 'fast-check'
import { z } from 'zod'
import type { Batch } from '../../src/core/batch.ts'
import type { Consumer } from '../../src/core/component.ts'
import { defineFactory, type Factory } from '../../src/core/factory.ts'
import { ACCEPTED, busy, type Outcome, refused } from '../../src/core/outcome.ts'
import type { Signal } from '../../src/core/signal.ts'
import { MillraceError } from '../../src/errors.ts'
import { buildGraph } from '../../src/pipeline/graph.ts'
import type { ComponentSource } from '../../src/pipeline/node.ts'
import type { GraphSource, PipelineSource } from '../../src/pipeline/plan.ts'
import { makeBatch } from '../../src/testing/builders.ts'
import { assertBalanced, fakeServices } from '../../src/testing/fakes.ts'

const ITEMS = 4
type Behaviour = 'takes' | 'busy' | 'refuses' | 'refuses some'

interface Script {
  readonly behaviour: Behaviour
  readonly isLate: boolean
}

const idle = { start: async () => {}, stop: async () => {} }
const meta = { id: 'test', summary: '', stability: {}, mutates: false, metrics: [] }
const config = { schema: z.unknown() }

function world() {
  const services = fakeServices()
  const scripts = new Map<string, Script>()
  const taken = new Map<string, number>()
  let receiver: Consumer | undefined
  const receiving: Factory = defineFactory({
    ...{ kind: 'receiver', meta, config },
    create: (_, next) => {
      receiver = next
      return idle
    },
  })
  const passing: Factory = defineFactory({
    ...{ kind: 'processor', meta, config },
    create: (_, next) => ({ ...idle, consume: batch => next.consume(batch) }),
  })
  const answering: Factory = defineFactory({
    ...{ kind: 'exporter', meta, config },
    create: ({ id, ledger }) => ({
      ...idle,
      consume: batch => {
        const { behaviour, isLate } = scripts.get(id) ?? { behaviour: 'takes', isLate: false }
        const answer = (): Outcome => {
          if (behaviour === 'busy') return busy(100)
          if (behaviour === 'refuses') return refused(batch.items, 'rejected', 'no')
          const rest = behaviour === 'takes' ? 0 : 1
          ledger.sent(batch.tenant, batch.signal, batch.items - rest)
          taken.set(id, (taken.get(id) ?? 0) + batch.items - rest)
          batch.release()
          return rest === 0 ? ACCEPTED : refused(rest, 'bad_data', 'one')
        }
        return isLate ? Promise.resolve().then(answer) : answer()
      },
    }),
  })
  const send = async (batch: Batch): Promise<Outcome> => {
    const { tenant, signal, items } = batch
    services.ledger.accepted(tenant, signal, items)
    const outcome = await receiver!.consume(batch)
    if (outcome.kind === 'accepted') return outcome
    const back = outcome.kind === 'refused' ? outcome.items : items
    services.ledger.unaccepted(tenant, signal, back, outcome.kind)
    if (back === items) batch.release()
    return outcome
  }
  return { services, scripts, taken, send, factories: { receiving, passing, answering } }
}

type World = ReturnType<typeof world>
type Pipelines = Readonly<Record<string, { processors: string[]; exporters: string[] }>>

function sourceOf({ factories }: World, pipelines: Pipelines): GraphSource {
  const table = (ids: readonly string[], factory: Factory) =>
    new Map(
      ids.map((id): [string, ComponentSource] => [
        id,
        { id, config: null, canonical: '', factory },
      ]),
    )
  const all = Object.values(pipelines)
  return {
    receivers: table(['in'], factories.receiving),
    processors: table(
      all.flatMap(p => p.processors),
      factories.passing,
    ),
    connectors: new Map(),
    exporters: table(
      all.flatMap(p => p.exporters),
      factories.answering,
    ),
    extensions: new Map(),
    service: {
      extensions: [],
      pipelines: new Map(
        Object.entries(pipelines).map(
          ([id, { processors, exporters }]): [string, PipelineSource] => [
            id,
            { id, signal: id.split('/')[0] as Signal, receivers: ['in'], processors, exporters },
          ],
        ),
      ),
    },
  }
}

function wired(pipelines: Pipelines): World {
  const made = world()
  buildGraph(sourceOf(made, pipelines), made.services).wire()
  return made
}

test('sends each signal to its own pipelines only', async () => {
  const { send, taken, services } = wired({
    traces: { processors: [], exporters: ['t'] },
    logs: { processors: [], exporters: ['l'] },
  })

  await send(makeBatch(2, { signal: 'logs' }))
  const unrouted = await send(makeBatch(2, { signal: 'metrics' }))

  assert.deepEqual([...taken], [['l', 2]])
  assert.equal(unrouted.kind, 'busy')
  assertBalanced(services.ledger)
})

test('counts what goes into a processor and what its successor took', async () => {
  const { send, scripts, services } = wired({ traces: { processors: ['p'], exporters: ['x'] } })

  await send(makeBatch(3))
  scripts.set('x', { behaviour: 'busy', isLate: true })
  await send(makeBatch(5))
  scripts.set('x', { behaviour: 'refuses some', isLate: false })
  await send(makeBatch(5))

  assert.equal(services.meter.total('otelcol_processor_incoming_items'), 3 + 4)
  assert.equal(services.meter.total('otelcol_processor_outgoing_items'), 3 + 4)
})

test('names the component that cannot be made, and lets go of those made before', async () => {
  const made = world()
  const source = sourceOf(made, { traces: { processors: ['p'], exporters: ['x', 'y'] } })
  let stopped = 0
  const failing: Factory = {
    ...made.factories.passing,
    create: () => {
      throw new Error('no such table')
    },
  }
  const watched: Factory = {
    ...made.factories.answering,
    create: () => ({ ...idle, stop: async () => void stopped++, consume: () => ACCEPTED }),
  }
  for (const id of ['x', 'y']) {
    ;(source.exporters as Map<string, ComponentSource>).set(id, {
      ...source.exporters.get(id)!,
      factory: watched,
    })
  }
  ;(source.processors as Map<string, ComponentSource>).set('p', {
    ...source.processors.get('p')!,
    factory: failing,
  })

  assert.throws(
    () => buildGraph(source, made.services),
    (error: MillraceError) => {
      assert.ok(error instanceof MillraceError)
      assert.match(error.message, /processor p: no such table/)
      return true
    },
  )
  assert.equal(stopped, 2)
})

test('frees every payload exactly once and balances the book, whatever the exporters answer', async () => {
  const script = fc.record<Script>({
    behaviour: fc.constantFrom<Behaviour>('takes', 'busy', 'refuses', 'refuses some'),
    isLate: fc.boolean(),
  })
  const pipeline = fc.record({
    processors: fc.uniqueArray(fc.constantFrom('p', 'q'), { maxLength: 2 }),
    exporters: fc.uniqueArray(fc.constantFrom('a', 'b', 'c'), { minLength: 1, maxLength: 3 }),
  })
  await fc.assert(
    fc.asyncProperty(
      fc.array(pipeline, { minLength: 1, maxLength: 3 }),
      fc.record({ a: script, b: script, c: script }),
      async (pipelines, scripts) => {
        const made = wired(Object.fromEntries(pipelines.map((p, i) => [`traces/${i}`, p])))
        for (const [id, each] of Object.entries(scripts)) made.scripts.set(id, each)
        let freed = 0

        const outcome = await made.send(makeBatch(ITEMS, { onFree: () => freed++ }))

        assert.equal(freed, 1)
        assertBalanced(made.services.ledger)
        const ways = pipelines.flatMap(p => p.exporters).map(id => scripts[id as 'a'].behaviour)
        const isTaken = ways.some(way => way.startsWith('takes') || way === 'refuses some')
        const [row] = made.services.ledger.rows()
        assert.equal(row.accepted > 0, isTaken)
        if (!isTaken) assert.notEqual(outcome.kind, 'accepted')
      },
    ),
  )
})
