/** Repeated messages inside an item: events and links of a span, exemplars of a point. */
import { EMPTY_BYTES, type MessageView } from './message-view.ts'
import { BYTES, FieldCursor } from './wire-reader.ts'

/** The messages of a repeated field, walked with `next`: one view moves over all of them. */
export class RepeatedView<V extends MessageView> {
  readonly current: V
  readonly #number: number
  readonly #field = new FieldCursor()
  #bytes: Uint8Array = EMPTY_BYTES
  #start = 0
  #end = 0

  constructor(number: number, current: V) {
    this.#number = number
    this.current = current
  }

  reset(bytes: Uint8Array, start: number, end: number): void {
    this.#bytes = bytes
    this.#start = start
    this.#end = end
    this.rewind()
  }

  rewind(): void {
    this.#field.reset(this.#bytes, this.#start, this.#end)
  }

  /** Moves `current` to the next message. */
  next(): boolean {
    const field = this.#field
    while (field.next()) {
      if (field.number !== this.#number || field.wire !== BYTES) continue
      this.current.reset(this.#bytes, field.start, field.end)
      return true
    }
    return false
  }

  /** How many there are; goes back before the first. */
  get length(): number {
    let length = 0
    this.rewind()
    while (this.#field.next()) if (this.#field.number === this.#number) length++
    this.rewind()
    return length
  }
}
