/** Runs conditions and statements of one set one after another; what an error means is the set's error_mode. */
import { EvaluationError } from './value.ts'

export type ErrorMode = 'propagate' | 'ignore' | 'silent'

export interface SequenceOptions {
  readonly errorMode: ErrorMode
  /** Called for each error in mode `ignore`. */
  readonly onError: (error: EvaluationError) => void
}

/** With `or` the first true decides, with `and` the first false; one that failed is passed over. */
export function testSequence(
  conditions: readonly { readonly test: (scope: unknown) => boolean }[],
  join: 'and' | 'or',
  scope: unknown,
  options: SequenceOptions,
): boolean {
  let evaluated = false
  for (const condition of conditions) {
    let holds: boolean
    try {
      holds = condition.test(scope)
    } catch (error) {
      handle(error, options)
      continue
    }
    if (holds === (join === 'or')) return holds
    evaluated = true
  }
  // When every condition failed nothing is known, which counts as false.
  return join === 'and' && evaluated
}

/** A statement that failed is passed over. */
export function runSequence(
  statements: readonly { readonly run: (scope: unknown) => boolean }[],
  scope: unknown,
  options: SequenceOptions,
): void {
  for (const statement of statements) {
    try {
      statement.run(scope)
    } catch (error) {
      handle(error, options)
    }
  }
}

/** What follows from a failure: it is thrown again, told, or passed over. */
export function handle(error: unknown, { errorMode, onError }: SequenceOptions): void {
  const failure = asEvaluationError(error)
  if (failure === undefined || errorMode === 'propagate') throw failure ?? error
  if (errorMode === 'ignore') onError(failure)
}

/** A text or a list that grows beyond what the engine can hold is the item's failure too. */
function asEvaluationError(error: unknown): EvaluationError | undefined {
  if (error instanceof EvaluationError) return error
  return error instanceof RangeError ? new EvaluationError(error.message) : undefined
}
