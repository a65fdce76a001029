/**
 * Decides about items: rules from top to bottom, edits as they match, until one drops or routes. Rules of one context
 * that follow each other make a stage, which is one pass over a part; items are independent of each other, so stage
 * after stage comes to the same as item after item.
 */
import type { Part, RequestContext, TenantId } from '../../core/batch.ts'
import type { Signal } from '../../core/signal.ts'
import { EvaluationError } from '../value.ts'
import type { Evaluator } from './evaluator.ts'
import { type NumberedRoute, numberRoute, RouteTable } from './routes.ts'
import type { Rule, RuleSet } from './rule-set.ts'
import type { RuleContext } from './schema.ts'
import { saltOf, shareOf } from './share.ts'
import { Verdicts } from './verdicts.ts'

/** Hears what happens to single items; for cases, explanations and samples of decisions. */
export interface EngineListener {
  /** After the condition of a rule and before its edits, with the scope that it was asked on. */
  asked?(rule: number, from: number, to: number, scope: unknown): void
  /** Before the edits of the rule; `part` is the one in which `item` is counted. */
  hit(rule: number, item: number, scope: unknown, part: Part): void
  failed(rule: number, item: number, error: EvaluationError): void
}

/** By rule, in items; of an event's rule, in events. */
export interface RuleCounts {
  readonly hits: Float64Array
  readonly drops: Float64Array
  readonly routes: Float64Array
  readonly errors: Float64Array
}

export interface Decided {
  /** With the edits; its items are those that came in, also dropped ones. A payload of its own if `isFresh`. */
  readonly part: Part
  readonly isFresh: boolean
  readonly verdicts: Verdicts
}

/** A rule with what is worked out once. */
interface Step {
  readonly rule: Rule
  readonly number: number
  readonly route: NumberedRoute | null
  readonly salt: number
}

interface Stage {
  readonly context: RuleContext
  readonly steps: readonly Step[]
}

/** An expression failed under `error_mode: propagate`. */
export class PropagatedError extends Error {
  readonly rule: string

  constructor(rule: string, cause: Error) {
    super(`rule ${rule}: ${cause.message}`, { cause })
    this.name = 'PropagatedError'
    this.rule = rule
  }
}

export class Engine {
  readonly rules: readonly Rule[]
  readonly routes = new RouteTable()
  /** Since `resetCounts`. */
  readonly counts: RuleCounts
  listener: EngineListener | null = null
  readonly #stages: readonly Stage[]
  readonly #evaluator: Evaluator
  /** Of the running pass. */
  #steps: readonly Step[] = []
  #verdicts = new Verdicts(0)
  #context: RuleContext = 'span'

  constructor(set: RuleSet, signal: Signal, evaluator: Evaluator) {
    this.rules = set.forSignal(signal)
    this.#evaluator = evaluator
    this.#stages = this.#makeStages()
    const zeros = () => new Float64Array(this.rules.length)
    this.counts = { hits: zeros(), drops: zeros(), routes: zeros(), errors: zeros() }
  }

  resetCounts(): void {
    for (const each of Object.values(this.counts)) each.fill(0)
  }

