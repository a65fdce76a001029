/**
 * One batch in the making: the parts of one signal, tenant and set of metadata values, put side by side. What the next stage does
 * not take at once waits in line here, in order, one batch on its way at a time.
 */
import { Batch, type Part, type RequestContext, type TenantId } from '../../core/batch.ts'
import type { Clock, Timer } from '../../core/clock.ts'
import type { Consumer } from '../../core/component.ts'
import type { Ledger } from '../../core/ledger.ts'
import type { Counter, Histogram } from '../../core/meter.ts'
import type { Outcome } from '../../core/outcome.ts'
import type { Signal } from '../../core/signal.ts'
import { splitBatch } from '../../core/split-batch.ts'
import { Fifo } from '../../util/fifo.ts'
import type { BatchConfig } from './config.ts'

/** The next stage is asked again at least so often: its delay is meant for clients, and here asking costs nothing. */
const MAX_POLL_MS = 100
/** Said before the next stage has said a delay of its own. */
const UNKNOWN_RETRY_MS = 1000

/** What all shards of one processor share. */
export interface ShardSettings {
  readonly id: string
  readonly config: BatchConfig
  readonly clock: Clock
  readonly ledger: Ledger
  readonly next: Consumer
  readonly sizeTrigger: Counter
  readonly timeoutTrigger: Counter
  readonly sendSize: Histogram
}

export class Shard {
  readonly signal: Signal
  readonly tenant: TenantId
  readonly #context: RequestContext
  readonly #settings: ShardSettings
  #parts: Part[] = []
  #items = 0
  #timer: Timer | null = null
  /** Full batches that the next stage has not taken yet. */
  readonly #line = new Fifo<Batch>()
  #lineItems = 0
  #isSending = false
  /** The deadline of the shutdown is over: nothing is tried again. */
  #isOver = false
  #retryAfterMs = UNKNOWN_RETRY_MS
  #retry: Timer | null = null
  #onIdle: (() => void) | null = null

  constructor(signal: Signal, tenant: TenantId, context: RequestContext, settings: ShardSettings) {
    this.signal = signal
    this.tenant = tenant
    this.#context = context
    this.#settings = settings
  }

  /** Items that are held here. */
  get items(): number {
    return this.#items + this.#lineItems
  }

  /** Items that wait although they could go: the next stage is slower than what comes in. */
  get waiting(): number {
    return this.#lineItems
  }

  /** What the next stage last asked for. */
  get retryAfterMs(): number {
    return this.#retryAfterMs
  }

  // hot: bench/flow/side-by-side.ts
  add(batch: Batch): void {
    const { parts } = batch
    for (let i = 0; i < parts.length; i++) this.#parts.push(parts[i])
    this.#items += batch.items
    const { send_batch_size: size, timeout } = this.#settings.config
    if (timeout === 0 || this.#items >= size) {
      this.#settings.sizeTrigger.value++
      this.flush()
    } else if (this.#timer === null) {
      this.#timer = this.#settings.clock.after(timeout, () => {
        this.#settings.timeoutTrigger.value++
        this.flush()
      })
    }
  }

  /** Sends what is here, however little. */
  flush(): void {
    this.#timer?.cancel()
    this.#timer = null
    if (this.#items === 0) return
    const whole = new Batch(this.signal, this.tenant, this.#context, this.#parts)
    this.#parts = []
    this.#items = 0
    const { send_batch_max_size: maxItems } = this.#settings.config
    const pieces = maxItems > 0 ? splitBatch(whole, { maxItems }).pieces : [whole]
    for (const piece of pieces) {
      this.#settings.sendSize.observe(piece.items)
      this.#line.push(piece)
      this.#lineItems += piece.items
    }
    this.#send()
  }

  /** Resolves when nothing is held, or when the deadline is over: then what is left is dropped. */
  async drain(deadline: AbortSignal): Promise<void> {
    this.flush()
    if (this.items > 0 && !deadline.aborted) {
      await new Promise<void>(resolve => {
        this.#onIdle = resolve
        deadline.addEventListener('abort', () => resolve(), { once: true })
      })
    }
    this.#isOver = true
    this.#retry?.cancel()
    if (!this.#isSending) this.#dropLine()
  }

  #send(): void {
    while (!this.#isSending && this.#retry === null) {
      const batch = this.#line.peek()
      if (batch === undefined) return
      const outcome = this.#settings.next.consume(batch)
      if (outcome instanceof Promise) {
        this.#isSending = true
        void outcome.then(settled => {
          this.#isSending = false
          this.#settle(batch, settled)
          if (this.#isOver) this.#dropLine()
          else this.#send()
        })
      } else this.#settle(batch, outcome)
    }
  }

  #settle(batch: Batch, outcome: Outcome): void {
    if (outcome.kind === 'busy') {
      this.#retryAfterMs = outcome.retryAfterMs
      if (this.#isOver) return
      this.#retry = this.#settings.clock.after(Math.min(outcome.retryAfterMs, MAX_POLL_MS), () => {
        this.#retry = null
        this.#send()
      })
      return
    }
    this.#line.shift()
    this.#lineItems -= batch.items
    if (outcome.kind === 'refused') {
      this.#drop(batch, outcome.items, outcome.why)
      if (outcome.items >= batch.items) batch.release()
    }
    if (this.items === 0) this.#onIdle?.()
  }

  #dropLine(): void {
    for (let batch = this.#line.shift(); batch !== undefined; batch = this.#line.shift()) {
      this.#drop(batch, batch.items, 'shutdown')
      batch.release()
    }
    this.#lineItems = 0
  }

  #drop(batch: Batch, items: number, reason: string): void {
    const { ledger, id } = this.#settings
    ledger.dropped(batch.tenant, batch.signal, items, { stage: id, reason, intentional: false })
  }
}
