/** A message that is a field of another one: a resource in its group, a status or an event in its span. Its changes are changes of that one. */
import { BYTES } from '../../otlp/wire-reader.ts'
import { copyBytes, fieldSize, writeTag, writeVarint } from '../../otlp/wire-writer.ts'
import { Message } from './message.ts'

const NO_BYTES = new Uint8Array(0)

/** Both bytes of an empty field with a number below 16. */
const EMPTY_FIELD = new Uint8Array(2)

export class SubMessage extends Message {
  readonly #parent: Message
  #number: number
  /** Which of the parent's fields with the number; -1 = all of them, merged. */
  #occurrence = -1
  #field = -1
  #seen = -1
  #scratch = Buffer.alloc(0)

  constructor(parent: Message, number = 0) {
    super()
    this.#parent = parent
    this.#number = number
  }

  /** Goes to one of several fields: an event, a link, an exemplar. */
  standOn(number: number, occurrence: number, field: number): void {
    this.#number = number
    this.#occurrence = occurrence
    this.#locate(field)
    this.#seen = this.#parent.version
  }

  /** The field of the parent that it is. */
  get field(): number {
    this.sync()
    return this.#field
  }

  /** Stands nowhere. */
  reset(): void {
    this.#seen = -1
    this.#locate(-1)
  }

  // hot: bench/micro/rule-contexts.ts
  sync(): void {
    const parent = this.#parent
    parent.sync()
    if (parent.version === this.#seen) return
    const field =
      this.#occurrence < 0
        ? parent.findOnly(this.#number)
        : parent.nth(this.#number, this.#occurrence)
    this.#locate(field)
    this.#seen = parent.version
  }

  #locate(field: number): void {
    this.#field = field
    this.isPresent = field >= 0
    if (field < 0) {
      this.bytes = NO_BYTES
      this.start = this.end = 0
    } else {
      const parent = this.#parent
      this.bytes = parent.bytes
      this.start = parent.startOf(field)
      this.end = parent.endOf(field)
    }
    this.moved()
  }

  protected own(): void {
    this.sync()
    if (this.isPresent) return
    writeTag(EMPTY_FIELD, 0, this.#number, BYTES)
    EMPTY_FIELD[1] = 0
    this.#parent.append(this.#number, EMPTY_FIELD, 0, 2)
    this.sync()
  }

  protected splice(start: number, end: number, src: Uint8Array, from: number, to: number): void {
    const { bytes } = this
    const length = this.end - this.start + to - from - (end - start)
    const size = fieldSize(this.#number, length)
    if (this.#scratch.length < size) this.#scratch = Buffer.allocUnsafeSlow(size * 2)
    const out = this.#scratch
    let pos = writeTag(out, 0, this.#number, BYTES)
    pos = writeVarint(out, pos, length)
    pos = copyBytes(out, pos, bytes, this.start, start)
    pos = copyBytes(out, pos, src, from, to)
    copyBytes(out, pos, bytes, end, this.end)
    this.#parent.replace(this.#field, out, 0, size)
    this.sync()
  }

  charge(bytes: number): void {
    this.#parent.charge(bytes)
  }

  /** The parent was told when the field was replaced. */
  protected touch(): void {}
}
