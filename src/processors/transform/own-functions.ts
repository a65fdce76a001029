/** Functions that only `transform` has, by context. */
import type { ContextName } from '../../rules/context.ts'
import type { FunctionSpec } from '../../rules/function.ts'
import type { MetricOutbox } from './metric-outbox.ts'

export function functionsOf(_context: ContextName, _outbox: MetricOutbox): readonly FunctionSpec[] {
  return []
}
