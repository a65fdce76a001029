/** Results of cases as people read them. */
import type { CaseResult } from '../../rules/files/cases/run.ts'
import type { RuleFile } from './rule-files.ts'

export interface TestedFile {
  readonly file: RuleFile
  readonly results: readonly CaseResult[]
}

/** What was wanted and what came out, one under the other. */
export function showFailure({ case: each, differences, outcome }: CaseResult): string[] {
  const { name, file, line } = each
  const hits = outcome.hits.length === 0 ? 'none' : outcome.hits.join(', ')
  return [
    `  FAIL  ${name} (${file}:${line})`,
    ...differences.flatMap(({ what, expected, got }) => [
      `        ${what}`,
      `          - expected ${expected}`,
      `          + got      ${got}`,
    ]),
    `        rules that matched: ${hits}`,
    ...outcome.errors.map(error => `        failed: ${error}`),
  ]
}
