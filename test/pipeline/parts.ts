/** Components that tests build graphs of: a receiver that is told what to take in, an exporter that collects. */
import { z } from 'zod'
import type { Batch } from '../../src/core/batch.ts'
import type { Component, Consumer } from '../../src/core/component.ts'
import type { Factory, Kind } from '../../src/core/factory.ts'
import type { Ledger } from '../../src/core/ledger.ts'
import { ACCEPTED, busy, type Outcome } from '../../src/core/outcome.ts'
import type { ComponentSource } from '../../src/pipeline/node.ts'
import type { GraphSource, PipelineSource } from '../../src/pipeline/plan.ts'
import { makeBatch } from '../../src/testing/builders.ts'

/** What happened, in order: `start receiver/a`, `stop exporter/x`. */
export type Events = string[]

export class TestReceiver implements Component {
  readonly #next: Consumer
  readonly #ledger: Ledger

  constructor(next: Consumer, ledger: Ledger) {
    this.#next = next
    this.#ledger = ledger
  }

  async start(): Promise<void> {}
  async stop(): Promise<void> {}

  /** Takes a request in as a real receiver does. */
  async take(items: number): Promise<Outcome> {
    const batch = makeBatch(items)
    this.#ledger.accepted(batch.tenant, batch.signal, items)
    const outcome = await this.#next.consume(batch)
    if (outcome.kind !== 'accepted') {
      this.#ledger.unaccepted(batch.tenant, batch.signal, items, outcome.kind)
      batch.release()
    }
    return outcome
  }
}

export class TestExporter implements Component, Consumer {
  items = 0
  readonly #ledger: Ledger
  #isStopped = false

  constructor(ledger: Ledger) {
    this.#ledger = ledger
  }

  async start(): Promise<void> {}

  async stop(): Promise<void> {
    this.#isStopped = true
  }

  consume(batch: Batch): Outcome {
    if (this.#isStopped) return busy(100, 'unavailable')
    this.items += batch.items
    this.#ledger.sent(batch.tenant, batch.signal, batch.items)
    batch.release()
    return ACCEPTED
  }
}

/** Instances by `<kind>/<id>`, the newest last; `failing` ids do not start. */
export interface Parts {
  readonly events: Events
  readonly made: Map<string, Component[]>
  readonly failing: Set<string>
  source(kind: Kind, id: string, canonical?: string): ComponentSource
}

export function makeParts(): Parts {
  const events: Events = []
  const made = new Map<string, Component[]>()
  const failing = new Set<string>()
  const factory = (kind: Kind): Factory => ({
    kind,
    meta: { id: 'test', summary: '', stability: {}, mutates: false, metrics: [] },
    config: { schema: z.unknown() },
    create: (context, next) => {
      const component =
        kind === 'receiver'
          ? new TestReceiver(next as Consumer, context.ledger)
          : new TestExporter(context.ledger)
      const key = `${kind}/${context.id}`
      made.set(key, [...(made.get(key) ?? []), component])
      return recorded(component, key, events, failing) as never
    },
  })
  return {
    events,
    made,
    failing,
    source: (kind, id, canonical = '') => ({ id, config: null, canonical, factory: factory(kind) }),
  }
}

function recorded<C extends Component>(
  component: C,
  key: string,
  events: Events,
  failing: Set<string>,
): C {
  const { start, stop } = component
  component.start = async host => {
    if (failing.has(key)) throw new Error(`${key} cannot start`)
    events.push(`start ${key}`)
    await start.call(component, host)
  }
  component.stop = async deadline => {
    events.push(`stop ${key}`)
    await stop.call(component, deadline)
  }
  return component
}

/** A traces pipeline from these receivers to these exporters. */
export function graphSource(
  receivers: readonly ComponentSource[],
  exporters: readonly ComponentSource[],
  processors: readonly ComponentSource[] = [],
): GraphSource {
  const byId = (sources: readonly ComponentSource[]) => new Map(sources.map(s => [s.id, s]))
  const pipeline: PipelineSource = {
    id: 'traces',
    signal: 'traces',
    receivers: receivers.map(s => s.id),
    processors: processors.map(s => s.id),
    exporters: exporters.map(s => s.id),
  }
  return {
    receivers: byId(receivers),
    processors: byId(processors),
    connectors: new Map(),
    exporters: byId(exporters),
    extensions: new Map(),
    service: { extensions: [], pipelines: new Map([['traces', pipeline]]) },
  }
}
