/**
 * Sends items with the same key to the same backend, whichever gateway they come through. A batch is divided by the ring
 * and each share goes into the queue of its backend.
 *
 * ```
 * consume -> (queue of the exporter, if configured) -> shares by key -> queue of a backend -> send
 *                    ^------- what no backend takes -------+    ^--- failing or leaving: to others
 * ```
 */
import type { Batch } from '../../core/batch.ts'
import type { Timer } from '../../core/clock.ts'
import type { Component, Consumer, Host } from '../../core/component.ts'
import type { CreateContext } from '../../core/factory.ts'
import { ACCEPTED, busy, type Outcome } from '../../core/outcome.ts'
import type { HasQueueControl, QueueControl } from '../../core/queue-control.ts'
import type { Signal } from '../../core/signal.ts'
import { MillraceError } from '../../errors.ts'
import { type Abort, whenAborted } from '../../util/abort.ts'
import { createSendingExporter } from '../sending/exporter.ts'
import { OtlpGrpcSender } from '../sending/otlp-grpc-sender.ts'
import type { EncodedBatch, Moved, RelaySender, Sender, SendResult } from '../sending/sender.ts'
import type { OtlpConfig } from './backend.ts'
import { Backends } from './backends.ts'
import { type LoadBalancingConfig, outerSending } from './config.ts'
import { BalancingControl } from './control.ts'
import { Insistence } from './insistence.ts'
import { defaultKey, keysOf, type Locate, locator } from './keys/keys.ts'
import { makeResolver } from './resolvers/make.ts'
import type { Resolver } from './resolvers/resolver.ts'
import { Splitter } from './splitter.ts'

/** While the process stops, or before the first backends have started. */
const CLOSED = busy(1000, 'unavailable')
/** How soon a list is taken again of which a backend could not be started. */
const START_AGAIN_MS = 10_000

export interface BalancingParts {
  readonly makeSender?: (config: OtlpConfig) => Sender
  readonly resolver?: Resolver
}

export class LoadBalancingExporter implements Component, Consumer, HasQueueControl {
  readonly queueControl: QueueControl
  readonly #context: CreateContext<LoadBalancingConfig>
  readonly #backends: Backends
  readonly #resolver: Resolver
  readonly #insistence: Insistence
  /** The queue in front; null when there is none. */
  readonly #outer: (Component & Consumer) | null
  #host: Host | null = null
  /** Lists are taken one after the other. */
  #replacing: Promise<void> = Promise.resolve()
  /** The last list that was said. */
  #listed: readonly string[] = []
  #again: Timer | null = null
  #isOpen = false
  #stopped: Promise<void> | null = null

