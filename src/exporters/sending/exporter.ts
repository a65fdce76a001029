/** Makes an exporter out of a `Sender`: one lane for each signal, one life for all. The entry of this folder. */
import type { Batch } from '../../core/batch.ts'
import type { Component, Consumer, Host } from '../../core/component.ts'
import type { CreateContext } from '../../core/factory.ts'
import { type Outcome, refused } from '../../core/outcome.ts'
import { SIGNALS, type Signal } from '../../core/signal.ts'
import { BufferPool } from '../../util/buffer-pool.ts'
import { type Breaker, PASS_THROUGH } from './breaker.ts'
import type { SendingConfig } from './config.ts'
import { Lane } from './lane.ts'
import type { Sender } from './sender.ts'

export interface SendingOptions {
  /** What the destination's protocol can carry; the configuration may set less. */
  readonly maxBytes?: number
  readonly breaker?: Breaker
  /** For tests: jitter that can be foreseen. */
  readonly random?: () => number
}

/** Queue, batches, splits, retries, time-outs, counts and draining around one `send`. Creation does no I/O. */
export function createSendingExporter<C>(
  context: CreateContext<C>,
  config: SendingConfig,
  sender: Sender,
  options: SendingOptions = {},
): Component & Consumer {
  return new SendingExporter(context as CreateContext<unknown>, config, sender, options)
}

/** Requests that were written anew, because something in them was left out or changed, are written over the last ones. */
const MAX_POOL_BYTES = 24 << 20
const MAX_POOLED_BUFFER_BYTES = 8 << 20

class SendingExporter implements Component, Consumer {
  readonly #context: CreateContext<unknown>
  readonly #sender: Sender
  readonly #lanes: Partial<Record<Signal, Lane>> = {}
  readonly #removeHolder: () => void
  #host: Host | null = null
  /** Told to the health page last. */
  #fault: string | null = null
  #stopped: Promise<void> | null = null

  constructor(
    context: CreateContext<unknown>,
    config: SendingConfig,
    sender: Sender,
    options: SendingOptions,
  ) {
    this.#context = context
    this.#sender = sender
    const limits = [config.max_request_bytes, options.maxBytes ?? 0].filter(limit => limit > 0)
    const lane = {
      context,
      config,
      sender,
      buffers: new BufferPool(
        Math.min(MAX_POOL_BYTES, context.memory.limitBytes / 16),
        MAX_POOLED_BUFFER_BYTES,
      ),
      breaker: options.breaker ?? PASS_THROUGH,
      maxBytes: limits.length > 0 ? Math.min(...limits) : 0,
      random: options.random ?? Math.random,
      report: (fault: string | null) => this.#report(fault),
    }
    for (const signal of context.signals) this.#lanes[signal] = new Lane(signal, lane)
    this.#removeHolder = context.ledger.addHolder(each => {
      for (const signal of SIGNALS) this.#lanes[signal]?.visit(each)
    })
  }

  async start(host: Host): Promise<void> {
    this.#host = host
    await this.#sender.start()
  }

  consume(batch: Batch): Outcome | Promise<Outcome> {
    const lane = this.#lanes[batch.signal]
    if (lane !== undefined) return lane.consume(batch)
    return refused(batch.items, 'unimplemented', `this exporter is in no ${batch.signal} pipeline`)
  }

  stop(deadline: AbortSignal): Promise<void> {
    this.#stopped ??= this.#stop(deadline)
    return this.#stopped
  }

  #report(fault: string | null): void {
    if (fault === this.#fault) return
    this.#fault = fault
    if (fault === null) this.#host?.reportStatus(this.#context.id, 'ok')
    else this.#host?.reportStatus(this.#context.id, 'recoverable_error', fault)
  }

  async #stop(deadline: AbortSignal): Promise<void> {
    const lanes = Object.entries(this.#lanes)
    const left = await Promise.all(lanes.map(([, lane]) => lane.stop(deadline)))
    for (let i = 0; i < lanes.length; i++) {
      if (left[i] === 0) continue
      this.#context.log.error('items_lost_at_shutdown', {
        exporter: this.#context.id,
        signal: lanes[i][0],
        items: left[i],
      })
    }
    this.#removeHolder()
    if (this.#host !== null) await this.#sender.stop()
  }
}
