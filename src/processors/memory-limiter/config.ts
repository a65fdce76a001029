/** Configuration of `memory_limiter`. Keys, defaults and checks are upstream's. */
import type { z } from 'zod'
import { duration, idle, integer, section } from '../../config/fields.ts'
import type { ConfigProblem, ConfigSpec } from '../../core/factory.ts'

const percentage = (): z.ZodType<number> => integer(0, { max: 100 })

const schema = section({
  check_interval: duration('1s').describe('How often resident memory is looked at, at most.'),
  limit_mib: integer(0).describe('Limit of resident memory in MiB; wins over limit_percentage.'),
  spike_limit_mib: integer(0).describe(
    'Distance in MiB from the limit at which nothing new is taken; 0 is 20 % of the limit.',
  ),
  limit_percentage: percentage().describe('Limit as a share of what the container or machine has.'),
  spike_limit_percentage: percentage().describe(
    'Distance as a share of what there is; 0 is 20 % of the limit.',
  ),
  min_gc_interval_when_soft_limited: idle(
    duration('10s').describe("Accepted for upstream's sake; no effect."),
  ),
  min_gc_interval_when_hard_limited: idle(
    duration('0s').describe("Accepted for upstream's sake; no effect."),
  ),
})

export type MemoryLimiterConfig = z.output<typeof schema>

export const config: ConfigSpec<MemoryLimiterConfig> = { schema, check }

function check(config: MemoryLimiterConfig): ConfigProblem[] {
  const problems: ConfigProblem[] = []
  if (config.check_interval === 0) {
    problems.push({ path: ['check_interval'], message: 'may not be 0', expected: 'such as 1s' })
  }
  if (config.limit_mib === 0 && config.limit_percentage === 0) {
    problems.push({
      path: ['limit_mib'],
      message: 'there is no limit',
      expected: 'limit_mib or limit_percentage greater than 0',
    })
  }
  for (const [limit, spike] of [
    ['limit_mib', 'spike_limit_mib'],
    ['limit_percentage', 'spike_limit_percentage'],
  ] as const) {
    if (config[limit] === 0 || config[spike] < config[limit]) continue
    problems.push({
      path: [spike],
      message: `is not smaller than ${limit}`,
      expected: `less than ${config[limit]}`,
    })
  }
  return problems
}
