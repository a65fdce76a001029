/** What operators see of one `adaptive_sampler`, and what they may tell it. */
import type {
  KeepReason,
  SamplerComparison,
  SamplerControl,
  SamplerView,
} from '../../core/sampler-control.ts'
import type { Assembly } from '../../sampler/assembly/assembly.ts'
import { REASON_NAMES } from '../../sampler/decide/options.ts'
import type { Tuner } from '../../sampler/models/tuner.ts'
import type { Lineup } from './arms.ts'
import type { DecisionBook } from './decision-book.ts'
import { FeedbackNotes } from './feedback.ts'
import type { SamplerMeter } from './metrics.ts'

export interface ControlParts {
  readonly id: string
  readonly ratio: number
  readonly assembly: Assembly
  readonly lineup: Lineup
  readonly book: DecisionBook
  readonly tuner: Tuner | null
  readonly meter: SamplerMeter
  readonly savedAtMs: () => number
}

const NOT_NOTED = 'nothing is noted about this trace: it is not decided yet, or too long ago'

export function controlOf(id: string, find: () => ControlParts | null): SamplerControl {
  const notes = new FeedbackNotes()
  return {
    id,
    view: () => viewOf(id, find(), notes),
    explain: traceId => find()?.book.explain(traceId) ?? [],
    compare: () => comparisonOf(id, find()),
    feedback: (traceId, verdict) => {
      const parts = find()
      const vector = parts?.book.vectorOf(traceId)
      if (parts === null || vector === undefined) return NOT_NOTED
      // Said twice is said once.
      if (!notes.note(traceId, verdict)) return null
      parts.tuner?.addFeedback(vector, 0, verdict === 'useful', traceId)
      parts.meter.feedback[verdict].value++
      return null
    },
  }
}

function comparisonOf(id: string, parts: ControlParts | null): SamplerComparison {
  const { split, shadow } = parts?.lineup ?? { split: null, shadow: null }
  const shadows = shadow?.view()
  const decided = split?.arms() ?? []
  // The model in charge is in both; as an arm it says what it kept.
  const scored = shadows?.arms.filter(({ role }) => split === null || role !== 'live') ?? []
  return {
    id,
    arms: [...decided, ...scored],
    verdicts: [...(split?.verdicts() ?? []), ...(shadows?.verdicts ?? [])],
  }
}

function viewOf(id: string, parts: ControlParts | null, notes: FeedbackNotes): SamplerView {
  if (parts === null) return emptyView(id)
  const { assembly, lineup, meter, ratio, savedAtMs } = parts
  const [arm] = lineup.arms
  const { scoreThreshold, cold } = arm.decider.status()
  return {
    id,
    model: arm.model.name,
    modelVersion: arm.model.version,
    ratio,
    tracesDecided: meter.decided.value,
    tracesKept: meter.kept.reduce((sum, { value }) => sum + value, 0),
    spansKept: meter.spansKept.value,
    tracesHeld: assembly.traces.count,
    spansHeld: assembly.spansHeld,
    bytesHeld: assembly.bytesHeld,
    decidedEarly: meter.early.value,
    keptByReason: Object.fromEntries(
      REASON_NAMES.map((name, i) => [name, meter.kept[i].value] as const).filter(
        ([name, kept]) => name !== '' && kept > 0,
      ),
    ) as Partial<Record<KeepReason, number>>,
    scoreThreshold: Number.isFinite(scoreThreshold) ? scoreThreshold : 0,
    warmingUp: cold,
    feedback: notes.traces,
    savedAtMs: savedAtMs(),
  }
}

function emptyView(id: string): SamplerView {
  return {
    ...{ id, model: '', modelVersion: '', ratio: 0 },
    ...{ tracesDecided: 0, tracesKept: 0, spansKept: 0, decidedEarly: 0 },
    ...{ tracesHeld: 0, spansHeld: 0, bytesHeld: 0, keptByReason: {} },
    ...{ scoreThreshold: 0, warmingUp: true, feedback: { useful: 0, noise: 0 }, savedAtMs: 0 },
  }
}
