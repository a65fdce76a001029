/** `millrace rules test`: runs the cases beside rule files. */
import { writeFileSync } from 'node:fs'
import { resolve } from 'node:path'
import { runCases } from '../../rules/files/cases/run.ts'
import { makeCursorEvaluator } from '../../rules/files/cursor-evaluator.ts'
import { type CliIo, EXIT } from '../io.ts'
import { showFailure, type TestedFile } from './case-report.ts'
import { junitReport } from './junit.ts'
import {
  type DestinationOptions,
  findDestinations,
  loadRuleFiles,
  plural,
  type RuleFile,
  tellProblems,
} from './rule-files.ts'

interface TestOptions extends DestinationOptions {
  readonly junit?: string
  readonly verbose: boolean
}

export async function testRules(
  paths: readonly string[],
  options: TestOptions,
  io: CliIo,
): Promise<void> {
  const files = loadRuleFiles(paths, await findDestinations(options, io), io)
  tellProblems(
    files.flatMap(file => file.problems),
    io,
  )
  const tested = files.map(file => testFile(file))
  for (const each of tested) io.stdout.write(showFile(each, options.verbose))
  const results = tested.flatMap(each => each.results)
  const failed = results.filter(result => result.differences.length > 0)
  const untested = files.filter(file => file.set !== undefined && file.casesPath === undefined)
  for (const { path } of untested) io.stderr.write(`${path} has no file of cases beside it\n`)
  io.stdout.write(`${plural(results.length, 'case')}, ${failed.length} failed\n`)
  if (failed.length + untested.length > 0) io.setExitCode(EXIT.failed)
  if (options.junit !== undefined) {
    writeFileSync(resolve(io.cwd, options.junit), junitReport(tested))
  }
}

function testFile(file: RuleFile): TestedFile {
  const { set, cases } = file
  if (set === undefined) return { file, results: [] }
  return { file, results: runCases(set, cases, makeCursorEvaluator) }
}

function showFile({ file, results }: TestedFile, verbose: boolean): string {
  const lines = results.flatMap(result => {
    if (result.differences.length > 0) return showFailure(result)
    return verbose ? [`  ok    ${result.case.name}`] : []
  })
  const failed = results.filter(result => result.differences.length > 0).length
  const state = failed === 0 ? `${results.length} ok` : `${failed} of ${results.length} failed`
  return results.length === 0 ? '' : [`${file.path}: ${state}`, ...lines, ''].join('\n')
}
