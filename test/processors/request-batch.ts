/** Batches out of OTLP/JSON, and OTLP/JSON out of batches. */
import assert from 'node:assert/strict'
import { Batch, DEFAULT_TENANT, NO_CONTEXT } from '../../src/core/batch.ts'
import { Payload } from '../../src/core/payload.ts'
import type { Signal } from '../../src/core/signal.ts'
import { encodeParts, flatten } from '../../src/otlp/encode.ts'
import { decodeJson } from '../../src/otlp/json/decode.ts'
import { encodeJson } from '../../src/otlp/json/encode.ts'
import { indexRequestReference } from '../../src/otlp/kernel/reference.ts'
import { isWireFault } from '../../src/otlp/request-index.ts'

export function batchOfJson(signal: Signal, request: object, onFree?: () => void): Batch {
  const bytes = decodeJson(signal, Buffer.from(JSON.stringify(request)))
  assert.ok(bytes instanceof Uint8Array, JSON.stringify(bytes))
  const index = indexRequestReference(signal, bytes)
  assert.ok(!isWireFault(index))
  const payload = new Payload(bytes, { onFree })
  const part = { payload, index, selection: null, edits: null, items: index.items }
  return new Batch(signal, DEFAULT_TENANT, NO_CONTEXT, [part])
}

// biome-ignore lint/suspicious/noExplicitAny: tests look into it
export function jsonOf(batch: Batch): any {
  const bytes = flatten(encodeParts(batch.parts))
  return JSON.parse(Buffer.from(encodeJson(batch.signal, bytes)).toString())
}

/** Spans of one resource and scope. */
export function tracesOf(...spans: readonly object[]): object {
  return { resourceSpans: [{ resource: {}, scopeSpans: [{ spans }] }] }
}

export function text(key: string, stringValue: string): object {
  return { key, value: { stringValue } }
}
