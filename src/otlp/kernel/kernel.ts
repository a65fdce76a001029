/**
 * Loads the WebAssembly kernel and moves requests in and index rows and slots out. Falls back to the JavaScript twin without SIMD.
 */
import { existsSync, readFileSync } from 'node:fs'
import { levelCount, MAX_ROWS, type RequestIndex, ROW, type WireFault } from '../request-index.ts'
import type { Signal } from '../signal.ts'
import { ROOT_MESSAGE } from './field-tables.ts'
import { indexRequestReference } from './reference.ts'
import { ROW_WORDS, SLOT } from './slot-layout.ts'
import type { SlotTable } from './slot-table.ts'
import { FACT_WORDS } from './span-facts.ts'

interface KernelExports {
  readonly memory: WebAssembly.Memory
  state(): number
  layOut(room0: number, room1: number, room2: number, room3: number, room4: number): number
  run(root: number, length: number): number
  scan(table: number, rows: number, count: number, at: number, out: number): void
  spans(first: number, last: number, out: number): void
}

/** By fault code; see `assembly/state.ts`. */
const FAULTS: readonly WireFault['fault'][] = [
  'truncated', // no fault has code 0
  'truncated',
  'varint_overrun',
  'field_zero',
  'wire_type',
  'group',
  'depth',
  'utf8',
  'too_many_items',
]
const NO_ROOM = -1
/** Words of the state block. */
const FAULT_OFFSET = 5
const ROWS_AT = 8

const PAGE = 65_536
/** The kernel may read so far behind a request. */
const PADDING = 16
/**
 * The kernel in constant use keeps at most so many bytes of request and so many of rows, about 3 MiB in all. What is larger
 * runs in an instance that the garbage collector may take.
 */
const KEPT_REQUEST_BYTES = 2 << 20
const KEPT_ROW_BYTES = 1 << 20
const BYTES_PER_ROW = ROW * 4
/** Rows that a new instance has room for, for each level. It gets more when a request needs more. */
const FIRST_ROOM: readonly number[] = [16, 64, 1024, 256, 1024]
/** Few senders have smaller items; for the first estimate of a large request. */
const BYTES_PER_ITEM = 128
/** Up to so many numbers a loop copies faster than `slice`. */
const LOOP_COPY = 256
/** Typed arrays up to this size live in the JavaScript heap; larger ones are allocated one by one outside of it. */
const IN_HEAP = 16
/**
 * Rows of middling size are cut out of slabs, which spares the allocation and its collection for each request. A slab
 * lives as long as any of its rows; small slabs keep that from holding much.
 */
const SLAB_NUMBERS = 4096

class Kernel {
  readonly #exports: KernelExports
  /** First word of the state block. */
  readonly #state: number
  readonly #maxRowBytes: number
  readonly #room: number[]
  #requestAt: number
  #bytes: Uint8Array
  #words: Int32Array
  /** Of the request that still lies in the kernel's memory, so that a scan need not copy it again. At most KEPT_ROW_BYTES. */
  #lying: RequestIndex | null = null

  constructor(module: WebAssembly.Module, room: readonly number[], maxRowBytes: number) {
    this.#room = [...room]
    this.#exports = new WebAssembly.Instance(module, {}).exports as unknown as KernelExports
    this.#maxRowBytes = maxRowBytes
    this.#state = this.#exports.state() / 4
    this.#requestAt = this.#layOut()
    this.#bytes = new Uint8Array(this.#exports.memory.buffer)
    this.#words = new Int32Array(this.#exports.memory.buffer)
  }

