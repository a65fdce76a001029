/**
 * The bytes that an assembly may use: taken from the process budget ahead of need, so that taking in a batch cannot fail
 * half-way.
 */
import type { MemoryBudget } from '../../core/memory.ts'

export class Room {
  readonly #memory: MemoryBudget
  readonly #maxBytes: number
  /** Reserved in all. */
  #reserved = 0
  /** Of these in use. */
  #used = 0

  constructor(memory: MemoryBudget, maxBytes: number) {
    this.#memory = memory
    this.#maxBytes = maxBytes
  }

  /** Reserved bytes, in use or not. */
  get bytes(): number {
    return this.#reserved
  }

  /** Reserved and not in use. */
  get free(): number {
    return this.#reserved - this.#used
  }

  /** Whether so many bytes are free now. */
  ensure(bytes: number): boolean {
    const missing = bytes - this.free
    if (missing <= 0) return true
    if (this.#reserved + missing > this.#maxBytes || !this.#memory.tryReserve(missing)) return false
    this.#reserved += missing
    return true
  }

  /** Whether so many bytes would be within the limit if nothing else were in use. */
  holds(bytes: number): boolean {
    return bytes <= this.#maxBytes
  }

  /** Room must have been ensured. */
  take(bytes: number): void {
    this.#used += bytes
  }

  give(bytes: number): void {
    this.#used -= bytes
  }

  /** Everything goes back. */
  close(): void {
    this.#memory.free(this.#reserved)
    this.#reserved = this.#used = 0
  }

  /** Gives back to the process what is free beyond `keep`. */
  trim(keep: number): void {
    const over = this.free - keep
    if (over <= 0) return
    this.#reserved -= over
    this.#memory.free(over)
  }
}
