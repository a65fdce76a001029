/** Runs cases through the same engine that works on live data. */
import { SIGNALS, type Signal } from '../../../core/signal.ts'
import { Engine } from '../engine.ts'
import type { Evaluator } from '../evaluator.ts'
import type { RuleSet } from '../rule-set.ts'
import { partOf, Tracer } from '../trace.ts'
import { compareOutcome, type Difference, type ItemOutcome } from './compare.ts'
import type { RuleCase } from './read.ts'

export interface CaseResult {
  readonly case: RuleCase
  /** Empty when all is as expected. */
  readonly differences: readonly Difference[]
  readonly outcome: ItemOutcome
  readonly millis: number
}

export function runCases(
  set: RuleSet,
  cases: readonly RuleCase[],
  makeEvaluator: (signal: Signal) => Evaluator,
): readonly CaseResult[] {
  const results: CaseResult[] = []
  for (const result of eachCase(set, cases, makeEvaluator)) results.push(result)
  return results
}

/** One after another, so that the caller may pause between them. */
export function* eachCase(
  set: RuleSet,
  cases: readonly RuleCase[],
  makeEvaluator: (signal: Signal) => Evaluator,
): Generator<CaseResult> {
  const tracers = new Map(
    SIGNALS.map(signal => [signal, new Tracer(new Engine(set, signal, makeEvaluator(signal)))]),
  )
  for (const each of cases) {
    const began = performance.now()
    const part = partOf(each.item.signal, each.item.bytes)
    const [outcome] = tracers.get(each.item.signal)!.run(part, each.tenant)
    const differences = compareOutcome(each.expect, each.expectTree, outcome)
    yield { case: each, differences, outcome, millis: performance.now() - began }
  }
}
