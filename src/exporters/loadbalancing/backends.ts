/**
 * The backends of one exporter: who owns what by the ring, who is being drained, and one round of offering a batch, in
 * which every backend gets its share once.
 */
import type { Batch } from '../../core/batch.ts'
import type { Host } from '../../core/component.ts'
import type { CreateContext } from '../../core/factory.ts'
import { busy, type Outcome, refused } from '../../core/outcome.ts'
import type { Abort } from '../../util/abort.ts'
import type { Moved } from '../sending/sender.ts'
import { Backend, type BackendOptions } from './backend.ts'
import type { LoadBalancingConfig } from './config.ts'
import { addressOf } from './endpoint.ts'
import { REROUTED_ITEMS } from './metrics.ts'
import { conclude, nothingTaken, type Offered } from './offered.ts'
import { HashRing } from './ring.ts'
import { NoRoom, type Share, type Splitter } from './splitter.ts'

/** While there is no backend for something. */
const NO_BACKEND = busy(1000, 'unavailable')
const NOBODY = -1

export interface BackendsOptions
  extends Pick<BackendOptions, 'otlp' | 'isBehindQueue' | 'makeSender'> {
  readonly context: CreateContext<LoadBalancingConfig>
  readonly splitter: Splitter
}

export class Backends {
  readonly #options: BackendsOptions
  readonly #context: CreateContext<LoadBalancingConfig>
  #host: Host | null = null
  #ring = new HashRing([])
  /** By number on the ring; two names of one address are one backend. */
  #owners: readonly Backend[] = []
  readonly #byAddress = new Map<string, Backend>()
  readonly #leaving = new Map<Backend, Promise<void>>()
  /** The process's own deadline, for those that are being drained. */
  readonly #over = new AbortController()
  readonly #faults = new Map<Backend, string>()
  #told = ''

  constructor(options: BackendsOptions) {
    this.#options = options
    this.#context = options.context
  }

