/**
 * Where functions that make or exchange whole metrics leave them, since metrics are rows of the request and cannot be
 * changed while they are gone over. Encoded Metric messages by the number of the metric they came from.
 */
import { END, ROW, START } from '../../otlp/request-index.ts'
import { type Cursor, METRIC_LEVEL } from '../../rules/contexts/cursor.ts'

export class MetricOutbox {
  /** Uses of such functions that were compiled so far: tells which statements have one. */
  functions = 0
  readonly replaced = new Map<number, Uint8Array>()
  readonly added = new Map<number, Uint8Array[]>()

  get isEmpty(): boolean {
    return this.replaced.size === 0 && this.added.size === 0
  }

  clear(): void {
    this.replaced.clear()
    this.added.clear()
  }

  /** The metric that the cursor stands on or in, as it is now. */
  current({ space }: Cursor): Uint8Array {
    const row = space.rows[METRIC_LEVEL]
    const rows = space.levels[METRIC_LEVEL]
    const replaced = this.replaced.get(row)
    return replaced ?? space.bytes.subarray(rows[row * ROW + START], rows[row * ROW + END])
  }

  replace({ space }: Cursor, metric: Uint8Array): void {
    this.replaced.set(space.rows[METRIC_LEVEL], metric)
  }

  add({ space }: Cursor, metric: Uint8Array): void {
    const row = space.rows[METRIC_LEVEL]
    const list = this.added.get(row)
    if (list === undefined) this.added.set(row, [metric])
    else list.push(metric)
  }
}
