/** What a choice of traces is worth: the figures of one row. Fractions, unless a name says otherwise. */
import type { Estimation, Truth } from './estimation.ts'
import type { Quantiles } from './quantiles.ts'
import { LABEL_CLEAN, LABEL_SYMPTOMATIC, type Recording } from './recording.ts'
import type { Choice } from './run.ts'
import type { Schedule } from './schedule.ts'
import type { Shapes } from './shapes.ts'
import { measureVariety, type Variety } from './variety.ts'

/** The start of a replay, when little is known of what is normal. */
const COLD_MS = 10 * 60_000
const HOUR_MS = 3_600_000
/** The hours are judged once the sampler has run so long; shorter rests of an hour are left out. */
const WARM_MS = HOUR_MS / 2
/** An incident is covered with this share of its symptomatic traces. */
const INCIDENT_SHARE = 0.5
const INCIDENT_TRACES = 20

export interface Kept {
  readonly retained: number
  readonly retainedSpans: number
  /** Symptomatic traces kept / symptomatic traces. */
  readonly coverage: number
  /** Clean traces kept for reason anomaly / clean traces. */
  readonly flagged: number
  /** Clean traces kept for whatever reason / clean traces. */
  readonly keptClean: number
  /** Symptomatic / symptomatic and clean, among those kept. */
  readonly proportion: number
  /** Traces offered of each; a share of none is 0. */
  readonly symptomatic: number
  readonly clean: number
}

/** What is known of a recording before anything is kept of it. */
export interface Known {
  readonly truth: Truth
  readonly quantiles: Quantiles
  readonly shapes: Shapes
}

export interface Measures extends Kept, Variety, Estimation {
  /** |retained - budget| / budget. */
  readonly budgetError: number
  /** The greatest over the whole hours once warm; null if there are none. */
  readonly budgetErrorHour: number | null
  /** Incidents with at least half of their symptomatic traces kept / incidents with any; and with at least 20. */
  readonly incidentsCovered: number
  readonly incidentsWith20: number
  readonly incidents: number
  /** Sum over operations of the squared gap between percentiles of kept and of all durations; see `quantiles.ts`. */
  readonly quantileMse: number
  /** The first ten minutes apart. */
  readonly coldStart: Kept & { readonly traces: number }
}

export function measure(
  recording: Recording,
  schedule: Schedule,
  choice: Choice,
  budget: number,
  { truth, quantiles, shapes }: Known,
): Measures {
  const { tick } = schedule
  let cold = 0
  while (cold < tick.length && tick[cold] < tick[0] + COLD_MS) cold++
  const all = count(recording, schedule, choice, 0, tick.length)
  return {
    ...all,
    budgetError: Math.abs(all.retained - budget) / budget,
    budgetErrorHour: worstHour(schedule, choice, budget),
    ...measureVariety(recording, schedule, choice, shapes),
    ...truth.compare(recording, schedule, choice),
    quantileMse: quantiles.squaredGaps(schedule, choice),
    ...measureIncidents(recording, schedule, choice),
    coldStart: { ...count(recording, schedule, choice, 0, cold), traces: cold },
  }
}

function count(
  recording: Recording,
  schedule: Schedule,
  choice: Choice,
  from: number,
  to: number,
): Kept {
  const { label, first } = recording
  const offered = [0, 0, 0]
  const kept = [0, 0, 0]
  let flagged = 0
  let spans = 0
  let keptSpans = 0
  for (let at = from; at < to; at++) {
    const trace = schedule.order[at]
    const size = first[trace + 1] - first[trace]
    offered[label[trace]]++
    spans += size
    if (choice.keep[at] === 0) continue
    kept[label[trace]]++
    keptSpans += size
    if (label[trace] === LABEL_CLEAN) flagged += choice.flagged[at]
  }
  return {
    retained: ratio(kept[0] + kept[1] + kept[2], to - from),
    retainedSpans: ratio(keptSpans, spans),
    coverage: ratio(kept[LABEL_SYMPTOMATIC], offered[LABEL_SYMPTOMATIC]),
    flagged: ratio(flagged, offered[LABEL_CLEAN]),
    keptClean: ratio(kept[LABEL_CLEAN], offered[LABEL_CLEAN]),
    proportion: ratio(kept[LABEL_SYMPTOMATIC], kept[LABEL_SYMPTOMATIC] + kept[LABEL_CLEAN]),
    symptomatic: offered[LABEL_SYMPTOMATIC],
    clean: offered[LABEL_CLEAN],
  }
}

function worstHour(schedule: Schedule, choice: Choice, budget: number): number | null {
  const { tick } = schedule
  const begin = tick[0]
  let worst: number | null = null
  let at = 0
  for (let hour = begin + WARM_MS; hour + HOUR_MS <= tick[tick.length - 1]; hour += HOUR_MS) {
    while (tick[at] < hour) at++
    let offered = 0
    let kept = 0
    for (; at < tick.length && tick[at] < hour + HOUR_MS; at++) {
      offered++
      kept += choice.keep[at]
    }
    if (offered > 0) {
      worst = Math.max(worst ?? 0, Math.abs(kept / offered - budget) / budget)
    }
  }
  return worst
}

function measureIncidents(
  recording: Recording,
  schedule: Schedule,
  choice: Choice,
): { incidentsCovered: number; incidentsWith20: number; incidents: number } {
  const offered = new Int32Array(recording.faults.length)
  const kept = new Int32Array(recording.faults.length)
  for (let at = 0; at < schedule.order.length; at++) {
    const trace = schedule.order[at]
    const fault = recording.fault[trace]
    if (recording.label[trace] !== LABEL_SYMPTOMATIC || fault < 0) continue
    offered[fault]++
    kept[fault] += choice.keep[at]
  }
  let incidents = 0
  let half = 0
  let twenty = 0
  for (let fault = 0; fault < offered.length; fault++) {
    if (offered[fault] === 0) continue
    incidents++
    if (kept[fault] >= INCIDENT_SHARE * offered[fault]) half++
    if (kept[fault] >= INCIDENT_TRACES) twenty++
  }
  return {
    incidentsCovered: ratio(half, incidents),
    incidentsWith20: ratio(twenty, incidents),
    incidents,
  }
}

function ratio(part: number, whole: number): number {
  return whole === 0 ? 0 : part / whole
}
