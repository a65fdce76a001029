/**
 * A cursor over Thrift bytes, whichever protocol they are in: fields of structs, lists, scalars, and stepping over what
 * nobody asks for. Faults are kept here and told by `false`, so that nothing throws.
 *
 * Every element of a container takes at least one byte, so a count that the rest of the bytes cannot hold is refused
 * before anything is done for it.
 */
import type { TranslateFault } from './fault.ts'

export const STOP = 0
export const BOOL = 2
export const BYTE = 3
export const DOUBLE = 4
export const I16 = 6
export const I32 = 8
export const I64 = 10
export const STRING = 11
export const STRUCT = 12
export const MAP = 13
export const SET = 14
export const LIST = 15

/** Structs and containers inside each other in what is stepped over. */
const MAX_DEPTH = 64

const NO_BYTES = new Uint8Array(0)

/** A field's id and type as one number, so that one comparison checks both. */
export function fieldKey(id: number, type: number): number {
  return (type << 16) | id
}

export abstract class ThriftInput {
  bytes: Uint8Array = NO_BYTES
  protected view: DataView = new DataView(NO_BYTES.buffer)
  pos = 0
  fault: TranslateFault | null = null

  /** Id of the field read last: the compact protocol counts on from it, so a nested struct begins with 0 and puts it back. */
  lastId = 0
  /** The scalar read last. An i64 is in signed `high` and unsigned `low`, shorter ones are in `low`, signed. */
  high = 0
  low = 0
  double = 0
  /** Where the string read last stands, or the name of a message. */
  start = 0
  end = 0
  /** Of the list begun last. */
  elementType = STOP
  /** Of a map, beside `elementType` for its keys. */
  protected valueType = STOP

  reset(bytes: Uint8Array): void {
    // One kind of array for the compiler, whatever the caller has.
    this.bytes = new Uint8Array(bytes.buffer, bytes.byteOffset, bytes.length)
    this.view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length)
    this.pos = 0
    this.lastId = 0
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

  /** Steps to the next field of a struct and answers its key; 0 at the end, -1 for a fault. */
  abstract field(): number
  abstract readBool(): boolean
  abstract readI16(): boolean
  abstract readI32(): boolean
  abstract readI64(): boolean
  abstract readDouble(): boolean
  abstract readString(): boolean
  /** Begins a list or set and answers how many elements it has; -1 for a fault. */
  abstract beginList(): number
  /** Begins a map, as `beginList`. */
  protected abstract beginMap(): number
  /** Reads the envelope of a message, whose name is in `start` and `end` then; answers its type, -1 for a fault. */
  abstract message(): number
  /** Reads one boolean of a list. */
  protected abstract skipListBool(): boolean

  protected has(bytes: number): boolean {
    if (bytes >= 0 && bytes <= this.bytes.length - this.pos) return true
    return this.fail('syntax', 'expected the rest of a value')
  }

  /** Begins a list of structs; -1 for a fault. */
  beginStructs(): number {
    const count = this.beginList()
    if (count > 0 && this.elementType !== STRUCT) {
      this.fail('type', 'expected a list of structs')
      return -1
    }
    return count
  }

  skip(type: number): boolean {
    return this.#skip(type, 0, false)
  }

  #skip(type: number, depth: number, isElement: boolean): boolean {
    switch (type) {
      case BOOL:
        return isElement ? this.skipListBool() : this.readBool()
      case BYTE:
        if (!this.has(1)) return false
        this.pos++
        return true
      case DOUBLE:
        return this.readDouble()
      case I16:
        return this.readI16()
      case I32:
        return this.readI32()
      case I64:
        return this.readI64()
      case STRING:
        return this.readString()
      case STRUCT:
      case MAP:
      case SET:
      case LIST:
        if (depth === MAX_DEPTH) return this.fail('depth', `expected at most ${MAX_DEPTH} levels`)
        return type === STRUCT ? this.#skipStruct(depth) : this.#skipMany(type, depth)
      default:
        return this.fail('syntax', 'expected a Thrift type')
    }
  }

  #skipStruct(depth: number): boolean {
    const before = this.lastId
    this.lastId = 0
    for (;;) {
      const field = this.field()
      if (field < 0) return false
      if (field === 0) break
      if (!this.#skip(field >> 16, depth + 1, false)) return false
    }
    this.lastId = before
    return true
  }

  #skipMany(type: number, depth: number): boolean {
    const count = type === MAP ? this.beginMap() : this.beginList()
    if (count < 0) return false
    const first = this.elementType
    const second = type === MAP ? this.valueType : STOP
    for (let i = 0; i < count; i++) {
      if (!this.#skip(first, depth + 1, true)) return false
      if (type === MAP && !this.#skip(second, depth + 1, true)) return false
    }
    return true
  }
}
