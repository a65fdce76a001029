/** Joins small batches into large ones by putting their parts side by side; no byte is touched until they are encoded. */
import { Batch, type Part, type RequestContext } from '../../core/batch.ts'
import type { Clock, Timer } from '../../core/clock.ts'
import { contextKey, sharedContext } from '../../core/context-key.ts'
import type { HolderVisit } from '../../core/ledger.ts'
import type { Signal } from '../../core/signal.ts'
import { encodedSize } from '../../otlp/encode.ts'
import type { SplitLimits } from '../../otlp/split.ts'
import type { BatchConfig, Sizer } from './config.ts'
import type { Receipt } from './receipt.ts'
import { createShipment, type Shipment, type SplitShipment, splitShipment } from './shipment.ts'
import type { TenantQueue } from './tenant-queue.ts'

interface Group {
  readonly key: string
  readonly tenant: string
  readonly context: RequestContext
  parts: Part[]
  size: number
  items: number
  charge: number
  receipts: Receipt[] | null
  readonly sinceMs: number
  timer: Timer | null
}

/** Of one tenant. Only batches with one set of values of the configured metadata keys are joined. */
export class Batcher {
  readonly #signal: Signal
  readonly #config: BatchConfig
  readonly #keys: readonly string[]
  readonly #clock: Clock
  readonly #queue: TenantQueue
  readonly #ship: (shipment: Shipment) => void
  readonly #groups = new Map<string, Group>()

  constructor(
    signal: Signal,
    config: BatchConfig,
    clock: Clock,
    queue: TenantQueue,
    ship: (shipment: Shipment) => void,
  ) {
    this.#signal = signal
    this.#config = config
    this.#keys = (config.partition?.metadata_keys ?? []).map(key => key.toLowerCase())
    this.#clock = clock
    this.#queue = queue
    this.#ship = ship
  }

  get isEmpty(): boolean {
    return this.#groups.size === 0
  }

  /** The batch is used up. */
  add(batch: Batch, charge: number, receipts: readonly Receipt[] | null): void {
    const group = this.#groupOf(batch)
    for (const part of batch.parts) group.parts.push(part)
    group.size += measure(this.#config.sizer, batch)
    group.items += batch.items
    group.charge += charge
    if (receipts !== null) {
      group.receipts ??= []
      for (const receipt of receipts) group.receipts.push(receipt)
    }
    const { min_size: min, max_size: max } = this.#config
    if (max > 0 && group.size > max) this.#shipFull(group)
    else if (group.size >= min) this.#flush(group)
  }

  flushAll(): void {
    for (const group of [...this.#groups.values()]) this.#flush(group)
  }

  /** Takes out what waits for company; it is the caller's. */
  takeAll(): Shipment[] {
    return [...this.#groups.values()].map(group => this.#close(group))
  }

  visit(each: HolderVisit): void {
    for (const group of this.#groups.values()) each(group.tenant, this.#signal, group.items)
  }

  /** What waits for company, as it would be sent now; it stays here. */
  *peek(): IterableIterator<{ readonly batch: Batch; readonly sinceMs: number }> {
    for (const { tenant, context, parts, sinceMs } of this.#groups.values()) {
      yield { batch: new Batch(this.#signal, tenant, context, parts), sinceMs }
    }
  }

  #groupOf(batch: Batch): Group {
    const key = contextKey(batch, this.#keys)
    let group = this.#groups.get(key)
    if (group !== undefined) return group
    group = {
      key,
      tenant: batch.tenant,
      context: sharedContext(batch, this.#keys),
      parts: [],
      size: 0,
      items: 0,
      charge: 0,
      receipts: null,
      sinceMs: this.#clock.monotonic(),
      timer: null,
    }
    const opened = group
    group.timer = this.#clock.after(this.#config.flush_timeout, () => this.#flush(opened))
    this.#groups.set(key, group)
    return group
  }

  #flush(group: Group): void {
    this.#ship(this.#close(group))
  }

  /** Ships pieces of the largest size; a last piece below the least size waits for company. */
  #shipFull(group: Group): void {
    const { sizer, min_size: min, max_size: max } = this.#config
    const limits = sizer === 'bytes' ? { maxBytes: max } : { maxItems: max }
    const full = this.#close(group)
    const split = trySplit(full, limits)
    if (split === null) {
      this.#ship(full)
      return
    }
    const { pieces, oversize } = split
    // A single item over `max_size` bytes is let through: the destination may still take it.
    if (oversize !== null) this.#ship({ ...oversize, measured: false })
    for (let i = 0; i < pieces.length; i++) {
      const piece = pieces[i]
      const isSmall = measure(sizer, piece.batch) < min
      if (i === pieces.length - 1 && isSmall) this.add(piece.batch, piece.charge, piece.receipts)
      else this.#ship({ ...piece, measured: false })
    }
  }

  #close(group: Group): Shipment {
    group.timer?.cancel()
    this.#groups.delete(group.key)
    const batch = new Batch(this.#signal, group.tenant, group.context, group.parts)
    return createShipment(this.#queue, batch, group.charge, null, group.receipts, group.sinceMs)
  }
}

/** Null when something of it cannot be encoded; then nothing has happened. */
function trySplit(shipment: Shipment, limits: SplitLimits): SplitShipment | null {
  try {
    return splitShipment(shipment, limits)
  } catch {
    return null
  }
}

/** Size of a batch in a unit. Bytes are those of the request that it encodes to. */
export function measure(sizer: Sizer, batch: Batch): number {
  if (sizer === 'requests') return 1
  if (sizer === 'items') return batch.items
  return isUntouched(batch) ? batch.bytes : encodedBytes(batch)
}

/** What cannot be encoded counts as it came; the attempt to send it shows what is wrong with it. */
function encodedBytes({ parts, bytes }: Batch): number {
  try {
    return encodedSize(parts)
  } catch {
    return bytes
  }
}

function isUntouched(batch: Batch): boolean {
  for (const part of batch.parts) {
    if (part.selection !== null || part.edits !== null) return false
  }
  return true
}
