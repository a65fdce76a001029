/** A metrics request written anew with some metrics exchanged and others added at the end of their scope. */
import type { Part } from '../../core/batch.ts'
import { END, PARENT, type RequestIndex, ROW, START, TAG } from '../../otlp/request-index.ts'
import { Writer } from '../../otlp/wire-writer.ts'
import { METRIC_LEVEL } from '../../rules/contexts/cursor.ts'
import type { MetricOutbox } from './metric-outbox.ts'
import { ADDED } from './reshape-marks.ts'

/** Field numbers of resource groups in the request, scopes in them, metrics in these. */
const NUMBERS = [1, 2, 2]

/** `marks` are the given ones by metric, with those of added metrics between them. */
export function writeRequest(
  part: Part,
  outbox: MetricOutbox,
  marks: Uint8Array,
): { readonly bytes: Uint8Array; readonly marks: Uint8Array } {
  const writing = new RequestWriting(part.payload.bytes, part.index, outbox, marks)
  writing.children(0, 0, 0, part.payload.bytes.length)
  return { bytes: writing.writer.finish(), marks: Uint8Array.from(writing.marks) }
}

class RequestWriting {
  readonly writer: Writer
  readonly marks: number[] = []
  readonly #bytes: Uint8Array
  readonly #index: RequestIndex
  readonly #outbox: MetricOutbox
  readonly #given: Uint8Array
  /** By level: the row that comes next. */
  readonly #next = [0, 0, 0]

  constructor(bytes: Uint8Array, index: RequestIndex, outbox: MetricOutbox, given: Uint8Array) {
    this.writer = new Writer(bytes.length + 1024)
    this.#bytes = bytes
    this.#index = index
    this.#outbox = outbox
    this.#given = given
  }

  /** The content of a group, `start` to `end`, with the rows of `level` that are in it. */
  children(level: number, parent: number, start: number, end: number): void {
    const rows = this.#index.levels[level]
    const added: Uint8Array[] = []
    let pos = start
    for (; this.#next[level] * ROW < rows.length; this.#next[level]++) {
      const row = this.#next[level]
      const at = row * ROW
      if (level > 0 && rows[at + PARENT] !== parent) break
      this.writer.raw(this.#bytes.subarray(pos, rows[at + TAG]))
      pos = rows[at + END]
      if (level === METRIC_LEVEL) {
        this.#metric(row)
        added.push(...(this.#outbox.added.get(row) ?? []))
        continue
      }
      this.writer.begin(NUMBERS[level])
      this.children(level + 1, row, rows[at + START], rows[at + END])
      this.writer.end()
    }
    this.writer.raw(this.#bytes.subarray(pos, end))
    for (const metric of added) {
      this.writer.bytes(NUMBERS[METRIC_LEVEL], metric)
      this.marks.push(ADDED)
    }
  }

  #metric(row: number): void {
    const rows = this.#index.levels[METRIC_LEVEL]
    const replaced = this.#outbox.replaced.get(row)
    if (replaced !== undefined) this.writer.bytes(NUMBERS[METRIC_LEVEL], replaced)
    else this.writer.raw(this.#bytes.subarray(rows[row * ROW + TAG], rows[row * ROW + END]))
    this.marks.push(this.#given[row])
  }
}
