/** Configuration of `batch`. Keys, defaults and checks are upstream's. */
import { z } from 'zod'
import { duration, integer, section } from '../../config/fields.ts'
import type { ConfigProblem, ConfigSpec } from '../../core/factory.ts'

const schema = section({
  send_batch_size: integer(8192).describe(
    'A batch is sent once it has so many items; 0 sends at once what comes in.',
  ),
  timeout: duration('200ms').describe(
    'A batch is sent after so long even if it is small; 0 sends at once.',
  ),
  send_batch_max_size: integer(0).describe('Larger batches are split; 0 never splits.'),
  metadata_keys: z
    .array(z.string())
    .default([])
    .describe('Only requests with the same values of these metadata keys are joined.'),
  metadata_cardinality_limit: integer(1000).describe(
    'Most different combinations of metadata values of one tenant that are held at one time; a request with one more is refused. 0 is without limit.',
  ),
})

export type BatchConfig = z.output<typeof schema>

export const config: ConfigSpec<BatchConfig> = { schema, check }

function check(config: BatchConfig): ConfigProblem[] {
  const problems: ConfigProblem[] = []
  const { send_batch_size: size, send_batch_max_size: max } = config
  if (max > 0 && max < size) {
    problems.push({
      path: ['send_batch_max_size'],
      message: 'is smaller than send_batch_size',
      expected: `0, or at least ${size}`,
    })
  }
  const seen = new Set<string>()
  for (const [i, key] of config.metadata_keys.entries()) {
    const lower = key.toLowerCase()
    if (seen.has(lower)) {
      problems.push({ path: ['metadata_keys', i], message: `names ${JSON.stringify(lower)} again` })
    }
    seen.add(lower)
  }
  return problems
}
