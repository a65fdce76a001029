/** One unit on its way to a destination: a batch, what it takes of the queue's bound, and its history of attempts. */
import type { Batch } from '../../core/batch.ts'
import { splitBatch } from '../../core/split-batch.ts'
import type { SplitLimits } from '../../otlp/split.ts'
import type { Backoff } from '../../util/backoff.ts'
import type { Receipt } from './receipt.ts'
import type { Search } from './search.ts'
import type { TenantQueue } from './tenant-queue.ts'
import type { Ticket } from './ticket.ts'

export interface Shipment {
  /** Where it waits, and where the room goes that it took. */
  readonly queue: TenantQueue
  readonly batch: Batch
  /** Share of the queue's bound, given back when the shipment has ended. */
  readonly charge: number
  /** Somebody waits for the end of it; null when the queue took responsibility. */
  readonly ticket: Ticket | null
  /** Of the stored entries that its items came from; null when nothing of it is on disk. */
  readonly receipts: readonly Receipt[] | null
  /** Monotonic time of its arrival in the queue, as far as it is known. */
  readonly sinceMs: number
  /** Monotonic time of the first attempt; -1 before. */
  firstAttemptMs: number
  attempts: number
  /** Made at the first failure. */
  backoff: Backoff | null
  /** Monotonic time before which the destination does not want it again. */
  notBeforeMs: number
  /** Known to fit the destination's limit. */
  measured: boolean
  /** Known to go to one place. */
  sorted: boolean
  /** It is a piece of something that the destination refused, and the bad items are being looked for. */
  search: Search | null
}

export function createShipment(
  queue: TenantQueue,
  batch: Batch,
  charge: number,
  ticket: Ticket | null,
  receipts: readonly Receipt[] | null,
  sinceMs: number,
): Shipment {
  return {
    queue,
    batch,
    charge,
    ticket,
    receipts,
    sinceMs,
    firstAttemptMs: -1,
    attempts: 0,
    backoff: null,
    notBeforeMs: 0,
    measured: false,
    sorted: false,
    search: null,
  }
}

export interface SplitShipment {
  readonly pieces: readonly Shipment[]
  readonly oversize: Shipment | null
}

/** Cuts a shipment; attempts and waiting times so far go with every piece, the charge is shared out exactly. */
export function splitShipment(shipment: Shipment, limits: SplitLimits): SplitShipment {
  const { items } = shipment.batch
  const { pieces, oversize } = splitBatch(shipment.batch, limits)
  const all = oversize === null ? pieces : [...pieces, oversize]
  const shipments = divide(shipment, items, all, { measured: true, sorted: shipment.sorted })
  return { pieces: shipments.slice(0, pieces.length), oversize: shipments[pieces.length] ?? null }
}

/** Likewise, into batches that were cut for their destinations. */
export function sortShipment(shipment: Shipment, batches: readonly Batch[]): readonly Shipment[] {
  return divide(shipment, shipment.batch.items, batches, { measured: false, sorted: true })
}

/**
 * Parts a shipment into what others have taken and `batch`, which they left; the batch was made by them and has its own
 * hold on the bytes.
 */
export function partShipment(
  shipment: Shipment,
  batch: Batch,
): { readonly taken: Shipment; readonly rest: Shipment } {
  // What is left counts toward the bound, however little it is.
  const rest = Math.ceil((shipment.charge * batch.items) / shipment.batch.items)
  shipment.ticket?.split(2)
  shipment.receipts?.forEach(receipt => void receipt.split(2))
  shipment.search?.split(2)
  return {
    taken: { ...shipment, charge: shipment.charge - rest },
    rest: { ...shipment, batch, charge: rest },
  }
}

function divide(
  shipment: Shipment,
  items: number,
  batches: readonly Batch[],
  known: { readonly measured: boolean; readonly sorted: boolean },
): Shipment[] {
  const charges = shareOut(shipment.charge, items, batches)
  shipment.ticket?.split(batches.length)
  // Which entry an item came from is not known any more: each piece may hold some of all.
  shipment.receipts?.forEach(receipt => void receipt.split(batches.length))
  shipment.search?.split(batches.length)
  return batches.map((batch, i) => ({
    ...shipment,
    ...known,
    batch,
    charge: charges[i],
    backoff: null,
  }))
}

/** Whole numbers in proportion to items whose sum is exactly `charge`; the last takes the rest. */
function shareOut(charge: number, items: number, batches: readonly Batch[]): number[] {
  let rest = charge
  return batches.map((batch, i) => {
    const share =
      i === batches.length - 1 ? rest : Math.min(rest, Math.floor((charge * batch.items) / items))
    rest -= share
    return share
  })
}
