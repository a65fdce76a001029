/**
 * Thrift's binary protocol: all numbers big-endian and of fixed size.
 *
 * ```
 * message : 0x8001 00 type | name | sequence, 4 bytes      or, older: name | type | sequence
 * struct  : field type | field id, 2 bytes | value | ... | 0
 * list    : element type | count, 4 bytes | elements       map: key type | value type | count | pairs
 * string  : length, 4 bytes | bytes
 * ```
 * https://github.com/apache/thrift/blob/master/doc/specs/thrift-binary-protocol.md
 */
import { fieldKey, STOP, ThriftInput } from './thrift-input.ts'

const VERSION_1 = 0x8001

export class BinaryInput extends ThriftInput {
  // hot: bench/micro/jaeger.ts
  field(): number {
    if (!this.has(1)) return -1
    const type = this.bytes[this.pos++]
    if (type === STOP) return 0
    if (!this.has(2)) return -1
    const id = this.view.getUint16(this.pos)
    this.pos += 2
    return fieldKey(id, type)
  }

  readBool(): boolean {
    if (!this.has(1)) return false
    this.low = this.bytes[this.pos++] === 0 ? 0 : 1
    return true
  }

  protected skipListBool(): boolean {
    return this.readBool()
  }

  readI16(): boolean {
    if (!this.has(2)) return false
    this.low = this.view.getInt16(this.pos)
    this.pos += 2
    return true
  }

  readI32(): boolean {
    if (!this.has(4)) return false
    this.low = this.view.getInt32(this.pos)
    this.pos += 4
    return true
  }

  readI64(): boolean {
    if (!this.has(8)) return false
    this.high = this.view.getInt32(this.pos)
    this.low = this.view.getUint32(this.pos + 4)
    this.pos += 8
    return true
  }

  readDouble(): boolean {
    if (!this.has(8)) return false
    this.double = this.view.getFloat64(this.pos)
    this.pos += 8
    return true
  }

  readString(): boolean {
    if (!this.readI32()) return false
    const length = this.low
    if (!this.has(length)) return false
    this.start = this.pos
    this.end = this.pos += length
    return true
  }

  beginList(): number {
    if (!this.has(1)) return -1
    this.elementType = this.bytes[this.pos++]
    return this.#count()
  }

  protected beginMap(): number {
    if (!this.has(2)) return -1
    this.elementType = this.bytes[this.pos]
    this.valueType = this.bytes[this.pos + 1]
    this.pos += 2
    return this.#count()
  }

  #count(): number {
    if (!this.readI32()) return -1
    const count = this.low
    return this.has(count) ? count : -1
  }

  message(): number {
    if (!this.readI32()) return -1
    const word = this.low
    if (word < 0) {
      if (word >>> 16 !== VERSION_1) {
        this.pos = 0
        this.fail('syntax', 'expected a message in version 1 of the binary protocol')
        return -1
      }
      return this.readString() && this.readI32() ? word & 0xff : -1
    }
    // Older: the word is the length of the name.
    this.pos -= 4
    if (!this.readString() || !this.has(1)) return -1
    const type = this.bytes[this.pos++]
    return this.readI32() ? type : -1
  }
}
