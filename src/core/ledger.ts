/**
 * The book of every item (architecture §5). For each tenant and signal, at any quiet moment:
 *
 *   accepted + copied = sent + dropped + kept + held
 *
 * `held` is not booked: it is counted by asking every holder, so that the identity can fail and does when a
 * batch gets lost. There is no other way to let go of a batch than `sent` or `dropped`; at a stop also `kept`.
 */
import type { TenantId } from './batch.ts'
import type { Signal } from './signal.ts'

/** Where and why items were let go, and whether a person asked for it. */
export interface Drop {
  /** Component id such as `otlp_grpc/a`, or a stage such as `rules`. */
  readonly stage: string
  readonly reason: string
  /** True for what rules filtered or the sampler let go; false for losses. */
  readonly intentional: boolean
}

/** Visits everything that a component holds at this moment. */
export type HolderVisit = (tenant: TenantId, signal: Signal, items: number) => void

export interface Ledger {
  /** A receiver is about to hand these items on. Followed by `unaccepted` if they are not taken. */
  accepted(tenant: TenantId, signal: Signal, items: number): void
  /** Takes `accepted` back: the client was told no, with this reason. */
  unaccepted(tenant: TenantId, signal: Signal, items: number, reason: string): void
  /** Fan-out or a connector made additional obligations out of taken items. */
  copied(tenant: TenantId, signal: Signal, items: number): void
  /** A destination has confirmed them. */
  sent(tenant: TenantId, signal: Signal, items: number): void
  dropped(tenant: TenantId, signal: Signal, items: number, drop: Drop): void
  /** Stays on disk when its holder stops. Whoever opens it again books it as `accepted` then. */
  kept(tenant: TenantId, signal: Signal, items: number): void
  /** Registers a part that keeps items across turns of the event loop; returns how to take it away. */
  addHolder(visit: (each: HolderVisit) => void): () => void
}
