/** What operators may see of a sampler that learns, and tell it; the admin socket stands on it. */

/** Why a trace was kept; the value of `sampling.reason`. */
export type KeepReason = 'anomaly' | 'error' | 'rare' | 'baseline' | 'rule' | 'late'

/** What stood out most in a trace. */
export interface SamplerEvidence {
  /** In words: `checkout POST /cart, own time`. */
  readonly key: string
  /** Surprise of what was seen there: -log10 of its probability. */
  readonly surprise: number
  /** How far the key as a whole has shifted, in standard deviations. */
  readonly shift: number
}

export interface SamplerDecision {
  readonly atMs: number
  readonly traceId: string
  readonly tenant: string
  readonly kept: boolean
  /** Why it was kept, or which lane it would have taken. */
  readonly reason: KeepReason | 'none'
  /** Of the model in charge; larger is more important. */
  readonly score: number
  readonly model: string
  /** With which a trace like this one is kept; 1 / p traces stand behind a kept one. */
  readonly probability: number
  /** The threshold written as `ot=th`; empty where none is. */
  readonly threshold: string
  readonly spans: number
  readonly bytes: number
  /** Decided before its time, because memory or the number of spans asked for it. */
  readonly early: boolean
  readonly evidence: SamplerEvidence | null
}

/** Running totals of one model: what it did, or in shadow would have done. */
export interface SamplerArmView {
  readonly model: string
  readonly version: string
  /** `live`, `arm` (decides for its share of the traces) or `shadow` (only scores). */
  readonly role: 'live' | 'arm' | 'shadow'
  readonly traces: number
  readonly kept: number
  /** Traces with errors or useful by feedback, and how many of these were kept. */
  readonly symptomatic: number
  readonly symptomaticKept: number
  /** Traces without any sign that were flagged as anomalous. */
  readonly flagged: number
  /** Mean time to score one trace. */
  readonly scoreMicros: number
}

export interface SamplerComparison {
  readonly id: string
  readonly arms: readonly SamplerArmView[]
  /** What the sequential test says of the challengers against the live model. */
  readonly verdicts: readonly SamplerVerdict[]
}

export interface SamplerVerdict {
  readonly challenger: string
  readonly outcome: 'better' | 'worse' | 'undecided'
  /** Difference in coverage, challenger less live, with bounds that hold at any moment. */
  readonly difference: number
  readonly low: number
  readonly high: number
}

export interface SamplerView {
  readonly id: string
  readonly model: string
  readonly modelVersion: string
  /** Share of the traces that the budget allows. */
  readonly ratio: number
  readonly tracesDecided: number
  readonly tracesKept: number
  readonly spansKept: number
  /** Traces and spans whose decision is still to come, and the memory that they take. */
  readonly tracesHeld: number
  readonly spansHeld: number
  readonly bytesHeld: number
  readonly decidedEarly: number
  readonly keptByReason: Readonly<Partial<Record<KeepReason, number>>>
  /** Scores above it are flagged as anomalous. */
  readonly scoreThreshold: number
  /** In warm-up the sampler does not know yet what is normal. */
  readonly warmingUp: boolean
  /** Traces by what operators said of them last. */
  readonly feedback: { readonly useful: number; readonly noise: number }
  /** When the state was last written, 0 for never or nowhere. */
  readonly savedAtMs: number
}

export type SamplerFeedback = 'useful' | 'noise'

/** Offered by components that sample by what they have learnt. */
export interface SamplerControl {
  readonly id: string
  view(): SamplerView
  /** What is noted about a trace, oldest first. */
  explain(traceId: string): readonly SamplerDecision[]
  /** What stands in the way, or null. The same word about a trace again changes nothing, another one takes its place. */
  feedback(traceId: string, verdict: SamplerFeedback): string | null
  compare(): SamplerComparison
}

/** A component with a sampler has this property. */
export interface HasSamplerControl {
  readonly samplerControl: SamplerControl
}
