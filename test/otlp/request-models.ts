/** Decoded requests as trees of plain objects: the items in order, and the request without some of them. */
import type fc from 'fast-check'
import { indexRequestReference } from '../../src/otlp/kernel/reference.ts'
import { isWireFault, type RequestIndex } from '../../src/otlp/request-index.ts'
import { REQUEST_MESSAGE } from '../../src/otlp/schema.ts'
import type { Signal } from '../../src/otlp/signal.ts'
import { arbitraryModel } from './json/models.ts'
import { decode, encode } from './oracle.ts'

// biome-ignore lint/suspicious/noExplicitAny: a decoded message of whatever kind
export type Model = any

const PATHS: Readonly<Record<Signal, readonly (readonly string[])[]>> = {
  traces: [['resourceSpans'], ['scopeSpans'], ['spans']],
  logs: [['resourceLogs'], ['scopeLogs'], ['logRecords']],
  metrics: [
    ['resourceMetrics'],
    ['scopeMetrics'],
    ['metrics'],
    ['gauge', 'sum', 'histogram', 'exponentialHistogram', 'summary'],
    ['dataPoints'],
  ],
}

export interface Request {
  readonly signal: Signal
  readonly bytes: Uint8Array
  readonly index: RequestIndex
}

/** As protobufjs encodes it; with at least one item. */
export function arbitraryRequest(signal: Signal): fc.Arbitrary<Request> {
  return arbitraryModel(REQUEST_MESSAGE[signal])
    .map(model => requestOf(signal, encode(REQUEST_MESSAGE[signal], model)))
    .filter(request => request.index.items > 0)
}

export function requestOf(signal: Signal, bytes: Uint8Array): Request {
  const index = indexRequestReference(signal, bytes)
  if (isWireFault(index)) throw new Error(`not a request: ${index.fault} at ${index.offset}`)
  return { signal, bytes, index }
}

export function decodeRequest(signal: Signal, bytes: Uint8Array): Model {
  return decode(REQUEST_MESSAGE[signal], bytes)
}

/** All messages above an item, outermost first, and the item itself at the end. */
export function listItems(signal: Signal, request: Model): Model[][] {
  const walk = (model: Model, level: number, above: Model[]): Model[][] =>
    level === PATHS[signal].length
      ? [above]
      : childrenOf(signal, level, model).flatMap(child => walk(child, level + 1, [...above, child]))
  return walk(request, 0, [])
}

/** The request with only the items that `keep` wants; groups that lose all of theirs go too. */
export function filterRequest(signal: Signal, request: Model, keep: (i: number) => boolean): Model {
  let count = 0
  const filter = (model: Model, level: number): { model: Model; had: boolean; live: boolean } => {
    if (level === PATHS[signal].length) {
      return { model, had: true, live: keep(count++) }
    }
    let had = false
    let live = false
    const copy = { ...model }
    for (const name of PATHS[signal][level]) {
      if (model[name] === undefined) continue
      const results = [model[name]].flat().map(child => filter(child, level + 1))
      had ||= results.some(result => result.had)
      live ||= results.some(result => result.live)
      const kept = results.filter(result => result.live || !result.had).map(result => result.model)
      if (kept.length === 0) delete copy[name]
      else copy[name] = Array.isArray(model[name]) ? kept : kept[0]
    }
    return { model: copy, had, live }
  }
  const { model, had, live } = filter(request, 0)
  return had && !live ? {} : model
}

function childrenOf(signal: Signal, level: number, model: Model): Model[] {
  return PATHS[signal][level].flatMap(name => model[name] ?? [])
}