  /** `parts` are for tests. */
  constructor(context: CreateContext<LoadBalancingConfig>, parts: BalancingParts = {}) {
    const { config } = context
    const outer = outerSending(config)
    const hasOuter = outer.sending_queue.enabled || outer.retry_on_failure.enabled
    this.#context = context
    this.#backends = new Backends({
      context,
      otlp: otlpOf(config),
      isBehindQueue: outer.sending_queue.enabled,
      makeSender: parts.makeSender ?? (otlp => new OtlpGrpcSender(otlp, context)),
      splitter: new Splitter(locators(context), context.memory),
    })
    this.#resolver = parts.resolver ?? makeResolver(context)
    this.#insistence = new Insistence(context, batch => this.#backends.offer(batch))
    this.#outer = hasOuter
      ? createSendingExporter(context, outer, this.#frontSender(outer.retry_on_failure.enabled))
      : null
    const outerControl = (this.#outer as unknown as HasQueueControl | null)?.queueControl
    this.queueControl = new BalancingControl(context, this.#backends, outerControl ?? null, batch =>
      this.consume(batch),
    )
  }

  /** Two of them cannot use one queue on disk. */
  get isAlone(): boolean {
    return this.#outer?.isAlone ?? false
  }

  get holds(): string {
    return this.#outer?.holds ?? ''
  }

  async start(host: Host): Promise<void> {
    this.#host = host
    this.#backends.open(host)
    let isFirst = true
    let fault: unknown = null
    await this.#resolver.start(endpoints => {
      if (!isFirst) {
        this.#take(endpoints)
        return
      }
      isFirst = false
      this.#replacing = this.#replace(endpoints).catch(error => {
        fault = error
      })
    })
    isFirst = false
    await this.#replacing
    if (fault !== null) {
      this.#resolver.stop()
      throw fault
    }
    this.#isOpen = true
    await this.#outer?.start(host)
  }

  consume(batch: Batch): Outcome | Promise<Outcome> {
    if (!this.#isOpen) return CLOSED
    if (this.#outer !== null) return this.#outer.consume(batch)
    if (batch.items === 0) {
      batch.release()
      return ACCEPTED
    }
    return this.#insistence.deliver(batch)
  }

  stop(deadline: AbortSignal): Promise<void> {
    this.#stopped ??= this.#stop(deadline)
    return this.#stopped
  }

  async #stop(deadline: AbortSignal): Promise<void> {
    this.#resolver.stop()
    this.#again?.cancel()
    await this.#outer?.stop(deadline)
    this.#isOpen = false
    const told = this.#insistence.stop()
    // A backend may hold a last attempt for longer than there is time, until it is stopped itself.
    await Promise.race([told, whenAborted(deadline)])
    await this.#replacing
    if (this.#host !== null) await this.#backends.stop(deadline)
    await told
  }

  /** After the one before. What cannot be started now is tried again, as the list may not change for long. */
  #take(endpoints: readonly string[]): void {
    this.#again?.cancel()
    this.#listed = endpoints
    const { clock } = this.#context
    this.#replacing = this.#replacing
      .then(() => this.#replace(endpoints))
      .catch(error => {
        this.#say(error)
        if (this.#stopped !== null || this.#listed !== endpoints) return
        this.#again = clock.after(START_AGAIN_MS, () => this.#take(endpoints))
      })
  }

  async #replace(endpoints: readonly string[]): Promise<void> {
    if (this.#stopped === null) await this.#backends.replace(endpoints)
  }

  #say(error: unknown): void {
    const { log, id } = this.#context
    log.error('backends_cannot_start', { exporter: id, message: (error as Error).message })
  }

  /** Hands what comes out of the queue in front to the backends. */
  #frontSender(hasRetries: boolean): RelaySender {
    return {
      wantsNoBytes: true,
      start: async () => {},
      stop: async () => {},
      send: (encoded: EncodedBatch, abort: Abort): Promise<SendResult | Moved> =>
        this.#insistence.forward(encoded.batch, abort, hasRetries),
    }
  }
}

/**
 * A backend's own sending. With a storage in front, what leaves it must have been delivered, so backends neither queue nor
 * try again. Blocking is done in front of all shares, or some would be blocked and others not.
 */
function otlpOf({ protocol, sending_queue }: LoadBalancingConfig): OtlpConfig {
  const { otlp } = protocol
  const isStored = sending_queue?.enabled === true && sending_queue.storage !== undefined
  if (isStored) {
    return {
      ...otlp,
      sending_queue: { ...otlp.sending_queue, wait_for_result: true, batch: undefined },
      retry_on_failure: { ...otlp.retry_on_failure, enabled: false },
    }
  }
  return { ...otlp, sending_queue: { ...otlp.sending_queue, block_on_overflow: false } }
}

function locators({
  signals,
  config,
}: CreateContext<LoadBalancingConfig>): Partial<Record<Signal, Locate>> {
  const found: Partial<Record<Signal, Locate>> = {}
  for (const signal of signals) {
    const key = config.routing_key || defaultKey(signal)
    const locate = locator(signal, key, config.routing_attributes)
    if (locate === undefined) {
      const known = keysOf(signal).join(', ')
      const message = `routing_key ${key} does not suit ${signal}; these do: ${known}.`
      throw new MillraceError('MILLRACE_START_FAILED', message)
    }
    found[signal] = locate
  }
  return found
}
