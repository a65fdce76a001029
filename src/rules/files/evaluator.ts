/** The only thing that the decision engine knows of how expressions reach the bytes of a request. */
import type { Part, RequestContext } from '../../core/batch.ts'
import type { Signal } from '../../core/signal.ts'
import type { Rule } from './rule-set.ts'
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
  /** One pass over what is selected, in document order, for the rules of a stage. */
  each(stage: number, visit: Visit): void
  /** Within `visit`: the first rule of the stage from `from` on whose condition holds, or -1. Throws EvaluationError. */
  next(scope: unknown, from: number): number
  /** The rule that `next` tested last: the one that failed when it throws. */
  readonly tested: number
  /** Within `visit`: whether the condition of one rule holds. Throws EvaluationError. */
  test(rule: number, scope: unknown): boolean
  /** Within `visit`: statements have run on the scope. */
  edited(scope: unknown): void
  /** Takes out what the scope stands on: an event, or a metric without points. */
  remove(scope: unknown): void
  /** The part with the edits of the last pass. */
  finish(): Part
  /** Lets go of the part, also in the middle of a pass. */
  close(): void
}

/** Rules of one context that follow each other. */
export interface StageRules {
  readonly context: RuleContext
  readonly rules: readonly Rule[]
}

/** In steps, so that a large set can be made ready beside running work. */
export type MakeEvaluator = (
  signal: Signal,
  stages: readonly StageRules[],
) => Generator<void, Evaluator>
