/** Notes why rules dropped or sent items elsewhere, for a sample of the traces, in a ring of fixed size. */
import type { Part } from '../../core/batch.ts'
import type { Clock } from '../../core/clock.ts'
import type { RuleDecision } from '../../core/rule-control.ts'
import { type Explain, type ExplainedCondition, explainCondition } from './explain-condition.ts'
import { type Action, destinationsOf, type Rule, type RuleLanguage } from './rule-set.ts'
import { saltOf, shareOf, traceIdOf } from './share.ts'
import { showValue } from './show-value.ts'

export interface DecisionLogOptions {
  /** Share of the traces that is noted. */
  readonly sampleRate: number
  /** Decisions that are kept. */
  readonly size: number
}

/** Explaining costs some microseconds; a flood of matches must not make it the main work. */
const MAX_PER_SECOND = 200
const SALT = saltOf('decision log')

export class DecisionLog {
  readonly #options: DecisionLogOptions
  readonly #clock: Clock
  readonly #language: RuleLanguage
  readonly #ring: RuleDecision[] = []
  #next = 0
  #second = -1
  #budget = 0
  #explains = new Map<Rule, Explain | null>()

  constructor(options: DecisionLogOptions, clock: Clock, language: RuleLanguage) {
    this.#options = options
    this.#clock = clock
    this.#language = language
  }

  get isOn(): boolean {
    return this.#options.sampleRate > 0 && this.#options.size > 0
  }

  /** Whether matches of a rule are noted: edits alone are not. */
  isNoted(rule: Rule): boolean {
    return this.isOn && describeAction(rule.action) !== ''
  }

  /** A rule matched; `scope` stands where its condition was asked. */
  hit(rule: Rule, item: number, part: Part, tenant: string, scope: unknown): void {
    if (!this.#hasBudget()) return
    const { payload, index } = part
    const { sampleRate } = this.#options
    if (sampleRate < 1 && shareOf(payload.bytes, index, item, 'trace_id', SALT) >= sampleRate)
      return
    const traceId = traceIdOf(payload.bytes, index, item)
    if (traceId === '') return
    this.#budget--
    const action = describeAction(rule.action)
    const because = becauseOf(this.#explain(rule)?.(scope))
    const atMs = this.#clock.now()
    this.#keep({ atMs, traceId, tenant, signal: index.signal, rule: rule.name, action, because })
  }

  /** Oldest first. */
  find(traceId: string): readonly RuleDecision[] {
    const wanted = traceId.toLowerCase()
    const inOrder = [...this.#ring.slice(this.#next), ...this.#ring.slice(0, this.#next)]
    return inOrder.filter(decision => decision.traceId === wanted)
  }

  /** Rules of sets that are gone must not be held. */
  forgetRules(): void {
    this.#explains = new Map()
  }

  #hasBudget(): boolean {
    const second = Math.floor(this.#clock.monotonic() / 1000)
    if (second !== this.#second) {
      this.#second = second
      this.#budget = MAX_PER_SECOND
    }
    return this.#budget > 0
  }

  #explain(rule: Rule): Explain | null {
    let explain = this.#explains.get(rule)
    if (explain === undefined) {
      const { when, on } = rule
      const { functions } = this.#language
      const context = this.#language.context(on)
      explain = when === null ? null : explainCondition(when.text, { context, functions })
      this.#explains.set(rule, explain)
    }
    return explain
  }

  #keep(decision: RuleDecision): void {
    this.#ring[this.#next] = decision
    this.#next = (this.#next + 1) % this.#options.size
  }
}

/** Empty for rules that only edit. */
export function describeAction(action: Action): string {
  if (action.drop) return 'dropped it'
  const parts: string[] = []
  const { route, mirror, importance } = action
  if (route !== null) {
    const to = destinationsOf({ ...action, mirror: null }).join(', ')
    parts.push(route.kind === 'list' ? `routed it to ${to}` : `routed it to one of ${to}`)
  }
  if (mirror !== null) parts.push(`may mirror it to ${mirror.to}`)
  if (importance !== null) parts.push(`gave it importance ${importance}`)
  return parts.join(' and ')
}

/** The parts that made it true, with their values. */
function becauseOf(condition: ExplainedCondition | undefined): readonly string[] {
  if (condition === undefined) return ['it has no condition']
  const leaves: string[] = []
  const visit = (node: ExplainedCondition): void => {
    if (node.result === 'skipped') return
    if (node.parts.length > 0) {
      for (const part of node.parts) visit(part)
      return
    }
    const values = node.values.map(({ path, value }) => `${path} = ${showValue(value)}`)
    leaves.push(`${node.result}: ${node.text}${values.length > 0 ? ` (${values.join(', ')})` : ''}`)
  }
  visit(condition)
  return leaves
}
