/** A cursor over protobuf that nobody has checked yet. Faults are kept here and told by `false`, so that nothing throws. */
import type { TranslateFault } from '../fault.ts'

const VARINT = 0
const FIXED64 = 1
const BYTES = 2
const FIXED32 = 5

const NO_BYTES = new Uint8Array(0)

export class ProtoInput {
  bytes: Uint8Array = NO_BYTES
  view: DataView = new DataView(NO_BYTES.buffer)
  pos = 0
  fault: TranslateFault | null = null

  /** Of the field read last: number << 3 | wire type, where its content stands, or the number it is, in unsigned halves. */
  tag = 0
  start = 0
  end = 0
  high = 0
  low = 0

  reset(bytes: Uint8Array): void {
    // One kind of array for the compiler, whatever the caller has.
    this.bytes = new Uint8Array(bytes.buffer, bytes.byteOffset, bytes.length)
    this.view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length)
    this.pos = 0
    this.fault = null
  }

  release(): void {
    this.bytes = NO_BYTES
    this.view = new DataView(NO_BYTES.buffer)
  }

  fail(fault: TranslateFault['fault'], message: string): false {
    this.fault ??= { fault, offset: this.pos, message }
    return false
  }

  // hot: bench/micro/jaeger.ts
  /** Reads the field at the cursor, which moves behind it. */
  field(limit: number): boolean {
    if (!this.#varint(limit)) return false
    const tag = this.low
    if (this.high !== 0 || tag < 8) return this.fail('syntax', 'expected a protobuf field')
    const wire = tag & 7
    this.tag = tag
    if (wire === BYTES) {
      if (!this.#varint(limit)) return false
      this.start = this.pos
      if (this.high !== 0 || this.low > limit - this.pos) return this.#cut()
      this.end = this.pos += this.low
      return true
    }
    if (wire === VARINT) return this.#varint(limit)
    if (wire !== FIXED64 && wire !== FIXED32) {
      return this.fail('syntax', 'expected a field of wire type 0, 1, 2 or 5')
    }
    const width = wire === FIXED64 ? 8 : 4
    if (limit - this.pos < width) return this.#cut()
    this.start = this.pos
    this.end = this.pos += width
    return true
  }

  #cut(): false {
    return this.fail('syntax', 'expected the rest of a field')
  }

  #varint(limit: number): boolean {
    const { bytes } = this
    let pos = this.pos
    let low = 0
    let high = 0
    for (let shift = 0; shift < 70; shift += 7) {
      if (pos >= limit) {
        this.pos = pos
        return this.#cut()
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
