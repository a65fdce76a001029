/**
 * The process-wide byte budget (architecture §4). A request reserves its size before it is read, decompressed or
 * decoded; without room it is answered busy with a delay computed from the drain rate.
 */

export interface MemoryBudget {
  readonly limitBytes: number
  readonly reservedBytes: number
  /** True if reserved; the caller frees exactly as much later. */
  tryReserve(bytes: number): boolean
  free(bytes: number): void
  /** How long a refused client should wait, from the rate at which reservations end; within [100, 30,000]. */
  retryAfterMs(): number
}
