/**
 * What an operator recognises an encoded request by: whose it is and which traces are in it. Looks at no more than a
 * bounded number of items, and at requests of any kind: also at those that no destination could read.
 */
import type { Signal } from '../../core/signal.ts'
import { indexRequest } from '../../otlp/kernel/kernel.ts'
import { LogsView } from '../../otlp/logs-view.ts'
import { END, isWireFault, type RequestIndex, ROW, START } from '../../otlp/request-index.ts'
import { ResourceView } from '../../otlp/request-view.ts'
import { TracesView } from '../../otlp/traces-view.ts'
import { asBuffer } from '../../otlp/wire-reader.ts'

/** Distinct services and trace ids that are told of one request. */
const MAX_NAMES = 5
/** Longest name that is told. */
const MAX_NAME_CHARS = 100
const MAX_RESOURCES_SEEN = 1000
const MAX_ITEMS_SEEN = 10_000

export interface RequestContents {
  /** The first few distinct values of `service.name`. */
  readonly services: readonly string[]
  /** The first few distinct trace ids, in hex. */
  readonly traceIds: readonly string[]
}

export const UNKNOWN_CONTENTS: RequestContents = { services: [], traceIds: [] }

/** Nothing of a request that is not valid OTLP. */
export function contentsOf(signal: Signal, request: Uint8Array): RequestContents {
  const index = indexRequest(signal, request)
  if (isWireFault(index)) return UNKNOWN_CONTENTS
  return { services: servicesOf(request, index), traceIds: traceIdsOf(request, index) }
}

/** Whether the 16 bytes of the trace id occur: as the id of an item, or in a link to it. */
export function mentionsTrace(request: Uint8Array, traceId: string): boolean {
  return asBuffer(request).includes(Buffer.from(traceId, 'hex'))
}

function servicesOf(request: Uint8Array, { levels }: RequestIndex): string[] {
  const found = new Set<string>()
  const resource = new ResourceView()
  const rows = levels[0]
  const end = Math.min(rows.length, MAX_RESOURCES_SEEN * ROW)
  for (let at = 0; at < end && found.size < MAX_NAMES; at += ROW) {
    resource.reset(request, rows[at + START], rows[at + END])
    const name = resource.attributes.get('service.name')
    if (typeof name === 'string' && name !== '') found.add(name.slice(0, MAX_NAME_CHARS))
  }
  return [...found]
}

function traceIdsOf(request: Uint8Array, index: RequestIndex): string[] {
  if (index.signal === 'metrics') return []
  const view = index.signal === 'traces' ? new TracesView() : new LogsView()
  view.reset(request, index)
  const found = new Set<string>()
  const end = Math.min(index.items, MAX_ITEMS_SEEN)
  for (let item = 0; item < end && found.size < MAX_NAMES; item++) {
    const { traceId } = view.moveTo(item)
    if (traceId.length === 32) found.add(traceId)
  }
  return [...found]
}
