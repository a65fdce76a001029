/** A message with some of its fields exchanged or taken away; all between them is copied as it was sent, in one go. */

const NO_BYTES: Uint8Array = new Uint8Array(0)

export class Rewrite {
  #bytes = NO_BYTES
  #copied = 0
  #isChanged = false
  readonly #pieces: Uint8Array[] = []

  /** Begins with the content that starts here. The bytes may not change until `finish`. */
  begin(bytes: Uint8Array, start: number): this {
    this.#bytes = bytes
    this.#copied = start
    this.#isChanged = false
    this.#pieces.length = 0
    return this
  }

  /** A whole field, from its tag on, by another one; null takes it away. Fields come in their order. */
  exchange(tag: number, end: number, by: Uint8Array | null): void {
    this.#keep(tag)
    if (by !== null) this.#pieces.push(by)
    this.#copied = end
    this.#isChanged = true
  }

  /** The content up to here, or null when nothing was exchanged. */
  finish(end: number): Uint8Array | null {
    if (this.#isChanged) this.#keep(end)
    const content = this.#isChanged ? Buffer.concat(this.#pieces) : null
    this.begin(NO_BYTES, 0)
    return content
  }

  #keep(end: number): void {
    if (end > this.#copied) this.#pieces.push(this.#bytes.subarray(this.#copied, end))
  }
}
