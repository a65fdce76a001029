/**
 * The process-wide byte budget. The limit is about resident memory, which is more than what is reserved: code, heap and
 * buffers that wait to be used again. So reservations have a room: what the limit leaves after the spike allowance and
 * what the process needed at rest. Resident memory itself is looked at in an interval: while it grows over the soft
 * limit the room shrinks, over the hard limit to a trickle. It need not come down for the room to grow again, because
 * the allocator keeps what is freed and uses it for what comes next; only growth says that the room is too large.
 *
 * ```
 * 0        at rest    at rest + 1.25 * room = soft limit      hard limit
 * |----------|--------------------|------- spike ----------------|
 *              reservations
 * ```
 */
import type { Clock, Timer } from '../core/clock.ts'
import type { Logger } from '../core/logger.ts'
import type { MemoryBudget, MemoryLimits } from '../core/memory.ts'
import { availableBytes } from './memory-limit.ts'

const MIN_RETRY_MS = 100
const MAX_RETRY_MS = 30_000
/** Said while nothing has drained yet. */
const UNKNOWN_RETRY_MS = 1000
/** Resident bytes for each reserved one: what the allocator cannot use, and buffers of sockets. Measured 1.2 to 1.3. */
const RESIDENT_PER_RESERVED = 1.25
/** Reservations may use at least this share of the limit, however much the process needs at rest. */
const LEAST_SHARE = 0.1
/**
 * The room never shrinks below this share of the limit: the allocator may keep memory that nobody uses any more, and
 * with nothing in the house there is nothing to wait for, so refusing everything would never end.
 */
const TRICKLE_SHARE = 0.05
/** What is left of the room when resident memory has grown over the soft limit since the last look. */
const SHRINK = 0.7
/** Share of the limit that what drains may reserve beyond the room. */
const DRAIN_SHARE = 1 / 16
/** Share of the full room that comes back at each look under the soft limit, and at each over it without growth. */
const GROWTH_BELOW = 0.1
const GROWTH_ABOVE = 0.01
/** Share of the limit by which resident memory wavers without reason. */
const NOISE_SHARE = 0.01
/** The last seconds count for the drain rate. */
const RATE_HALF_LIFE_MS = 2000
/** How often resident memory is looked at, at least: load can grow it by hundreds of MiB a second. */
const LONGEST_LOOK_MS = 250

export class ProcessMemory implements MemoryBudget {
  readonly #default: MemoryLimits
  readonly #asked = new Set<MemoryLimits>()
  #limits: MemoryLimits
  readonly #clock: Clock
  readonly #log: Logger
  readonly #readRss: () => number
  #restBytes: number
  #reserved = 0
  #rss: number
  /** What may be reserved in all. */
  #room: number
  /** The most at any look since it went over the soft limit. */
  #highestRss = 0
  #overSoft = false
  #timer: Timer | null = null
  #refusals = 0
  #freedSince = 0
  #rateSinceMs: number
  /** Bytes a millisecond, smoothed. */
  #drainRate = 0

  constructor(
    limits: MemoryLimits,
    clock: Clock,
    log: Logger,
    readRss = () => process.memoryUsage.rss(),
  ) {
    this.#default = limits
    this.#limits = limits
    this.#clock = clock
    this.#log = log
    this.#readRss = readRss
    this.#rss = readRss()
    this.#restBytes = this.#rss
    this.#room = this.#fullRoom
    this.#rateSinceMs = clock.monotonic()
  }

  /** Resident memory now counts as what the process needs at rest. Called when everything has started. */
  start(): void {
    this.#restBytes = this.#readRss()
    this.#room = this.#fullRoom
    const { limitBytes, spikeBytes } = this.#limits
    if (this.#restBytes > limitBytes - spikeBytes) {
      const hint = 'there is hardly room for data; raise limit_mib or limit_percentage'
      this.#log.warn('memory_limit_too_low', { rss: this.#restBytes, limit: limitBytes, hint })
    }
    this.#schedule()
  }

  stop(): void {
    this.#timer?.cancel()
    this.#timer = null
  }

