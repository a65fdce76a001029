/**
 * Decides about items: rules from top to bottom, edits as they match, until one drops or routes. Rules of one context
 * that follow each other make a stage, which is one pass over a part; items are independent of each other, so stage
 * after stage comes to the same as item after item.
 */
import type { Part, RequestContext, TenantId } from '../../core/batch.ts'
import type { Signal } from '../../core/signal.ts'
import { EvaluationError } from '../value.ts'
import type { Evaluator, MakeEvaluator } from './evaluator.ts'
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
  /** Whether it is for the tenant of the running part. */
  isMeant: boolean
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
  readonly routes: RouteTable
  /** Since `resetCounts`. */
  readonly counts: RuleCounts
  listener: EngineListener | null = null
  readonly #stages: readonly Stage[]
  readonly #evaluator: Evaluator
  /** Of the running pass. */
  #steps: readonly Step[] = []
  #verdicts = new Verdicts(0)
  #context: RuleContext = 'span'

  private constructor(
    rules: readonly Rule[],
    stages: readonly Stage[],
    routes: RouteTable,
    evaluator: Evaluator,
  ) {
    this.rules = rules
    this.routes = routes
    this.#stages = stages
    this.#evaluator = evaluator
    const zeros = () => new Float64Array(rules.length)
    this.counts = { hits: zeros(), drops: zeros(), routes: zeros(), errors: zeros() }
  }

  /** In steps, see `inSlices`. */
  static *build(
    set: RuleSet,
    signal: Signal,
    makeEvaluator: MakeEvaluator,
  ): Generator<void, Engine> {
    const rules = set.forSignal(signal)
    const routes = new RouteTable()
    const stages = makeStages(rules, routes)
    const evaluator = yield* makeEvaluator(
      signal,
      stages.map(({ context, steps }) => ({ context, rules: steps.map(step => step.rule) })),
    )
    return new Engine(rules, stages, routes, evaluator)
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
      const visit = this.listener?.asked === undefined ? this.#visit : this.#visitSlowly
      for (const [number, { context, steps }] of this.#stages.entries()) {
        if (!chooseMeant(steps, tenant)) continue
        if (!isFirst) this.#settle()
        isFirst = false
        this.#steps = steps
        this.#context = context
        evaluator.each(number, visit)
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

  // hot: bench/micro/rule-files.ts
  readonly #visit = (scope: unknown, from: number, to: number): void => {
    const steps = this.#steps
    const evaluator = this.#evaluator
    let at = -1
    while (!this.#isDone(from, to)) {
      try {
        at = evaluator.next(scope, at + 1)
      } catch (error) {
        at = evaluator.tested
        if (steps[at].isMeant) this.#failed(steps[at].number, from, error)
        continue
      }
      if (at < 0) return
      if (steps[at].isMeant && this.#act(steps[at], scope, from, to)) return
    }
  }

  /** Asks every rule by itself, and says so. */
  readonly #visitSlowly = (scope: unknown, from: number, to: number): void => {
    for (const [at, step] of this.#steps.entries()) {
      if (this.#isDone(from, to)) return
      if (!step.isMeant) continue
      let matches = false
      try {
        matches = this.#evaluator.test(at, scope)
      } catch (error) {
        this.#failed(step.number, from, error)
      }
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
    if (edits.length > 0) this.#evaluator.edited(scope)
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

function makeStages(rules: readonly Rule[], routes: RouteTable): readonly Stage[] {
  const stages: { context: RuleContext; steps: Step[] }[] = []
  for (const [number, rule] of rules.entries()) {
    const { route } = rule.action
    const step = {
      rule,
      number,
      route: route === null ? null : numberRoute(route, routes),
      salt: saltOf(rule.name),
      isMeant: true,
    }
    const last = stages[stages.length - 1]
    if (last?.context === rule.on) last.steps.push(step)
    else stages.push({ context: rule.on, steps: [step] })
  }
  return stages
}

/** Marks the rules that are for this tenant; whether there are any. */
function chooseMeant(steps: readonly Step[], tenant: TenantId): boolean {
  let isAny = false
  for (const step of steps) {
    const { tenants } = step.rule
    step.isMeant = tenants === null || tenants(tenant)
    isAny ||= step.isMeant
  }
  return isAny
}
