/**
 * Thrift's compact protocol: integers as zigzag varints, field ids as steps from the one before.
 *
 * ```
 * message : 0x82 | type << 5 | 1 | sequence varint | name
 * field   : step << 4 | type  (step 1-15)     or: type | id zigzag varint
 * list    : count << 4 | type (count 0-14)    or: 0xf0 | type, count varint
 * map     : count varint | key type << 4 | value type | pairs      (an empty one has its count only)
 * bool    : in the field's type (1 true, 2 false); in a list one byte each
 * double  : 8 bytes, little-endian
 * ```
 * https://github.com/apache/thrift/blob/master/doc/specs/thrift-compact-protocol.md
 */
import {
  BOOL,
  BYTE,
  DOUBLE,
  fieldKey,
  I16,
  I32,
  I64,
  LIST,
  MAP,
  SET,
  STOP,
  STRING,
  STRUCT,
  ThriftInput,
} from '../thrift-input.ts'

const PROTOCOL = 0x82
const VERSION = 1
const TRUE = 1

/** By the protocol's own number; 255 = no type. */
const TYPES = new Uint8Array(16).fill(255)
TYPES.set([STOP, BOOL, BOOL, BYTE, I16, I32, I64, DOUBLE, STRING, LIST, SET, MAP, STRUCT])

export class CompactInput extends ThriftInput {
  /** Own type of the field read last: of a boolean, its value. */
  #fieldType = 0

  // hot: bench/micro/jaeger.ts
  field(): number {
    if (!this.has(1)) return -1
    const head = this.bytes[this.pos++]
    const type = head & 0x0f
    if (type === STOP) return 0
    const step = head >> 4
    let id = this.lastId + step
    if (step === 0) {
      if (!this.readI16()) return -1
      id = this.low
    }
    this.lastId = id
    this.#fieldType = type
    return fieldKey(id & 0xffff, TYPES[type])
  }

  readBool(): boolean {
    this.low = this.#fieldType === TRUE ? 1 : 0
    return true
  }

  protected skipListBool(): boolean {
    if (!this.has(1)) return false
    this.pos++
    return true
  }

  readI16(): boolean {
    return this.readI32()
  }

  readI32(): boolean {
    if (!this.#varint()) return false
    this.low = (this.low >>> 1) ^ -(this.low & 1)
    return true
  }

  readI64(): boolean {
    if (!this.#varint()) return false
    const { low, high } = this
    const sign = -(low & 1)
    this.low = (((low >>> 1) | (high << 31)) ^ sign) >>> 0
    this.high = ((high >>> 1) ^ sign) | 0
    return true
  }

  readDouble(): boolean {
    if (!this.has(8)) return false
    this.double = this.view.getFloat64(this.pos, true)
    this.pos += 8
    return true
  }

  readString(): boolean {
    const length = this.#length()
    if (length < 0) return false
    this.start = this.pos
    this.end = this.pos += length
    return true
  }

  beginList(): number {
    if (!this.has(1)) return -1
    const head = this.bytes[this.pos++]
    this.elementType = TYPES[head & 0x0f]
    const count = head >> 4
    if (count === 15) return this.#length()
    return this.has(count) ? count : -1
  }

  protected beginMap(): number {
    const count = this.#length()
    if (count <= 0) return count
    if (!this.has(1)) return -1
    const types = this.bytes[this.pos++]
    this.elementType = TYPES[types >> 4]
    this.valueType = TYPES[types & 0x0f]
    return count
  }

  message(): number {
    if (!this.has(2)) return -1
    const versionAndType = this.bytes[this.pos + 1]
    if (this.bytes[this.pos] !== PROTOCOL || (versionAndType & 0x1f) !== VERSION) {
      this.fail('syntax', 'expected a message in version 1 of the compact protocol')
      return -1
    }
    this.pos += 2
    return this.#varint() && this.readString() ? versionAndType >> 5 : -1
  }

  /** A length or count, which the rest of the bytes can hold; -1 for a fault. */
  #length(): number {
    if (!this.#varint()) return -1
    const { low, high } = this
    return this.has(high === 0 ? low : -1) ? low : -1
  }

  // hot: bench/micro/jaeger.ts
  /** Reads an unsigned varint into `high` and `low`. */
  #varint(): boolean {
    const { bytes } = this
    const limit = bytes.length
    let pos = this.pos
    let low = 0
    let high = 0
    for (let shift = 0; shift < 70; shift += 7) {
      if (pos >= limit) {
        this.pos = pos
        return this.fail('syntax', 'expected the rest of a number')
      }
      const byte = bytes[pos++]
      const bits = byte & 0x7f
      if (shift < 28) low |= bits << shift
      else if (shift === 28) {
        low |= bits << 28
        high = bits >>> 4
      } else high |= bits << (shift - 32)
      if (byte < 0x80) {
        this.pos = pos
        this.low = low >>> 0
        this.high = high >>> 0
        return true
      }
    }
    this.pos = pos
    return this.fail('syntax', 'expected a varint of at most ten bytes')
  }
}
