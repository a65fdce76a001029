/**
 * Sends what is ready with bounded concurrency, and decides what an answer means: done, cut smaller, park for a retry,
 * or give up. A parked shipment occupies no slot; it goes on counting toward the queue's bound.
 *
 * ```
 * add -> fresh --+                         +-> sent
 *                +-> slot -> attempt -> answer -> dropped
 *        again --+                         |
 *          ^---- parked (timer) <----------+
 * ```
 */
import type { Clock, Timer } from '../../core/clock.ts'
import type { HolderVisit } from '../../core/ledger.ts'
import type { Logger } from '../../core/logger.ts'
import { encodedSize } from '../../otlp/encode.ts'
import { Backoff } from '../../util/backoff.ts'
import type { BufferPool } from '../../util/buffer-pool.ts'
import { Fifo } from '../../util/fifo.ts'
import { Attempt } from './attempt.ts'
import type { Books } from './books.ts'
import type { Breaker } from './breaker.ts'
import type { RetryConfig } from './config.ts'
import type { Sender, SendResult } from './sender.ts'
import { type Shipment, splitShipment } from './shipment.ts'
import { refusalOf } from './verdict.ts'

/** How soon a closed breaker is asked again. */
const BREAKER_POLL_MS = 500
/** While shutting down nobody waits longer than this between attempts, unless the destination asked for it. */
const LAST_RETRIES_MS = 1000
/** A destination that asks to slow down stops the whole lane, but one answer cannot stop it for longer. */
const MAX_PAUSE_MS = 30_000
/** A configured wait of 0 would turn a broken destination into a busy loop. */
const MIN_RETRY_MS = 10
/** Answers of "too large" teach no limit below this: one odd answer must not shred all that follows. */
const LEAST_LEARNED_BYTES = 65_536
/** Of the size that was refused; the true limit is found within a quarter after a few answers. */
const LEARNED_SHARE = 0.75

export interface DispatcherOptions {
  readonly id: string
  readonly clock: Clock
  readonly log: Logger
  readonly sender: Sender
  /** For what has to be written anew. */
  readonly buffers: BufferPool
  readonly books: Books
  readonly breaker: Breaker
  readonly retry: RetryConfig
  readonly timeoutMs: number
  readonly maxConcurrent: number
  /** 0 = no limit known. */
  readonly maxBytes: number
  readonly random: () => number
  /** How the last attempt ended: null = the destination takes data, else what is the matter. */
  readonly report: (fault: string | null) => void
}

export class Dispatcher {
  readonly #options: DispatcherOptions
  readonly #clock: Clock
  readonly #fresh = new Fifo<Shipment>()
  readonly #again = new Fifo<Shipment>()
  readonly #parked = new Map<Shipment, Timer>()
  readonly #attempts = new Set<Attempt>()
  #maxBytes: number
  #pausedUntilMs = 0
  #pause: Timer | null = null
  #draining = false
  #closed = false
  #pumping = false
  #onIdle: (() => void) | null = null

  constructor(options: DispatcherOptions) {
    this.#options = options
    this.#clock = options.clock
    this.#maxBytes = options.maxBytes
  }

  get inFlight(): number {
    return this.#attempts.size
  }

  add(shipment: Shipment): void {
    if (this.#closed) {
      this.#options.books.givenUp(shipment, 'shutdown', 'the exporter has stopped')
      return
    }
    this.#fresh.push(shipment)
    this.#pump()
  }

