/** Configuration of `adaptive_sampler`: how much is kept, how long traces are waited for, what must and must not be kept. */
import { z } from 'zod'
import {
  byteSize,
  duration,
  integer,
  optionalSection,
  section,
  textField,
  textList,
  type Wrong,
  wrong,
} from '../../config/fields.ts'
import type { ConfigProblem, ConfigSpec } from '../../core/factory.ts'
import { BACKENDS, MODEL_NAMES, readSpec } from '../../sampler/models/open.ts'
import { compileConditions } from './conditions.ts'

/** A decision is about 100 bytes and a vector. */
const MAX_DECISIONS = 1_000_000
const MAX_CACHED = 67_108_864
const MAX_WAIT_MS = 600_000
/** The index of spans within a trace is judged at once. */
const MAX_SPANS_PER_TRACE = 1_000_000
const MAX_CHALLENGERS = 4

const modelSpec = () => textField(readModel, { type: 'string', examples: [...MODEL_NAMES] })

function readModel(text: string): string | Wrong {
  try {
    readSpec(text)
    return text
  } catch {
    return wrong('is not a model', `one of ${MODEL_NAMES.join(', ')}`)
  }
}

const ratio = (preset: number) => z.number().gt(0).max(1).default(preset)
const share = (preset: number) => z.number().min(0).max(1).default(preset)

const shareOf = {
  ratio: ratio(0.1).describe('Share that is kept.'),
  unit: z.enum(['traces', 'spans', 'bytes']).default('traces').describe('What the share is of.'),
  period: duration('24h', { positive: true }).describe('How long the share may take to come true.'),
  burst_credit: share(0.25).describe(
    "Share of a period's budget that may be spent ahead, for incidents: a twentieth of it at once, the rest as it is earned.",
  ),
}

const schema = section({
  budget: section({
    ...shareOf,
    max_spans_per_second: integer(0).describe(
      'Hard limit of what leaves, in any 10 seconds; 0 is none.',
    ),
    max_bytes_per_second: integer(0).describe('As `max_spans_per_second`, in bytes of spans.'),
    tenants: z
      .record(z.string().min(1), section(shareOf))
      .default({})
      .describe(
        'Budgets of their own, by tenant; all others share the one above. What the extension `tenants` says of a tenant goes before both.',
      ),
  }).describe('How much may be kept.'),
  decision_wait: duration('2s', { maxMs: MAX_WAIT_MS }).describe(
    'A trace is decided so long after the end of its root span has arrived.',
  ),
  max_wait: duration('30s', { positive: true, maxMs: MAX_WAIT_MS }).describe(
    'A trace is decided so long after its first span, whatever is missing.',
  ),
  max_spans_per_trace: integer(10_000, { min: 1, max: MAX_SPANS_PER_TRACE }).describe(
    'A trace with so many spans is decided at once; what comes later follows the decision.',
  ),
  always_keep: textList().describe(
    'OTTL conditions; a trace with a span for which one holds is kept.',
  ),
  never_keep: textList().describe(
    'OTTL conditions; a trace with a span for which one holds is dropped, also where `always_keep` holds.',
  ),
  lanes: section({
    anomaly: share(0.8).describe('Share of the budget for what stands out: errors, slow, odd.'),
    diversity: share(0.1).describe('Share for structures that are rarely seen.'),
    uniform: share(0.1).describe('Share for a fair sample of all traffic.'),
  }).describe('How the budget is split; the shares add up to 1.'),
  model: modelSpec()
    .prefault('network' as never)
    .describe(
      'Which model scores the traces; `network@1.0.0` names a version.',
    ) as z.ZodType<string>,
  backend: z
    .enum(BACKENDS)
    .default('auto')
    .describe(
      'What computes the network: `auto` is the native library where it is installed, else plain arrays.',
    ),
  models_directory: z
    .string()
    .min(1)
    .optional()
    .describe('Where trained models are; it must be there. Those that come along if not said.'),
  challengers: z
    .array(
      z.strictObject({
        model: modelSpec().describe('Which model.'),
        mode: z
          .enum(['shadow', 'split'])
          .default('shadow')
          .describe('`shadow` only scores; `split` decides for its share of the traces.'),
      }),
    )
    .max(MAX_CHALLENGERS)
    .default([])
    .describe('Models that are compared with the one in charge.'),
  learning: optionalSection({
    interval: duration('60s', { positive: true }).describe(
      'How often the network is tuned in a worker.',
    ),
  }).describe('Goes on training the network on its own traffic and on feedback.'),
  memory_limit: byteSize('512MiB').describe(
    'Most bytes of undecided traces; beyond it the oldest are decided early.',
  ),
  attributes: z
    .enum(['root', 'all', 'none'])
    .default('root')
    .describe('Which kept spans say sampling.reason, sampling.score and sampling.model.'),
  decision_cache: section({
    kept: integer(65_536, { min: 1, max: MAX_CACHED }).describe('Kept traces, 50 bytes each.'),
    dropped: integer(4_194_304, { min: 1, max: MAX_CACHED }).describe(
      'Dropped traces in each of two tables, 2 bytes each.',
    ),
  }).describe('Decisions that late spans still follow.'),
  decisions: section({
    size: integer(32_768, { min: 1, max: MAX_DECISIONS }).describe(
      'Kept traces, and as many dropped ones, that `millrace sampler explain` can tell about.',
    ),
  }).describe('The log of decisions.'),
  storage: optionalSection({
    directory: z.string().min(1).describe('Folder for what was learned; made if it is not there.'),
    interval: duration('60s', { positive: true }).describe('How often it is written.'),
    max_age: duration('6h', { positive: true }).describe('What is older is not read any more.'),
    undecided: z
      .boolean()
      .default(false)
      .describe('Also keeps a journal of undecided traces, so that a restart loses none.'),
    max_journal: byteSize('2GiB').describe(
      'Most bytes of the journal; beyond it the sender is asked to wait.',
    ),
  }).describe('Survives a restart; without it everything is learned anew.'),
})

export type AdaptiveSamplerConfig = z.output<typeof schema>

export const config: ConfigSpec<AdaptiveSamplerConfig> = { schema, check }

/** Shares are written with few digits. */
const SHARE_TOLERANCE = 1e-6

function check(config: AdaptiveSamplerConfig): ConfigProblem[] {
  const { lanes, decision_wait, max_wait, challengers, model } = config
  const problems: ConfigProblem[] = []
  const sum = lanes.anomaly + lanes.diversity + lanes.uniform
  if (Math.abs(sum - 1) > SHARE_TOLERANCE) {
    problems.push({
      path: ['lanes'],
      message: `adds up to ${sum}`,
      expected: 'shares that add up to 1',
    })
  }
  if (decision_wait > max_wait) {
    problems.push({
      path: ['decision_wait'],
      message: 'is longer than max_wait',
      expected: `at most ${max_wait}ms`,
    })
  }
  for (const [i, { model: name }] of challengers.entries()) {
    const isKnown = name === model || challengers.findIndex(each => each.model === name) < i
    if (isKnown) problems.push({ path: ['challengers', i, 'model'], message: 'runs already' })
  }
  return [...problems, ...compileConditions(config).problems]
}
