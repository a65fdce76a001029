/** What an edge takes from a span and its resource: ids, kind, duration, and some attributes as texts. */
import type { AttributesView } from '../../otlp/attributes-view.ts'
import type { SpanView } from '../../otlp/traces-view.ts'
import { asBuffer } from '../../otlp/wire-reader.ts'
import { asString } from '../../rules/as-string.ts'
import type { Value } from '../../rules/value.ts'

export const KIND = { server: 2, client: 3, producer: 4, consumer: 5 }
export const STATUS_ERROR = 2

const NANOS_PER_SECOND = 1e9
const TRACE_BYTES = 16
const SPAN_BYTES = 8

/** A key of `EdgeStore`; ids that are absent count as zeros. */
export function edgeKey(traceId: Uint8Array, spanId: Uint8Array): string {
  return fixed(traceId, TRACE_BYTES) + fixed(spanId, SPAN_BYTES)
}

function fixed(id: Uint8Array, length: number): string {
  return asBuffer(id).toString('latin1').padEnd(length, '\0')
}

/** A span that ends before it begins took no time. */
export function secondsOf(span: SpanView): number {
  return Math.max(0, span.durationNano) / NANOS_PER_SECOND
}

/** The first of the keys that one of the attributes has, in the order of keys. */
export function firstText(
  keys: readonly string[],
  ...sources: readonly AttributesView[]
): string | undefined {
  for (const key of keys) {
    for (const source of sources) {
      const value = source.get(key)
      if (value !== undefined) return typeof value === 'string' ? value : asString(value as Value)
    }
  }
  return undefined
}
