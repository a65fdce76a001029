/** Makes an exporter out of a `Sender`: one lane for each signal, one life for all. The entry of this folder. */
import { type Batch, DEFAULT_TENANT } from '../../core/batch.ts'
import type { Component, Consumer, Host } from '../../core/component.ts'
import type { CreateContext } from '../../core/factory.ts'
import { type Outcome, refused } from '../../core/outcome.ts'
import type { HasQueueControl, QueueControl } from '../../core/queue-control.ts'
import { SIGNALS, type Signal } from '../../core/signal.ts'
import type { HasQueueStorage } from '../../core/storage.ts'
import { MillraceError } from '../../errors.ts'
import { BufferPool } from '../../util/buffer-pool.ts'
import type { Breaker } from './breaker.ts'
import type { SendingConfig } from './config.ts'
import { SendingControl } from './control.ts'
import { Lane } from './lane.ts'
import type { RelaySender } from './sender.ts'
import type { TenantQueue } from './tenant-queue.ts'
import { Window } from './window.ts'

export interface SendingOptions {
  /** What the destination's protocol can carry; the configuration may set less. */
  readonly maxBytes?: number
  /** For all tenants, instead of what the configuration says. */
  readonly breaker?: Breaker
  /** The sender holds something that its successor needs, such as an address that it listens on. */
  readonly isAlone?: boolean
  /** For tests: jitter that can be foreseen. */
  readonly random?: () => number
}

/** Queue, batches, splits, retries, time-outs, counts and draining around one `send`. Creation does no I/O. */
export function createSendingExporter<C>(
  context: CreateContext<C>,
  config: SendingConfig,
  sender: RelaySender,
  options: SendingOptions = {},
): Component & Consumer {
  return new SendingExporter(context as CreateContext<unknown>, config, sender, options)
}

/** Requests that were written anew, because something in them was left out or changed, are written over the last ones. */
const MAX_POOL_BYTES = 24 << 20
const MAX_POOLED_BUFFER_BYTES = 8 << 20

class SendingExporter implements Component, Consumer, HasQueueControl {
  readonly queueControl: QueueControl
  readonly #context: CreateContext<unknown>
  /** Of the storage extension; empty when the queues are in memory only. */
  readonly #storage: string
  readonly #sender: RelaySender
  readonly #senderIsAlone: boolean
  readonly #lanes: Partial<Record<Signal, Lane>> = {}
  readonly #removeHolder: () => void
  #host: Host | null = null
  /** Of which the last attempt failed, the one that began first. */
  readonly #faulty = new Set<TenantQueue>()
  /** Told to the health page last. */
  #told = ''
  #stopped: Promise<void> | null = null

  constructor(
    context: CreateContext<unknown>,
    config: SendingConfig,
    sender: RelaySender,
    options: SendingOptions,
  ) {
    this.#context = context
    this.#sender = sender
    this.#senderIsAlone = options.isAlone ?? false
    const { sending_queue: queue } = config
    this.#storage = queue.enabled ? (queue.storage ?? '') : ''
    const limits = [config.max_request_bytes, options.maxBytes ?? 0].filter(limit => limit > 0)
    const lane = {
      context,
      config,
      sender,
      buffers: new BufferPool(
        Math.min(MAX_POOL_BYTES, context.memory.limitBytes / 16),
        MAX_POOLED_BUFFER_BYTES,
      ),
      breaker: options.breaker ?? null,
      maxBytes: limits.length > 0 ? Math.min(...limits) : 0,
      window: this.#storage === '' ? null : new Window(context.memory.limitBytes),
      random: options.random ?? Math.random,
      report: (queue: TenantQueue, fault: string | null) => this.#report(queue, fault),
    }
    for (const signal of context.signals) this.#lanes[signal] = new Lane(signal, lane)
    this.queueControl = new SendingControl(context, this.#lanes)
    this.#removeHolder = context.ledger.addHolder(each => {
      for (const signal of SIGNALS) this.#lanes[signal]?.visit(each)
    })
  }

  /** Two of them cannot use one queue on disk. */
  get isAlone(): boolean {
    return this.#storage !== '' || this.#senderIsAlone
  }

  get holds(): string {
    return this.#storage
  }

  async start(host: Host): Promise<void> {
    this.#host = host
    await this.#sender.start(host)
    if (this.#storage !== '') await this.#openStorage(host)
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

  async #openStorage(host: Host): Promise<void> {
    const { queueStorage } =
      host.extension<Component & Partial<HasQueueStorage>>(this.#storage) ?? {}
    if (queueStorage === undefined) {
      const message = `${this.#context.id} names ${this.#storage} in sending_queue.storage.`
      throw new MillraceError('MILLRACE_STORAGE_MISSING', message)
    }
    for (const lane of Object.values(this.#lanes)) {
      lane.open(await queueStorage.open(this.#context.id, lane.signal), queueStorage.letters)
    }
  }

  /** One tenant's fault is told until its own requests go through again, whatever those of others do meanwhile. */
  #report(queue: TenantQueue, fault: string | null): void {
    if (fault === queue.fault) return
    queue.fault = fault
    if (fault === null) this.#faulty.delete(queue)
    else this.#faulty.add(queue)
    const first = this.#faulty.values().next().value
    const detail = first === undefined ? '' : explain(first)
    if (detail === this.#told) return
    this.#told = detail
    if (detail === '') this.#host?.reportStatus(this.#context.id, 'ok')
    else this.#host?.reportStatus(this.#context.id, 'recoverable_error', detail)
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

function explain({ tenant, fault }: TenantQueue): string {
  return tenant === DEFAULT_TENANT ? fault! : `tenant ${tenant}: ${fault}`
}
