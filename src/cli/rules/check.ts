/** `millrace rules check`: every problem of rule files, and nothing else. */
import { problemsToJson } from '../../config/explain.ts'
import { type CliIo, EXIT } from '../io.ts'
import {
  type DestinationOptions,
  findDestinations,
  loadRuleFiles,
  plural,
  tellProblems,
} from './rule-files.ts'

export async function checkRules(
  paths: readonly string[],
  options: DestinationOptions & { readonly json: boolean },
  io: CliIo,
): Promise<void> {
  const files = loadRuleFiles(paths, await findDestinations(options, io), io)
  const problems = files.flatMap(file => file.problems)
  const isValid = !problems.some(problem => problem.severity === 'error')
  if (options.json) {
    if (!isValid) io.setExitCode(EXIT.failed)
    const answer = { valid: isValid, problems: problemsToJson(problems) }
    io.stdout.write(`${JSON.stringify(answer, null, 2)}\n`)
    return
  }
  tellProblems(problems, io)
  for (const { path, set, problems: own, cases } of files) {
    if (set === undefined || own.some(problem => problem.severity === 'error')) continue
    const counts = `${plural(set.rules.length, 'rule')}, ${plural(cases.length, 'case')}`
    io.stdout.write(`${path}: valid, ${counts}, hash ${set.hash}\n`)
  }
}
