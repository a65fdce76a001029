/**
 * An abort signal for work of which there is much: `AbortController` costs 3 µs of CPU each with its events and what the
 * garbage collector has to do for them, more than a whole attempt to send otherwise.
 */

/** What is used of a signal. An `AbortSignal` is one too. */
export interface Abort {
  readonly aborted: boolean
  /** An `Error` that says why. */
  readonly reason: unknown
  addEventListener(type: 'abort', listener: () => void, options?: { readonly once: true }): void
  removeEventListener(type: 'abort', listener: () => void): void
}

export class AbortSource implements Abort {
  aborted = false
  reason: unknown
  readonly #listeners: (() => void)[] = []

  /** Each listener is called once, in order. Only the first call has an effect. */
  abort(reason: Error): void {
    if (this.aborted) return
    this.aborted = true
    this.reason = reason
    for (const listener of this.#listeners.splice(0)) listener()
  }

  addEventListener(_type: 'abort', listener: () => void): void {
    if (!this.aborted) this.#listeners.push(listener)
  }

  removeEventListener(_type: 'abort', listener: () => void): void {
    const at = this.#listeners.indexOf(listener)
    if (at >= 0) this.#listeners.splice(at, 1)
  }
}

export function whenAborted(signal: Abort): Promise<void> {
  if (signal.aborted) return Promise.resolve()
  return new Promise(resolve => signal.addEventListener('abort', () => resolve(), { once: true }))
}
