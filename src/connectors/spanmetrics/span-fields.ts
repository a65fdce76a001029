/**
 * Where the fields of one span stand that metrics are made of, found in one walk over its bytes without decoding any. Of
 * attributes only those are noted that are dimensions; where a key occurs twice the first one counts, as upstream.
 */
import { KeyValueCursor } from '../../otlp/any-value.ts'
import { readFixed32, readVarint32, skipValue, skipVarint } from '../../otlp/wire-reader.ts'

/** Tags of Span: number << 3 | wire type. */
const TRACE_ID = 0x0a
const SPAN_ID = 0x12
const TRACE_STATE = 0x1a
const NAME = 0x2a
const KIND = 0x30
const START = 0x39
const END = 0x41
const ATTRIBUTE = 0x4a
const EVENT = 0x5a
const STATUS = 0x7a
/** Tags of KeyValue and of Status. */
const KEY = 0x0a
const VALUE = 0x12
const CODE = 0x18

const TWO_32 = 2 ** 32
/** Keys of this length or longer are looked up the slow way. */
const SHORT_KEY = 128

/** Attributes that are looked for, by number; found values are left as places in the bytes. */
export class WantedKeys {
  readonly names: readonly string[]
  /** Of each name, where its value stands; start -1 = absent. */
  readonly starts: Int32Array
  readonly ends: Int32Array
  readonly #keys: readonly WantedKey[]
  #view: DataView = new DataView(new ArrayBuffer(0))
  /** By length of the key: the first name of that length, -1 = none; the next one by name. */
  readonly byLength = new Int16Array(SHORT_KEY).fill(-1)
  readonly #next: Int16Array
  readonly #pair = new KeyValueCursor()

  constructor(names: readonly string[]) {
    this.names = names
    this.#keys = names.map(name => new WantedKey(name))
    this.starts = new Int32Array(names.length)
    this.ends = new Int32Array(names.length)
    this.#next = new Int16Array(names.length).fill(-1)
    for (const [i, { length }] of this.#keys.entries()) {
      if (length >= SHORT_KEY) continue
      this.#next[i] = this.byLength[length]
      this.byLength[length] = i
    }
  }

  /** Goes to another request. */
  open(bytes: Uint8Array): void {
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length)
  }

  reset(): void {
    const { starts } = this
    // Faster than `fill` for so few.
    for (let i = 0; i < starts.length; i++) starts[i] = -1
  }

  // hot: bench/micro/spanmetrics.ts
  /** Looks at the KeyValue whose content is `start` to `end`. */
  offer(bytes: Uint8Array, start: number, end: number): void {
    const length = bytes[start + 1]
    const keyStart = start + 2
    const keyEnd = keyStart + length
    // Not as everybody writes it: another order of fields, a long key.
    if (bytes[start] !== KEY || length >= SHORT_KEY || keyEnd > end) {
      this.#offerOdd(bytes, start, end)
      return
    }
    for (let i = this.byLength[length]; i >= 0; i = this.#next[i]) {
      if (this.starts[i] >= 0 || !this.#keys[i].stands(this.#view, keyStart)) continue
      const valueStart = skipVarint(bytes, keyEnd + 1)
      if (bytes[keyEnd] !== VALUE || valueStart + readVarint32(bytes, keyEnd + 1) !== end) {
        this.#offerOdd(bytes, start, end)
        return
      }
      this.starts[i] = valueStart
      this.ends[i] = end
      return
    }
  }

  #offerOdd(bytes: Uint8Array, start: number, end: number): void {
    const pair = this.#pair
    pair.reset(bytes, start, end)
    const length = pair.keyEnd - pair.keyStart
    for (let i = 0; i < this.#keys.length; i++) {
      if (this.starts[i] >= 0 || this.#keys[i].length !== length) continue
      if (!this.#keys[i].stands(this.#view, pair.keyStart)) continue
      this.starts[i] = pair.valueStart
      this.ends[i] = pair.valueEnd
      return
    }
  }
}

/** A key that is compared four bytes at a time. */
class WantedKey {
  readonly length: number
  readonly #words: Int32Array
  /** What is left behind the words. */
  readonly #rest: Uint8Array

  constructor(name: string) {
    const bytes = Buffer.from(name)
    this.length = bytes.length
    this.#words = Int32Array.from({ length: bytes.length >>> 2 }, (_, i) =>
      bytes.readInt32LE(i * 4),
    )
    this.#rest = new Uint8Array(bytes.subarray(this.#words.length * 4))
  }

  /** Whether it is what stands at `at`, where something of its length does. */
  stands(view: DataView, at: number): boolean {
    const words = this.#words
    for (let i = 0; i < words.length; i++, at += 4) {
      if (view.getInt32(at, true) !== words[i]) return false
    }
    const rest = this.#rest
    for (let i = 0; i < rest.length; i++) if (view.getUint8(at + i) !== rest[i]) return false
    return true
  }
}

