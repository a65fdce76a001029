/**
 * One batch in the making: the parts of one signal, tenant and set of metadata values, put side by side, and the line of
 * full ones that the next stage has not taken.
 */
import { Batch, type Part, type RequestContext, type TenantId } from '../../core/batch.ts'
import type { Clock, Timer } from '../../core/clock.ts'
import type { Consumer } from '../../core/component.ts'
import type { Ledger } from '../../core/ledger.ts'
import type { Counter, Histogram } from '../../core/meter.ts'
import { Outlet } from '../../core/outlet.ts'
import type { Signal } from '../../core/signal.ts'
import { splitBatch } from '../../core/split-batch.ts'
import type { BatchConfig } from './config.ts'

/** What all shards of one processor share. */
export interface ShardSettings {
  readonly id: string
  readonly config: BatchConfig
  readonly clock: Clock
  readonly ledger: Ledger
  readonly next: Consumer
  /** Items of full batches that may wait. */
  readonly maxWaiting: number
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
  readonly #outlet: Outlet

  constructor(signal: Signal, tenant: TenantId, context: RequestContext, settings: ShardSettings) {
    this.signal = signal
    this.tenant = tenant
    this.#context = context
    this.#settings = settings
    const { id, clock, ledger, next, maxWaiting: maxItems } = settings
    this.#outlet = new Outlet({ id, clock, ledger, next, maxItems })
  }

  /** Items that are held here. */
  get items(): number {
    return this.#items + this.#outlet.items
  }

  /** The next stage is slower than what comes in. */
  get isFull(): boolean {
    return this.#outlet.isFull
  }

  /** What the next stage last asked for. */
  get retryAfterMs(): number {
    return this.#outlet.retryAfterMs
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
      this.#outlet.push(piece)
    }
  }

  /** Resolves when nothing is held, or when the deadline is over: then what is left is dropped. */
  drain(deadline: AbortSignal): Promise<void> {
    this.flush()
    return this.#outlet.drain(deadline)
  }
}
