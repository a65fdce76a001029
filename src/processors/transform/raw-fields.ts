/** A message as a list of its encoded fields: some are read or exchanged, all others stay as they came. */

import {
  BYTES,
  FIXED64,
  FieldCursor,
  readDouble,
  readFixed64,
  readVarint32,
  readVarint64,
  VARINT,
} from '../../otlp/wire-reader.ts'
import { Writer } from '../../otlp/wire-writer.ts'
import { concatBytes } from './concat-bytes.ts'

interface RawField {
  readonly number: number
  readonly wire: number
  /** The whole field with its tag. */
  readonly bytes: Uint8Array
  readonly content: Uint8Array
}

export class RawFields {
  #fields: RawField[] = []

  constructor(bytes: Uint8Array = new Uint8Array(0)) {
    this.#read(bytes)
  }

  /** Contents of all fields of a number. */
  all(number: number): Uint8Array[] {
    return this.#fields.filter(field => field.number === number).map(field => field.content)
  }

  /** The last one counts. */
  last(number: number): Uint8Array | undefined {
    return this.#fields.findLast(field => field.number === number)?.content
  }

  fixed64(number: number): bigint {
    const content = this.last(number)
    return content === undefined ? 0n : readFixed64(content, 0)
  }

  double(number: number): number | undefined {
    const content = this.last(number)
    return content === undefined ? undefined : readDouble(content, 0)
  }

  varint(number: number): number {
    const content = this.last(number)
    return content === undefined ? 0 : readVarint32(content, 0)
  }

  /** Numbers of the fields, as often as they occur. */
  numbers(): number[] {
    return this.#fields.map(field => field.number)
  }

  /** Eight-byte values, packed or not. */
  packedFixed64(number: number): bigint[] {
    return this.#eights(number, readFixed64)
  }

  packedDouble(number: number): number[] {
    return this.#eights(number, readDouble)
  }

  packedVarint64(number: number): bigint[] {
    const values: bigint[] = []
    for (const { wire, content } of this.#of(number)) {
      if (wire === VARINT) values.push(BigInt.asUintN(64, readVarint64(content, 0)))
      if (wire !== BYTES) continue
      for (let pos = 0; pos < content.length; ) {
        values.push(BigInt.asUintN(64, readVarint64(content, pos)))
        while (content[pos] > 0x7f) pos++
        pos++
      }
    }
    return values
  }

  remove(...numbers: readonly number[]): this {
    this.#fields = this.#fields.filter(field => !numbers.includes(field.number))
    return this
  }

  /** Takes away what has this number and puts this there, at the end. */
  set(number: number, write: (writer: Writer) => void): this {
    return this.remove(number).add(write)
  }

  add(write: (writer: Writer) => void): this {
    const writer = new Writer(64)
    write(writer)
    this.#read(writer.finish())
    return this
  }

  /** One field with this content. */
  message(number: number, content: Uint8Array): this {
    return this.add(writer => writer.bytes(number, content))
  }

  messages(number: number, contents: readonly Uint8Array[]): this {
    for (const content of contents) this.message(number, content)
    return this
  }

  finish(): Uint8Array {
    return concatBytes(this.#fields.map(field => field.bytes))
  }

  #of(number: number): RawField[] {
    return this.#fields.filter(field => field.number === number)
  }

  #eights<T>(number: number, read: (bytes: Uint8Array, pos: number) => T): T[] {
    const values: T[] = []
    for (const { wire, content } of this.#of(number)) {
      if (wire !== BYTES && wire !== FIXED64) continue
      for (let pos = 0; pos + 8 <= content.length; pos += 8) values.push(read(content, pos))
    }
    return values
  }

  #read(bytes: Uint8Array): void {
    const field = new FieldCursor(bytes)
    while (field.next()) {
      this.#fields.push({
        number: field.number,
        wire: field.wire,
        bytes: bytes.subarray(field.tag, field.end),
        content: bytes.subarray(field.start, field.end),
      })
    }
  }
}
