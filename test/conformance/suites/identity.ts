/** Whole requests through `transform` statements that change nothing: the bytes stay what they were, unknown fields included. */
import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { gunzipSync } from 'node:zlib'
import { Batch, DEFAULT_TENANT, NO_CONTEXT } from '../../../src/core/batch.ts'
import { ACCEPTED } from '../../../src/core/outcome.ts'
import { Payload } from '../../../src/core/payload.ts'
import { encodeParts, flatten } from '../../../src/otlp/encode.ts'
import { decodeJson } from '../../../src/otlp/json/decode.ts'
import { indexRequest } from '../../../src/otlp/kernel/kernel.ts'
import { isWireFault } from '../../../src/otlp/request-index.ts'
import { config as spec } from '../../../src/processors/transform/config.ts'
import { TransformProcessor } from '../../../src/processors/transform/processor.ts'
import { CollectingConsumer, fakeServices } from '../../../src/testing/fakes.ts'
import { judge, type Suite } from '../suite.ts'

/** A field that no version of OTLP has: number 900, five bytes. */
const UNKNOWN = Uint8Array.of(0xa2, 0x38, 0x05, 0x68, 0x65, 0x6c, 0x6c, 0x6f)

const NOTHING: Readonly<Record<'traces' | 'metrics', object>> = {
  traces: {
    trace_statements: [
      'set(span.attributes["never"], 1) where span.name == "no span has this name"',
      'set(span.name, span.name)',
      'delete_key(span.attributes, "no span has this key")',
      'set(resource.attributes["never"], span.cache["nothing"]) where span.kind == 99',
    ],
  },
  metrics: {
    metric_statements: [
      'set(datapoint.attributes["never"], 1) where metric.name == "no metric has this name"',
      'set(metric.name, metric.name)',
      'delete_key(datapoint.attributes, "no point has this key")',
    ],
  },
}

export const identityTraces = identitySuite('traces')
export const identityMetrics = identitySuite('metrics')

function identitySuite(signal: 'traces' | 'metrics'): Suite {
  return {
    name: `transform/identity/${signal}`,
    path: `otlp/goldendataset/${signal}.jsonl.gz`,
    async *run(path) {
      const lines = gunzipSync(readFileSync(path)).toString().split('\n').filter(Boolean)
      for (const [i, line] of lines.entries()) {
        const { request } = JSON.parse(line) as { request: object }
        yield await judge(String(i + 1), () => staysAsItIs(signal, request))
      }
    },
  }
}

function staysAsItIs(signal: 'traces' | 'metrics', request: object): void {
  const decoded = decodeJson(signal, Buffer.from(JSON.stringify(request)))
  assert.ok(decoded instanceof Uint8Array, 'the request is not valid')
  const bytes = Buffer.concat([decoded, UNKNOWN])
  const index = indexRequest(signal, bytes)
  assert.ok(!isWireFault(index), 'the request is not valid')
  const next = new CollectingConsumer()
  const config = spec.schema.parse(NOTHING[signal])
  const context = { ...fakeServices(), id: 'transform', config, signals: [signal] }
  const payload = new Payload(bytes)
  const part = { payload, index, selection: null, edits: null, items: index.items }
  const batch = new Batch(signal, DEFAULT_TENANT, NO_CONTEXT, [part])

  assert.equal(new TransformProcessor(context, next).consume(batch), ACCEPTED)

  const got = flatten(encodeParts(next.batches[0].parts))
  assert.ok(Buffer.compare(got, bytes) === 0, 'other bytes came out')
}
