/** Joins small requests into large ones without touching their bytes, and answers busy while the next stage cannot keep up. */
import type { Batch, TenantId } from '../../core/batch.ts'
import type { Component, Consumer } from '../../core/component.ts'
import { contextKey, sharedContext } from '../../core/context-key.ts'
import type { CreateContext } from '../../core/factory.ts'
import { ACCEPTED, busy, type Outcome, refused } from '../../core/outcome.ts'
import type { BatchConfig } from './config.ts'
import { CARDINALITY, SEND_SIZE, SIZE_TRIGGER, TIMEOUT_TRIGGER } from './metrics.ts'
import { Shard, type ShardSettings } from './shard.ts'

/** Full batches that may wait for the next stage before what comes in is answered busy. */
const MAX_WAITING_BATCHES = 2
/** A batch in the making has no size when `send_batch_size` is 0; then so many items may wait. */
const WAITING_WITHOUT_SIZE = 8192
const STOPPING_RETRY_MS = 1000
/** Shards that hold nothing make room when new ones come, and are looked for no more often than this. */
const SWEEP_MS = 1000

export class BatchProcessor implements Component, Consumer {
  readonly #config: BatchConfig
  readonly #keys: readonly string[]
  readonly #settings: ShardSettings
  readonly #shards = new Map<string, Shard>()
  readonly #unobserve: () => void
  readonly #removeHolder: () => void
  readonly #ofTenants = new Map<TenantId, number>()
  #sweptAtMs = Number.NEGATIVE_INFINITY
  #last: Shard | null = null
  #isStopping = false

  constructor(context: CreateContext<BatchConfig>, next: Consumer) {
    const { id, config, clock, ledger, meter } = context
    const labels = { processor: id }
    this.#config = config
    this.#keys = config.metadata_keys.map(key => key.toLowerCase())
    this.#settings = {
      ...{ id, config, clock, ledger, next },
      maxWaiting: MAX_WAITING_BATCHES * (config.send_batch_size || WAITING_WITHOUT_SIZE),
      sizeTrigger: meter.counter(SIZE_TRIGGER, labels),
      timeoutTrigger: meter.counter(TIMEOUT_TRIGGER, labels),
      sendSize: meter.histogram(SEND_SIZE, labels),
    }
    this.#unobserve = meter.observe(CARDINALITY, labels, () => this.#shards.size)
    this.#removeHolder = ledger.addHolder(each => {
      for (const shard of this.#shards.values()) {
        if (shard.items > 0) each(shard.tenant, shard.signal, shard.items)
      }
    })
  }

  async start(): Promise<void> {}

  // hot: bench/flow/side-by-side.ts
  consume(batch: Batch): Outcome {
    if (this.#isStopping) return busy(STOPPING_RETRY_MS, 'unavailable')
    if (batch.items === 0) {
      batch.release()
      return ACCEPTED
    }
    const shard = this.#shardOf(batch)
    if (shard === null) {
      const limit = this.#config.metadata_cardinality_limit
      const why = `more than ${limit} combinations of metadata values of one tenant are batched`
      return refused(batch.items, 'rejected', `${why}; raise metadata_cardinality_limit`)
    }
    if (shard.isFull) return busy(shard.retryAfterMs)
    shard.add(batch)
    return ACCEPTED
  }

  async stop(deadline: AbortSignal): Promise<void> {
    this.#isStopping = true
    const shards = [...this.#shards.values()]
    await Promise.all(shards.map(shard => shard.drain(deadline)))
    this.#unobserve()
    // A batch that the next stage has not answered for yet stays on the book.
    if (shards.every(shard => shard.items === 0)) this.#removeHolder()
  }

  /** Most requests go where the one before went. */
  #shardOf(batch: Batch): Shard | null {
    const last = this.#last
    const isSame =
      last !== null &&
      this.#keys.length === 0 &&
      last.signal === batch.signal &&
      last.tenant === batch.tenant
    if (!isSame) this.#last = this.#findShard(batch)
    return this.#last
  }

  /** Null when one more combination of metadata values would be too many. */
  #findShard(batch: Batch): Shard | null {
    const key = `${batch.signal} ${contextKey(batch, this.#keys)}`
    const known = this.#shards.get(key)
    if (known !== undefined) return known
    this.#sweep()
    const { tenant } = batch
    const limit = this.#config.metadata_cardinality_limit
    const own = this.#ofTenants.get(tenant) ?? 0
    if (this.#keys.length > 0 && limit > 0 && own >= limit) return null
    const shard = new Shard(batch.signal, tenant, sharedContext(batch, this.#keys), this.#settings)
    this.#shards.set(key, shard)
    this.#ofTenants.set(tenant, own + 1)
    return shard
  }

  /** The caller takes another shard for the last one. */
  #sweep(): void {
    const nowMs = this.#settings.clock.monotonic()
    if (nowMs - this.#sweptAtMs < SWEEP_MS) return
    this.#sweptAtMs = nowMs
    for (const [key, { items, tenant }] of this.#shards) {
      if (items > 0) continue
      this.#shards.delete(key)
      const left = this.#ofTenants.get(tenant)! - 1
      if (left > 0) this.#ofTenants.set(tenant, left)
      else this.#ofTenants.delete(tenant)
    }
  }
}
