/** Configuration of `rules`: which files, and how carefully they are changed while they run. */
import { z } from 'zod'
import { duration, integer, optionalSection, section } from '../../config/fields.ts'
import type { ConfigProblem, ConfigSpec } from '../../core/factory.ts'

const MAX_FILES = 100
/** A decision is some hundred bytes. */
const MAX_DECISIONS = 1_000_000

const ratio = (text: string, preset: number) =>
  z.number().min(0).max(1).default(preset).describe(text)

const schema = section({
  files: z
    .array(z.string().min(1))
    .min(1)
    .max(MAX_FILES)
    .describe('Rule files, in this order one set; relative to the working directory.'),
  error_mode: z
    .enum(['propagate', 'ignore', 'silent'])
    .default('ignore')
    .describe('What a failed expression means, where neither the rule nor its file says it.'),
  destinations: z
    .array(z.string().min(1))
    .optional()
    .describe('Exporters that rules may send to; every exporter of the configuration if not said.'),
  watch: z
    .boolean()
    .default(true)
    .describe('Loads the files again when they change, also through a swapped symbolic link.'),
  reload_interval: duration('0s').describe(
    'Looks for changes in this interval; 0 listens to the file system.',
  ),
  run_cases: z
    .boolean()
    .default(true)
    .describe('Runs `x.cases.yaml` beside each `x.yaml` before a set goes live; all must hold.'),
  max_wait: duration('5s').describe(
    'How long the rest of a batch waits for a destination that is busy when others have taken theirs.',
  ),
  decisions: section({
    sample_rate: ratio('Share of the traces whose decisions are noted for `rules why`.', 0.01),
    size: integer(10_000, { max: MAX_DECISIONS }).describe('Decisions that are kept.'),
  }).describe('The log of decisions.'),
  guard: optionalSection({
    window: duration('60s', { positive: true }).describe('How long a new set is watched.'),
    min_items: integer(1000).describe('Fewer items say nothing about a ratio.'),
    min_drop_ratio: ratio('A set that drops less is taken back.', 0),
    max_drop_ratio: ratio('A set that drops more is taken back.', 1),
    max_error_ratio: ratio('A set that fails on more of the items is taken back.', 1),
  }).describe('Brings the set before back when a new one drops or fails out of its band.'),
})

export type RulesConfig = z.output<typeof schema>

export const config: ConfigSpec<RulesConfig> = { schema, check }

function check({ files, guard }: RulesConfig): ConfigProblem[] {
  const problems: ConfigProblem[] = []
  for (const [i, file] of files.entries()) {
    if (files.indexOf(file) < i) problems.push({ path: ['files', i], message: 'is here twice' })
  }
  if (guard !== undefined && guard.min_drop_ratio > guard.max_drop_ratio) {
    const expected = 'at most max_drop_ratio'
    problems.push({ path: ['guard', 'min_drop_ratio'], message: 'is too large', expected })
  }
  return problems
}