export class SpanFields {
  readonly wanted: WantedKeys
  nameStart = 0
  nameEnd = 0
  kind = 0
  status = 0
  traceStart = 0
  traceEnd = 0
  spanStart = 0
  spanEnd = 0
  stateStart = 0
  stateEnd = 0
  hasEvents = false
  /** Nanoseconds; 0 where the span ends before it starts. */
  duration = 0

  constructor(wanted: WantedKeys) {
    this.wanted = wanted
  }

  // hot: bench/micro/spanmetrics.ts
  /** Goes to the span whose content is `start` to `end`. */
  read(bytes: Uint8Array, start: number, end: number): void {
    const wanted = this.wanted
    const wants = wanted.names.length > 0
    const { byLength } = wanted
    if (wants) wanted.reset()
    this.nameStart = this.nameEnd = this.kind = this.status = 0
    this.traceStart = this.traceEnd = this.spanStart = this.spanEnd = 0
    this.stateStart = this.stateEnd = 0
    this.hasEvents = false
    let startLow = 0
    let startHigh = 0
    let endLow = 0
    let endHigh = 0
    for (let pos = start; pos < end; ) {
      let tag = bytes[pos++]
      if (tag >= 0x80) {
        tag = readVarint32(bytes, pos - 1)
        pos = skipVarint(bytes, pos)
      }
      if ((tag & 7) !== 2) {
        if (tag === START) {
          startLow = readFixed32(bytes, pos)
          startHigh = readFixed32(bytes, pos + 4)
          pos += 8
        } else if (tag === END) {
          endLow = readFixed32(bytes, pos)
          endHigh = readFixed32(bytes, pos + 4)
          pos += 8
        } else if (tag === KIND) {
          this.kind = readVarint32(bytes, pos)
          pos = skipVarint(bytes, pos)
        } else pos = skipValue(bytes, pos, tag & 7, end)
        continue
      }
      let length = bytes[pos++]
      if (length >= 0x80) {
        length = readVarint32(bytes, pos - 1)
        pos = skipVarint(bytes, pos)
      }
      const from = pos
      pos += length
      if (tag === ATTRIBUTE) {
        // Most keys are of a length that nobody asks for.
        const isOther = bytes[from] === KEY && byLength[bytes[from + 1]] === -1
        if (wants && length > 1 && !isOther) wanted.offer(bytes, from, pos)
      } else if (tag === NAME) {
        this.nameStart = from
        this.nameEnd = pos
      } else if (tag === TRACE_ID) {
        this.traceStart = from
        this.traceEnd = pos
      } else if (tag === SPAN_ID) {
        this.spanStart = from
        this.spanEnd = pos
      } else if (tag === TRACE_STATE) {
        this.stateStart = from
        this.stateEnd = pos
      } else if (tag === STATUS) this.#readStatus(bytes, from, pos)
      else if (tag === EVENT) this.hasEvents = true
    }
    const isForward = endHigh > startHigh || (endHigh === startHigh && endLow > startLow)
    this.duration = isForward ? (endHigh - startHigh) * TWO_32 + (endLow - startLow) : 0
  }

  #readStatus(bytes: Uint8Array, start: number, end: number): void {
    for (let pos = start; pos < end; ) {
      const tag = readVarint32(bytes, pos)
      pos = skipVarint(bytes, pos)
      if (tag === CODE) this.status = readVarint32(bytes, pos)
      pos = skipValue(bytes, pos, tag & 7, end)
    }
  }
}
