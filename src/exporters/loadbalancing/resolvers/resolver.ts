/** Who says which backends there are; and what all resolvers count of themselves. */
import type { CreateContext } from '../../../core/factory.ts'
import type { Counter, Gauge } from '../../../core/meter.ts'
import { MAX_BACKENDS } from '../endpoint.ts'
import { NUM_BACKEND_UPDATES, NUM_BACKENDS, NUM_RESOLUTIONS } from '../metrics.ts'

export type OnChange = (endpoints: readonly string[]) => void

export interface Resolver {
  /**
   * `onChange` is called whenever the list is another one, and before this resolves if the list could be had. Rejects
   * only for what will not get better by itself.
   */
  start(onChange: OnChange): Promise<void>
  /** `onChange` is not called any more. */
  stop(): void
}

/** Keeps the list: sorted, bounded, told only when it has changed. */
export class EndpointList {
  readonly #context: CreateContext<unknown>
  readonly #onChange: OnChange
  readonly #number: Gauge
  readonly #updates: Counter
  readonly #successes: Counter
  readonly #failures: Counter
  #endpoints: readonly string[] | null = null

  constructor(context: CreateContext<unknown>, resolver: string, onChange: OnChange) {
    const { meter, id: exporter } = context
    this.#context = context
    this.#onChange = onChange
    this.#number = meter.gauge(NUM_BACKENDS, { exporter, resolver })
    this.#updates = meter.counter(NUM_BACKEND_UPDATES, { exporter, resolver })
    const outcome = (success: string) =>
      meter.counter(NUM_RESOLUTIONS, { exporter, resolver, success })
    this.#successes = outcome('true')
    this.#failures = outcome('false')
  }

  /** The list could be had. */
  resolved(found: readonly string[]): void {
    this.#successes.value++
    const endpoints = [...found].sort().slice(0, MAX_BACKENDS)
    const before = this.#endpoints
    const isSame =
      before?.length === endpoints.length && before.every((each, i) => each === endpoints[i])
    if (isSame) return
    const { log, id } = this.#context
    if (found.length > MAX_BACKENDS) {
      log.error('too_many_backends', { exporter: id, found: found.length, used: MAX_BACKENDS })
    }
    this.#endpoints = endpoints
    this.#number.value = endpoints.length
    this.#updates.value++
    log.info('backends_changed', { exporter: id, backends: endpoints.length })
    this.#onChange(endpoints)
  }

  /** It could not; the one before goes on to count. */
  failed(message: string): void {
    this.#failures.value++
    const { log, id } = this.#context
    log.warn('backends_cannot_be_resolved', { exporter: id, message })
  }
}
