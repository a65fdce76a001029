/** Batches for connectors out of OTLP/JSON, outlets that collect, and what came out again as JSON. */
import assert from 'node:assert/strict'
import { judgeSection } from '../../src/config/judge.ts'
import { Batch, DEFAULT_TENANT, NO_CONTEXT, type RequestContext } from '../../src/core/batch.ts'
import type { Component, Consumer } from '../../src/core/component.ts'
import type { Factory, Outlets } from '../../src/core/factory.ts'
import { Payload } from '../../src/core/payload.ts'
import type { Signal } from '../../src/core/signal.ts'
import { encodeParts, flatten } from '../../src/otlp/encode.ts'
import { decodeJson } from '../../src/otlp/json/decode.ts'
import { encodeJson } from '../../src/otlp/json/encode.ts'
import { indexRequest } from '../../src/otlp/kernel/kernel.ts'
import { isWireFault } from '../../src/otlp/request-index.ts'
import { joinBranches } from '../../src/pipeline/fan-out.ts'
import { assertBalanced, CollectingConsumer, fakeServices } from '../../src/testing/fakes.ts'

// biome-ignore lint/suspicious/noExplicitAny: requests of any shape
export type Json = any

export interface ConnectorKit {
  readonly services: ReturnType<typeof fakeServices>
  readonly connector: Component & Consumer
  readonly sinks: ReadonlyMap<string, CollectingConsumer>
  /** As a receiver would: accepted in the ledger, and taken back unless the connector takes it. */
  send(signal: Signal, request: Json, context?: RequestContext, tenant?: string): Promise<string>
  /** What a pipeline got, each batch as an OTLP/JSON request. */
  got(pipeline: string): Json[]
  /** Every item is accounted for, and no bytes are held once the sinks let go. */
  assertSettled(): void
}

/** `pipelines` by id, with their signals. */
export function makeConnector(
  factory: Factory<'connector'>,
  section: object,
  pipelines: Readonly<Record<string, Signal>>,
): ConnectorKit {
  const services = fakeServices()
  const sinks = new Map(Object.keys(pipelines).map(id => [id, new CollectingConsumer()]))
  const outlets: Outlets = {
    pipelines: new Map(Object.entries(pipelines)),
    to: ids =>
      joinBranches(
        ids.map(id => ({ id, consumer: sinks.get(id)! })),
        services.ledger,
      ),
  }
  const { config, faults } = judgeSection(factory.config, section)
  assert.deepEqual(faults, [])
  const signals = [...new Set(Object.values(pipelines))]
  const connector = factory.create({ ...services, id: 'it', config, signals }, outlets)
  let held = 0
  return {
    services,
    connector,
    sinks,
    async send(signal, request, context = NO_CONTEXT, tenant = DEFAULT_TENANT) {
      held++
      const batch = jsonBatch(signal, request, context, () => held--, tenant)
      services.ledger.accepted(tenant, signal, batch.items)
      const outcome = await connector.consume(batch)
      if (outcome.kind === 'accepted') return outcome.kind
      const items = outcome.kind === 'refused' ? outcome.items : batch.items
      services.ledger.unaccepted(tenant, signal, items, outcome.kind)
      if (items === batch.items) batch.release()
      return outcome.kind === 'refused' ? `refused ${items}: ${outcome.message}` : outcome.kind
    },
    got: pipeline => sinks.get(pipeline)!.batches.map(toJson),
    assertSettled() {
      for (const sink of sinks.values()) {
        for (const { tenant, signal, items } of sink.batches)
          services.ledger.sent(tenant, signal, items)
        sink.releaseAll()
      }
      assertBalanced(services.ledger)
      assert.equal(held, 0, 'payloads are still held')
    },
  }
}

export function jsonBatch(
  signal: Signal,
  request: Json,
  context: RequestContext,
  onFree: () => void,
  tenant = DEFAULT_TENANT,
): Batch {
  const bytes = decodeJson(signal, Buffer.from(JSON.stringify(request)))
  if (!(bytes instanceof Uint8Array)) assert.fail(JSON.stringify(bytes))
  const index = indexRequest(signal, bytes)
  assert.ok(!isWireFault(index))
  const payload = new Payload(bytes, { onFree })
  const part = { payload, index, selection: null, edits: null, items: index.items }
  return new Batch(signal, tenant, context, [part])
}

export function toJson({ signal, parts }: Batch): Json {
  return JSON.parse(Buffer.from(encodeJson(signal, flatten(encodeParts(parts)))).toString())
}

/** One resource for each key: `{ 'service a': ['span 1', 'span 2'] }`. */
export function traces(services: Readonly<Record<string, readonly string[]>>): Json {
  return {
    resourceSpans: Object.entries(services).map(([name, spans]) => ({
      resource: { attributes: [{ key: 'service.name', value: { stringValue: name } }] },
      scopeSpans: [{ scope: { name: 'lib' }, spans: spans.map(span => ({ name: span })) }],
    })),
  }
}

/** Names of all spans of some requests, in order. */
export function spanNames(requests: readonly Json[]): string[] {
  return requests.flatMap(request =>
    (request.resourceSpans ?? []).flatMap((resource: Json) =>
      (resource.scopeSpans ?? []).flatMap((scope: Json) => scope.spans.map((s: Json) => s.name)),
    ),
  )
}
