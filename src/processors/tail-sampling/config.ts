/** Configuration of `tail_sampling`. Keys and defaults are upstream's but for those that say so. */
import { z } from 'zod'
import { byteSize, duration, idle, integer, section } from '../../config/fields.ts'
import type { ConfigProblem, ConfigSpec } from '../../core/factory.ts'
import { PolicyBuilder, type PolicyOptions } from './policies/build.ts'
import { policySchema } from './policy-config.ts'

/** Decisions and traces that may be remembered; each takes some 30 bytes. */
const MAX_REMEMBERED = 50_000_000

const schema = section({
  decision_wait: duration('30s').describe('A trace is decided so long after its first span.'),
  decision_wait_after_root_received: duration('0s').describe(
    'And so long after its root span, if that is earlier; 0s does not look for the root.',
  ),
  num_traces: integer(50_000, { max: MAX_REMEMBERED }).describe(
    'Traces that are remembered, undecided and decided ones together; the oldest go first.',
  ),
  block_on_overflow: z
    .boolean()
    .default(false)
    .describe('With so many undecided traces, senders are told to wait and none is forgotten.'),
  expected_new_traces_per_sec: idle(integer(0)).describe(
    "Accepted for upstream's sake: what is needed grows by itself.",
  ),
  policies: z
    .preprocess(value => (value === null ? [] : value), z.array(policySchema))
    .default([])
    .describe('What is sampled: traces for which any of them says so.'),
  decision_cache: section({
    sampled_cache_size: integer(0, { max: MAX_REMEMBERED }).describe(
      'Sampled traces whose late spans are let through, besides `num_traces`.',
    ),
    non_sampled_cache_size: integer(0, { max: MAX_REMEMBERED }).describe(
      'Other traces whose late spans are dropped, besides `num_traces`.',
    ),
  }).describe('Decisions that are remembered when the trace is not.'),
  sample_on_first_match: z
    .boolean()
    .default(false)
    .describe('The first policy that samples decides; those after it are not asked.'),
  sampling_strategy: z
    .enum(['trace-complete', 'span-ingest'])
    .default('trace-complete')
    .describe(
      'Whether policies are asked once about the whole trace, or about each piece as it comes.',
    ),
  drop_pending_traces_on_shutdown: z
    .boolean()
    .default(false)
    .describe('Traces that are not decided at the end are dropped instead of decided early.'),
  maximum_trace_size_bytes: integer(0).describe(
    'Larger traces are dropped at once; 0 is no limit.',
  ),
  policy_semantics: z
    .enum(['current', 'v0.112'])
    .default('current')
    .describe(
      'Own key. `v0.112` decides as collectors up to that version: inverted policies have a rank of their own, a latency of ' +
        'exactly the threshold counts, and rates are counted by whole seconds.',
    ),
  use_tracestate: z
    .boolean()
    .default(false)
    .describe(
      'Own key for the feature gate `usetracestate`: probabilistic policies go by the randomness that spans carry, and kept ' +
        'spans say in `ot=th` how likely their trace was to be kept.',
    ),
  memory_limit: byteSize('1GiB').describe(
    'Own key. Most memory for undecided traces; beyond it the oldest are decided early.',
  ),
})

export type TailSamplingConfig = z.output<typeof schema>

export const config: ConfigSpec<TailSamplingConfig> = { schema, check }

export function policyOptions(config: TailSamplingConfig): PolicyOptions {
  return {
    semantics: config.policy_semantics,
    readsState: config.use_tracestate,
    asksPieces: config.sampling_strategy === 'span-ingest',
  }
}

function check(config: TailSamplingConfig): readonly ConfigProblem[] {
  const builder = new PolicyBuilder(policyOptions(config))
  const policies = builder.buildAll(config.policies, ['policies'])
  const problems = [...builder.problems]
  if (config.sampling_strategy === 'span-ingest') {
    for (const { name, policy } of policies) {
      if (!policy.isStateful) continue
      const path = ['policies', config.policies.findIndex(each => each.name === name)]
      const message = `${name} may change its mind, which span-ingest does not allow`
      problems.push({ path, message, expected: 'sampling_strategy: trace-complete' })
    }
  }
  return problems
}