  /** Throws PropagatedError; the part is as it was then. */
  decide(part: Part, tenant: TenantId, request: RequestContext): Decided {
    const evaluator = this.#evaluator
    evaluator.open(part, request)
    try {
      const { index, selection } = evaluator.current
      this.#verdicts = new Verdicts(index.items)
      if (selection !== null) this.#verdicts.skipOthers(selection)
      let isFirst = true
      for (const { context, steps } of this.#stages) {
        this.#steps = steps.filter(({ rule }) => rule.tenants === null || rule.tenants(tenant))
        if (this.#steps.length === 0) continue
        if (!isFirst) this.#settle()
        isFirst = false
        this.#context = context
        evaluator.each(context, this.#visit)
      }
      const decided = evaluator.finish()
      const isFresh = decided.payload !== part.payload
      return { part: decided, isFresh, verdicts: this.#verdicts }
    } finally {
      evaluator.close()
    }
  }

  /** Between two passes: items are numbered anew when the part had to be written anew. */
  #settle(): void {
    const before = this.#evaluator.current
    this.#evaluator.settle()
    const { current } = this.#evaluator
    if (current.payload === before.payload) return
    const { selection } = before
    const has = (item: number): boolean => selection === null || selection.has(item)
    this.#verdicts = this.#verdicts.compact(current.index.items, has)
  }

  #makeStages(): readonly Stage[] {
    const stages: { context: RuleContext; steps: Step[] }[] = []
    for (const [number, rule] of this.rules.entries()) {
      const { route } = rule.action
      const step = {
        rule,
        number,
        route: route === null ? null : numberRoute(route, this.routes),
        salt: saltOf(rule.name),
      }
      const last = stages[stages.length - 1]
      if (last?.context === rule.on) last.steps.push(step)
      else stages.push({ context: rule.on, steps: [step] })
    }
    return stages
  }

  // hot: bench/micro/rules.ts
  readonly #visit = (scope: unknown, from: number, to: number): void => {
    const steps = this.#steps
    for (let i = 0; i < steps.length; i++) {
      if (this.#isDone(from, to)) return
      const step = steps[i]
      const matches = this.#matches(step, scope, from)
      this.listener?.asked?.(step.number, from, to, scope)
      if (matches && this.#act(step, scope, from, to)) return
    }
  }

  /** A metric is done when all its points are; one without points never. */
  #isDone(from: number, to: number): boolean {
    const { done } = this.#verdicts
    for (let item = from; item < to; item++) if (done[item] === 0) return false
    return from < to
  }

  #matches({ rule, number }: Step, scope: unknown, item: number): boolean {
    if (rule.when === null) return true
    try {
      return rule.when.test(scope)
    } catch (error) {
      this.#failed(number, item, error)
      return false
    }
  }

  /** Whether the thing is gone. */
  #act(step: Step, scope: unknown, from: number, to: number): boolean {
    const { rule, number } = step
    const { edits, drop } = rule.action
    const { done } = this.#verdicts
    const listener = this.listener
    if (listener !== null) {
      const { current } = this.#evaluator
      for (let item = from; item < to; item++) {
        if (done[item] === 0) listener.hit(number, item, scope, current)
      }
    }
    for (let i = 0; i < edits.length; i++) {
      try {
        edits[i].run(scope)
      } catch (error) {
        this.#failed(number, from, error)
      }
    }
    if (this.#context === 'spanevent' || from === to) {
      this.counts.hits[number]++
      if (!drop) return false
      this.counts.drops[number]++
      this.#evaluator.remove(scope)
      return true
    }
    for (let item = from; item < to; item++) if (done[item] === 0) this.#decideItem(step, item)
    return false
  }

  #decideItem({ rule, number, route, salt }: Step, item: number): void {
    const { drop, mirror, importance } = rule.action
    const verdicts = this.#verdicts
    this.counts.hits[number]++
    if (importance !== null) verdicts.setImportance(item, importance)
    if (mirror !== null) {
      const { payload, index } = this.#evaluator.current
      const { to, share } = mirror
      if (share >= 1 || shareOf(payload.bytes, index, item, 'trace_id', salt) < share) {
        verdicts.mirror(item, to)
      }
    }
    if (drop) {
      this.counts.drops[number]++
      verdicts.drop(item, number)
    } else if (route !== null) {
      this.counts.routes[number]++
      const chosen = this.#choose(route, item, salt)
      verdicts.routes[item] = this.routes.union(verdicts.routes[item], chosen)
      if (!rule.continues) verdicts.done[item] = 1
    }
  }

  #choose({ all, shares, by }: NumberedRoute, item: number, salt: number): number {
    if (all >= 0) return all
    const { payload, index } = this.#evaluator.current
    const share = shareOf(payload.bytes, index, item, by, salt)
    let i = 0
    while (i < shares.length - 1 && share >= shares[i].below) i++
    return shares[i].route
  }

  #failed(number: number, item: number, error: unknown): void {
    if (!(error instanceof EvaluationError)) throw error
    this.counts.errors[number]++
    this.listener?.failed(number, item, error)
    const { name, errorMode } = this.rules[number]
    if (errorMode === 'propagate') throw new PropagatedError(name, error)
  }
}
