/**
 * Those whose credentials are being looked at while their bodies come: together they have a part of the memory, so that who
 * is nobody in the end cannot take it from those who are known.
 */
import type { MemoryBudget } from '../../core/memory.ts'
import type { TurnedAway } from '../../core/tenancy.ts'
import type { MemoryShare } from './tenant-memory.ts'

/** Part of the memory that all have. */
const SHARE = 1 / 8
const RETRY_MS = 1000

const NO_ROOM: TurnedAway = Object.freeze({
  kind: 'turned_away',
  code: 'busy',
  reason: 'unidentified',
  message: 'too much comes from senders whose credentials are still being checked',
  retryAfterMs: RETRY_MS,
})

export class Strangers implements MemoryShare {
  readonly #memory: MemoryBudget
  #heldBytes = 0

  constructor(memory: MemoryBudget) {
    this.#memory = memory
  }

  /** One alone may have as much as there is. */
  tryHold(bytes: number): boolean {
    const isOver = this.#heldBytes + bytes > this.#memory.limitBytes * SHARE
    if (isOver && this.#heldBytes > 0) return false
    this.#heldBytes += bytes
    return true
  }

  unhold(bytes: number): void {
    this.#heldBytes -= bytes
  }

  outOfMemory(): TurnedAway {
    return NO_ROOM
  }
}
