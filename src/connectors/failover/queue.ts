/**
 * A bounded line in front of the levels: what nobody takes stays at hand and goes out by whichever level is well first,
 * instead of waiting in the queue of a dead exporter.
 */
import type { Batch, TenantId } from '../../core/batch.ts'
import type { Clock, Timer } from '../../core/clock.ts'
import type { HolderVisit, Ledger } from '../../core/ledger.ts'
import { ACCEPTED, busy, type Outcome, refused } from '../../core/outcome.ts'
import { Fifo } from '../../util/fifo.ts'
import type { FailoverQueueConfig } from './config.ts'

/** The levels are asked again at least so often: their delays are meant for clients. */
const MAX_PAUSE_MS = 1000
const FULL_RETRY_MS = 1000

export interface QueueOptions {
  /** Stage of what is dropped here. */
  readonly id: string
  readonly config: FailoverQueueConfig
  readonly clock: Clock
  readonly ledger: Ledger
  readonly next: (batch: Batch) => Outcome | Promise<Outcome>
}

/** What waits of one tenant: the levels may be full for it and have room for others. */
class Line {
  /** Those that nobody took go before the others. */
  readonly again = new Fifo<Batch>()
  readonly fresh = new Fifo<Batch>()
  pause: Timer | null = null

  get length(): number {
    return this.again.length + this.fresh.length
  }
}

export class FailoverQueue {
  readonly #options: QueueOptions
  /** Only those that hold something; whose turn it is comes first. */
  readonly #lines = new Map<TenantId, Line>()
  readonly #moving = new Set<Batch>()
  readonly #blocked = new Fifo<() => void>()
  #used = 0
  #isClosed = false
  #isOver = false
  #onIdle: (() => void) | null = null

  constructor(options: QueueOptions) {
    this.#options = options
  }

  get used(): number {
    return this.#used
  }

  consume(batch: Batch): Outcome | Promise<Outcome> {
    const { config } = this.#options
    const charge = this.#charge(batch)
    if (charge > config.queue_size) {
      const message = `a request of ${charge} ${config.sizer} can never fit the queue of ${config.queue_size}`
      return refused(batch.items, 'too_large', message)
    }
    if (this.#isClosed) return busy(FULL_RETRY_MS, 'unavailable')
    if (this.#used + charge <= config.queue_size) return this.#take(batch, charge)
    return config.block_on_overflow ? this.#waitForRoom(batch) : busy(FULL_RETRY_MS)
  }

  visit(each: HolderVisit): void {
    for (const { again, fresh } of this.#lines.values()) {
      for (const batch of again) each(batch.tenant, batch.signal, batch.items)
      for (const batch of fresh) each(batch.tenant, batch.signal, batch.items)
    }
    for (const batch of this.#moving) each(batch.tenant, batch.signal, batch.items)
  }

  /** Resolves when nothing is left, or when the deadline is over: then what is left is dropped. */
  async drain(deadline: AbortSignal): Promise<void> {
    this.#isClosed = true
    this.#wakeBlocked()
    this.#endPauses()
    this.#pump()
    if (!this.#isIdle && !deadline.aborted) {
      await new Promise<void>(resolve => {
        this.#onIdle = resolve
        deadline.addEventListener('abort', () => resolve(), { once: true })
      })
    }
    this.#isOver = true
    this.#endPauses()
    for (let batch = this.#shift(); batch !== undefined; batch = this.#shift()) {
      this.#drop(batch, batch.items, 'shutdown')
      batch.release()
    }
  }

  get #isIdle(): boolean {
    return this.#lines.size + this.#moving.size === 0
  }

  #take(batch: Batch, charge: number): Outcome {
    this.#used += charge
    this.#lineOf(batch.tenant).fresh.push(batch)
    this.#pump()
    return ACCEPTED
  }

  #lineOf(tenant: TenantId): Line {
    let line = this.#lines.get(tenant)
    if (line === undefined) this.#lines.set(tenant, (line = new Line()))
    return line
  }

  /** Of a tenant that does not pause; then it is the next one's turn. */
  #shift(): Batch | undefined {
    for (const [tenant, line] of this.#lines) {
      if (line.pause !== null) continue
      this.#lines.delete(tenant)
      const batch = line.again.shift() ?? line.fresh.shift()
      if (line.length > 0) this.#lines.set(tenant, line)
      return batch
    }
    return undefined
  }

  async #waitForRoom(batch: Batch): Promise<Outcome> {
    await new Promise<void>(resolve => this.#blocked.push(resolve))
    return this.consume(batch)
  }

  #wakeBlocked(): void {
    for (let next = this.#blocked.shift(); next !== undefined; next = this.#blocked.shift()) next()
  }

  #endPauses(): void {
    for (const line of this.#lines.values()) {
      line.pause?.cancel()
      line.pause = null
    }
  }

  #pump(): void {
    const { num_consumers } = this.#options.config
    while (this.#moving.size < num_consumers) {
      const batch = this.#shift()
      if (batch === undefined) return
      this.#moving.add(batch)
      const outcome = this.#options.next(batch)
      if (outcome instanceof Promise) {
        void outcome.then(settled => {
          this.#settle(batch, settled)
          this.#pump()
        })
      } else this.#settle(batch, outcome)
    }
  }

  #settle(batch: Batch, outcome: Outcome): void {
    this.#moving.delete(batch)
    if (outcome.kind === 'busy' && !this.#isOver) {
      const line = this.#lineOf(batch.tenant)
      line.again.push(batch)
      const pauseMs = Math.max(1, Math.min(outcome.retryAfterMs, MAX_PAUSE_MS))
      line.pause ??= this.#options.clock.after(pauseMs, () => {
        line.pause = null
        this.#pump()
      })
      return
    }
    this.#used -= this.#charge(batch)
    if (outcome.kind === 'busy') this.#drop(batch, batch.items, 'shutdown')
    else if (outcome.kind === 'refused') this.#drop(batch, outcome.items, outcome.why)
    const isOurs =
      outcome.kind === 'busy' || (outcome.kind === 'refused' && outcome.items >= batch.items)
    if (isOurs) batch.release()
    this.#wakeBlocked()
    if (this.#isIdle) this.#onIdle?.()
  }

  #charge(batch: Batch): number {
    const { sizer } = this.#options.config
    if (sizer === 'requests') return 1
    return sizer === 'items' ? batch.items : batch.bytes
  }

  #drop(batch: Batch, items: number, reason: string): void {
    const { ledger, id } = this.#options
    ledger.dropped(batch.tenant, batch.signal, items, { stage: id, reason, intentional: false })
  }
}
