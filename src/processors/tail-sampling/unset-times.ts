/**
 * How long a trace took of which a span says no start: with the reference a time of 0 gives way to the next span's, so the answer
 * hangs on the order of arrival, and the longest on the way counts.
 */
import { FieldCursor } from '../../otlp/wire-reader.ts'
import type { Assembly } from '../../sampler/assembly/assembly.ts'

const START = 7
const END = 8
const NANOS = 1_000_000n

const cursor = new FieldCursor()

/** In whole milliseconds. */
export function durationInOrder(assembly: Assembly, trace: number): number {
  let first = 0n
  let last = 0n
  let longest = 0n
  for (let row = assembly.firstSpan(trace); row >= 0; row = assembly.nextSpan(row)) {
    const start = timeOf(assembly, row, START)
    const end = timeOf(assembly, row, END)
    if (first === 0n || start < first) first = start
    if (last === 0n || end > last) last = end
    if (last - first > longest) longest = last - first
  }
  return Number(longest / NANOS)
}

function timeOf(assembly: Assembly, row: number, field: number): bigint {
  const bytes = assembly.slab(row)
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  let time = 0n
  cursor.reset(bytes, assembly.spanStart(row), assembly.spanEnd(row))
  while (cursor.next()) if (cursor.number === field) time = view.getBigUint64(cursor.start, true)
  return time
}
