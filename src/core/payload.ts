/**
 * The bytes of one received request, counted by owners. Bytes are never written again after receipt.
 * When the last owner lets go, the memory reservation ends and the buffer may be used for another request.
 */

export interface PayloadOptions {
  /** Called once, when the last owner has let go. `reusable` is false when something may still read the bytes. */
  readonly onFree?: (bytes: Uint8Array, reusable: boolean) => void
}

export class Payload {
  readonly bytes: Uint8Array
  #owners = 1
  #reusable = true
  readonly #onFree: ((bytes: Uint8Array, reusable: boolean) => void) | undefined

  constructor(bytes: Uint8Array, options: PayloadOptions = {}) {
    this.bytes = bytes
    this.#onFree = options.onFree
  }

  /** One more owner. */
  retain(): void {
    if (this.#owners === 0) throw new Error('payload retained after it was freed')
    this.#owners++
  }

  /** One owner less; every `retain` and the creation itself is matched by exactly one `release`. */
  release(): void {
    if (this.#owners === 0) throw new Error('payload released twice')
    if (--this.#owners === 0) this.#onFree?.(this.bytes, this.#reusable)
  }

  /**
   * Says that something outside our control may go on reading the bytes (a socket whose write was not
   * confirmed before its stream was destroyed), so the buffer must not be reused after the last release.
   */
  taint(): void {
    this.#reusable = false
  }
}
