/**
 * One backend: a sending exporter of its own, with queue, retries and breakers, around the OTLP sender. When it fails, or
 * is gone from the list, what it holds goes on to others.
 */
import type { Batch } from '../../core/batch.ts'
import type { Component, Consumer, Host } from '../../core/component.ts'
import type { CreateContext } from '../../core/factory.ts'
import type { Labels, Meter, MetricSpec } from '../../core/meter.ts'
import type { Outcome } from '../../core/outcome.ts'
import type { HasQueueControl, QueueControl } from '../../core/queue-control.ts'
import type { Abort } from '../../util/abort.ts'
import { CircuitBreaker } from '../sending/breaker.ts'
import { createSendingExporter } from '../sending/exporter.ts'
import { IN_FLIGHT, QUEUE_CAPACITY, QUEUE_SIZE } from '../sending/metrics.ts'
import type { EncodedBatch, Moved, RelaySender, Sender, SendResult } from '../sending/sender.ts'
import type { LoadBalancingConfig } from './config.ts'
import { cutOut } from './cut-out.ts'
import {
  BACKEND_IN_FLIGHT,
  BACKEND_LATENCY,
  BACKEND_OUTCOME,
  BACKEND_QUEUE_CAPACITY,
  BACKEND_QUEUE_SIZE,
  BACKEND_STATE,
} from './metrics.ts'

/** A probe that is due so soon may as well go now. */
const PROBE_SLACK_MS = 1

export type OtlpConfig = LoadBalancingConfig['protocol']['otlp']

export interface BackendOptions {
  readonly context: CreateContext<LoadBalancingConfig>
  /** With its port. */
  readonly address: string
  /** For its own exporter. */
  readonly otlp: OtlpConfig
  /** Its queue is shown only by its own metrics, because there is another one in front. */
  readonly isBehindQueue: boolean
  readonly makeSender: (config: OtlpConfig) => Sender
  /**
   * Hands a batch, of which it keeps its own hold, to other backends. Null when none of them took anything; what they did
   * not take is in `left`.
   */
  readonly relay: (batch: Batch, from: Backend, abort: Abort) => Promise<Moved | null>
  readonly report: (backend: Backend, fault: string | null) => void
}

export class Backend implements Consumer {
  readonly address: string
  readonly queueControl: QueueControl
  /** No more of its own share; what it holds is being sent or handed on. */
  isLeaving = false
  /** It has had its time: everything is handed on without another attempt. */
  isOver = false
  /** Null when a failing backend keeps its share. */
  readonly health: CircuitBreaker | null
  readonly #options: BackendOptions
  readonly #exporter: Component & Consumer
  readonly #endObservation: () => void
  #fault: string | null = null

  constructor(options: BackendOptions) {
    const { context, address, otlp, makeSender } = options
    const { reroute } = context.config
    this.#options = options
    this.address = address
    this.health = reroute.enabled ? new CircuitBreaker(reroute, context.clock) : null
    const labels = { exporter: context.id, endpoint: address }
    const own = {
      ...context,
      config: otlp,
      log: context.log.child({ endpoint: address }),
      meter: withQueueOf(context.meter, labels, options.isBehindQueue),
    }
    const sender = new BackendSender(
      makeSender({ ...otlp, endpoint: address }),
      this,
      options,
      labels,
    )
    this.#exporter = createSendingExporter(own, otlp, sender)
    this.queueControl = (this.#exporter as unknown as HasQueueControl).queueControl
    this.#endObservation = context.meter.observe(BACKEND_STATE, labels, () => this.#state)
  }

  /** Whether it gets what belongs to it: it is well, or it is time to try. */
  get isWell(): boolean {
    const { health } = this
    if (health === null || health.state === 'closed') return true
    return health.state === 'open' && health.waitMs() <= PROBE_SLACK_MS
  }

  async start(host: Host): Promise<void> {
    await this.#exporter.start({
      inspector: host.inspector,
      extension: id => host.extension(id),
      reportStatus: (_, status, detail) => {
        this.#fault = status === 'ok' ? null : (detail ?? 'not well')
        this.#options.report(this, this.#fault)
      },
    })
  }

  /**
   * A share that will wait for long gets bytes of its own: the request that it is of could not be let go otherwise, however
   * little of it the share is.
   */
  consume(batch: Batch): Outcome | Promise<Outcome> {
    const own = this.#fault === null ? null : cutOut(batch, this.#options.context.memory)
    if (own === null) return this.#exporter.consume(batch)
    const choose = (outcome: Outcome): Outcome => {
      const isTaken =
        outcome.kind === 'accepted' || (outcome.kind === 'refused' && outcome.items < batch.items)
      if (isTaken) batch.release()
      else own.release()
      return outcome
    }
    const outcome = this.#exporter.consume(own)
    return outcome instanceof Promise ? outcome.then(choose) : choose(outcome)
  }

  /** It is gone from the list. Resolves when it holds nothing more, or at the end of the process's own stop. */
  async leave(over: AbortSignal): Promise<void> {
    const { clock, config } = this.#options.context
    this.isLeaving = true
    this.isOver = config.drain_timeout === 0
    this.queueControl.drain({})
    const timer = clock.after(config.drain_timeout, () => {
      this.isOver = true
      this.queueControl.drain({})
    })
    await this.stop(over)
    timer.cancel()
  }

  async stop(deadline: AbortSignal): Promise<void> {
    await this.#exporter.stop(deadline)
    this.#endObservation()
    this.#options.report(this, null)
  }

  get #state(): number {
    if (this.isLeaving) return 3
    const state = this.health?.state
    if (state === 'open') return 2
    return state === 'half_open' ? 1 : 0
  }
}

