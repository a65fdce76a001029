/** Configuration of `probabilistic_sampler`. Keys, defaults and checks are upstream's. */
import { z } from 'zod'
import { integer, scalarField, section, type Wrong, wrong } from '../../config/fields.ts'
import type { ConfigSpec } from '../../core/factory.ts'
import { MAX_PRECISION, MIN_PROBABILITY } from '../../sampler/threshold.ts'

const MAX_SEED = 2 ** 32 - 1

const schema = section({
  sampling_percentage: scalarField(readPercentage, { type: 'number', minimum: 0 })
    .prefault(0 as never)
    .describe('Share of spans or log records that is kept; 100 and more keeps all, 0 none.'),
  hash_seed: integer(0, { max: MAX_SEED }).describe(
    'Mixed into the hash of mode hash_seed; collectors one after another need different seeds.',
  ),
  mode: z
    .enum(['hash_seed', 'proportional', 'equalizing', ''])
    .default('')
    .describe(
      'hash_seed hashes the trace id; proportional and equalizing follow the consistent sampling of `ot=th`: a share of ' +
        'what arrives, or the same probability for all. Empty is hash_seed.',
    ),
  fail_closed: z
    .boolean()
    .default(true)
    .describe('Drops what cannot be decided (no randomness, a bad tracestate); false keeps it.'),
  sampling_precision: integer(4, { min: 1, max: MAX_PRECISION }).describe(
    'Hex digits of the thresholds that are written.',
  ),
  attribute_source: z
    .enum(['traceID', 'record', ''])
    .default('traceID')
    .describe('Logs: whether the trace id or only `from_attribute` gives the randomness.'),
  from_attribute: z
    .string()
    .default('')
    .describe(
      'Logs: attribute that is hashed where there is no trace id, or with source `record`.',
    ),
  sampling_priority: z
    .string()
    .default('')
    .describe('Logs: attribute that says the percentage for its record.'),
})

export type ProbabilisticSamplerConfig = z.output<typeof schema>

export const config: ConfigSpec<ProbabilisticSamplerConfig> = { schema }

/** Upstream reads a 32-bit float, and its rounding is in every threshold. */
function readPercentage(value: unknown): number | Wrong {
  const expected = 'a percentage such as 15.3'
  const number = typeof value === 'string' && value.trim() !== '' ? Number(value) : value
  if (typeof number !== 'number' || !Number.isFinite(Math.fround(number))) {
    return wrong('is not a number', expected)
  }
  const percentage = Math.fround(number)
  if (percentage < 0) return wrong('is negative', expected)
  if (percentage > 0 && percentage / 100 < MIN_PROBABILITY) return wrong('is too small', expected)
  return percentage
}
