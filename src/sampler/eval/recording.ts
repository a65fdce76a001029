/**
 * A recording of traces with labels, as columns. The format on disk: `traces.jsonl.gz`, `labels.csv.gz`, `dict.json`,
 * `faults.json` in one folder; a line of traces holds five integers a span (operation, pod, parent, offset, duration).
 */
import { createReadStream } from 'node:fs'
import { readFile } from 'node:fs/promises'
import { basename, join, resolve } from 'node:path'
import { createGunzip, gunzipSync } from 'node:zlib'
import { MillraceError } from '../../errors.ts'
import {
  type Fault,
  parseFaults,
  parseLabels,
  parseOperations,
  parseTrace,
  SPAN_FIELDS,
  type TraceLine,
} from './recording-text.ts'

export { SPAN_FIELDS } from './recording-text.ts'
export const SPAN_OPERATION = 0
export const SPAN_POD = 1
export const SPAN_PARENT = 2
export const SPAN_OFFSET = 3
export const SPAN_DURATION = 4

export const LABEL_CLEAN = 0
export const LABEL_SYMPTOMATIC = 1
export const LABEL_AMBIGUOUS = 2

export interface Recording {
  readonly name: string
  readonly traces: number
  /** Operations by id: `service|operation`. */
  readonly operations: readonly string[]
  readonly services: readonly string[]
  /** Service id of each operation. */
  readonly serviceOf: Int32Array
  /** Start of each trace, microseconds since the epoch; not falling. */
  readonly start: Float64Array
  /** Trace ids, 16 bytes each. */
  readonly ids: Uint8Array
  /** Where the spans of each trace begin, in spans; one more entry than traces. */
  readonly first: Uint32Array
  /** Five integers a span. */
  readonly spans: Int32Array
  readonly label: Uint8Array
  /** Fault that the trace belongs to; -1: none. */
  readonly fault: Int16Array
  /** Call tree of each trace, dense from 0. */
  readonly structure: Int32Array
  readonly structures: number
  readonly faults: readonly Fault[]
}

export async function readRecording(directory: string): Promise<Recording> {
  try {
    return await readFiles(directory)
  } catch (error) {
    if (error instanceof MillraceError) throw error
    const why = error instanceof Error ? error.message : String(error)
    throw fail(directory, why)
  }
}

async function readFiles(directory: string): Promise<Recording> {
  const ops = parseOperations(await readFile(join(directory, 'dict.json'), 'utf8'))
  const packed = await readFile(join(directory, 'labels.csv.gz'))
  const labels = parseLabels(gunzipSync(packed).toString('utf8'))
  if (labels.label.length === 0) throw fail(directory, 'there are no traces in it')
  const columns = new Columns(labels.label.length)
  await eachLine(join(directory, 'traces.jsonl.gz'), (text, line) => {
    columns.add(parseTrace(text, line, ops.length))
  })
  if (columns.traces !== labels.label.length) {
    throw fail(directory, `${columns.traces} traces but ${labels.label.length} labels`)
  }
  const services = [...new Set(ops.map(serviceName))]
  return {
    name: basename(resolve(directory)),
    traces: columns.traces,
    operations: ops,
    services,
    serviceOf: Int32Array.from(ops, operation => services.indexOf(serviceName(operation))),
    start: columns.start,
    ids: columns.ids,
    first: columns.first,
    spans: columns.spans.slice(0, columns.length * SPAN_FIELDS),
    ...labels,
    structure: columns.structure,
    structures: columns.structures.size,
    faults: parseFaults(
      await readFile(join(directory, 'faults.json'), 'utf8'),
      labels.fault.reduce((most, index) => Math.max(most, index), -1) + 1,
    ),
  }
}

class Columns {
  traces = 0
  length = 0
  readonly start: Float64Array
  readonly ids: Uint8Array
  readonly first: Uint32Array
  readonly structure: Int32Array
  readonly structures = new Map<string, number>()
  spans: Int32Array

  constructor(traces: number) {
    this.start = new Float64Array(traces)
    this.ids = new Uint8Array(traces * 16)
    this.first = new Uint32Array(traces + 1)
    this.structure = new Int32Array(traces)
    this.spans = new Int32Array(traces * SPAN_FIELDS * 16)
  }

  add(line: TraceLine): void {
    const at = this.traces++
    if (at >= this.start.length) return
    this.start[at] = line.t0
    this.ids.set(Buffer.from(line.id, 'hex').subarray(0, 16), at * 16)
    let structure = this.structures.get(line.h)
    if (structure === undefined) {
      structure = this.structures.size
      this.structures.set(line.h, structure)
    }
    this.structure[at] = structure
    this.#addSpans(line)
    this.first[at + 1] = this.length
  }

  #addSpans(line: TraceLine): void {
    const from = this.length * SPAN_FIELDS
    if (from + line.s.length > this.spans.length) {
      const grown = new Int32Array(Math.max(this.spans.length * 2, from + line.s.length))
      grown.set(this.spans)
      this.spans = grown
    }
    this.spans.set(line.s, from)
    this.length += line.s.length / SPAN_FIELDS
  }
}

/** `take` is told the number of the line too, from 1. */
async function eachLine(path: string, take: (text: string, line: number) => void): Promise<void> {
  let rest: Buffer = Buffer.alloc(0)
  let line = 0
  const takeLine = (bytes: Buffer): void => {
    line++
    if (bytes.length > 0) take(bytes.toString('latin1'), line)
  }
  const unpacked = createGunzip()
  const file = createReadStream(path).on('error', error => unpacked.destroy(error))
  try {
    for await (const chunk of file.pipe(unpacked)) {
      const bytes = rest.length > 0 ? Buffer.concat([rest, chunk]) : (chunk as Buffer)
      let from = 0
      for (let end = bytes.indexOf(10); end >= 0; end = bytes.indexOf(10, from)) {
        takeLine(bytes.subarray(from, end))
        from = end + 1
      }
      rest = bytes.subarray(from)
    }
  } finally {
    file.destroy()
  }
  takeLine(rest)
}

function serviceName(operation: string): string {
  const bar = operation.indexOf('|')
  return bar < 0 ? '' : operation.slice(0, bar)
}

function fail(directory: string, why: string): MillraceError {
  return new MillraceError('MILLRACE_SAMPLER_RECORDING', `${directory}: ${why}`)
}