  /** Everything gets a last chance now; resolves when nothing is left. */
  drain(): Promise<void> {
    this.#draining = true
    const now = this.#clock.monotonic()
    for (const [shipment, timer] of [...this.#parked]) {
      timer.cancel()
      this.#park(shipment, shipment.notBeforeMs - now)
    }
    this.#pump()
    return new Promise(resolve => {
      this.#onIdle = resolve
      this.#tellIdle()
    })
  }

  /** Gives up what is left. Returns items given up; an attempt in flight may still arrive. */
  close(): number {
    this.#closed = true
    this.#pause?.cancel()
    const rest: Shipment[] = [...this.#again, ...this.#fresh, ...this.#parked.keys()]
    for (const timer of this.#parked.values()) timer.cancel()
    for (const attempt of this.#attempts) {
      attempt.abandon('shutting down')
      rest.push(attempt.shipment)
    }
    this.#parked.clear()
    this.#attempts.clear()
    while (this.#again.shift() !== undefined || this.#fresh.shift() !== undefined);
    let items = 0
    for (const shipment of rest) {
      items += shipment.batch.items
      this.#options.books.givenUp(
        shipment,
        'shutdown',
        'not delivered before the shutdown deadline',
      )
    }
    this.#tellIdle()
    return items
  }

  visit(each: HolderVisit): void {
    const visitOne = ({ batch, ticket }: Shipment): void => {
      if (ticket === null) each(batch.tenant, batch.signal, batch.items)
    }
    for (const shipment of this.#fresh) visitOne(shipment)
    for (const shipment of this.#again) visitOne(shipment)
    for (const shipment of this.#parked.keys()) visitOne(shipment)
    for (const attempt of this.#attempts) visitOne(attempt.shipment)
  }

  #pump(): void {
    if (this.#pumping) return
    this.#pumping = true
    while (this.#attempts.size < this.#options.maxConcurrent && this.#mayStart()) {
      const shipment = this.#again.shift() ?? this.#fresh.shift()
      if (shipment === undefined) break
      if (this.#fits(shipment)) this.#start(shipment)
    }
    this.#pumping = false
    this.#tellIdle()
  }

  #mayStart(): boolean {
    if (this.#again.length === 0 && this.#fresh.length === 0) return false
    if (this.#draining) return true
    const waitMs = this.#pausedUntilMs > 0 ? this.#pausedUntilMs - this.#clock.monotonic() : 0
    if (waitMs <= 0 && this.#options.breaker.allow()) return true
    this.#pause ??= this.#clock.after(waitMs > 0 ? waitMs : BREAKER_POLL_MS, () => {
      this.#pause = null
      this.#pump()
    })
    return false
  }

  /** False when the shipment was over the destination's limit and has been replaced by pieces. */
  #fits(shipment: Shipment): boolean {
    if (this.#maxBytes === 0 || shipment.measured) return true
    shipment.measured = true
    if (encodedSize(shipment.batch.parts) <= this.#maxBytes) return true
    const { pieces, oversize } = splitShipment(shipment, { maxBytes: this.#maxBytes })
    for (const piece of pieces) this.#again.push(piece)
    if (oversize !== null) {
      const message = `single items are larger than ${this.#maxBytes} bytes`
      this.#options.books.dropped(oversize, 'item_too_large', 'too_large', message)
    }
    return false
  }

  #start(shipment: Shipment): void {
    if (shipment.firstAttemptMs < 0) shipment.firstAttemptMs = this.#clock.monotonic()
    shipment.attempts++
    const attempt = new Attempt(shipment, this.#clock, this.#options.buffers, result => {
      this.#attempts.delete(attempt)
      this.#settle(shipment, result)
      this.#pump()
    })
    this.#attempts.add(attempt)
    attempt.begin(this.#options.sender, this.#options.timeoutMs)
  }

  #settle(shipment: Shipment, result: SendResult): void {
    const { books, breaker, report } = this.#options
    report(result.kind === 'sent' ? null : result.message)
    if (result.kind === 'retry') {
      breaker.failure()
      this.#retry(shipment, result.afterMs ?? 0, result.message)
      return
    }
    breaker.success()
    if (result.kind === 'sent') {
      const rejected = Math.min(Math.max(result.rejected ?? 0, 0), shipment.batch.items)
      books.sent(shipment, rejected, result.message ?? '')
    } else if (result.reason === 'too_large') {
      this.#cut(shipment, result.message)
    } else {
      books.dropped(shipment, result.reason, refusalOf(result.reason), result.message)
    }
  }

  #retry(shipment: Shipment, afterMs: number, message: string): void {
    const { books, retry, random } = this.#options
    if (!retry.enabled) {
      books.givenUp(shipment, 'send_failed', message)
      return
    }
    shipment.backoff ??= new Backoff(backoffOptions(retry), random)
    const backoffMs = Math.max(shipment.backoff.nextMs(afterMs), MIN_RETRY_MS)
    const delayMs = this.#draining
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
    if (afterMs > 0) {
      this.#pausedUntilMs = Math.max(this.#pausedUntilMs, now + Math.min(afterMs, MAX_PAUSE_MS))
    }
    this.#park(shipment, delayMs)
  }

  #park(shipment: Shipment, delayMs: number): void {
    const wake = (): void => {
      this.#parked.delete(shipment)
      this.#again.push(shipment)
      this.#pump()
    }
    this.#parked.set(shipment, this.#clock.after(Math.max(0, delayMs), wake))
  }

  /** The destination finds the request too large: halves, down to single items, each tried on its own. */
  #cut(shipment: Shipment, message: string): void {
    const { items } = shipment.batch
    if (items <= 1) {
      this.#options.books.dropped(shipment, 'item_too_large', 'too_large', message)
      return
    }
    this.#learnLimit(encodedSize(shipment.batch.parts))
    const limits = { maxItems: Math.ceil(items / 2) }
    const { pieces, oversize } = splitShipment(shipment, limits)
    for (const piece of pieces) this.#again.push(piece)
    if (oversize !== null) {
      this.#options.books.dropped(oversize, 'item_too_large', 'too_large', message)
    }
  }

  /** Later requests are split beforehand instead of being sent in vain. */
  #learnLimit(refusedBytes: number): void {
    const learned = Math.floor(refusedBytes * LEARNED_SHARE)
    if (learned < LEAST_LEARNED_BYTES) return
    if (this.#maxBytes > 0 && this.#maxBytes <= learned) return
    this.#maxBytes = learned
    this.#options.log.info('destination_limit_learned', {
      exporter: this.#options.id,
      maxBytes: learned,
    })
  }

  #tellIdle(): void {
    if (this.#onIdle === null || this.#attempts.size > 0 || this.#parked.size > 0) return
    if (this.#fresh.length > 0 || this.#again.length > 0) return
    this.#onIdle()
    this.#onIdle = null
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
