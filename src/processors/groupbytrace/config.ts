/** Configuration of `groupbytrace`. Keys and defaults are upstream's but for the one that says so. */
import { z } from 'zod'
import { byteSize, duration, idle, integer, section } from '../../config/fields.ts'
import type { ConfigProblem, ConfigSpec } from '../../core/factory.ts'

const schema = section({
  wait_duration: duration('1s').describe('A trace is handed on so long after its first span.'),
  num_traces: integer(1_000_000, { min: 1 }).describe(
    'Traces that wait at most; beyond it the oldest are dropped.',
  ),
  num_workers: idle(integer(1, { min: 1 })).describe(
    "Accepted for upstream's sake: one is enough.",
  ),
  discard_orphans: z.boolean().default(false).describe('Not supported, as upstream.'),
  store_on_disk: z.boolean().default(false).describe('Not supported, as upstream.'),
  memory_limit: byteSize('1GiB').describe(
    'Own key. Most memory for traces that wait; beyond it the oldest are handed on early.',
  ),
})

export type GroupByTraceConfig = z.output<typeof schema>

export const config: ConfigSpec<GroupByTraceConfig> = { schema, check }

function check(config: GroupByTraceConfig): ConfigProblem[] {
  return (['discard_orphans', 'store_on_disk'] as const)
    .filter(key => config[key])
    .map(key => ({ path: [key], message: 'is not supported', expected: 'false' }))
}
