/** Rule files with the cases beside them to a set that may go live: everything is checked, and every case has come out as expected. */
import { describeProblem, type Problem } from '../../config/problems.ts'
import { MillraceError } from '../../errors.ts'
import { casesPathOf, type RuleCase, readCases } from './cases/read.ts'
import { type CaseResult, caseSteps } from './cases/run.ts'
import type { MakeEvaluator } from './evaluator.ts'
import { loadSteps } from './load.ts'
import { readSource, readSourceIfAny } from './read-file.ts'
import type { RuleOptions } from './read-rule.ts'
import type { RuleSet } from './rule-set.ts'

export interface ReadSet {
  /** Undefined when something is wrong with it. */
  readonly set: RuleSet | undefined
  /** One line each. */
  readonly errors: readonly string[]
  readonly warnings: readonly string[]
}

export interface ReadSetOptions extends RuleOptions {
  readonly runCases: boolean
  readonly makeEvaluator: MakeEvaluator
}

/** A broken set would say the same for every case. */
const MAX_TOLD_CASES = 20

/** In steps, see `inSlices`. Does not throw for what is in the files. */
export function* readSetSteps(
  paths: readonly string[],
  options: ReadSetOptions,
): Generator<void, ReadSet> {
  try {
    const { set, problems } = yield* loadSteps(
      paths.map(path => readSource(path)),
      options,
    )
    if (set === undefined || !options.runCases) return conclude(set, problems, [])
    const { cases, problems: caseProblems } = readAllCases(paths, set)
    const results = yield* caseSteps(set, cases, options.makeEvaluator)
    const failed = results.filter(result => result.differences.length > 0)
    const told = failed.slice(0, MAX_TOLD_CASES).map(describeFailure)
    return conclude(set, [...problems, ...caseProblems], told)
  } catch (error) {
    if (!(error instanceof MillraceError)) throw error
    return { set: undefined, errors: [error.message], warnings: [] }
  }
}

function conclude(
  set: RuleSet | undefined,
  problems: readonly Problem[],
  failed: readonly string[],
): ReadSet {
  const told = (severity: Problem['severity']): string[] =>
    problems.filter(problem => problem.severity === severity).map(describeProblem)
  const errors = [...told('error'), ...failed]
  return { set: errors.length === 0 ? set : undefined, errors, warnings: told('warning') }
}

function readAllCases(
  paths: readonly string[],
  set: RuleSet,
): { cases: RuleCase[]; problems: Problem[] } {
  const names = set.rules.map(rule => rule.name)
  const found = { cases: [] as RuleCase[], problems: [] as Problem[] }
  for (const path of paths) {
    const source = readSourceIfAny(casesPathOf(path))
    if (source === undefined) continue
    const { cases, problems } = readCases(source, names)
    found.cases.push(...cases)
    found.problems.push(...problems)
  }
  return found
}

function describeFailure({ case: each, differences }: CaseResult): string {
  const [{ what, expected, got }] = differences
  return `${each.file}:${each.line}: case "${each.name}": ${what}: expected ${expected}, got ${got}`
}
