/** One-line makers of batches for tests: real payloads with a real index, so that encode and split work on them. */
import { Batch, DEFAULT_TENANT, NO_CONTEXT, type RequestContext } from '../core/batch.ts'
import { Payload } from '../core/payload.ts'
import type { Signal } from '../core/signal.ts'
import { indexRequestReference } from '../otlp/kernel/reference.ts'
import { isWireFault } from '../otlp/request-index.ts'

export interface BatchOptions {
  readonly signal?: Signal
  readonly tenant?: string
  readonly context?: RequestContext
  /** Called when the last owner of the payload has let go. */
  readonly onFree?: () => void
}

/** A batch of one request with `items` spans, data points or log records, each with a name or body of its own. */
export function makeBatch(items: number, options: BatchOptions = {}): Batch {
  const { signal = 'traces', tenant = DEFAULT_TENANT, context = NO_CONTEXT, onFree } = options
  const bytes = makeRequest(signal, items)
  const index = indexRequestReference(signal, bytes)
  if (isWireFault(index)) throw new Error(`the builder made a bad request: ${index.fault}`)
  const payload = new Payload(bytes, { onFree })
  return new Batch(signal, tenant, context, [
    { payload, index, selection: null, edits: null, items },
  ])
}

/** The smallest request with so many items: one resource, one scope. */
export function makeRequest(signal: Signal, items: number): Uint8Array {
  const list = Array.from({ length: items }, (_, i) => makeItem(signal, i))
  const children = signal === 'metrics' ? [field(2, field(1, text(`m`)), field(5, ...list))] : list
  return Buffer.concat([field(1, field(2, ...children))])
}

/** Span name, log body, or a gauge's point with its time. */
function makeItem(signal: Signal, i: number): Buffer {
  if (signal === 'traces') return field(2, field(5, text(`span-${i}`)))
  if (signal === 'logs') return field(2, field(5, field(1, text(`line-${i}`))))
  const time = Buffer.alloc(9)
  time[0] = (3 << 3) | 1
  time.writeUInt32LE(i + 1, 1)
  return field(1, time)
}

function text(value: string): Buffer {
  return Buffer.from(value)
}

function field(number: number, ...content: readonly Buffer[]): Buffer {
  const body = Buffer.concat(content)
  const prefix = [(number << 3) | 2]
  let length = body.length
  for (; length > 127; length >>>= 7) prefix.push((length & 127) | 128)
  prefix.push(length)
  return Buffer.concat([Buffer.from(prefix), body])
}
