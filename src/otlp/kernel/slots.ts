/**
 * Slots of the rows of one level, for rules: what a table wants, found by one walk over each row's bytes in the kernel. Rows
 * are scanned some hundred at a time, so a reader's memory does not grow with the request.
 *
 * ```
 * rows of the level:  0 1 2 3 | 4 5 6 7 | 8 ...        words = the slots of the rows of one window
 *                               ^ at(5)
 * ```
 */
import { END, PARENT, type RequestIndex, ROW, START, TAG } from '../request-index.ts'
import { isInKernel, scanInKernel } from './kernel.ts'
import { ROW_WORDS, SLOT } from './slot-layout.ts'
import { compileSlotTable, hasSlot, type SlotTable, type WantedSlot } from './slot-table.ts'
import { scanReference } from './slots-reference.ts'

export { compileSlotTable, hasSlot, type SlotTable, type WantedSlot }

/** Bounds of a window: 256 KiB of slots, and of request where it has to be copied into the kernel. */
const WINDOW_WORDS = 65_536
const WINDOW_ROWS = 512
const COPIED_BYTES = 262_144

const METRIC_LEVEL = 2
const DATA_LEVEL = 3
const POINT_LEVEL = 4

/** Reads one request at a time; kept by its owner and opened again for the next one. */
export class SlotRows {
  readonly table: SlotTable
  /** Slots of the rows in the window, `table.slots` a row. */
  words: Int32Array = new Int32Array(0)
  readonly #windowRows: number
  #bytes: Uint8Array | null = null
  #index: RequestIndex | null = null
  #rows: Int32Array = new Int32Array(0)
  /** The rows of a window as the scanner takes them. */
  #wanted: Int32Array = new Int32Array(0)
  #from = 0
  #to = 0

  constructor(table: SlotTable) {
    this.table = table
    const most = Math.floor(WINDOW_WORDS / Math.max(1, table.slots * SLOT))
    this.#windowRows = Math.max(1, Math.min(most, WINDOW_ROWS))
  }

  open(bytes: Uint8Array, index: RequestIndex): void {
    this.#bytes = bytes
    this.#index = index
    this.#rows = index.levels[this.table.level]
    this.#from = this.#to = 0
  }

  /** Lets the request go. */
  close(): void {
    this.#bytes = null
    this.#index = null
    this.#rows = new Int32Array(0)
    this.#from = this.#to = 0
  }

  /** Where the first slot of a row stands in `words`. The words before may be gone after it. */
  at(row: number): number {
    if (row < this.#from || row >= this.#to) this.#scan(row)
    return (row - this.#from) * this.table.slots * SLOT
  }

  /** The slots of a row whose content was changed and stands elsewhere now; offsets are into `bytes`. */
  scanCopy(row: number, bytes: Uint8Array, start: number, end: number): Int32Array {
    const [, , root] = this.#list(row, row + 1)
    const words = new Int32Array(this.table.slots * SLOT)
    scanReference(this.table, bytes, Int32Array.of(start, end, root), words)
    return words
  }

  #scan(first: number): void {
    const bytes = this.#bytes
    const index = this.#index
    if (bytes === null || index === null) throw new Error('slots read while no request is open')
    const copied = !isInKernel(index)
    const last = this.#endOfWindow(first, copied)
    const rows = this.#list(first, last)
    const words = (last - first) * this.table.slots * SLOT
    if (this.words.length < words) this.words = new Int32Array(words)
    const far = copied && !isWorthCopying(this.table, rows)
    if (far || !scanInKernel(this.table, bytes, index, rows, this.words)) {
      scanReference(this.table, bytes, rows, this.words)
    }
    this.#from = first
    this.#to = last
  }

  #endOfWindow(first: number, copied: boolean): number {
    const rows = this.#rows
    const last = Math.min(first + this.#windowRows, rows.length / ROW)
    if (!copied) return last
    const limit = rows[first * ROW + START] + COPIED_BYTES
    let end = first + 1
    while (end < last && rows[end * ROW + END] <= limit) end++
    return end
  }

  #list(first: number, last: number): Int32Array {
    const length = (last - first) * ROW_WORDS
    if (this.#wanted.length < length) this.#wanted = new Int32Array(length)
    const wanted = this.#wanted
    const rows = this.#rows
    const { root, level } = this.table
    let to = 0
    for (let at = first * ROW; at < last * ROW; at += ROW) {
      wanted[to++] = rows[at + START]
      wanted[to++] = rows[at + END]
      wanted[to++] = level === POINT_LEVEL ? this.#pointRoot(rows[at + PARENT]) : root
    }
    return wanted.subarray(0, length)
  }

  /** By the field of the metric that the point's data stands in. */
  #pointRoot(data: number): number {
    const tag = this.#bytes![this.#index!.levels[DATA_LEVEL][data * ROW + TAG]]
    return this.table.pointRoots[(tag & 0x7f) >>> 3]
  }
}

/** Opens a new reader; whoever scans request after request keeps one instead. */
export function scanSlots(table: SlotTable, bytes: Uint8Array, index: RequestIndex): SlotRows {
  const rows = new SlotRows(table)
  rows.open(bytes, index)
  return rows
}

/** Groups hold all that is below them: few steps for the twin, many bytes for a copy. The same goes for one huge row. */
function isWorthCopying(table: SlotTable, rows: Int32Array): boolean {
  if (table.level < METRIC_LEVEL || (table.signal === 'metrics' && table.level === METRIC_LEVEL)) {
    return false
  }
  return rows[rows.length - 2] - rows[0] <= COPIED_BYTES
}
