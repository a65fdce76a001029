/** Runs cases through the same engine that works on live data. */
import type { Signal } from '../../../core/signal.ts'
import { atOnce } from '../../../util/in-slices.ts'
import { Engine } from '../engine.ts'
import type { MakeEvaluator } from '../evaluator.ts'
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
  makeEvaluator: MakeEvaluator,
): readonly CaseResult[] {
  return atOnce(caseSteps(set, cases, makeEvaluator))
}

/** In steps, see `inSlices`. */
export function* caseSteps(
  set: RuleSet,
  cases: readonly RuleCase[],
  makeEvaluator: MakeEvaluator,
): Generator<void, readonly CaseResult[]> {
  const tracers = new Map<Signal, Tracer>()
  const results: CaseResult[] = []
  for (const each of cases) {
    const { signal, bytes } = each.item
    let tracer = tracers.get(signal)
    if (tracer === undefined) {
      tracer = new Tracer(yield* Engine.build(set, signal, makeEvaluator))
      tracers.set(signal, tracer)
    }
    const began = performance.now()
    const [outcome] = tracer.run(partOf(signal, bytes), each.tenant)
    const differences = compareOutcome(each.expect, each.expectTree, outcome)
    results.push({ case: each, differences, outcome, millis: performance.now() - began })
    yield
  }
  return results
}