/** Sends; and hands on what the backend does not take. */
class BackendSender implements RelaySender {
  readonly #sender: Sender
  readonly #backend: Backend
  readonly #options: BackendOptions
  readonly #labels: Labels

  constructor(sender: Sender, backend: Backend, options: BackendOptions, labels: Labels) {
    this.#sender = sender
    this.#backend = backend
    this.#options = options
    this.#labels = labels
  }

  start(host: Host): Promise<void> {
    return this.#sender.start(host)
  }

  stop(): Promise<void> {
    return this.#sender.stop()
  }

  async send(encoded: EncodedBatch, abort: Abort): Promise<SendResult | Moved> {
    const { health, isOver } = this.#backend
    // Also with nobody else to take it there is nothing to lose by an attempt.
    if (isOver || health?.allow() === false) {
      const moved = await this.#relay(encoded.batch, abort)
      if (moved !== null) return moved
    }
    const result = await this.#attempt(encoded, abort)
    if (result.kind !== 'retry') {
      // A backend that refuses data is there.
      if (health?.success() === true) this.#options.report(this.#backend, null)
      return result
    }
    if (result.isOurs === true || (result.afterMs ?? 0) > 0) health?.forget()
    else health?.failure()
    const isOut = this.#backend.isLeaving || (health !== null && health.state !== 'closed')
    if (!isOut) return result
    return (await this.#relay(encoded.batch, abort)) ?? result
  }

  async #attempt(encoded: EncodedBatch, abort: Abort): Promise<SendResult> {
    const { meter, clock } = this.#options.context
    const since = clock.monotonic()
    const result = await this.#sender.send(encoded, abort)
    meter.histogram(BACKEND_LATENCY, this.#labels).observe(clock.monotonic() - since)
    const success = String(result.kind === 'sent')
    meter.counter(BACKEND_OUTCOME, { ...this.#labels, success }).value++
    return result
  }

  async #relay(batch: Batch, abort: Abort): Promise<Moved | null> {
    return abort.aborted ? null : this.#options.relay(batch, this.#backend, abort)
  }
}

const OWN_NAMES: ReadonlyMap<MetricSpec, MetricSpec> = new Map([
  [QUEUE_SIZE, BACKEND_QUEUE_SIZE],
  [QUEUE_CAPACITY, BACKEND_QUEUE_CAPACITY],
  [IN_FLIGHT, BACKEND_IN_FLIGHT],
])

/** Shows the queue of a backend by its endpoint too, or only so. */
function withQueueOf(meter: Meter, { endpoint }: Labels, only: boolean): Meter {
  return {
    counter: (spec, labels) => meter.counter(spec, labels),
    gauge: (spec, labels) => meter.gauge(spec, labels),
    histogram: (spec, labels) => meter.histogram(spec, labels),
    observe: (spec, labels, read) => {
      const own = OWN_NAMES.get(spec)
      if (own === undefined) return meter.observe(spec, labels, read)
      const { exporter, data_type } = labels
      const end = meter.observe(own, { exporter, endpoint, data_type }, read)
      if (only) return end
      const endAll = meter.observe(spec, labels, read)
      return () => {
        end()
        endAll()
      }
    },
  }
}
