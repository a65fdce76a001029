/** The memory budget as one tenant sees it: all that the process has, and of that no more than its share. */
import type { MemoryBudget, MemoryLimits } from '../../core/memory.ts'
import type { TenantAccount, TurnedAway } from '../../core/tenancy.ts'

/** Whoever counts the bytes. */
export type MemoryShare = Pick<TenantAccount, 'tryHold' | 'unhold' | 'outOfMemory'>

export class TenantMemory implements MemoryBudget {
  readonly #memory: MemoryBudget
  readonly #account: MemoryShare
  #isOverShare = false

  constructor(memory: MemoryBudget, account: MemoryShare) {
    this.#memory = memory
    this.#account = account
  }

  get limitBytes(): number {
    return this.#memory.limitBytes
  }

  get reservedBytes(): number {
    return this.#memory.reservedBytes
  }

  get availableBytes(): number {
    return this.#memory.availableBytes
  }

  isOverSoftLimit(heldBytes: number): boolean {
    return this.#memory.isOverSoftLimit(heldBytes)
  }

  tryReserve(bytes: number, toDrain = false): boolean {
    this.#isOverShare = !this.#account.tryHold(bytes)
    if (this.#isOverShare) return false
    if (this.#memory.tryReserve(bytes, toDrain)) return true
    this.#account.unhold(bytes)
    return false
  }

  free(bytes: number): void {
    this.#account.unhold(bytes)
    this.#memory.free(bytes)
  }

  retryAfterMs(): number {
    return this.#memory.retryAfterMs()
  }

  limitTo(limits: MemoryLimits): () => void {
    return this.#memory.limitTo(limits)
  }

  /** Bytes that the process reserved before it was known whose they are; false when they are over the share. */
  adopt(bytes: number): boolean {
    this.#isOverShare = !this.#account.tryHold(bytes)
    return !this.#isOverShare
  }

  /** The opposite: they are somebody else's from now on, and reserved as before. */
  disown(bytes: number): void {
    this.#account.unhold(bytes)
  }

  /** Why the last reservation was refused, if for the tenant's own share. */
  refusal(): TurnedAway | null {
    return this.#isOverShare ? this.#account.outOfMemory() : null
  }
}
