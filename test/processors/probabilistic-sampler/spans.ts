/** Batches of spans with well spread trace ids. */
import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { Batch, DEFAULT_TENANT, NO_CONTEXT } from '../../../src/core/batch.ts'
import { Payload } from '../../../src/core/payload.ts'
import { indexRequestReference } from '../../../src/otlp/kernel/reference.ts'
import { isWireFault, type RequestIndex } from '../../../src/otlp/request-index.ts'
import { Writer } from '../../../src/otlp/wire-writer.ts'

export function makeTraces(spans: number, onFree?: () => void): Batch {
  const writer = new Writer().begin(1).begin(2)
  for (let i = 0; i < spans; i++) {
    const traceId = createHash('md5').update(`trace ${i}`).digest()
    writer.begin(2).bytes(1, traceId).string(5, `span-${i}`).end()
  }
  const bytes = writer.end().end().finish()
  const index = indexOf(bytes)
  const part = {
    ...{ payload: new Payload(bytes, { onFree }), index, selection: null, edits: null },
    items: spans,
  }
  return new Batch('traces', DEFAULT_TENANT, NO_CONTEXT, [part])
}

export function indexOf(bytes: Uint8Array): RequestIndex {
  const index = indexRequestReference('traces', bytes)
  assert.ok(!isWireFault(index))
  return index
}
