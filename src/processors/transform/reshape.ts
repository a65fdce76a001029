/** Runs groups whose statements make or exchange whole metrics. */
import type { Part, RequestContext } from '../../core/batch.ts'
import type { Logger } from '../../core/logger.ts'
import type { StatementGroup } from './groups.ts'
import type { MetricOutbox } from './metric-outbox.ts'

export function reshapePass(
  _group: StatementGroup,
  _outbox: MetricOutbox,
  _log: Logger,
): (part: Part, request: RequestContext) => Part {
  return part => part
}
