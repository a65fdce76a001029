/** Rule files with the cases beside them to a set that may go live: everything is checked, and every case has come out as expected. */
import { describeProblem, type Problem } from '../../config/problems.ts'
import { MillraceError } from '../../errors.ts'
import { casesPathOf, readCases } from './cases/read.ts'
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
      paths.map(path => readSource(path, '', 'files')),
      options,
    )
    if (set === undefined || !options.runCases) return conclude(set, problems, [])
    const found = [...problems]
    const failed: CaseResult[] = []
    for (const path of paths) {
      const source = readSourceIfAny(casesPathOf(path), '', 'files')
      if (source === undefined) continue
      const own = set.ofFile(path)
      const read = readCases(
        source,
        own.rules.map(rule => rule.name),
      )
      found.push(...read.problems)
      const results = yield* caseSteps(own, read.cases, options.makeEvaluator)
      failed.push(...results.filter(result => result.differences.length > 0))
    }
    return conclude(set, found, failed.slice(0, MAX_TOLD_CASES).map(describeFailure))
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

function describeFailure({ case: each, differences }: CaseResult): string {
  const [{ what, expected, got }] = differences
  return `${each.file}:${each.line}: case "${each.name}": ${what}: expected ${expected}, got ${got}`
}
