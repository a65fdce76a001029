/** Configuration of `failover`. Keys and defaults are upstream's; what is ours is said in the README. */
import { z } from 'zod'
import { duration, idle, integer, optionalSection, section } from '../../config/fields.ts'
import type { ConfigProblem, ConfigSpec } from '../../core/factory.ts'

const queueFields = {
  enabled: z.boolean().default(true).describe('False is the same as leaving the section out.'),
  num_consumers: integer(10, { min: 1 }).describe('Most requests that are on their way at once.'),
  queue_size: integer(1000, { min: 1 }).describe('Bound of the queue, in units of sizer.'),
  sizer: z.enum(['requests', 'items', 'bytes']).default('requests').describe('Unit of queue_size.'),
  block_on_overflow: z
    .boolean()
    .default(false)
    .describe('Lets senders wait when the queue is full, instead of telling them to come back.'),
}

const schema = section({
  priority_levels: z
    .array(z.array(z.string()).min(1))
    .min(1)
    .describe('Pipelines by priority, the first level first; all of one level get the data.'),
  retry_interval: duration('10m', { positive: true }).describe(
    'How often the levels above the one in use are tried, with a request that is to go out anyway.',
  ),
  retry_gap: idle(
    duration('30s').describe('Accepted for compatibility; one request tries all levels above.'),
  ),
  max_retries: idle(
    integer(10).describe('Accepted for compatibility; a level is never given up for good.'),
  ),
  sending_queue: optionalSection(queueFields).describe(
    'A queue in front of the levels, so that nothing waits in that of a dead one; none if absent.',
  ),
})

export type FailoverConfig = z.output<typeof schema>
export type FailoverQueueConfig = NonNullable<FailoverConfig['sending_queue']>

export const config: ConfigSpec<FailoverConfig> = { schema, check }

function check({ priority_levels }: FailoverConfig): ConfigProblem[] {
  const seen = new Set<string>()
  const problems: ConfigProblem[] = []
  for (const [i, level] of priority_levels.entries()) {
    for (const [j, id] of level.entries()) {
      if (seen.has(id)) {
        const path = ['priority_levels', i, j]
        problems.push({ path, message: `names ${id} again`, expected: 'each pipeline once' })
      }
      seen.add(id)
    }
  }
  return problems
}
