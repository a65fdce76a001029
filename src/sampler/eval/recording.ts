/**
 * A recording of traces with labels, as columns. The format on disk: `traces.jsonl.gz`, `labels.csv.gz`, `dict.json`,
 * `faults.json` in one folder; a line of traces holds five integers a span (operation, pod, parent, offset, duration).
 */
import { createReadStream } from 'node:fs'
import { readFile } from 'node:fs/promises'
import { basename, join, resolve } from 'node:path'
import { createGunzip, gunzipSync } from 'node:zlib'
import { MillraceError } from '../../errors.ts'

/** Integers a span has in `spans`. */
export const SPAN_FIELDS = 5
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

export interface Fault {
  readonly kind: string
  readonly target: string
}

interface TraceLine {
  readonly id: string
  readonly t0: number
  readonly h: string
  readonly s: readonly number[]
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
  const { ops } = JSON.parse(await readFile(join(directory, 'dict.json'), 'utf8')) as {
    ops: string[]
  }
  const labels = parseLabels(gunzipSync(await readFile(join(directory, 'labels.csv.gz'))))
  const columns = new Columns(labels.label.length, ops.length)
  await eachLine(join(directory, 'traces.jsonl.gz'), line => {
    columns.add(JSON.parse(line) as TraceLine)
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
    faults: await readFaults(directory),
  }
}

async function readFaults(directory: string): Promise<Fault[]> {
  const rows = JSON.parse(await readFile(join(directory, 'faults.json'), 'utf8')) as {
    type: string
    pod: string
  }[]
  return rows.map(row => ({ kind: row.type, target: row.pod }))
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
  readonly #operations: number

  constructor(traces: number, operations: number) {
    this.start = new Float64Array(traces)
    this.ids = new Uint8Array(traces * 16)
    this.first = new Uint32Array(traces + 1)
    this.structure = new Int32Array(traces)
    this.spans = new Int32Array(traces * SPAN_FIELDS * 16)
    this.#operations = operations
  }

  add(line: TraceLine): void {
    const at = this.traces++
    if (at >= this.start.length) return
    if (line.s.length % SPAN_FIELDS !== 0)
      throw new Error(`trace ${line.id}: not five integers a span`)
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
    const count = line.s.length / SPAN_FIELDS
    const from = this.length * SPAN_FIELDS
    if (from + line.s.length > this.spans.length) {
      const grown = new Int32Array(Math.max(this.spans.length * 2, from + line.s.length))
      grown.set(this.spans)
      this.spans = grown
    }
    this.spans.set(line.s, from)
    for (let i = 0; i < count; i++) {
      const span = from + i * SPAN_FIELDS
      const operation = this.spans[span + SPAN_OPERATION]
      const parent = this.spans[span + SPAN_PARENT]
      if (operation < 0 || operation >= this.#operations || parent < -1 || parent >= count) {
        throw new Error(`trace ${line.id}: span ${i} points outside`)
      }
    }
    this.length += count
  }
}

function parseLabels(bytes: Buffer): { label: Uint8Array; fault: Int16Array } {
  const lines = bytes.toString('utf8').split('\n')
  const rows = lines.slice(1).filter(line => line !== '')
  const label = new Uint8Array(rows.length)
  const fault = new Int16Array(rows.length)
  rows.forEach((row, i) => {
    const cells = row.split(',')
    label[i] = Number(cells[0])
    fault[i] = Number(cells[1])
  })
  return { label, fault }
}

async function eachLine(path: string, take: (line: string) => void): Promise<void> {
  let rest: Buffer = Buffer.alloc(0)
  for await (const chunk of createReadStream(path).pipe(createGunzip())) {
    let bytes = chunk as Buffer
    if (rest.length > 0) bytes = Buffer.concat([rest, bytes])
    let from = 0
    for (let end = bytes.indexOf(10); end >= 0; end = bytes.indexOf(10, from)) {
      if (end > from) take(bytes.toString('latin1', from, end))
      from = end + 1
    }
    rest = bytes.subarray(from)
  }
  if (rest.length > 0) take(rest.toString('latin1'))
}

function serviceName(operation: string): string {
  const bar = operation.indexOf('|')
  return bar < 0 ? '' : operation.slice(0, bar)
}

function fail(directory: string, why: string): MillraceError {
  return new MillraceError('MILLRACE_SAMPLER_RECORDING', `${directory}: ${why}`)
}
