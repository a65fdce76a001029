/** Time, handed in so that tests can move it. */

export interface Timer {
  /** Safe twice. */
  cancel(): void
}

export interface Clock {
  /** Wall clock, milliseconds since 1970. */
  now(): number
  /** Never goes back, milliseconds with a fraction. */
  monotonic(): number
  /** Calls `f` once after `ms`. Timers do not keep the process alive. */
  after(ms: number, f: () => void): Timer
  /** Calls `f` each `ms` until cancelled. Timers do not keep the process alive. */
  every(ms: number, f: () => void): Timer
}

/** About 25 days. A longer timer of Node would fire at once. */
const MAX_TIMER_MS = 0x7fff_ffff

export const SYSTEM_CLOCK: Clock = {
  now: () => Date.now(),
  monotonic: () => performance.now(),
  after(ms, f) {
    const t = setTimeout(f, Math.min(ms, MAX_TIMER_MS))
    t.unref()
    return { cancel: () => clearTimeout(t) }
  },
  every(ms, f) {
    const t = setInterval(f, Math.min(ms, MAX_TIMER_MS))
    t.unref()
    return { cancel: () => clearInterval(t) }
  },
}
