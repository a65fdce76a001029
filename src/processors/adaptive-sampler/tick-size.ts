/** How many traces a tick may hold: as many as can be chosen among in the time that the event loop may be held for it. */

/** Also the first: code that has hardly run is slow. */
const LEAST_ROWS = 128
/** They take memory while they wait. */
export const MOST_ROWS = 1024
/** Half of what a tick may take, as the next one may be slower than the last. */
const AIM_MS = 2.5
const GROWTH = 2

export class TickSize {
  rows = LEAST_ROWS

  /** After a tick of `rows` rows. A short one tells nothing of longer ones. */
  fit(rows: number, tookMs: number): void {
    const fitting = tookMs > 0 ? Math.floor((rows * AIM_MS) / tookMs) : MOST_ROWS
    if (fitting > this.rows && rows < this.rows) return
    this.rows = Math.max(LEAST_ROWS, Math.min(MOST_ROWS, this.rows * GROWTH, fitting))
  }
}
