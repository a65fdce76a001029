/** What all commands on rule files do first: find the files, the destinations that rules may name, and load. */

import { explainProblems } from '../../config/explain.ts'
import type { Problem } from '../../config/problems.ts'
import { casesPathOf, type ReadCases, readCases } from '../../rules/files/cases/read.ts'
import { ruleLanguage } from '../../rules/files/language.ts'
import { type LoadedRules, loadRules, RuleFileError } from '../../rules/files/load.ts'
import { readSource, readSourceIfAny } from '../../rules/files/read-file.ts'
import { examineOptions, lazyBuiltins } from '../config-options.ts'
import { type CliIo, EXIT } from '../io.ts'

export interface DestinationOptions {
  readonly config: readonly string[]
  readonly set: readonly string[]
  readonly destination: readonly string[]
}

const NO_CASES: ReadCases = { cases: [], problems: [] }

export interface RuleFile extends LoadedRules {
  readonly path: string
  /** Undefined where there is none beside the rules. */
  readonly casesPath: string | undefined
  readonly cases: ReadCases['cases']
}

/** Undefined: rules may name any destination. */
export async function findDestinations(
  { config, set, destination }: DestinationOptions,
  io: CliIo,
): Promise<readonly string[] | undefined> {
  if (config.length === 0) return destination.length === 0 ? undefined : destination
  const { config: loaded, problems } = await examineOptions(
    { config, set },
    await lazyBuiltins(),
    io,
  )
  if (loaded === undefined) tellProblems(problems, io)
  return [...(loaded?.exporters.keys() ?? []), ...destination]
}

/** Files of cases among the paths (`rules/*.yaml`) belong to their rules and are left out. */
export function loadRuleFiles(
  paths: readonly string[],
  destinations: readonly string[] | undefined,
  io: CliIo,
): readonly RuleFile[] {
  const options = { language: ruleLanguage, destinations: () => destinations }
  return paths
    .filter(path => !/\.cases\.ya?ml$/.test(path))
    .map(path => {
      const { set, problems } = loadRules([readSource(path, io.cwd)], options)
      const source = readSourceIfAny(casesPathOf(path), io.cwd)
      const names = set?.rules.map(rule => rule.name)
      // Without a set every name in the cases would be told as unknown.
      const read = source === undefined || names === undefined ? NO_CASES : readCases(source, names)
      const all = [...problems, ...read.problems]
      return { path, set, problems: all, casesPath: source?.name, cases: read.cases }
    })
}

/** Also sets the exit code if there is an error among them. */
export function tellProblems(problems: readonly Problem[], io: CliIo): void {
  if (problems.length === 0) return
  if (problems.some(problem => problem.severity === 'error')) io.setExitCode(EXIT.failed)
  io.stderr.write(explainProblems(problems, { color: io.stderr.isTTY === true, wholeLines: true }))
}

/** Of a RuleFileError that ended a command. */
export function tellRuleProblems(error: unknown, io: CliIo): void {
  if (!(error instanceof RuleFileError)) throw error
  tellProblems(error.problems, io)
  io.stderr.write(`${error.code}: ${error.hint}\n`)
}

export function plural(count: number, noun: string): string {
  return `${count} ${noun}${count === 1 ? '' : 's'}`
}
