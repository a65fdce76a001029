/** Traces written as rows, for tests: operation, service, parent, start, duration, flags. */
import type { TraceSpans } from '../../../src/sampler/trace-spans.ts'

export type Row = readonly [
  operation: number,
  service: number,
  parent: number,
  start: number,
  duration: number,
  flags?: number,
]

export function trace(...rows: readonly Row[]): TraceSpans {
  return {
    count: rows.length,
    operation: Int32Array.from(rows, row => row[0]),
    service: Int32Array.from(rows, row => row[1]),
    parent: Int32Array.from(rows, row => row[2]),
    start: Float64Array.from(rows, row => row[3]),
    duration: Float64Array.from(rows, row => row[4]),
    flags: Uint8Array.from(rows, row => row[5] ?? 0),
  }
}

/** Root in service 0 that calls service 1; `server` is what the callee takes, `wire` what the call takes besides. */
export function call(server: number, wire: number, flags = 0): TraceSpans {
  return trace(
    [0, 0, -1, 0, server + wire + 1000],
    [1, 0, 0, 100, server + wire],
    [2, 1, 1, 100 + wire / 2, server, flags],
  )
}
