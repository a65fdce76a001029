/** Metrics of `adaptive_sampler`. Models are named as configured, reasons are few; nothing is labelled by what data says. */
import type { Counter, Histogram, Meter, MetricSpec } from '../../core/meter.ts'
import { REASON_NAMES } from '../../sampler/decide/options.ts'

const labels = ['processor']
const counter = (name: string, help: string, more: readonly string[] = []): MetricSpec => ({
  name: `millrace_sampler_${name}`,
  type: 'counter',
  help,
  labels: [...labels, ...more],
})
const gauge = (name: string, help: string, more: readonly string[] = []): MetricSpec => ({
  ...counter(name, help, more),
  type: 'gauge',
})

export const TRACES_DECIDED = counter('traces_decided', 'Traces that were decided.')
export const TRACES_KEPT = counter('traces_kept', 'Traces that were kept.', ['reason'])
export const SPANS_KEPT = counter('spans_kept', 'Spans of kept traces.')
export const SPANS_DROPPED = counter('spans_dropped', 'Spans of dropped traces.')
export const DECIDED_EARLY = counter(
  'traces_decided_early',
  'Traces decided before their time because memory was short.',
)
export const CEILING_TICKS = counter(
  'ceiling_ticks',
  'Seconds in which a hard limit and not the budget decided.',
)
export const OVERSIZE = counter(
  'oversize_traces',
  'Traces dropped because a hard limit never lets so many spans or bytes through at once.',
)
/** `outcome`: kept, dropped, forwarded (an error of a dropped trace), over_limit. */
export const LATE_SPANS = counter('late_spans', 'Spans that came after their trace was decided.', [
  'outcome',
])
export const INVALID_IDS = counter(
  'invalid_trace_ids',
  'Spans without a valid trace id, which are passed on.',
)
export const FEEDBACK = counter(
  'feedback',
  'Words of operators about traces; the same one about a trace again does not count.',
  ['verdict'],
)
export const STATE_WRITES = counter('state_writes', 'Times the state was written.', ['result'])
export const MODEL_SWAPS = counter(
  'model_events',
  'Weights that were tuned, refused or taken back.',
)
export const DECISION_SECONDS: MetricSpec = {
  name: 'millrace_sampler_decision_seconds',
  type: 'histogram',
  help: 'Time to decide the traces of one tick.',
  labels,
  buckets: [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.02, 0.05],
}
export const TRACES_HELD = gauge('traces_held', 'Traces that wait for their decision.')
export const SPANS_HELD = gauge('spans_held', 'Spans of traces that wait for their decision.')
export const BYTES_HELD = gauge('bytes_held', 'Memory of the traces that wait for their decision.')
export const SCORE_THRESHOLD = gauge('score_threshold', 'Scores from here on count as anomalous.')
export const KEPT_RATIO = gauge('kept_ratio', 'Share of the budget unit that was kept so far.')
export const WARMING_UP = gauge('warming_up', '1 while too little is known to tell what is normal.')

const byModel = ['model', 'role']
export const ARM_TRACES = counter('model_traces', 'Traces that a model scored.', byModel)
export const ARM_KEPT = counter(
  'model_traces_kept',
  'Traces that a model kept, or would have.',
  byModel,
)
export const ARM_FLAGGED = counter(
  'model_clean_flagged',
  'Traces without any sign that a model called anomalous.',
  byModel,
)
export const ARM_SYMPTOMATIC = counter(
  'model_symptomatic',
  'Traces with errors, or useful by feedback.',
  byModel,
)
export const ARM_SYMPTOMATIC_KEPT = counter(
  'model_symptomatic_kept',
  'Of these, those that a model kept, or would have.',
  byModel,
)

export const ADAPTIVE_METRICS: readonly MetricSpec[] = [
  ...[TRACES_DECIDED, TRACES_KEPT, SPANS_KEPT, SPANS_DROPPED, DECIDED_EARLY, LATE_SPANS],
  ...[CEILING_TICKS, OVERSIZE],
  ...[INVALID_IDS, FEEDBACK, STATE_WRITES, MODEL_SWAPS, DECISION_SECONDS],
  ...[TRACES_HELD, SPANS_HELD, BYTES_HELD, SCORE_THRESHOLD, KEPT_RATIO, WARMING_UP],
  ...[ARM_TRACES, ARM_KEPT, ARM_FLAGGED, ARM_SYMPTOMATIC, ARM_SYMPTOMATIC_KEPT],
]

/** The series of one processor. */
export class SamplerMeter {
  readonly decided: Counter
  /** By number of the reason. */
  readonly kept: readonly Counter[]
  readonly spansKept: Counter
  readonly spansDropped: Counter
  readonly early: Counter
  readonly late: Readonly<Record<'kept' | 'dropped' | 'forwarded' | 'over_limit', Counter>>
  readonly invalidIds: Counter
  readonly feedback: Readonly<Record<'useful' | 'noise', Counter>>
  readonly saved: Readonly<Record<'success' | 'failure', Counter>>
  readonly modelEvents: Counter
  readonly decisionSeconds: Histogram

  constructor(meter: Meter, processor: string) {
    const own = { processor }
    const late = (outcome: string): Counter => meter.counter(LATE_SPANS, { processor, outcome })
    const saved = (result: string): Counter => meter.counter(STATE_WRITES, { processor, result })
    this.decided = meter.counter(TRACES_DECIDED, own)
    this.kept = REASON_NAMES.map(reason => meter.counter(TRACES_KEPT, { processor, reason }))
    this.spansKept = meter.counter(SPANS_KEPT, own)
    this.spansDropped = meter.counter(SPANS_DROPPED, own)
    this.early = meter.counter(DECIDED_EARLY, own)
    this.late = {
      ...{ kept: late('kept'), dropped: late('dropped') },
      ...{ forwarded: late('forwarded'), over_limit: late('over_limit') },
    }
    this.invalidIds = meter.counter(INVALID_IDS, own)
    this.feedback = {
      useful: meter.counter(FEEDBACK, { processor, verdict: 'useful' }),
      noise: meter.counter(FEEDBACK, { processor, verdict: 'noise' }),
    }
    this.saved = { success: saved('success'), failure: saved('failure') }
    this.modelEvents = meter.counter(MODEL_SWAPS, own)
    this.decisionSeconds = meter.histogram(DECISION_SECONDS, own)
  }
}
