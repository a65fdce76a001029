/** Series of one metric of one resource, found again by their keys' bytes. */
import type { MadeExemplars } from '../../otlp/metrics-writer.ts'
import { ExponentialHistogram } from '../../util/exponential-histogram.ts'
import type { KeyBuffer } from './key-buffer.ts'

/** Trace id and span id. */
export const EXEMPLAR_BYTES = 24
/** Of a series besides its key, its attributes and its buckets. */
const SERIES_BYTES = 400
const FIRST_SLOTS = 16

/** How durations are kept. */
export interface HistogramShape {
  /** In the unit of durations; null for exponential histograms. */
  readonly bounds: readonly number[] | null
  readonly maxSize: number
}

export class Exemplars implements MadeExemplars {
  length = 0
  readonly ids: Uint8Array
  readonly values: Float64Array

  constructor(most: number) {
    this.ids = new Uint8Array(most * EXEMPLAR_BYTES)
    this.values = new Float64Array(most)
  }

  /** The first ones of a flush interval are kept. */
  add(bytes: Uint8Array, trace: number, span: number, spanEnd: number, value: number): void {
    if (this.length === this.values.length) return
    const at = this.length * EXEMPLAR_BYTES
    for (let i = 0; i < 16; i++) this.ids[at + i] = bytes[trace + i]
    for (let i = 0; i < 8; i++) this.ids[at + 16 + i] = span + i < spanEnd ? bytes[span + i] : 0
    this.values[this.length++] = value
  }
}

export class Series {
  readonly key: Int32Array
  readonly hash: number
  /** The content of each KeyValue. */
  readonly attributes: readonly Uint8Array[]
  readonly startMs: number
  /** What was reserved for it. */
  readonly bytes: number
  lastSeenMs: number
  count = 0
  /** A cumulative count is told as 0 at first, so that its rise is seen. */
  isFirst = true
  /** The rest belongs to durations. */
  observed = 0
  sum = 0
  readonly buckets: Float64Array | null
  exponential: ExponentialHistogram | null
  exemplars: Exemplars | null = null

  constructor(
    key: Int32Array,
    hash: number,
    attributes: readonly Uint8Array[],
    nowMs: number,
    bytes: number,
    shape: HistogramShape | null,
  ) {
    this.key = key
    this.hash = hash
    this.attributes = attributes
    this.startMs = this.lastSeenMs = nowMs
    this.bytes = bytes
    this.buckets =
      shape === null || shape.bounds === null ? null : new Float64Array(shape.bounds.length + 1)
    this.exponential =
      shape === null || shape.bounds !== null ? null : new ExponentialHistogram(shape.maxSize)
  }

  // hot: bench/micro/spanmetrics.ts
  observe(value: number, times: number, bounds: readonly number[] | null): void {
    const { buckets } = this
    if (buckets === null || bounds === null) {
      this.exponential?.add(value, times)
      return
    }
    this.observed += times
    this.sum += value * times
    let low = 0
    let high = bounds.length
    while (low < high) {
      const middle = (low + high) >>> 1
      if (bounds[middle] < value) low = middle + 1
      else high = middle
    }
    buckets[low] += times
  }

  clearDurations(): void {
    this.observed = this.sum = 0
    this.buckets?.fill(0)
    if (this.exponential !== null) {
      this.exponential = new ExponentialHistogram(this.exponential.maxSize)
    }
  }
}

/** What a series costs, for the memory budget. */
export function seriesBytes(
  key: number,
  attributes: readonly Uint8Array[],
  shape: HistogramShape | null,
  exemplars: number,
): number {
  let bytes = SERIES_BYTES + key
  for (const each of attributes) bytes += each.length + 100
  if (shape !== null) bytes += 8 * (shape.bounds === null ? shape.maxSize : shape.bounds.length)
  return bytes + exemplars * (EXEMPLAR_BYTES + 8)
}

export class SeriesTable {
  readonly all: Series[] = []
  /** What was too much; made when it is needed. */
  overflow: Series | null = null
  /** Takes nothing but what is too much. */
  isClosed = false
  /** Number of a series + 1; 0 = free. Never more than half full. */
  #slots = new Int32Array(FIRST_SLOTS)

  // hot: bench/micro/spanmetrics.ts
  find(key: KeyBuffer, hash: number): Series | undefined {
    const slots = this.#slots
    const mask = slots.length - 1
    for (let slot = hash & mask; ; slot = (slot + 1) & mask) {
      const number = slots[slot]
      if (number === 0) return undefined
      const series = this.all[number - 1]
      if (series.hash === hash && isKey(series.key, key)) return series
    }
  }

  add(series: Series): void {
    this.all.push(series)
    if (this.all.length * 2 > this.#slots.length) this.#rebuild(this.#slots.length * 2)
    else this.#place(series.hash, this.all.length)
  }

  /** Forgets those that `isOver` says; returns them. */
  sweep(isOver: (series: Series) => boolean): Series[] {
    const gone: Series[] = []
    let kept = 0
    for (const series of this.all) {
      if (isOver(series)) gone.push(series)
      else this.all[kept++] = series
    }
    this.all.length = kept
    if (gone.length > 0) this.#rebuild(this.#slots.length)
    if (this.overflow !== null && isOver(this.overflow)) this.overflow = null
    return gone
  }

  #rebuild(size: number): void {
    this.#slots = new Int32Array(size)
    for (const [i, { hash }] of this.all.entries()) this.#place(hash, i + 1)
  }

  #place(hash: number, number: number): void {
    const mask = this.#slots.length - 1
    let slot = hash & mask
    while (this.#slots[slot] !== 0) slot = (slot + 1) & mask
    this.#slots[slot] = number
  }
}

function isKey(key: Int32Array, { words, size }: KeyBuffer): boolean {
  if (key.length !== size) return false
  for (let i = 0; i < size; i++) if (key[i] !== words[i]) return false
  return true
}
