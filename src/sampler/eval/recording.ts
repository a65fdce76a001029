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

const TRACES = 'traces.jsonl.gz'
const LABELS = 'labels.csv.gz'
/** A trace of 10,000 spans has less than one. */
const MOST_LINE_BYTES = 64 << 20
const NEWLINE = 10

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
  const packed = await readFile(join(directory, LABELS))
  const labels = parseLabels(named(LABELS, () => gunzipSync(packed).toString('utf8')))
  if (labels.label.length === 0) throw fail(directory, 'there are no traces in it')
  const columns = new Columns(labels.label.length)
  await eachLine(directory, TRACES, (text, line) => {
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
async function eachLine(
  directory: string,
  name: string,
  take: (text: string, line: number) => void,
): Promise<void> {
  const lines = new Lines(name, take)
  const unpacked = createGunzip()
  const file = createReadStream(join(directory, name)).on('error', error => unpacked.destroy(error))
  unpacked.on('error', error => nameFault(name, error))
  try {
    for await (const chunk of file.pipe(unpacked)) lines.add(chunk as Buffer)
  } finally {
    file.destroy()
  }
  lines.end()
}

/** Puts lines together that come in pieces. */
class Lines {
  readonly #name: string
  readonly #take: (text: string, line: number) => void
  #line = 1
  #begun: Buffer[] = []
  #begunBytes = 0

  constructor(name: string, take: (text: string, line: number) => void) {
    this.#name = name
    this.#take = take
  }

  add(bytes: Buffer): void {
    let from = 0
    for (let end = bytes.indexOf(NEWLINE); end >= 0; end = bytes.indexOf(NEWLINE, from)) {
      this.#begin(bytes.subarray(from, end))
      this.end()
      from = end + 1
    }
    this.#begin(bytes.subarray(from))
  }

  end(): void {
    const bytes = this.#begun.length === 1 ? this.#begun[0] : Buffer.concat(this.#begun)
    this.#begun = []
    this.#begunBytes = 0
    if (bytes.length > 0) this.#take(bytes.toString('latin1'), this.#line)
    this.#line++
  }

  #begin(bytes: Buffer): void {
    this.#begunBytes += bytes.length
    if (this.#begunBytes > MOST_LINE_BYTES) {
      const limit = MOST_LINE_BYTES >> 20
      throw new Error(`${this.#name}, line ${this.#line}: longer than ${limit} MiB`)
    }
    if (bytes.length > 0) this.#begun.push(bytes)
  }
}

function serviceName(operation: string): string {
  const bar = operation.indexOf('|')
  return bar < 0 ? '' : operation.slice(0, bar)
}

/** Faults of a library do not say in which file. */
function named<T>(name: string, read: () => T): T {
  try {
    return read()
  } catch (error) {
    throw nameFault(name, error as Error)
  }
}

function nameFault(name: string, error: Error & { readonly code?: string }): Error {
  // Of the file system they do.
  if (error.code?.startsWith('E') !== true) error.message = `${name}: ${error.message}`
  return error
}

function fail(directory: string, why: string): MillraceError {
  return new MillraceError('MILLRACE_SAMPLER_RECORDING', `${directory}: ${why}`)
}
