/**
 * The heads of the calls that are open on a server. They are kept until their calls are answered and are not in the memory
 * budget, so their number of bytes is bounded here: for each connection, and for all of them together.
 */

/** Of one connection. */
const MOST_BYTES = 4 << 20
/** Of all. Above it a connection may have `CROWDED_BYTES`, so that who has few calls open is still served. */
const PLENTY_BYTES = 32 << 20
const CROWDED_BYTES = 16 << 10

export class CallHeads {
  #bytes = 0

  /** False: a connection whose heads have `own` bytes may not open another call with a head of `more`. */
  hold(own: number, more: number): boolean {
    const most = this.#bytes + more > PLENTY_BYTES ? CROWDED_BYTES : MOST_BYTES
    if (own + more > most) return false
    this.#bytes += more
    return true
  }

  release(bytes: number): void {
    this.#bytes -= bytes
  }
}
