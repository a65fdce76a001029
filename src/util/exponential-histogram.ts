/**
 * A histogram of non-negative values whose buckets grow by a constant factor and become coarser when the values need it,
 * as OpenTelemetry's data model has it: bucket i holds what lies in (base^i, base^(i+1)], base = 2^(2^-scale).
 * Apart because several components keep such histograms, and because it knows nothing of bytes.
 */

const MAX_SCALE = 20
export const DEFAULT_MAX_SIZE = 160
export const MIN_SIZE = 2
export const LARGEST_MAX_SIZE = 16_384

const MIN_NORMAL_EXPONENT = -1022
const MAX_NORMAL_EXPONENT = 1023
const MIN_NORMAL = 2 ** MIN_NORMAL_EXPONENT
const FIRST_SIZE = 4

const float = new Float64Array(1)
const words = new Uint32Array(float.buffer)

export class ExponentialHistogram {
  readonly maxSize: number
  #scale = MAX_SCALE
  #scaleFactor = Math.LOG2E * 2 ** MAX_SCALE
  count = 0
  sum = 0
  zeroCount = 0
  /** Meaningful once something was counted. */
  min = 0
  max = 0
  /** Index of the first bucket. */
  offset = 0
  /** Buckets in use, from `offset` on. */
  length = 0
  #counts = new Float64Array(FIRST_SIZE)

  constructor(maxSize = DEFAULT_MAX_SIZE) {
    this.maxSize = maxSize
  }

  /** 0 while nothing but zeros was counted. */
  get scale(): number {
    return this.count === this.zeroCount ? 0 : this.#scale
  }

  /** Count of bucket `offset + i`. */
  at(i: number): number {
    return this.#counts[i]
  }

  // hot: bench/micro/spanmetrics.ts
  /** Counts `value`, which is finite and not negative, `times` times. */
  add(value: number, times = 1): void {
    if (times === 0) return
    if (this.count === 0) this.min = this.max = value
    else if (value < this.min) this.min = value
    else if (value > this.max) this.max = value
    this.count += times
    if (value === 0) {
      this.zeroCount += times
      return
    }
    this.sum += value * times
    let index = this.#indexOf(value)
    const at = index - this.offset
    // As it mostly is.
    if (at >= 0 && at < this.length) {
      this.#counts[at] += times
      return
    }
    if (this.length === 0) this.offset = index
    const low = Math.min(index, this.offset)
    const high = Math.max(index, this.offset + Math.max(this.length, 1) - 1)
    if (high - low >= this.maxSize) {
      this.#coarsen(low, high)
      index = this.#indexOf(value)
    }
    this.#reach(index)
    this.#counts[index - this.offset] += times
  }

  /** Makes the range of buckets hold `index`. */
  #reach(index: number): void {
    const { offset, length } = this
    if (index >= offset && index < offset + length) return
    const first = length === 0 ? index : Math.min(index, offset)
    const size = Math.max(index, offset + length - 1) - first + 1
    const shift = offset - first
    if (size > this.#counts.length) {
      const grown = new Float64Array(Math.min(this.maxSize, Math.max(size, length * 2)))
      grown.set(this.#counts.subarray(0, length), shift)
      this.#counts = grown
    } else if (shift > 0 && length > 0) {
      this.#counts.copyWithin(shift, 0, length)
      this.#counts.fill(0, 0, shift)
    }
    this.offset = first
    this.length = size
  }

  /** Halves the resolution until `low` to `high` fit. */
  #coarsen(low: number, high: number): void {
    let change = 0
    while (high - low >= this.maxSize) {
      low >>= 1
      high >>= 1
      change++
    }
    const counts = this.#counts
    const first = this.offset >> change
    for (let i = 0; i < this.length; i++) {
      const to = ((this.offset + i) >> change) - first
      const count = counts[i]
      counts[i] = 0
      counts[to] += count
    }
    if (this.length > 0) this.length = ((this.offset + this.length - 1) >> change) - first + 1
    this.offset = first
    this.#scale -= change
    this.#scaleFactor = Math.LOG2E * 2 ** this.#scale
  }

  #indexOf(value: number): number {
    const scale = this.#scale
    float[0] = value
    const exponent = ((words[1] >>> 20) & 0x7ff) - 1023
    const isPower = words[0] === 0 && (words[1] & 0xf_ffff) === 0
    if (scale <= 0) {
      if (value < MIN_NORMAL) return smallestIndex(-scale)
      return (exponent - (isPower ? 1 : 0)) >> -scale
    }
    if (value <= MIN_NORMAL) return (MIN_NORMAL_EXPONENT << scale) - 1
    if (isPower) return (exponent << scale) - 1
    const highest = (MAX_NORMAL_EXPONENT + 1) * 2 ** scale - 1
    return Math.min(Math.floor(Math.log(value) * this.#scaleFactor), highest)
  }
}

/** 2^-1022 is a multiple of a power of two at the finest of these scales, so it belongs to the bucket below. */
function smallestIndex(shift: number): number {
  const index = MIN_NORMAL_EXPONENT >> shift
  return shift < 2 ? index - 1 : index
}