  /** Null when the rows would take more than this instance may keep. */
  // hot: bench/micro/validate.ts
  index(signal: Signal, request: Uint8Array): RequestIndex | WireFault | null {
    this.#lying = null
    for (;;) {
      this.#reserve(this.#requestAt + request.length + PADDING)
      this.#bytes.set(request, this.#requestAt)
      const code = this.#exports.run(ROOT_MESSAGE[signal], request.length)
      if (code === 0) return (this.#lying = this.#copyOut(signal))
      if (code !== NO_ROOM) {
        return { fault: FAULTS[code], offset: this.#words[this.#state + FAULT_OFFSET] }
      }
      if (!this.#makeRoom()) return null
    }
  }

  holds(index: RequestIndex): boolean {
    return index === this.#lying
  }

  /**
   * Slots of rows, each given as start, end and root node; see `slots-reference.ts`. A request that does not lie here is copied
   * in from the first row's start to the last row's end.
   */
  scan(
    table: SlotTable,
    request: Uint8Array,
    index: RequestIndex,
    rows: Int32Array,
    out: Int32Array,
  ): void {
    const count = rows.length / ROW_WORDS
    const lying = this.holds(index)
    const from = lying ? 0 : rows[0]
    const length = lying ? request.length : rows[rows.length - 2] - from
    const tableAt = align(this.#requestAt + length + PADDING)
    const rowsAt = align(tableAt + table.bytes.length)
    const outAt = align(rowsAt + rows.length * 4)
    const words = count * table.slots * SLOT
    this.#reserve(outAt + words * 4)
    if (!lying) {
      this.#lying = null
      this.#bytes.set(request.subarray(from, from + length), this.#requestAt)
    }
    this.#bytes.set(table.bytes, tableAt)
    this.#words.set(rows, rowsAt >>> 2)
    this.#exports.scan(tableAt, rowsAt, count, this.#requestAt - from, outAt)
    out.set(this.#words.subarray(outAt >>> 2, (outAt >>> 2) + words))
  }

  /** Of a request that lies here; see `span-facts.ts`. What stands there is overwritten by the next call of whatever kind. */
  spans(request: Uint8Array, first: number, last: number): Int32Array {
    const outAt = align(this.#requestAt + request.length + PADDING)
    const end = outAt + (last - first) * FACT_WORDS * 4
    this.#reserve(end)
    this.#exports.spans(first, last, outAt)
    return this.#words.subarray(outAt >>> 2, end >>> 2)
  }

  #copyOut(signal: Signal): RequestIndex {
    const words = this.#words
    const state = this.#state
    const count = levelCount(signal)
    const levels: Int32Array[] = []
    for (let level = 0; level < count; level++) {
      const length = words[state + level] * ROW
      const at = words[state + ROWS_AT + level] >>> 2
      if (length > LOOP_COPY) levels.push(words.slice(at, at + length))
      else {
        const rows = allocateRows(length)
        for (let i = 0; i < length; i++) rows[i] = words[at + i]
        levels.push(rows)
      }
    }
    return { signal, levels, items: words[state + count - 1] }
  }

  /** Room for the rows that the last run counted, and some more, so that similar requests need one run. */
  #makeRoom(): boolean {
    const room = this.#room.map((had, level) => {
      const needed = this.#words[this.#state + level]
      return needed > had ? Math.min(needed + (needed >>> 2), MAX_ROWS) : had
    })
    if (room.reduce((sum, rows) => sum + rows, 0) * BYTES_PER_ROW > this.#maxRowBytes) return false
    for (let level = 0; level < room.length; level++) this.#room[level] = room[level]
    this.#requestAt = this.#layOut()
    return true
  }

  #layOut(): number {
    const [room0, room1, room2, room3, room4] = this.#room
    return this.#exports.layOut(room0, room1, room2, room3, room4)
  }

  /** Views die when memory grows. */
  #reserve(end: number): void {
    const missing = end - this.#bytes.length
    if (missing <= 0) return
    this.#exports.memory.grow(Math.ceil(missing / PAGE))
    this.#bytes = new Uint8Array(this.#exports.memory.buffer)
    this.#words = new Int32Array(this.#exports.memory.buffer)
  }
}

function align(at: number): number {
  return (at + 15) & ~15
}

let slab = new Int32Array(0)
let slabUsed = 0

function allocateRows(length: number): Int32Array {
  if (length <= IN_HEAP) return new Int32Array(length)
  if (slabUsed + length > slab.length) {
    slab = new Int32Array(SLAB_NUMBERS)
    slabUsed = 0
  }
  slabUsed += length
  return slab.subarray(slabUsed - length, slabUsed)
}

const MODULE = loadModule()
const KEPT = MODULE === null ? null : new Kernel(MODULE, FIRST_ROOM, KEPT_ROW_BYTES)
/** The instance for large requests, as long as no garbage collection has come by since its last use. */
let passing: WeakRef<Kernel> | null = null

/** Which of the twins runs in this process. */
export function kernelName(): 'wasm' | 'js' {
  return KEPT === null ? 'js' : 'wasm'
}

/** Checks a whole export request and says where its groups and items stand. Never throws for what the bytes hold. */
export function indexRequest(signal: Signal, request: Uint8Array): RequestIndex | WireFault {
  if (KEPT === null || MODULE === null) return indexRequestReference(signal, request)
  if (request.length <= KEPT_REQUEST_BYTES) {
    const result = KEPT.index(signal, request)
    if (result !== null) return result
  }
  return indexLarge(MODULE, signal, request)
}

/** Whether the kernel can scan rows without copying them. */
export function isInKernel(index: RequestIndex): boolean {
  return KEPT?.holds(index) === true
}

/** False without a kernel; the twin has the same parameters. */
export function scanInKernel(
  table: SlotTable,
  request: Uint8Array,
  index: RequestIndex,
  rows: Int32Array,
  out: Int32Array,
): boolean {
  KEPT?.scan(table, request, index, rows, out)
  return KEPT !== null
}

/**
 * What holders of spans want to know of the spans `first` to `last` - 1 of a request of traces: rows as in `span-facts.ts`,
 * to be read before the kernel is used again. Null when the request is not in the kernel any more.
 */
export function spanFacts(
  request: Uint8Array,
  index: RequestIndex,
  first: number,
  last: number,
): Int32Array | null {
  return KEPT?.holds(index) === true ? KEPT.spans(request, first, last) : null
}

/** Where WebAssembly memory cannot be had, the twin still does the work. */
function indexLarge(
  module: WebAssembly.Module,
  signal: Signal,
  request: Uint8Array,
): RequestIndex | WireFault {
  try {
    let kernel = passing?.deref()
    if (kernel === undefined) {
      const more = Math.floor(request.length / BYTES_PER_ITEM)
      const room = FIRST_ROOM.map((rows, level) =>
        level < 2 ? rows : Math.min(rows + more, MAX_ROWS),
      )
      kernel = new Kernel(module, room, Number.POSITIVE_INFINITY)
      passing = new WeakRef(kernel)
    }
    return kernel.index(signal, request) ?? indexRequestReference(signal, request)
  } catch (error) {
    if (error instanceof RangeError) return indexRequestReference(signal, request)
    throw error
  }
}

/** The package's `dist` holds the binary, both when this file runs from there and from `src`. */
function loadModule(): WebAssembly.Module | null {
  if (process.env.MILLRACE_KERNEL === 'js') return null
  const beside = new URL('kernel.wasm', import.meta.url)
  const built = new URL('../../../dist/otlp/kernel/kernel.wasm', import.meta.url)
  const file = existsSync(beside) ? beside : built
  try {
    return new WebAssembly.Module(readFileSync(file))
  } catch (error) {
    if (process.env.MILLRACE_KERNEL === 'wasm') throw error
    return null
  }
}
