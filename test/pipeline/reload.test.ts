/** Reload: what is kept, what is replaced, in which order, and that a failure changes nothing. */
import assert from 'node:assert/strict'
import test from 'node:test'
import { ACCEPTED } from '../../src/core/outcome.ts'
import { MillraceError } from '../../src/errors.ts'
import { buildGraph } from '../../src/pipeline/graph.ts'
import { Lifecycle, stopLayers } from '../../src/pipeline/lifecycle.ts'
import type { ComponentSource } from '../../src/pipeline/node.ts'
import type { GraphSource } from '../../src/pipeline/plan.ts'
import { GraphReload } from '../../src/pipeline/reload.ts'
import { factory as batchFactory } from '../../src/processors/batch/factory.ts'
import { assertBalanced, fakeHost, fakeServices } from '../../src/testing/fakes.ts'
import { graphSource, makeParts, type TestExporter, type TestReceiver } from './parts.ts'

const never = new AbortController().signal

async function startGraph(source: GraphSource) {
  const services = fakeServices()
  const lifecycle = new Lifecycle(fakeHost().inspector, services)
  const graph = buildGraph(source, services)
  graph.wire()
  await lifecycle.start(graph.nodes, () => never)
  const reload = (next: GraphSource, running = graph) =>
    new GraphReload(running, services, lifecycle, {
      drain: () => never,
      handOver: () => never,
    }).run(next)
  return { services, lifecycle, graph, reload }
}

test('starts from the exporters to the receivers and stops the other way round', async () => {
  const { source, events } = makeParts()
  const { graph, lifecycle } = await startGraph(
    graphSource([source('receiver', 'a')], [source('exporter', 'x')]),
  )

  await lifecycle.stop(stopLayers(graph), never)

  assert.deepEqual(events, [
    'start exporter/x',
    'start receiver/a',
    'stop receiver/a',
    'stop exporter/x',
  ])
})

test('stops what was started when a later component fails, and names the one that failed', async () => {
  const { source, events, failing } = makeParts()
  failing.add('receiver/a')
  const started = startGraph(graphSource([source('receiver', 'a')], [source('exporter', 'x')]))

  await assert.rejects(started, (error: MillraceError) => {
    assert.ok(error instanceof MillraceError)
    assert.equal(error.code, 'MILLRACE_START_FAILED')
    assert.match(error.message, /receiver a: receiver\/a cannot start/)
    return true
  })
  assert.deepEqual(events, ['start exporter/x', 'stop receiver/a', 'stop exporter/x'])
})

test('keeps unchanged components and points them at the new ones', async () => {
  const { source, events, made } = makeParts()
  const a = source('receiver', 'a')
  const { reload, services } = await startGraph(graphSource([a], [source('exporter', 'x')]))
  events.length = 0

  const { summary } = await reload(graphSource([a], [source('exporter', 'y')]))
  const receiver = made.get('receiver/a')![0] as TestReceiver
  assert.equal(await receiver.take(7), ACCEPTED)

  assert.deepEqual(events, ['start exporter/y', 'stop exporter/x'])
  assert.deepEqual(summary.kept, ['receiver/a'])
  assert.equal((made.get('exporter/y')![0] as TestExporter).items, 7)
  assertBalanced(services.ledger)
})

test('stops a changed receiver before its successor starts, since both want the address', async () => {
  const { source, events } = makeParts()
  const x = source('exporter', 'x')
  const { reload } = await startGraph(graphSource([source('receiver', 'a', 'old')], [x]))
  events.length = 0

  await reload(graphSource([source('receiver', 'a', 'new')], [x]))

  assert.deepEqual(events, ['stop receiver/a', 'start receiver/a'])
})

test('brings the old receiver back when its successor does not start', async () => {
  const { source, made, failing } = makeParts()
  const x = source('exporter', 'x')
  const { reload, services } = await startGraph(graphSource([source('receiver', 'a', 'old')], [x]))
  failing.add('receiver/b')
  const next = graphSource([source('receiver', 'a', 'new'), source('receiver', 'b')], [x])

  const { graph, failure } = await reload(next)
  const receivers = made.get('receiver/a')!
  const revived = receivers[receivers.length - 1] as TestReceiver
  assert.equal(await revived.take(3), ACCEPTED)

  assert.match(failure!.message, /receiver b/)
  assert.equal((made.get('exporter/x')![0] as TestExporter).items, 3)
  assert.equal(graph.nodes.find(node => node.kind === 'receiver')?.component, revived)
  assertBalanced(services.ledger)
})

test('changes nothing when a new exporter does not start', async () => {
  const { source, made, failing, events } = makeParts()
  const a = source('receiver', 'a')
  const { reload } = await startGraph(graphSource([a], [source('exporter', 'x')]))
  failing.add('exporter/y')
  events.length = 0

  const { failure } = await reload(graphSource([a], [source('exporter', 'y')]))
  await (made.get('receiver/a')![0] as TestReceiver).take(2)

  assert.match(failure!.message, /exporter y/)
  assert.equal((made.get('exporter/x')![0] as TestExporter).items, 2)
  assert.ok(!events.includes('stop exporter/x'))
})

test('hands on what a replaced batch processor holds', async () => {
  const { source, made } = makeParts()
  const a = source('receiver', 'a')
  const x = source('exporter', 'x')
  const batch = (canonical: string) => ({
    ...{ id: 'batch', canonical, factory: batchFactory },
    config: batchFactory.config.schema.parse({}),
  })
  const { reload, services } = await startGraph(graphSource([a], [x], [batch('old')]))
  await (made.get('receiver/a')![0] as TestReceiver).take(5)
  assert.equal((made.get('exporter/x')![0] as TestExporter).items, 0)

  await reload(graphSource([a], [x], [batch('new')]))

  assert.equal((made.get('exporter/x')![0] as TestExporter).items, 5)
  assertBalanced(services.ledger)
})

test('stops a component that is alone before its successor starts', async () => {
  const { source, events, made } = makeParts()
  const a = source('receiver', 'a')
  const { reload } = await startGraph(graphSource([a], [source('exporter', 'x', 'old')]))
  Object.assign(made.get('exporter/x')![0], { isAlone: true })
  events.length = 0

  const { graph } = await reload(graphSource([a], [source('exporter', 'x', 'new')]))

  assert.deepEqual(events, ['stop exporter/x', 'start exporter/x'])
  events.length = 0
  await reload(graphSource([a], [source('exporter', 'y')]), graph)
  assert.deepEqual(events, ['start exporter/y', 'stop exporter/x'])
})

test('what holds on to an extension is replaced when the place of that changes, and only then', async () => {
  const { source, made } = makeParts()
  const at = (directory: string, limit: number): GraphSource => {
    const plain = source('extension', 'disk', `${directory} ${limit}`)
    const factory = { ...plain.factory, placeOf: (config: unknown) => String(config) }
    const disk: ComponentSource = { ...plain, config: directory, factory }
    const graph = graphSource([source('receiver', 'a')], [source('exporter', 'x')])
    return {
      ...graph,
      extensions: new Map([['disk', disk]]),
      service: { ...graph.service, extensions: ['disk'] },
    }
  }
  const { graph, reload } = await startGraph(at('/a', 1))
  Object.assign(made.get('exporter/x')![0], { holds: 'disk' })

  const limited = await reload(at('/a', 2), graph)
  assert.deepEqual(limited.summary.started, ['extension/disk'])
  const moved = await reload(at('/b', 2), limited.graph)

  assert.deepEqual(moved.summary.started, ['extension/disk', 'exporter/x'])
  assert.deepEqual(moved.summary.kept, ['receiver/a'])
})
