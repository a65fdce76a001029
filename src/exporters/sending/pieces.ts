/**
 * Sends one batch as several requests: a protocol that is not OTLP may want one for each resource, and a message over the
 * destination's limit is cut between its items. What was delivered is not sent again when the rest is repeated.
 */
import type { Batch, TenantId } from '../../core/batch.ts'
import type { Encoded } from '../../otlp/encode.ts'
import { Journey, type Piece } from './journey.ts'
import { PieceRun } from './piece-run.ts'
import type { Progress, SendResult } from './sender.ts'

/** Answers of "too large" teach no limit below this: one odd answer must not shred all that follows. */
const LEAST_LEARNED_BYTES = 65_536
/** Of the size that was refused. */
const LEARNED_SHARE = 0.75
/** After so many searches for bad items in a row that found nothing to deliver, only every so many-th batch is searched. */
const MAX_VAIN_SEARCHES = 3
const SEARCHED_THEN = 100
/** Tenants beyond are searched for each time. */
const MAX_VAIN_TENANTS = 10_000
/** What a batch, or a part of it, has become; any stretch of its items can be sent by itself. */
export interface Message {
  readonly items: number
  /** Of the request with the items from `from` to before `to`. */
  size(from: number, to: number): number
  encode(from: number, to: number): Encoded
}

export interface Translation {
  readonly messages: readonly Message[]
  /** Items that the protocol cannot carry, and what becomes of a batch that has no others. */
  readonly refused: number
  readonly refusal: SendResult
}

export type Post = (request: Encoded, items: number) => Promise<SendResult>

export class PieceSender {
  readonly #journeys = new WeakMap<Batch, Journey>()
  /** Of one request; 0 = none is known. */
  #maxBytes: number
  /** By tenant: searches in vain in a row, and batches since; one tenant's bad requests are no other's affair. */
  readonly #vain = new Map<TenantId, { searches: number; batches: number }>()

  constructor(maxBytes: number) {
    this.#maxBytes = maxBytes
  }

  /** `translation` is the same for the same batch each time. Never rejects. */
  async send(batch: Batch, translation: Translation, post: Post): Promise<SendResult> {
    const { messages, refusal } = translation
    if (messages.length === 0) return refusal
    const journey = this.#journeys.get(batch) ?? new Journey(batch, translation)
    const pieces = this.#cut(messages, [...journey.open], journey.hasDelivered)
    if (pieces === null) {
      // Nothing is sent before the item has been found that is over the limit all alone.
      const message = `an item is larger than ${this.#maxBytes} bytes`
      return { kind: 'drop', reason: 'too_large', message }
    }
    this.#journeys.set(batch, journey)
    const run = new PieceRun(messages, pieces, journey, post)
    const { tenant } = batch
    await run.finish(this.#maySearch(tenant))
    // A search that a busy destination ended was not in vain.
    if (run.isFruitful) this.#vain.delete(tenant)
    else if (run.hasSearched && run.retry === null) this.#vainSearch(tenant)
    if (run.refusedBytes > 0) this.#learn(run.refusedBytes)
    if (run.retry !== null) return run.retry
    if (!journey.hasDelivered && run.drop !== null) {
      this.#journeys.delete(batch)
      return run.drop
    }
    // The journey stays: this answer may come after the time-out, and then the batch is handed in once more.
    const { refusals } = journey
    const message = refusals.list.at(-1)?.message ?? run.warning
    if (refusals.items === 0) return { kind: 'sent', rejected: 0, message }
    return { kind: 'sent', rejected: refusals.items, message, refused: refusals.list }
  }

  progress(batch: Batch): Progress | null {
    const journey = this.#journeys.get(batch)
    if (journey === undefined) return null
    return journey.hasDelivered || journey.refusals.items > 0 ? journey.progress : null
  }

  /** Pieces within the limit; null when an item is over it and nothing of the batch was delivered yet. */
  #cut(
    messages: readonly Message[],
    pieces: readonly Piece[],
    isDelivered: boolean,
  ): Piece[] | null {
    const max = this.#maxBytes
    const all: Piece[] = []
    for (const piece of pieces) {
      const message = messages[piece.message]
      let { from } = piece
      while (max > 0 && message.size(from, piece.to) > max) {
        let to = lastWithin(message, from, piece.to, max)
        if (to === from) {
          if (!isDelivered) return null
          to++
        }
        if (to === piece.to) break
        all.push({ message: piece.message, from, to })
        from = to
      }
      all.push({ ...piece, from })
    }
    return all
  }

  #maySearch(tenant: TenantId): boolean {
    const vain = this.#vain.get(tenant)
    if (vain === undefined || vain.searches < MAX_VAIN_SEARCHES) return true
    return ++vain.batches % SEARCHED_THEN === 0
  }

  #vainSearch(tenant: TenantId): void {
    const vain = this.#vain.get(tenant)
    if (vain !== undefined) vain.searches++
    else if (this.#vain.size < MAX_VAIN_TENANTS) this.#vain.set(tenant, { searches: 1, batches: 0 })
  }

  #learn(refusedBytes: number): void {
    const learned = Math.floor(refusedBytes * LEARNED_SHARE)
    if (learned < LEAST_LEARNED_BYTES) return
    if (this.#maxBytes === 0 || learned < this.#maxBytes) this.#maxBytes = learned
  }
}

/** The largest `to` for which the request from `from` on is within the limit; `from` when there is none. */
function lastWithin(message: Message, from: number, end: number, max: number): number {
  let low = from
  let high = end - 1
  while (low < high) {
    const middle = (low + high + 1) >>> 1
    if (message.size(from, middle) <= max) low = middle
    else high = middle - 1
  }
  return low
}
