/** Runs rule files on batches: what they drop is booked, what they route goes its way, all others go on. */
import type { Batch } from '../../core/batch.ts'
import type { Component, Consumer, Host } from '../../core/component.ts'
import { type Dispatched, Dispatcher, refuseAll } from '../../core/dispatch.ts'
import type { CreateContext } from '../../core/factory.ts'
import { ACCEPTED, busy, type Outcome, refused } from '../../core/outcome.ts'
import type { HasRuleControl, RuleControl } from '../../core/rule-control.ts'
import { MillraceError } from '../../errors.ts'
import { makeCursorEvaluator } from '../../rules/files/cursor-evaluator.ts'
import { DecisionLog } from '../../rules/files/decision-log.ts'
import { type Engine, PropagatedError } from '../../rules/files/engine.ts'
import { ruleLanguage } from '../../rules/files/language.ts'
import { LiveRules } from '../../rules/files/live-rules.ts'
import type { Rule } from '../../rules/files/rule-set.ts'
import type { RulesConfig } from './config.ts'
import { controlOf } from './control.ts'
import { type RuleCounters, RulesMeter } from './metrics.ts'
import { Plan } from './plan.ts'

/** Stage of intentional drops in the ledger, whichever processor it was. */
const STAGE = 'rules'
/** Said to those who come before the rules are there. */
const NOT_STARTED_MS = 1000

export class RulesProcessor implements Component, Consumer, HasRuleControl {
  readonly ruleControl: RuleControl
  readonly #context: CreateContext<RulesConfig>
  readonly #live: LiveRules
  readonly #dispatcher: Dispatcher
  readonly #decisions: DecisionLog
  readonly #meter: RulesMeter
  /** By rule of the live engine. */
  #counters: readonly RuleCounters[] = []
  #tenant = ''
  #host: Host | null = null