  /** Those on the ring, then those that are being drained. */
  all(): readonly Backend[] {
    return [...this.#byAddress.values(), ...this.#leaving.keys()]
  }

  get isEmpty(): boolean {
    return this.#ring.isEmpty
  }

  /** Called before the first `replace`. */
  open(host: Host): void {
    this.#host = host
  }

  /** Another list. Rejects with the fault of a backend that cannot start; the ring is as before then. One at a time. */
  async replace(endpoints: readonly string[]): Promise<void> {
    const missing = new Set(endpoints.map(addressOf))
    for (const address of this.#byAddress.keys()) missing.delete(address)
    const fresh = [...missing].map(address => this.#make(address))
    try {
      await Promise.all(fresh.map(backend => backend.start(this.#host!)))
    } catch (error) {
      await Promise.all(fresh.map(backend => backend.stop(AbortSignal.abort())))
      throw error
    }
    for (const backend of fresh) this.#byAddress.set(backend.address, backend)
    this.#owners = endpoints.map(endpoint => this.#byAddress.get(addressOf(endpoint))!)
    this.#ring = new HashRing(endpoints)
    const wanted = new Set(this.#owners)
    for (const backend of [...this.#byAddress.values()]) {
      if (!wanted.has(backend)) this.#letGo(backend)
    }
  }

  // hot: bench/micro/loadbalancing.ts
  /** `from` gets nothing: it has the batch and wants to be rid of it. */
  offer(batch: Batch, from: Backend | null = null): Offered | Promise<Offered> {
    if (this.#ring.isEmpty) return nothingTaken(batch, NO_BACKEND)
    let shares: Share<Backend | null>[]
    let isAnybodyWell: boolean | null = null
    const mayMove = (): boolean =>
      (isAnybodyWell ??= this.#owners.some(each => each !== from && each.isWell))
    try {
      shares = this.#options.splitter.split(
        batch,
        position => this.#ownerOf(position, from, mayMove),
        owner => (owner === NOBODY ? null : this.#owners[owner]),
      )
    } catch (error) {
      if (error instanceof NoRoom) {
        return nothingTaken(batch, busy(this.#context.memory.retryAfterMs()))
      }
      const why = `it cannot be routed: ${(error as Error).message}`
      return nothingTaken(batch, refused(batch.items, 'rejected', why))
    }
    const outcomes = shares.map(({ owner, batch: share }) => owner?.consume(share) ?? NO_BACKEND)
    if (outcomes.some(outcome => outcome instanceof Promise)) {
      return Promise.all(outcomes).then(settled => conclude(batch, shares, settled))
    }
    return conclude(batch, shares, outcomes as Outcome[])
  }

  async stop(deadline: AbortSignal): Promise<void> {
    const end = (): void => this.#over.abort()
    if (deadline.aborted) end()
    else deadline.addEventListener('abort', end, { once: true })
    // First those that may still hand something on to the others.
    await Promise.all(this.#leaving.values())
    await Promise.all([...this.#byAddress.values()].map(backend => backend.stop(deadline)))
    deadline.removeEventListener('abort', end)
  }

  #make(address: string): Backend {
    return new Backend({
      ...this.#options,
      address,
      relay: (batch, from, abort) => this.#relay(batch, from, abort),
      report: (backend, fault) => this.#report(backend, fault),
    })
  }

  /**
   * Whose it is by the ring; the next who is well when that one is not, and whose it is when nobody is. `mayMove`: somebody
   * is, or each item would go all the way round in vain.
   */
  #ownerOf(position: number, from: Backend | null, mayMove: () => boolean): number {
    const owner = this.#ring.ownerOf(position)
    const backend = this.#owners[owner]
    if (backend !== from && backend.isWell) return owner
    if (mayMove()) {
      const found = this.#ring.findOwner(position, other => {
        const each = this.#owners[other]
        return each !== from && each.isWell
      })
      if (found >= 0) return found
    }
    // Who is leaving must be rid of it; others may as well keep it.
    return from === null || from.isLeaving ? owner : NOBODY
  }

  /**
   * Somebody who has a batch and cannot send it hands it on. What comes after its attempt was given up is an obligation
   * beside the one that it still has.
   */
  async #relay(given: Batch, from: Backend, abort: Abort): Promise<Moved | null> {
    const { ledger, meter, id } = this.#context
    const { signal, tenant, items } = given
    const batch = given.share()
    const { left, outcome, refusal } = await this.offer(batch, from)
    if (left === batch) {
      batch.release()
      return null
    }
    const moved = items - (left?.items ?? 0)
    meter.counter(REROUTED_ITEMS, { exporter: id, signal }).value += moved
    if (refusal !== null) {
      const drop = { stage: id, reason: refusal.why, intentional: false }
      ledger.dropped(tenant, signal, refusal.items, drop)
    }
    if (abort.aborted) {
      ledger.copied(tenant, signal, moved)
      left?.release()
      return null
    }
    if (left === null) return { kind: 'moved' }
    const message = outcome.kind === 'refused' ? outcome.message : 'no other backend takes it now'
    return { kind: 'moved', left: { batch: left, result: { kind: 'retry', message } } }
  }

  #letGo(backend: Backend): void {
    this.#byAddress.delete(backend.address)
    const { log, id } = this.#context
    log.info('backend_leaves', { exporter: id, endpoint: backend.address })
    const left = backend.leave(this.#over.signal).then(() => {
      this.#leaving.delete(backend)
    })
    this.#leaving.set(backend, left)
  }

  #report(backend: Backend, fault: string | null): void {
    if (fault === null) this.#faults.delete(backend)
    else this.#faults.set(backend, fault)
    const [first] = this.#faults
    const detail = first === undefined ? '' : `${first[0].address}: ${first[1]}`
    if (detail === this.#told) return
    this.#told = detail
    if (detail === '') this.#host?.reportStatus(this.#context.id, 'ok')
    else this.#host?.reportStatus(this.#context.id, 'recoverable_error', detail)
  }
}
