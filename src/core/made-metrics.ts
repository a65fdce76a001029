/**
 * The way out for components that make metrics out of other signals when it suits them: each request becomes a batch with
 * its memory reserved and its points booked, and waits in line until the pipeline behind takes it.
 */
import { indexRequest } from '../otlp/kernel/kernel.ts'
import { isWireFault } from '../otlp/request-index.ts'
import { Batch, NO_CONTEXT, type TenantId } from './batch.ts'
import type { Consumer, Services } from './component.ts'
import { Outlet } from './outlet.ts'
import { Payload } from './payload.ts'

export interface MadeMetricsOptions extends Pick<Services, 'clock' | 'ledger' | 'memory'> {
  /** Of the component; the stage of what is dropped here. */
  readonly id: string
  readonly next: Consumer
}

export class MadeMetrics {
  readonly #options: MadeMetricsOptions
  readonly #outlet: Outlet
  readonly #forget: () => void

  constructor(options: MadeMetricsOptions) {
    this.#options = options
    // Whoever makes metrics makes none while some of before are waiting, so one round is the bound.
    this.#outlet = new Outlet({ ...options, maxItems: Number.MAX_SAFE_INTEGER })
    this.#forget = options.ledger.addHolder(each => this.#outlet.visit(each))
  }

  /** Nothing of before is waiting. */
  get isIdle(): boolean {
    return this.#outlet.items === 0
  }

  /** False when there is no memory for it: the points are still the caller's. */
  push(tenant: TenantId, bytes: Uint8Array): boolean {
    const { ledger, memory } = this.#options
    const index = indexRequest('metrics', bytes)
    if (isWireFault(index)) throw new Error(`made metrics are not a valid request: ${index.fault}`)
    const size = index.levels.reduce((sum, level) => sum + level.byteLength, bytes.length)
    if (!memory.tryReserve(size)) return false
    const payload = new Payload(bytes, { onFree: () => memory.free(size) })
    const part = { payload, index, selection: null, edits: null, items: index.items }
    ledger.copied(tenant, 'metrics', index.items)
    this.#outlet.push(new Batch('metrics', tenant, NO_CONTEXT, [part]))
    return true
  }

  /** Resolves when all is taken, or dropped because the deadline is over. */
  async drain(deadline: AbortSignal): Promise<void> {
    await this.#outlet.drain(deadline)
    this.#forget()
  }
}