  constructor(context: CreateContext<RulesConfig>, next: Consumer) {
    const { config, id, clock, log, ledger, meter } = context
    const [signal] = context.signals
    const destinations = context.destinations ?? new Map<string, Consumer>()
    this.#context = context
    this.#meter = new RulesMeter(meter, id, signal)
    this.#decisions = new DecisionLog(
      { sampleRate: config.decisions.sample_rate, size: config.decisions.size },
      clock,
      ruleLanguage,
    )
    this.#dispatcher = new Dispatcher({
      find: to => (to === '' ? next : destinations.get(to)!),
      ...{ ledger, clock, id, maxWaitMs: config.max_wait },
    })
    this.#live = new LiveRules({
      paths: config.files,
      signal,
      language: ruleLanguage,
      // A destination of another signal is none of this processor's business.
      destinations: of => (of === signal ? [...destinations.keys()] : undefined),
      errorMode: config.error_mode,
      runCases: config.run_cases,
      makeEvaluator: makeCursorEvaluator,
      watchIntervalMs: config.watch ? config.reload_interval : null,
      guard: config.guard === undefined ? null : guardLimits(config.guard),
      ...{ clock, log },
      onChange: (result, engine) => this.#changed(result, engine),
    })
    this.ruleControl = controlOf(id, signal, this.#live, this.#decisions, rule =>
      this.#meter.countersOf(rule),
    )
  }

  async start(host: Host): Promise<void> {
    this.#host = host
    const problems = await this.#live.start()
    if (problems.length === 0) return
    this.#live.stop()
    throw new MillraceError(
      'MILLRACE_RULES_INVALID',
      problems.map(problem => `\n  ${problem}`).join(''),
    )
  }

  async stop(): Promise<void> {
    this.#live.stop()
    this.#dispatcher.stop()
  }

  refresh(): void {
    void this.#live.reload('signal')
  }

  // hot: bench/flow/rules.ts
  consume(batch: Batch): Outcome | Promise<Outcome> {
    const { engine } = this.#live
    if (engine === null) return busy(NOT_STARTED_MS, 'unavailable')
    if (engine.rules.length === 0) {
      const sent = this.#dispatcher.send([{ to: '', batch }])
      return sent instanceof Promise ? sent.then(({ outcome }) => outcome) : sent.outcome
    }
    let plan: Plan
    try {
      this.#tenant = batch.tenant
      plan = new Plan(batch, engine)
    } catch (error) {
      return this.#failed(batch, error)
    }
    if (plan.deliveries.length === 0)
      return this.#finish(plan, { taken: true, refused: 0, outcome: ACCEPTED })
    // Copies are booked before anybody can say that it has sent them.
    this.#bookCopies(plan, 1)
    const sent = this.#dispatcher.send(plan.deliveries)
    return sent instanceof Promise
      ? sent.then(dispatched => this.#finish(plan, dispatched))
      : this.#finish(plan, sent)
  }

  #finish(plan: Plan, { taken, ...rest }: Dispatched): Outcome {
    const { original, deliveries } = plan
    const { outcome } = rest
    const isWhole = deliveries.length === 1 && deliveries[0].batch === original
    if (!taken) {
      if (outcome.kind === 'refused' && plan.dropped > 0) return this.#refusedRest(plan, outcome)
      this.#bookCopies(plan, -1)
      plan.discard()
      return refuseAll(original, outcome)
    }
    this.#commit(plan)
    this.#sendMirrors(plan)
    if (!isWhole) original.release()
    return outcome
  }

  /** What was not dropped is refused: the sender hears how many those are, and the drops stand. */
  #refusedRest(plan: Plan, outcome: Outcome & { kind: 'refused' }): Outcome {
    const { original } = plan
    this.#bookCopies(plan, -1)
    const items = original.items - plan.dropped
    this.#commit(plan)
    plan.discard()
    original.release()
    return refused(items, outcome.why, outcome.message)
  }

  #bookCopies({ copies, original }: Plan, sign: number): void {
    if (copies === 0) return
    this.#context.ledger.copied(original.tenant, original.signal, sign * copies)
  }

  /** Only now: a batch that is given back comes again. */
  #commit({ original, drops, counts, engine, dropped }: Plan): void {
    const { tenant, signal } = original
    for (const [rule, items] of drops) {
      const drop = { stage: STAGE, reason: engine.rules[rule].name, intentional: true }
      this.#context.ledger.dropped(tenant, signal, items, drop)
    }
    let failed = 0
    const counters = engine === this.#live.engine ? this.#counters : this.#countersOf(engine)
    for (const { rule, hits, drops: dropsOf, routes, errors } of counts) {
      const counter = counters[rule]
      counter.hits.value += hits
      counter.drops.value += dropsOf
      counter.routes.value += routes
      counter.errors.value += errors
      failed += errors
    }
    if (engine === this.#live.engine) this.#live.count(original.items, dropped, failed)
  }

  /** What becomes of a copy is no matter to the sender; it is booked all the same. */
  #sendMirrors({ mirrors }: Plan): void {
    const { ledger, destinations } = this.#context
    for (const { to, batch } of mirrors) {
      ledger.copied(batch.tenant, batch.signal, batch.items)
      const settle = (outcome: Outcome): void => {
        if (outcome.kind === 'accepted') return
        const items = outcome.kind === 'busy' ? batch.items : Math.min(outcome.items, batch.items)
        const reason = outcome.kind === 'busy' ? 'mirror_busy' : 'mirror_refused'
        ledger.dropped(batch.tenant, batch.signal, items, { stage: to, reason, intentional: false })
        if (items >= batch.items) batch.release()
      }
      const outcome = destinations!.get(to)!.consume(batch)
      if (outcome instanceof Promise) void outcome.then(settle)
      else settle(outcome)
    }
  }

  /** An error that is to be propagated, or one that nobody foresaw: the sender hears of it, and the collector runs on. */
  #failed(batch: Batch, error: unknown): Outcome {
    const { log } = this.#context
    const message = error instanceof Error ? error.message : String(error)
    if (error instanceof PropagatedError) {
      log.warn('rule_failed', { rule: error.rule, message })
      this.#meter.countersOf(error.rule).errors.value++
    } else {
      log.error('rules_broke', { message, stack: error instanceof Error ? error.stack : undefined })
    }
    return refused(batch.items, 'rejected', message)
  }

  #countersOf(engine: Engine): readonly RuleCounters[] {
    return engine.rules.map(rule => this.#meter.countersOf(rule.name))
  }

  #changed(result: 'success' | 'failure' | 'rollback' | 'guard', engine: Engine): void {
    const { id } = this.#context
    this.#meter.reloaded(result)
    this.#meter.refused.value = result === 'failure' || result === 'guard' ? 1 : 0
    if (result === 'failure') {
      const detail = this.#live.refusal?.problems[0] ?? 'the rule files are not valid'
      this.#host?.reportStatus(id, 'recoverable_error', detail)
      return
    }
    this.#host?.reportStatus(id, 'ok')
    this.#counters = this.#countersOf(engine)
    this.#meter.live.value = engine.rules.length
    this.#decisions.forgetRules()
    this.#listen(engine)
  }

  #listen(engine: Engine): void {
    const { rules } = engine
    const isNoted = rules.map(rule => this.#decisions.isNoted(rule))
    engine.listener = {
      hit: (rule, item, scope, part) => {
        if (isNoted[rule]) this.#decisions.hit(rules[rule], item, part, this.#tenant, scope)
      },
      failed: (rule, _, error) => this.#tellFailure(rules[rule], error),
    }
  }

  #tellFailure({ errorMode, name }: Rule, error: Error): void {
    if (errorMode !== 'ignore') return
    this.#context.log.warn('rule_failed', { rule: name, message: error.message })
  }
}

function guardLimits(guard: NonNullable<RulesConfig['guard']>) {
  return {
    windowMs: guard.window,
    minItems: guard.min_items,
    minDropRatio: guard.min_drop_ratio,
    maxDropRatio: guard.max_drop_ratio,
    maxErrorRatio: guard.max_error_ratio,
  }
}
