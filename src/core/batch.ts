/** What flows from stage to stage: parts of received requests plus who sent them. */

import type { RequestIndex } from '../otlp/request-index.ts'
import type { Selection } from '../otlp/selection.ts'
import type { Signal } from '../otlp/signal.ts'
import type { Edits } from '../otlp/splice.ts'
import type { Payload } from './payload.ts'

/** Verified tenant; a single-tenant set-up has one, called `default`. */
export type TenantId = string

export const DEFAULT_TENANT: TenantId = 'default'

/** What is known about the client of a request. Shared by all batches of one connection where possible. */
export interface RequestContext {
  /** Lower-case keys; empty unless the receiver's `include_metadata` is on. */
  readonly metadata: ReadonlyMap<string, readonly string[]>
  /** `address:port` of the peer, or empty. */
  readonly peer: string
}

export const NO_CONTEXT: RequestContext = Object.freeze({ metadata: new Map(), peer: '' })

/** A stretch of one payload: which of its items still count, and how they are changed. */
export interface Part {
  readonly payload: Payload
  readonly index: RequestIndex
  /** Items that are still in; null = all. */
  readonly selection: Selection | null
  /** Changes to be laid out at encode; null = none. */
  readonly edits: Edits | null
  /** Selected items. */
  readonly items: number
  /** By item of the index: a hint to the sampler, what matters more is kept rather. Absent = 0 for all. */
  readonly importance?: Int16Array
}

/**
 * Ownership: whoever makes a batch owns it. `consume` answering `accepted` passes ownership on; otherwise the
 * caller keeps it. The owner calls `release` exactly once, or passes it on, or uses up its parts in a new batch.
 */
export class Batch {
  readonly signal: Signal
  readonly tenant: TenantId
  readonly context: RequestContext
  readonly parts: readonly Part[]
  /** Selected items of all parts. */
  readonly items: number
  /** Bytes of the payloads that this batch keeps in memory (not the size that it will encode to). */
  readonly bytes: number
  #tainted = false

  constructor(signal: Signal, tenant: TenantId, context: RequestContext, parts: readonly Part[]) {
    this.signal = signal
    this.tenant = tenant
    this.context = context
    this.parts = parts
    let items = 0
    let bytes = 0
    for (const part of parts) {
      items += part.items
      bytes += part.payload.bytes.length
    }
    this.items = items
    this.bytes = bytes
  }

  /** A second owner with the same parts (fan-out); the bytes are shared. */
  share(): Batch {
    this.retain()
    return new Batch(this.signal, this.tenant, this.context, this.parts)
  }

  /** This owner's hold on the bytes begins anew; there must be another owner that has one. */
  retain(): void {
    for (const part of this.parts) part.payload.retain()
  }

  /** Ends this owner's hold on the bytes. */
  release(): void {
    for (const part of this.parts) part.payload.release()
  }

  /** `taint` was called on this batch: what was made out of it must not be used again either. */
  get isTainted(): boolean {
    return this.#tainted
  }

  /** See `Payload.taint`. */
  taint(): void {
    this.#tainted = true
    for (const part of this.parts) part.payload.taint()
  }
}
