/** Looks at the rule files of a configuration without starting anything. */
import type { Signal } from '../../core/signal.ts'
import { makeCursorEvaluator } from '../../rules/files/cursor-evaluator.ts'
import { ruleLanguage } from '../../rules/files/language.ts'
import { readSetSteps } from '../../rules/files/read-set.ts'
import { atOnce } from '../../util/in-slices.ts'
import type { RulesConfig } from './config.ts'

export function checkFiles(
  { files, destinations, error_mode, run_cases }: RulesConfig,
  exporters: (signal: Signal) => readonly string[],
): readonly string[] {
  const { errors } = atOnce(
    readSetSteps(files, {
      language: ruleLanguage,
      destinations: signal =>
        exporters(signal).filter(id => destinations === undefined || destinations.includes(id)),
      errorMode: error_mode,
      runCases: run_cases,
      makeEvaluator: makeCursorEvaluator,
    }),
  )
  return errors
}
