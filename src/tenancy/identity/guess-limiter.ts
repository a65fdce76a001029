/**
 * Remembers by address how often wrong credentials came, and says who has to wait. The table is bounded: whoever failed
 * longest ago is forgotten first, so that a flood of addresses costs no memory.
 */
import type { Clock } from '../../core/clock.ts'

export interface GuessLimits {
  /** 0 is no limit. */
  readonly failures: number
  /** Milliseconds. */
  readonly window: number
  readonly max_addresses: number
}

interface Failures {
  count: number
  sinceMs: number
}

export class GuessLimiter {
  readonly #limits: GuessLimits
  readonly #clock: Clock
  /** In the order of the last failure. */
  readonly #table = new Map<string, Failures>()

  constructor(limits: GuessLimits, clock: Clock) {
    this.#limits = limits
    this.#clock = clock
  }

  get size(): number {
    return this.#table.size
  }

  /** Milliseconds that this address has to wait; 0 when it need not. */
  waitMs(address: string): number {
    if (this.#table.size === 0) return 0
    const known = this.#table.get(groupOf(address))
    if (known === undefined || known.count < this.#limits.failures) return 0
    return Math.max(0, known.sinceMs + this.#limits.window - this.#clock.monotonic())
  }

  failed(address: string): void {
    const { failures, window, max_addresses } = this.#limits
    if (failures === 0 || address === '') return
    const group = groupOf(address)
    const nowMs = this.#clock.monotonic()
    const known = this.#table.get(group)
    this.#table.delete(group)
    if (known !== undefined && nowMs - known.sinceMs < window) {
      known.count++
      this.#table.set(group, known)
      return
    }
    this.#table.set(group, { count: 1, sinceMs: nowMs })
    if (this.#table.size > max_addresses) this.#table.delete(this.#table.keys().next().value!)
  }
}

/** One subscriber has a whole /64 of IPv6 addresses. */
export function groupOf(address: string): string {
  if (!address.includes(':')) return address
  const [head, tail] = address.split('::')
  const before = head === '' ? [] : head.split(':')
  const after = tail === undefined || tail === '' ? [] : tail.split(':')
  const zeros = tail === undefined ? 0 : Math.max(0, 8 - before.length - after.length)
  return [...before, ...new Array<string>(zeros).fill('0'), ...after].slice(0, 4).join(':')
}
