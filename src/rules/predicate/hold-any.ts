/** Conditions over slots, joined by `or`: as `testSequence` does it, one that failed is passed over. */
import { handle, type SequenceOptions } from '../sequence.ts'
import type { PredicateSet } from './predicate-set.ts'

/** Whether any condition of the set holds for a row; `scope` stands on it. */
// hot: bench/micro/predicates.ts
export function holdsAny(
  set: PredicateSet,
  row: number,
  scope: unknown,
  options: SequenceOptions,
): boolean {
  for (let from = 0; from < set.size; from = set.tested + 1) {
    try {
      return set.next(row, from, scope) >= 0
    } catch (error) {
      handle(error, options)
    }
  }
  return false
}
