/** The decision about one trace: all policies are asked, and the strongest answer counts. */
import type { Counter, Histogram, Labels, Meter, MetricSpec } from '../../core/meter.ts'
import { ALWAYS } from '../../sampler/threshold.ts'
import {
  DECISIONS,
  type Decision,
  DROPPED,
  FAILED,
  INVERT_NOT_SAMPLED,
  INVERT_SAMPLED,
  NOT_SAMPLED,
  SAMPLED,
  type TraceFacts,
} from './decision.ts'
import {
  ALL_TRACES,
  POLICY_BYTES,
  POLICY_ERRORS,
  POLICY_LATENCY,
  POLICY_RUNS,
  POLICY_SPANS,
  POLICY_TIME,
  POLICY_TRACES,
} from './metrics.ts'
import type { NamedPolicy } from './policies/build.ts'

export type Final = typeof SAMPLED | typeof NOT_SAMPLED | typeof DROPPED

/** One in so many questions is timed, and counts for all of them. */
const TIMED = 64
const MICROS = 1000

const YES = { sampled: 'true', decision: 'sampled' }
const NO = { sampled: 'false', decision: 'not_sampled' }
const GONE = { sampled: 'false', decision: 'dropped' }

/** Counters by decision. A policy can either sample or drop. */
function countersOf(
  spec: MetricSpec,
  labels: Labels,
  positives: readonly Labels[],
  meter: Meter,
): readonly Counter[] {
  const no = meter.counter(spec, { ...labels, ...NO })
  const counters: Counter[] = new Array(DECISIONS).fill(no)
  for (const positive of positives) {
    const counter = meter.counter(spec, { ...labels, ...positive })
    if (positive === GONE) counters[DROPPED] = counter
    else counters[SAMPLED] = counters[INVERT_SAMPLED] = counter
  }
  return counters
}

export class Verdict {
  readonly #policies: readonly Asked[]
  readonly #stopsAtFirst: boolean
  readonly #all: readonly Counter[]
  readonly #errors: Counter
  /** Thresholds of the policies, each once, the lowest first. */
  readonly thresholds: readonly bigint[]
  /** After a decision that samples: which of the thresholds the trace had to reach; -1 when it is not known. */
  threshold = -1
  /** By decision: whether a policy gave it. */
  readonly #seen = new Uint8Array(DECISIONS)

  /** `prefix` stands before the names of policies in metrics. */
  constructor(
    policies: readonly NamedPolicy[],
    stopsAtFirst: boolean,
    meter: Meter,
    prefix: string,
  ) {
    const thresholds = new Set(policies.map(({ policy }) => policy.threshold ?? ALWAYS))
    this.thresholds = [...thresholds].sort((a, b) => Number(a - b))
    this.#policies = policies.map(each => new Asked(each, this.thresholds, meter, prefix))
    this.#stopsAtFirst = stopsAtFirst
    this.#all = countersOf(ALL_TRACES, {}, [YES, GONE], meter)
    this.#errors = meter.counter(POLICY_ERRORS, {})
  }

  // hot: bench/micro/tail-sampling.ts
  decide(trace: TraceFacts): Final {
    const final = this.#ask(trace)
    this.#all[final].value++
    return final
  }

  #ask(trace: TraceFacts): Final {
    const seen = this.#seen.fill(0)
    this.threshold = -1
    for (let i = 0; i < this.#policies.length; i++) {
      const decision = this.#policies[i].ask(trace)
      if (decision === FAILED) {
        this.#errors.value++
        continue
      }
      if (decision === DROPPED) return DROPPED
      seen[decision] = 1
      if (decision === SAMPLED) this.#lower(this.#policies[i].threshold)
      if (this.#stopsAtFirst && decision === SAMPLED) break
    }
    if (seen[INVERT_NOT_SAMPLED] === 1) return NOT_SAMPLED
    if (seen[SAMPLED] === 1) return SAMPLED
    return seen[INVERT_SAMPLED] === 1 && seen[NOT_SAMPLED] === 0 ? SAMPLED : NOT_SAMPLED
  }

  /** The easiest way in counts. */
  #lower(threshold: number): void {
    if (this.threshold < 0 || threshold < this.threshold) this.threshold = threshold
  }

  /**
   * For a piece of a trace whose other pieces are still to come: what cannot change any more, else null. As long as a `drop`
   * policy may still drop the trace, nothing is sampled.
   */
  decideEarly(trace: TraceFacts): Final | null {
    let mayDrop = false
    for (let i = 0; i < this.#policies.length; i++) {
      const policy = this.#policies[i]
      if (mayDrop && !policy.isDrop) return null
      const decision = policy.ask(trace)
      if (decision === FAILED) this.#errors.value++
      else if (decision === DROPPED || (decision === SAMPLED && !policy.isDrop)) {
        this.#all[decision].value++
        this.threshold = decision === SAMPLED ? policy.threshold : -1
        return decision
      } else if (policy.isDrop) mayDrop = true
    }
    return null
  }

  /** A trace that no policy was asked about, or that none sampled for good. */
  countNotSampled(): void {
    this.#all[NOT_SAMPLED].value++
  }
}

/** A policy with its counters. */
class Asked {
  readonly isDrop: boolean
  /** Number of its threshold in the list of all. */
  readonly threshold: number
  readonly #policy: NamedPolicy['policy']
  readonly #runs: Counter
  readonly #micros: Counter
  readonly #latency: Histogram
  readonly #traces: readonly Counter[]
  readonly #spans: readonly Counter[]
  readonly #bytes: readonly Counter[]

  constructor(
    { name, policy, isDrop }: NamedPolicy,
    thresholds: readonly bigint[],
    meter: Meter,
    prefix: string,
  ) {
    this.threshold = thresholds.indexOf(policy.threshold ?? ALWAYS)
    const labels = { policy: `${prefix}${name}` }
    const byDecision = (spec: MetricSpec) => countersOf(spec, labels, [isDrop ? GONE : YES], meter)
    this.isDrop = isDrop
    this.#policy = policy
    this.#runs = meter.counter(POLICY_RUNS, labels)
    this.#micros = meter.counter(POLICY_TIME, labels)
    this.#latency = meter.histogram(POLICY_LATENCY, labels)
    this.#traces = byDecision(POLICY_TRACES)
    this.#spans = byDecision(POLICY_SPANS)
    this.#bytes = byDecision(POLICY_BYTES)
  }

  ask(trace: TraceFacts): Decision {
    const isTimed = this.#runs.value++ % TIMED === 0
    const start = isTimed ? performance.now() : 0
    const decision = this.#policy.decide(trace)
    if (isTimed) this.#time((performance.now() - start) * MICROS)
    if (decision === FAILED) return decision
    this.#traces[decision].value++
    this.#spans[decision].value += trace.spans
    this.#bytes[decision].value += trace.bytes
    return decision
  }

  #time(micros: number): void {
    this.#micros.value += micros * TIMED
    this.#latency.observe(micros)
  }
}
