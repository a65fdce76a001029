/** What a destination's answer means for a shipment: done, cut smaller, parked for a retry, or given up. */
import type { Clock } from '../../core/clock.ts'
import type { Logger } from '../../core/logger.ts'
import { encodedSize } from '../../otlp/encode.ts'
import { Backoff } from '../../util/backoff.ts'
import type { Books } from './books.ts'
import type { RetryConfig } from './config.ts'
import { Search } from './search.ts'
import type { Moved, RelaySender, SendResult } from './sender.ts'
import { partShipment, type Shipment, sortShipment, splitShipment } from './shipment.ts'
import type { TenantQueue } from './tenant-queue.ts'
import { refusalOf } from './verdict.ts'

/** While shutting down nobody waits longer than this between attempts, unless the destination asked for it. */
const LAST_RETRIES_MS = 1000
/** A destination that asks to slow down stops the tenant's queue, but one answer cannot stop it for longer. */
const MAX_PAUSE_MS = 30_000
/** A configured wait of 0 would turn a broken destination into a busy loop. */
const MIN_RETRY_MS = 10
/** Answers of "too large" teach no limit below this: one odd answer must not shred all that follows. */
const LEAST_LEARNED_BYTES = 65_536
/** Of the size that was refused; the true limit is found within a quarter after a few answers. */
const LEARNED_SHARE = 0.75
/** Refusals that a single item may be the cause of. */
const SEARCHED_REASONS = new Set(['bad_data', 'internal_error'])
/** After so many searches in a row that delivered nothing, requests are given up whole for a while. */
const MAX_VAIN_SEARCHES = 3
const NO_SEARCH_MS = 60_000

export interface AnswersOptions {
  readonly id: string
  readonly clock: Clock
  readonly log: Logger
  readonly books: Books
  readonly sender: RelaySender
  readonly retry: RetryConfig
  readonly random: () => number
  /** 0 = no limit known. */
  readonly maxBytes: number
  /** How the last attempt of a queue ended: null = the destination takes data, else what is the matter. */
  readonly report: (queue: TenantQueue, fault: string | null) => void
  /** A destination that was left alone takes data again. */
  readonly recovered: () => void
  /** It comes again after so long. */
  readonly park: (shipment: Shipment, delayMs: number) => void
}

export class Answers {
  readonly #options: AnswersOptions
  readonly #clock: Clock
  /** No more time for long waits, and nothing new is begun with what is on disk. */
  isDraining = false
  /** Larger requests are split beforehand; 0 = no limit known. */
  maxBytes: number

  constructor(options: AnswersOptions) {
    this.#options = options
    this.#clock = options.clock
    this.maxBytes = options.maxBytes
  }

  /** `bytes` were sent. */
  settle(shipment: Shipment, bytes: number, result: SendResult | Moved): void {
    const { books, report } = this.#options
    const { queue } = shipment
    if (result.kind === 'moved') {
      this.#settleMoved(shipment, bytes, result)
      return
    }
    report(queue, result.kind === 'sent' ? null : result.message)
    if (result.kind === 'retry') {
      const afterMs = result.afterMs ?? 0
      // A destination that names a time is well, and asks for less.
      if (afterMs > 0) queue.breaker.forget?.()
      else queue.breaker.failure()
      queue.isFailing = true
      this.#retry(shipment, afterMs, result.message)
      return
    }
    queue.isFailing = false
    if (queue.breaker.success() === true) this.#options.recovered()
    if (result.kind === 'sent') {
      queue.budget?.success()
      const rejected = Math.min(Math.max(result.rejected ?? 0, 0), shipment.batch.items)
      const { message = '', refused = [] } = result
      books.sent(shipment, bytes, { rejected, message, refused })
    } else if (result.reason === 'too_large') this.#halve(shipment, result.message)
    else if (this.#maySearch(shipment, result.reason)) this.#search(shipment)
    else books.dropped(shipment, result.reason, refusalOf(result.reason), result.message)
  }

  /** Tells nothing about the destination. */
  #settleMoved(shipment: Shipment, bytes: number, { left }: Moved): void {
    const { books } = this.#options
    const { queue } = shipment
    queue.breaker.forget?.()
    if (left === undefined) {
      queue.isFailing = false
      books.moved(shipment)
      return
    }
    const { taken, rest } = partShipment(shipment, left.batch)
    books.moved(taken, taken.batch.items - rest.batch.items)
    this.settle(rest, bytes, left.result)
  }

