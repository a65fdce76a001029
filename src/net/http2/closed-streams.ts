/** The streams that ended last, and how: frames for them may still be on their way. */

/** Ids that are remembered; older ones count as never opened. */
const REMEMBERED = 256

export class ClosedStreams {
  /** Ids; negative for those that this side has reset. */
  readonly #ids = new Int32Array(REMEMBERED)
  #next = 0

  add(id: number, resetByUs: boolean): void {
    this.#ids[this.#next] = resetByUs ? -id : id
    this.#next = (this.#next + 1) % REMEMBERED
  }

  /** What still comes on it is to be ignored: the other side did not know yet. */
  wasResetByUs(id: number): boolean {
    return this.#ids.includes(-id)
  }

  has(id: number): boolean {
    return this.#ids.includes(id) || this.wasResetByUs(id)
  }
}
