/** Metrics of `rules`: by rule, and about the sets. */
import type { Counter, Gauge, Meter, MetricSpec } from '../../core/meter.ts'

const byRule = ['processor', 'otel_signal', 'rule']
const counter = (name: string, help: string, labels: readonly string[]): MetricSpec => ({
  name: `millrace_rules_${name}`,
  type: 'counter',
  help,
  labels,
})

export const RULE_HITS = counter('hits', 'Items that a rule matched.', byRule)
export const RULE_DROPS = counter('drops', 'Items that a rule dropped.', byRule)
export const RULE_ROUTES = counter('routes', 'Items that a rule sent elsewhere.', byRule)
export const RULE_ERRORS = counter('errors', 'Expressions of a rule that failed.', byRule)
export const SET_RELOADS = counter('reloads', 'Rule sets that went live or were refused.', [
  'processor',
  'otel_signal',
  'result',
])
export const SET_RULES: MetricSpec = {
  name: 'millrace_rules_live',
  type: 'gauge',
  help: 'Rules of the live set for this signal.',
  labels: ['processor', 'otel_signal'],
}
export const SET_REFUSED: MetricSpec = {
  name: 'millrace_rules_refused',
  type: 'gauge',
  help: '1 while the files hold a set that is not live because something is wrong with it.',
  labels: ['processor', 'otel_signal'],
}

export const RULES_METRICS: readonly MetricSpec[] = [
  RULE_HITS,
  RULE_DROPS,
  RULE_ROUTES,
  RULE_ERRORS,
  SET_RELOADS,
  SET_RULES,
  SET_REFUSED,
]

export interface RuleCounters {
  readonly hits: Counter
  readonly drops: Counter
  readonly routes: Counter
  readonly errors: Counter
}

/** The series of one processor on one signal. */
export class RulesMeter {
  readonly #meter: Meter
  readonly #labels: { readonly processor: string; readonly otel_signal: string }
  readonly live: Gauge
  readonly refused: Gauge

  constructor(meter: Meter, processor: string, signal: string) {
    this.#meter = meter
    this.#labels = { processor, otel_signal: signal }
    this.live = meter.gauge(SET_RULES, this.#labels)
    this.refused = meter.gauge(SET_REFUSED, this.#labels)
  }

  /** Of a name it is always the same ones: a rule goes on counting in the next set. */
  countersOf(rule: string): RuleCounters {
    const labels = { ...this.#labels, rule }
    return {
      hits: this.#meter.counter(RULE_HITS, labels),
      drops: this.#meter.counter(RULE_DROPS, labels),
      routes: this.#meter.counter(RULE_ROUTES, labels),
      errors: this.#meter.counter(RULE_ERRORS, labels),
    }
  }

  reloaded(result: string): void {
    this.#meter.counter(SET_RELOADS, { ...this.#labels, result }).value++
  }
}