  /** False when the shipment has been replaced by pieces: it goes to several places, or was over the destination's limit. */
  fits(shipment: Shipment): boolean {
    if (!shipment.sorted) {
      shipment.sorted = true
      const batches = this.#options.sender.cut?.(shipment.batch) ?? null
      if (batches !== null) {
        for (const piece of sortShipment(shipment, batches)) piece.queue.again.push(piece)
        return false
      }
    }
    if (this.maxBytes === 0 || shipment.measured) return true
    shipment.measured = true
    try {
      if (encodedSize(shipment.batch.parts) <= this.maxBytes) return true
      const message = `single items are larger than ${this.maxBytes} bytes`
      this.#cut(shipment, { maxBytes: this.maxBytes }, message)
      return false
    } catch {
      // It cannot be encoded: the attempt to send it shows what is wrong.
      return true
    }
  }

  #retry(shipment: Shipment, afterMs: number, message: string): void {
    const { books, retry, random } = this.#options
    if (!retry.enabled) {
      books.givenUp(shipment, 'send_failed', message)
      return
    }
    if (this.isDraining && shipment.receipts !== null) {
      books.kept(shipment)
      return
    }
    shipment.backoff ??= new Backoff(backoffOptions(retry), random)
    const backoffMs = Math.max(shipment.backoff.nextMs(afterMs), MIN_RETRY_MS)
    const delayMs = this.isDraining
      ? Math.max(afterMs, Math.min(backoffMs, LAST_RETRIES_MS))
      : backoffMs
    const now = this.#clock.monotonic()
    const elapsedMs = now - shipment.firstAttemptMs + delayMs
    if (retry.max_elapsed_time > 0 && elapsedMs > retry.max_elapsed_time) {
      books.givenUp(shipment, 'retries_exhausted', message)
      return
    }
    this.#options.log.warn('send_will_be_retried', {
      exporter: this.#options.id,
      items: shipment.batch.items,
      attempts: shipment.attempts,
      delayMs: Math.round(delayMs),
      message,
    })
    shipment.notBeforeMs = now + afterMs
    const { queue } = shipment
    if (afterMs > 0) {
      queue.pausedUntilMs = Math.max(queue.pausedUntilMs, now + Math.min(afterMs, MAX_PAUSE_MS))
    }
    this.#options.park(shipment, delayMs)
  }

  /** The destination finds the request too large: halves, down to single items, each tried on its own. */
  #halve(shipment: Shipment, message: string): void {
    if (shipment.batch.items <= 1) {
      this.#options.books.dropped(shipment, 'item_too_large', 'too_large', message)
      return
    }
    this.#learnLimit(encodedSize(shipment.batch.parts))
    this.#cut(shipment, { maxItems: Math.ceil(shipment.batch.items / 2) }, message)
  }

  #cut(shipment: Shipment, limits: { maxItems?: number; maxBytes?: number }, message: string) {
    const { pieces, oversize } = splitShipment(shipment, limits)
    for (const piece of pieces) piece.queue.again.push(piece)
    if (oversize === null) return
    this.#options.books.dropped(oversize, 'item_too_large', 'too_large', message)
  }

  #maySearch({ batch, queue, search }: Shipment, reason: string): boolean {
    if (batch.items <= 1 || !SEARCHED_REASONS.has(reason)) return false
    if (search !== null) return search.mayGoOn
    if (queue.vainSearches < MAX_VAIN_SEARCHES) return true
    return this.#clock.monotonic() >= queue.searchAgainMs
  }

  /** One of its items may be all that is wrong: halves show which. */
  #search(shipment: Shipment): void {
    const { queue } = shipment
    shipment.search ??= new Search(delivered => {
      queue.vainSearches = delivered ? 0 : queue.vainSearches + 1
      queue.searchAgainMs = this.#clock.monotonic() + NO_SEARCH_MS
    })
    shipment.search.cut()
    this.#cut(shipment, { maxItems: Math.ceil(shipment.batch.items / 2) }, 'cannot be encoded')
  }

  /** Later requests are split beforehand instead of being sent in vain. */
  #learnLimit(refusedBytes: number): void {
    const learned = Math.floor(refusedBytes * LEARNED_SHARE)
    if (learned < LEAST_LEARNED_BYTES) return
    if (this.maxBytes > 0 && this.maxBytes <= learned) return
    this.maxBytes = learned
    this.#options.log.info('destination_limit_learned', {
      exporter: this.#options.id,
      maxBytes: learned,
    })
  }
}

function backoffOptions(retry: RetryConfig) {
  return {
    initialMs: retry.initial_interval,
    multiplier: retry.multiplier,
    randomization: retry.randomization_factor,
    maxMs: retry.max_interval,
  }
}
