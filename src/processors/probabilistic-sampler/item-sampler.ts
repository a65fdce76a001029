/** What the processor asks of each signal's sampler. */
import type { Part } from '../../core/batch.ts'
import type { Edits } from '../../otlp/splice.ts'

export interface ItemSampler {
  /** What decided about the last item. */
  readonly policy: string
  /** The part carries no edits. */
  open(part: Part): void
  /** Whether the item stays; its new marks go to `edits`. */
  keeps(item: number, edits: Edits): boolean
}
