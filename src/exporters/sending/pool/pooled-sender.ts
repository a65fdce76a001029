/**
 * A sender in front of several: each request goes to one endpoint, and at once to another when that one cannot take it.
 *
 * ```
 * send -> choose -> sender of the endpoint -> sent | drop --------------------> answer
 *           ^  \                               | retry
 *           |   all busy: wait in turn         v
 *           +---- another one, within max_tries and the budget ---- none ----> answer: retry
 * ```
 */
import type { Batch } from '../../../core/batch.ts'
import type { Clock, Timer } from '../../../core/clock.ts'
import type { Host } from '../../../core/component.ts'
import type { Lookup } from '../../../net/grpc-client-target.ts'
import { type Abort, AbortSource } from '../../../util/abort.ts'
import { RetryBudget } from '../retry-budget.ts'
import type { EncodedBatch, Sender, SendResult } from '../sender.ts'
import type { BalancingConfig, EndpointConfig } from './config.ts'
import type { Endpoint } from './endpoint.ts'
import { Keeper, type KeeperOptions } from './keeper.ts'
import { Membership } from './membership.ts'
import { OTHER_TRIES, observePanic } from './metrics.ts'
import { Outliers } from './outliers.ts'
import type { EndpointKind } from './place.ts'
import { Roster } from './roster.ts'
import { WaitingRoom } from './waiting-room.ts'

/** What may follow at once at other endpoints: requests earn it, so that a dead backend does not see each of them thrice. */
const OTHER_TRIES_BUDGET = { enabled: true, ratio: 0.2, min_per_second: 10, burst: 100 }

export interface PoolOptions extends KeeperOptions {
  readonly endpoints: readonly EndpointConfig[]
  readonly kind: EndpointKind
  readonly lookup: Lookup
}

const NOBODY: readonly Endpoint[] = []

/** One attempt of the lane, which may be several tries. */
interface Request {
  readonly encoded: EncodedBatch
  readonly abort: Abort
  readonly startMs: number
}

export class PooledSender implements Sender {
  readonly #balancing: BalancingConfig
  readonly #clock: Clock
  readonly #roster: Roster
  readonly #waiting: WaitingRoom
  readonly #keeper: Keeper
  readonly #membership: Membership
  readonly #budget: RetryBudget
  readonly #otherTries: { value: number }
  /** Where a batch failed last: its next attempt prefers another. */
  readonly #failedAt = new WeakMap<Batch, Endpoint>()
  readonly #begin: () => Outliers | null
  #outliers: Outliers | null = null
  #unobserve = (): void => {}
  readonly #observe: () => () => void
  #host: Host | null = null

