/** Configuration of `servicegraph`. Keys, defaults and checks are upstream's, with a bound on series and a choice of weights added. */
import { z } from 'zod'
import {
  duration,
  integer,
  requiredDuration,
  requiredInteger,
  section,
  textList,
} from '../../config/fields.ts'
import type { ConfigProblem, ConfigSpec } from '../../core/factory.ts'
import { LARGEST_MAX_SIZE, MIN_SIZE } from '../../util/exponential-histogram.ts'

const MAX_BUCKETS = 1000

const schema = section({
  latency_histogram_buckets: z
    .array(requiredDuration())
    .max(MAX_BUCKETS)
    .nullable()
    .optional()
    .describe('Upper bounds in ascending order; absent is 16 of them from 2ms to 15s.'),
  exponential_histogram_max_size: requiredInteger({ max: LARGEST_MAX_SIZE })
    .default(0)
    .describe('Makes exponential histograms of at most so many buckets; 0 makes explicit ones.'),
  dimensions: textList().describe(
    'Attributes of resource or span that become `client_` and `server_` dimensions.',
  ),
  store: section({
    ttl: duration('2s').describe('How long one side of an edge waits for the other.'),
    max_items: integer(1000).describe('Edges that wait at one time, of a tenant.'),
  }).describe('Edges of which one side was seen.'),
  cache_loop: duration('1m').describe(
    'How often series without edges for 15 minutes are forgotten.',
  ),
  store_expiration_loop: duration('2s').describe('How often edges that waited too long are ended.'),
  virtual_node_peer_attributes: z
    .preprocess(value => value ?? undefined, z.array(z.string()).optional())
    .optional()
    .describe(
      'Attributes that name the other side where it sends no spans, best first; an empty list makes no such nodes. ' +
        'Absent is peer.service, db.name, db.system.',
    ) as unknown as z.ZodType<string[] | undefined>,
  virtual_node_extra_label: z
    .boolean()
    .default(false)
    .describe('Adds `virtual_node`, which says the side that was made up.'),
  metrics_flush_interval: duration('60s').describe(
    'How often metrics are sent on; 0 sends them with each batch of spans.',
  ),
  database_name_attributes: textList().describe(
    'Attributes that tell a call of a database and name it, best first; empty is db.name.',
  ),
  metrics_timestamp_offset: duration('0s').describe('Metrics are dated back by so much.'),
  weighting: z
    .enum(['none', 'adjusted_count'])
    .default('none')
    .describe(
      '`adjusted_count` counts an edge for as many as `ot=th` of its spans says. Not known upstream.',
    ),
  max_series: integer(10_000, { min: 1 }).describe(
    'Series that are kept for a tenant; further edges share one. Not known upstream.',
  ),
})

export type ServicegraphConfig = z.output<typeof schema>

export const config: ConfigSpec<ServicegraphConfig> = { schema, check }

function check(config: ServicegraphConfig): ConfigProblem[] {
  const { latency_histogram_buckets: buckets, exponential_histogram_max_size: size } = config
  const problems: ConfigProblem[] = []
  if (buckets != null && size > 0) {
    const message = 'use either `latency_histogram_buckets` or `exponential_histogram_max_size`'
    problems.push({ path: [], message })
  }
  if (size !== 0 && size < MIN_SIZE) {
    const path = ['exponential_histogram_max_size']
    problems.push({ path, message: 'is too small', expected: `0, or at least ${MIN_SIZE}` })
  }
  if ((buckets ?? []).some((bound, i) => i > 0 && bound <= (buckets ?? [])[i - 1])) {
    problems.push({ path: ['latency_histogram_buckets'], message: 'do not ascend' })
  }
  return problems
}
