/** The only thing that the decision engine knows of how expressions reach the bytes of a request. */
import type { Part, RequestContext } from '../../core/batch.ts'
import type { RuleContext } from './schema.ts'

/**
 * `scope` is what conditions and statements are run on; it is one object, moved on. The thing it stands on covers the
 * items `from` to before `to`: one for a span, a log record, a data point, the span of an event; all points of a metric.
 */
export type Visit = (scope: unknown, from: number, to: number) => void

export interface Evaluator {
  /** Edits that the part came with are laid out first, so that expressions see them. */
  open(part: Part, request: RequestContext): void
  /** What the running pass goes over; it carries no edits. */
  readonly current: Part
  /**
   * Lays out what the last pass changed, so that the next one sees it. If that was anything, `current` has another
   * payload then, in which only the selected items are left.
   */
  settle(): void
  /** One pass in document order over what is selected. */
  each(context: RuleContext, visit: Visit): void
  /** Takes out what the scope stands on: an event, or a metric without points. */
  remove(scope: unknown): void
  /** The part with the edits of the last pass. */
  finish(): Part
  /** Lets go of the part, also in the middle of a pass. */
  close(): void
}