  limitTo(limits: MemoryLimits): () => void {
    this.#asked.add(limits)
    this.#choose()
    return () => {
      if (this.#asked.delete(limits)) this.#choose()
    }
  }

  get availableBytes(): number {
    return availableBytes()
  }

  isOverSoftLimit(heldBytes: number): boolean {
    return this.#overSoft && this.#reserved - heldBytes > this.#room
  }

  /** Reservations that were not granted since the start. */
  get refusals(): number {
    return this.#refusals
  }

  get limitBytes(): number {
    return this.#limits.limitBytes
  }

  get reservedBytes(): number {
    return this.#reserved
  }

  /** As of the last look. */
  get rssBytes(): number {
    return this.#rss
  }

  /** What may be reserved in all, now. */
  get roomBytes(): number {
    return this.#room
  }

  get #fullRoom(): number {
    const { limitBytes, spikeBytes } = this.#limits
    const left = limitBytes - spikeBytes - this.#restBytes
    return Math.max(left / RESIDENT_PER_RESERVED, limitBytes * LEAST_SHARE)
  }

  get #trickle(): number {
    return this.#limits.limitBytes * TRICKLE_SHARE
  }

  tryReserve(bytes: number, toDrain = false): boolean {
    const extra = toDrain ? this.#limits.limitBytes * DRAIN_SHARE : 0
    if (!this.#fits(bytes - extra)) {
      this.#refusals++
      return false
    }
    this.#reserved += bytes
    return true
  }

  /** Whatever fits the full room comes in when nothing else is in. */
  #fits(bytes: number): boolean {
    return this.#reserved + bytes <= this.#room || (this.#reserved === 0 && bytes <= this.#fullRoom)
  }

  free(bytes: number): void {
    this.#reserved -= bytes
    this.#freedSince += bytes
  }

  /** The time in which a tenth of the room is likely to come free. */
  retryAfterMs(): number {
    this.#rollRate()
    if (this.#drainRate <= 0) return UNKNOWN_RETRY_MS
    const wait = this.#room / 10 / this.#drainRate
    return Math.ceil(Math.min(Math.max(wait, MIN_RETRY_MS), MAX_RETRY_MS))
  }

  /** What is reserved stays reserved. */
  #choose(): void {
    const [smallest] = [...this.#asked].sort((a, b) => a.limitBytes - b.limitBytes)
    this.#limits = smallest ?? this.#default
    this.#room = this.#fullRoom
    if (this.#timer !== null) this.#schedule()
  }

  #schedule(): void {
    this.#timer?.cancel()
    const interval = Math.min(this.#limits.checkIntervalMs, LONGEST_LOOK_MS)
    this.#timer = this.#clock.every(interval, () => this.#look())
  }

  #look(): void {
    this.#rollRate()
    const { limitBytes, spikeBytes } = this.#limits
    this.#rss = this.#readRss()
    const isOver = this.#rss > limitBytes - spikeBytes
    if (isOver && !this.#overSoft) {
      this.#log.warn('memory_over_soft_limit', {
        rss: this.#rss,
        limit: limitBytes,
        reserved: this.#reserved,
      })
    }
    this.#overSoft = isOver
    this.#room = Math.min(this.#nextRoom(), this.#fullRoom)
    if (!isOver) this.#highestRss = 0
    // Exposed only with --expose-gc; external buffers are what mostly waits to be collected.
    if (this.#rss > limitBytes) (globalThis as { gc?: () => void }).gc?.()
  }

  #nextRoom(): number {
    if (!this.#overSoft) return this.#room + this.#fullRoom * GROWTH_BELOW
    const { limitBytes } = this.#limits
    if (this.#rss > limitBytes) return this.#trickle
    if (this.#rss <= this.#highestRss + limitBytes * NOISE_SHARE) {
      return this.#room + this.#fullRoom * GROWTH_ABOVE
    }
    this.#highestRss = this.#rss
    return Math.max(Math.min(this.#room, this.#reserved) * SHRINK, this.#trickle)
  }

  #rollRate(): void {
    const now = this.#clock.monotonic()
    const elapsed = now - this.#rateSinceMs
    if (elapsed < LONGEST_LOOK_MS) return
    const keep = 0.5 ** (elapsed / RATE_HALF_LIFE_MS)
    this.#drainRate = this.#drainRate * keep + (this.#freedSince / elapsed) * (1 - keep)
    this.#freedSince = 0
    this.#rateSinceMs = now
  }
}
