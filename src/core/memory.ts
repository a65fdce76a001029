/**
 * The process-wide byte budget (architecture §4). A request reserves its size before it is read, decompressed or
 * decoded; without room it is answered busy with a delay computed from the drain rate.
 */

/** What `memory_limiter` asks for. The limit is about resident memory, not only about what is reserved. */
export interface MemoryLimits {
  readonly limitBytes: number
  /** Distance from the hard to the soft limit; above the soft one nothing new is taken. */
  readonly spikeBytes: number
  readonly checkIntervalMs: number
}

export interface MemoryBudget {
  readonly limitBytes: number
  readonly reservedBytes: number
  /** What the container or the machine has. */
  readonly availableBytes: number
  /**
   * Resident memory was too high at the last look and there is something in the house to wait for, not counting
   * what the asker itself holds: nothing new is taken.
   */
  isOverSoftLimit(heldBytes: number): boolean
  /**
   * True if reserved; the caller frees exactly as much later. `toDrain`: for what is in the house already and leaves it
   * by this, such as an entry that is read from disk to be sent. It has some room of its own, or a steady stream of new
   * requests would keep it waiting for ever.
   */
  tryReserve(bytes: number, toDrain?: boolean): boolean
  free(bytes: number): void
  /** How long a refused client should wait, from the rate at which reservations end; within [100, 30,000]. */
  retryAfterMs(): number
  /**
   * Asks for other limits than the default; of several that are in force the smallest counts. Returns how to take
   * the request back.
   */
  limitTo(limits: MemoryLimits): () => void
}
