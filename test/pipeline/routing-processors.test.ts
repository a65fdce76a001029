/** Processors that send to exporters on their own: which exporters run for them, and where their ways lead after a reload. */
import assert from 'node:assert/strict'
import test from 'node:test'
import { z } from 'zod'
import type { Batch } from '../../src/core/batch.ts'
import type { Component, Consumer } from '../../src/core/component.ts'
import type { CreateContext, Factory } from '../../src/core/factory.ts'
import { buildGraph } from '../../src/pipeline/graph.ts'
import { Lifecycle } from '../../src/pipeline/lifecycle.ts'
import type { ComponentSource } from '../../src/pipeline/node.ts'
import { type GraphSource, planNodes } from '../../src/pipeline/plan.ts'
import { GraphReload } from '../../src/pipeline/reload.ts'
import { makeBatch } from '../../src/testing/builders.ts'
import { fakeHost, fakeServices } from '../../src/testing/fakes.ts'
import { graphSource, makeParts, TestExporter } from './parts.ts'

/** Sends everything to the exporter `y`, and a copy to what stands behind it. */
class Router implements Component, Consumer {
  refreshed = 0
  readonly destinations: ReadonlyMap<string, Consumer>
  readonly #next: Consumer

  constructor(context: CreateContext<unknown>, next: Consumer) {
    this.destinations = context.destinations ?? new Map()
    this.#next = next
  }

  async start(): Promise<void> {}
  async stop(): Promise<void> {}

  refresh(): void {
    this.refreshed++
  }

  consume(batch: Batch) {
    const copy = batch.share()
    void this.destinations.get('y')?.consume(copy)
    return this.#next.consume(batch)
  }
}

function routerSource(routes: readonly string[] | 'any', made: Router[]): ComponentSource {
  const factory: Factory = {
    kind: 'processor',
    meta: { id: 'router', summary: '', stability: {}, mutates: true, metrics: [] },
    config: { schema: z.unknown() },
    routesTo: () => routes,
    create: (context, next) => {
      const router = new Router(context, next as Consumer)
      made.push(router)
      return router
    },
  }
  return { id: 'router', config: null, canonical: '', factory }
}

/** An exporter that carries these signals. */
function exporterOf(
  id: string,
  signal: 'traces' | 'logs',
  made: Map<string, TestExporter>,
  canonical = '',
) {
  const factory: Factory = {
    kind: 'exporter',
    meta: { id: 'test', summary: '', stability: { [signal]: 'beta' }, mutates: false, metrics: [] },
    config: { schema: z.unknown() },
    create: context => {
      const exporter = new TestExporter(context.ledger)
      made.set(context.id, exporter)
      return exporter
    },
  }
  return { id, config: null, canonical, factory }
}

function sourceOf(routes: readonly string[] | 'any', canonical = '') {
  const routers: Router[] = []
  const exporters = new Map<string, TestExporter>()
  const parts = makeParts()
  const base = graphSource(
    [parts.source('receiver', 'in')],
    [exporterOf('x', 'traces', exporters)],
    [routerSource(routes, routers)],
  )
  const source: GraphSource = {
    ...base,
    exporters: new Map([
      ...base.exporters,
      ['y', exporterOf('y', 'traces', exporters, canonical)],
      ['logs', exporterOf('logs', 'logs', exporters)],
    ]),
  }
  return { source, routers, exporters }
}

test('exporters run for a processor that may send to any, as far as they carry the signal', () => {
  const keys = planNodes(sourceOf('any').source).map(plan => plan.key)

  assert.deepEqual(keys, ['exporter/x', 'exporter/y', 'processor/traces/router', 'receiver/in'])
})

test('only the named exporters run where there are names', () => {
  const keys = planNodes(sourceOf(['x']).source).map(plan => plan.key)

  assert.deepEqual(keys, ['exporter/x', 'processor/traces/router', 'receiver/in'])
})

test('the processor gets a way to each of them, which follows a replaced exporter', async () => {
  const services = fakeServices()
  const lifecycle = new Lifecycle(fakeHost().inspector, services)
  const never = new AbortController().signal
  const first = sourceOf('any')
  const graph = buildGraph(first.source, services)
  graph.wire()
  await lifecycle.start(graph.nodes, () => never)
  const [router] = first.routers
  assert.deepEqual([...router.destinations.keys()], ['x', 'y'])
  void router.consume(makeBatch(2))
  assert.deepEqual([first.exporters.get('x')!.items, first.exporters.get('y')!.items], [2, 2])

  const second = sourceOf('any', 'changed')
  const deadlines = { drain: () => never, handOver: () => never }
  const { summary, failure } = await new GraphReload(graph, services, lifecycle, deadlines).run(
    second.source,
  )
  assert.equal(failure, null)
  assert.ok(summary.kept.includes('processor/traces/router'))
  assert.equal(router.refreshed, 1)
  void router.consume(makeBatch(3))
  assert.equal(second.exporters.get('y')!.items, 3)
  assert.equal(first.exporters.get('y')!.items, 2)
})
