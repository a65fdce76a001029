/** Attributes of anything: a cursor over KeyValue fields that finds, walks and compares without decoding the others. */
import { type AnyValue, KeyValueCursor } from './any-value.ts'
import { BYTES, equalsText, FieldCursor } from './wire-reader.ts'

/** The key-value pairs of a message, in the sender's order: looked up by key, or walked with `next`. */
export class AttributesView {
  #bytes: Uint8Array = new Uint8Array(0)
  #start = 0
  #end = 0
  readonly #number: number
  /** Number of the message in which the pairs stand (the resource in its group); 0 = directly. */
  readonly #inside: number
  readonly #outer = new FieldCursor()
  readonly #pairs = new FieldCursor()
  readonly #pair = new KeyValueCursor()

  constructor(number: number, inside = 0) {
    this.#number = number
    this.#inside = inside
  }

  reset(bytes: Uint8Array, start: number, end: number): void {
    this.#bytes = bytes
    this.#start = start
    this.#end = end
    this.rewind()
  }

  /** Goes back before the first pair. */
  rewind(): void {
    this.#outer.reset(this.#bytes, this.#start, this.#end)
    if (this.#inside === 0) this.#pairs.reset(this.#bytes, this.#start, this.#end)
    else this.#pairs.reset(this.#bytes, this.#end, this.#end)
  }

  // hot: bench/micro/views.ts
  /** Moves to the next pair; `key` and `value` are of it. */
  next(): boolean {
    const pairs = this.#pairs
    for (;;) {
      while (pairs.next()) {
        if (pairs.number !== this.#number || pairs.wire !== BYTES) continue
        this.#pair.reset(this.#bytes, pairs.start, pairs.end)
        return true
      }
      if (this.#inside === 0) return false
      do {
        if (!this.#outer.next()) return false
      } while (this.#outer.number !== this.#inside)
      pairs.reset(this.#bytes, this.#outer.start, this.#outer.end)
    }
  }

  get key(): string {
    return this.#pair.key()
  }

  get value(): AnyValue {
    return this.#pair.value()
  }

  /** First byte of the pair's field (its tag) and the byte after it: what a splice cuts to change the pair. */
  get fieldStart(): number {
    return this.#pairs.tag
  }

  get fieldEnd(): number {
    return this.#pairs.end
  }

  /** Moves to the first pair with this key. */
  find(key: string): boolean {
    this.rewind()
    while (this.next()) {
      if (equalsText(this.#bytes, this.#pair.keyStart, this.#pair.keyEnd, key)) return true
    }
    return false
  }

  /** Value of the first pair with this key; undefined = there is none. */
  get(key: string): AnyValue | undefined {
    return this.find(key) ? this.#pair.value() : undefined
  }

  /** Whether the first pair with this key has this string; decodes nothing. */
  hasText(key: string, text: string): boolean {
    if (!this.find(key)) return false
    const value = this.#outer
    value.reset(this.#bytes, this.#pair.valueStart, this.#pair.valueEnd)
    let found = false
    while (value.next()) {
      if (value.number > 8) continue
      found = value.number === 1 && equalsText(this.#bytes, value.start, value.end, text)
    }
    return found
  }

  /** All pairs; of a key that occurs twice the first one. */
  toMap(): Map<string, AnyValue> {
    const map = new Map<string, AnyValue>()
    this.rewind()
    while (this.next()) {
      const { key } = this
      if (!map.has(key)) map.set(key, this.value)
    }
    return map
  }
}
