/** Counts spans, data points and log records of an export request by decoding it with protobufjs, and of the JSON lines of a file. */
import { createReadStream } from 'node:fs'
import { createInterface } from 'node:readline'
import type { Signal } from '../../src/core/signal.ts'
import { decodeRequest, type Metric } from '../../src/exporters/debug/messages.ts'

export function countItems(signal: Signal, bytes: Uint8Array): number {
  const items = decodeRequest(signal, bytes)
    .flatMap(({ scopes }) => scopes)
    .flatMap(scope => scope.items as readonly unknown[])
  if (signal !== 'metrics') return items.length
  return items.reduce<number>((sum, metric) => sum + countPoints(metric as Metric), 0)
}

const KINDS = ['gauge', 'sum', 'histogram', 'exponentialHistogram', 'summary'] as const

function countPoints(metric: Partial<Metric>): number {
  return KINDS.reduce((sum, kind) => sum + (metric[kind]?.dataPoints?.length ?? 0), 0)
}

/** Per signal, over all lines of an OTLP/JSON file. */
export async function countLines(path: string): Promise<Record<Signal, number>> {
  const counts = { traces: 0, metrics: 0, logs: 0 }
  for await (const line of createInterface({ input: createReadStream(path) })) {
    const request = JSON.parse(line) as JsonRequest
    counts.traces += count(request.resourceSpans, 'scopeSpans', 'spans')
    counts.logs += count(request.resourceLogs, 'scopeLogs', 'logRecords')
    for (const { scopeMetrics } of request.resourceMetrics ?? []) {
      for (const { metrics } of (scopeMetrics ?? []) as { metrics?: Partial<Metric>[] }[]) {
        for (const metric of metrics ?? []) counts.metrics += countPoints(metric)
      }
    }
  }
  return counts
}

type Group = Readonly<Record<string, readonly Record<string, unknown>[] | undefined>>
type JsonRequest = Readonly<Record<string, readonly Group[] | undefined>>

function count(groups: readonly Group[] | undefined, scopes: string, items: string): number {
  let sum = 0
  for (const group of groups ?? []) {
    for (const scope of group[scopes] ?? [])
      sum += (scope[items] as unknown[] | undefined)?.length ?? 0
  }
  return sum
}
