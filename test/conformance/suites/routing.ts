/** `routing/cases`: the routing connector's own tests as data: which pipelines get how many payloads, with what in them. */
import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { judgeSection } from '../../../src/config/judge.ts'
import { factory } from '../../../src/connectors/routing/factory.ts'
import { Batch, DEFAULT_TENANT, NO_CONTEXT } from '../../../src/core/batch.ts'
import type { Outlets } from '../../../src/core/factory.ts'
import { Payload } from '../../../src/core/payload.ts'
import type { Signal } from '../../../src/core/signal.ts'
import { encodeParts, flatten } from '../../../src/otlp/encode.ts'
import { decodeJson } from '../../../src/otlp/json/decode.ts'
import { encodeJson } from '../../../src/otlp/json/encode.ts'
import { indexRequest } from '../../../src/otlp/kernel/kernel.ts'
import { isWireFault } from '../../../src/otlp/request-index.ts'
import { joinBranches } from '../../../src/pipeline/fan-out.ts'
import { CollectingConsumer, fakeServices } from '../../../src/testing/fakes.ts'
import { judge, type Suite } from '../suite.ts'

interface RoutingCase {
  readonly id: string
  readonly signal: Signal
  readonly config: { readonly table: readonly { readonly pipelines: readonly string[] }[] }
  readonly input: object
  readonly expect: {
    readonly batchesPerSink: Readonly<Record<string, number>> & {
      readonly $paths?: readonly (readonly [string, string, number])[]
    }
  }
}

const SINKS: Readonly<Record<string, string>> = { defaultSink: 'default', sink0: '0', sink1: '1' }
/** One test calls its pipelines otherwise. */
const SINKS_OF_OTHER: Readonly<Record<string, string>> = { sink0: 'default', sink1: 'other' }

export const routing: Suite = {
  name: 'routing/cases',
  path: 'routing/cases.json',
  async *run(path) {
    const { cases } = JSON.parse(readFileSync(path, 'utf8')) as { cases: RoutingCase[] }
    for (const each of cases) yield await judge(each.id, () => check(each))
  },
}

async function check({ signal, config, input, expect }: RoutingCase): Promise<void> {
  const { $paths = [], ...counts } = expect.batchesPerSink
  const names = config.table.some(row => row.pipelines.includes('other')) ? SINKS_OF_OTHER : SINKS
  const sinks = new Map(['default', '0', '1', 'other'].map(id => [id, new CollectingConsumer()]))
  await send(signal, config, input, sinks)
  for (const [sink, count] of Object.entries(counts)) {
    assert.equal(sinks.get(names[sink])!.batches.length, count, `payloads in ${sink}`)
  }
  for (const [sink, accessor, count] of $paths) {
    const batches = sinks.get(names[sink])!.batches
    assert.equal(sum(batches.map(batch => measure(batch, accessor))), count, `${sink} ${accessor}`)
  }
}

async function send(
  signal: Signal,
  config: object,
  input: object,
  sinks: ReadonlyMap<string, CollectingConsumer>,
): Promise<void> {
  const services = fakeServices()
  const outlets: Outlets = {
    pipelines: new Map([...sinks.keys()].map(id => [id, signal])),
    to: ids =>
      joinBranches(
        ids.map(id => ({ id, consumer: sinks.get(id)! })),
        services.ledger,
      ),
  }
  const { config: parsed, faults } = judgeSection(factory.config, config)
  assert.deepEqual(faults, [])
  const context = { ...services, id: 'routing', config: parsed, signals: [signal] }
  const connector = factory.create(context, outlets)
  const bytes = decodeJson(signal, Buffer.from(JSON.stringify(input)))
  assert.ok(bytes instanceof Uint8Array)
  const index = indexRequest(signal, bytes)
  assert.ok(!isWireFault(index))
  const part = {
    payload: new Payload(bytes),
    index,
    selection: null,
    edits: null,
    items: index.items,
  }
  const outcome = await connector.consume(new Batch(signal, DEFAULT_TENANT, NO_CONTEXT, [part]))
  assert.equal(outcome.kind, 'accepted')
}

interface Json {
  readonly [key: string]: readonly Json[] | undefined
}

function measure(batch: Batch, accessor: string): number {
  const text = encodeJson(batch.signal, flatten(encodeParts(batch.parts)))
  const request = JSON.parse(Buffer.from(text).toString()) as Json
  const resources = Object.values(request).flatMap(list => list ?? [])
  if (/Resource\w+\(\)\.Len\(\)$/.test(accessor)) return resources.length
  const list = accessor.includes('MetricCount')
    ? 'metrics'
    : accessor.includes('LogRecord')
      ? 'logRecords'
      : 'spans'
  const scopes = resources.flatMap(
    each => each.scopeSpans ?? each.scopeLogs ?? each.scopeMetrics ?? [],
  )
  return sum(scopes.map(scope => scope[list]?.length ?? 0))
}

function sum(numbers: readonly number[]): number {
  return numbers.reduce((total, n) => total + n, 0)
}