  constructor(options: PoolOptions) {
    const { id, services, balancing } = options
    const { clock, meter, log } = services
    this.#balancing = balancing
    this.#clock = clock
    this.#roster = new Roster(balancing, clock, options.random)
    this.#waiting = new WaitingRoom(this.#roster)
    this.#budget = new RetryBudget(OTHER_TRIES_BUDGET, clock)
    this.#otherTries = meter.counter(OTHER_TRIES, { exporter: id })
    this.#observe = () => observePanic(meter, id, () => this.#roster.isPanicking)
    this.#keeper = new Keeper(options, () => this.#waiting.serve())
    this.#membership = new Membership({
      ...options,
      resolve: balancing.resolve,
      clock,
      log,
      open: (place, weight) => this.#keeper.open(place, weight, this.#host!),
      close: endpoint => this.#keeper.close(endpoint),
      changed: endpoints => {
        this.#roster.set(endpoints)
        this.#waiting.serve()
      },
    })
    const config = balancing.outlier_ejection
    this.#begin = () =>
      config === undefined
        ? null
        : new Outliers({ id, config, clock, log, endpoints: () => this.#roster.endpoints })
  }

  async start(host: Host): Promise<void> {
    this.#host = host
    await this.#membership.start()
    this.#outliers = this.#begin()
    this.#unobserve = this.#observe()
  }

  cut(batch: Batch): readonly Batch[] | null {
    return this.#roster.cut(batch)
  }

  // hot: bench/micro/sending.ts
  async send(encoded: EncodedBatch, abort: Abort): Promise<SendResult> {
    const { batch } = encoded
    const startMs = this.#clock.monotonic()
    const choice = this.#roster.take(batch, NOBODY, this.#failedAt.get(batch) ?? null)
    const first =
      choice === 'wait'
        ? await this.#waiting.wait(batch, this.#failedAt.get(batch) ?? null, abort)
        : choice
    if (typeof first === 'string') return { kind: 'retry', message: first, isOurs: true }
    if (typeof first === 'number') return nobodyFor(first)
    this.#budget.fresh()
    const request = { encoded, abort, startMs }
    const result = await this.#sendTo(first, request)
    if (result.kind === 'retry') return this.#tryOthers(request, first, result)
    if (result.kind === 'sent') this.#budget.success()
    return result
  }

  async stop(): Promise<void> {
    this.#outliers?.stop()
    this.#unobserve()
    await this.#membership.stop()
  }

  async #tryOthers(request: Request, first: Endpoint, fault: SendResult): Promise<SendResult> {
    const { batch } = request.encoded
    const asked = [first]
    let result = fault
    while (
      result.kind === 'retry' &&
      result.isOurs !== true &&
      this.#mayGoOn(asked, request.abort)
    ) {
      const next = this.#roster.take(batch, asked, null)
      if (typeof next !== 'object') break
      this.#budget.spend()
      this.#otherTries.value++
      asked.push(next)
      result = await this.#sendTo(next, request)
    }
    if (result.kind !== 'retry') {
      this.#failedAt.delete(batch)
      return result
    }
    this.#failedAt.set(batch, asked[asked.length - 1])
    // One that asked to wait does not hold up what another could take.
    if ((result.afterMs ?? 0) > 0 && this.#roster.hasOther(batch, asked)) {
      return { kind: 'retry', message: result.message }
    }
    return result
  }

  #mayGoOn(asked: readonly Endpoint[], abort: Abort): boolean {
    return asked.length < this.#balancing.max_tries && !abort.aborted && this.#budget.allows
  }

  /** It was taken for this request. */
  async #sendTo(endpoint: Endpoint, request: Request): Promise<SendResult> {
    const { encoded, abort } = request
    if (endpoint.breaker.state === 'half_open') endpoint.sender.hurry?.()
    const startMs = this.#clock.monotonic()
    let result: SendResult
    try {
      result = await this.#within(endpoint.sender, encoded, abort)
    } catch (error) {
      // A fault of ours; `Attempt` would say the same of a sender alone.
      result = { kind: 'drop', reason: 'internal_error', message: (error as Error).message }
    }
    const nowMs = this.#clock.monotonic()
    const tookMs = nowMs - startMs
    // The end of an attempt says something about the endpoint that has had most of its time.
    const wasCut = abort.aborted && tookMs * 2 < nowMs - request.startMs
    endpoint.ended(encoded.batch.tenant, result, tookMs, wasCut)
    endpoint.inFlight--
    if (endpoint.isLeaving) this.#membership.released(endpoint)
    this.#waiting.serve()
    return result.kind === 'sent'
      ? result
      : { ...result, message: `${endpoint.name}: ${result.message}` }
  }

  /** One try, no longer than `try_timeout`. */
  async #within(sender: Sender, encoded: EncodedBatch, abort: Abort): Promise<SendResult> {
    const { try_timeout: limitMs } = this.#balancing
    if (limitMs === 0) return sender.send(encoded, abort)
    const own = new AbortSource()
    const forward = (): void => own.abort(abort.reason as Error)
    if (abort.aborted) forward()
    else abort.addEventListener('abort', forward)
    const timer: Timer = this.#clock.after(limitMs, () =>
      own.abort(new Error(`no answer within ${limitMs} ms`)),
    )
    try {
      return await sender.send(encoded, own)
    } finally {
      timer.cancel()
      abort.removeEventListener('abort', forward)
    }
  }
}

function nobodyFor(afterMs: number): SendResult {
  const message = 'no endpoint may be asked now'
  return afterMs > 0 ? { kind: 'retry', afterMs, message } : { kind: 'retry', message }
}
