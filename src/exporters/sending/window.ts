/** How much of what is on disk may be in memory at once: for each tenant, and for all queues of an exporter together. */

/** Of one tenant: enough for the network to be busy while the next entries are read. */
export const TENANT_WINDOW_BYTES = 8 << 20
/** Of what a tenant may have on disk, where that is little: the rest can make room for what is new. */
export const TENANT_WINDOW_SHARE = 1 / 4
/** Counted for each entry beside its bytes. */
export const ENTRY_OVERHEAD_BYTES = 1024
/** Of all tenants of an exporter: at least so much, otherwise a share of the memory limit. */
const LEAST_BYTES = 16 << 20
const MEMORY_SHARE = 1 / 8

/** Who waits for room. */
export interface WindowUser {
  feed(): void
}

export class Window {
  readonly #limit: number
  readonly #waiting = new Set<WindowUser>()
  #used = 0

  constructor(memoryLimitBytes: number) {
    this.#limit = Math.max(LEAST_BYTES, memoryLimitBytes * MEMORY_SHARE)
  }

  get hasRoom(): boolean {
    return this.#used < this.#limit
  }

  take(bytes: number): void {
    this.#used += bytes
  }

  give(bytes: number): void {
    this.#used -= bytes
    if (!this.hasRoom) return
    const next = this.#waiting.values().next().value
    if (next === undefined) return
    this.#waiting.delete(next)
    next.feed()
  }

  /** `feed` is called when there is room. */
  wait(user: WindowUser): void {
    this.#waiting.add(user)
  }

  forget(user: WindowUser): void {
    this.#waiting.delete(user)
  }
}
