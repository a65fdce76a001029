/** `millrace validate`: every problem of a configuration, without starting anything. */
import type { Command } from 'commander'
import type { LoadedConfig } from '../config/loaded.ts'
import type { Problem } from '../config/problems.ts'
import type { Signal } from '../core/signal.ts'
import {
  addConfigOptions,
  type ConfigOptions,
  examineOptions,
  lazyBuiltins,
} from './config-options.ts'
import { type CliIo, EXIT } from './io.ts'

interface ValidateOptions extends ConfigOptions {
  readonly json?: boolean
}

export function register(program: Command, io: CliIo): void {
  const command = program
    .command('validate')
    .description(
      'Checks a configuration and tells all its problems; exit code 1 if there is an error',
    )
    .option('--json', 'problems as JSON')
  addConfigOptions(command).action((options: ValidateOptions) => validate(options, io))
}

async function validate(options: ValidateOptions, io: CliIo): Promise<void> {
  const { config: loaded, problems: own } = await examineOptions(options, await lazyBuiltins(), io)
  const problems = [...own, ...(loaded === undefined ? [] : checkFiles(loaded))]
  const config = problems.some(problem => problem.severity === 'error') ? undefined : loaded
  const { explainProblems, problemsToJson } = await import('../config/explain.ts')
  if (config === undefined) io.setExitCode(EXIT.failed)
  if (options.json === true) {
    const answer = { valid: config !== undefined, problems: problemsToJson(problems) }
    io.stdout.write(`${JSON.stringify(answer, null, 2)}\n`)
    return
  }
  if (problems.length > 0) {
    io.stderr.write(explainProblems(problems, { color: io.stderr.isTTY === true }))
  }
  if (config !== undefined) io.stdout.write('The configuration is valid.\n')
}

/** Files that components read when they start. */
function checkFiles({ exporters, ...tables }: LoadedConfig): readonly Problem[] {
  const carriers = (signal: Signal): readonly string[] =>
    [...exporters.values()]
      .filter(({ factory }) => factory.meta.stability[signal] !== undefined)
      .map(({ id }) => id)
  const { receivers, processors, connectors, extensions } = tables
  const components = [receivers, processors, connectors, exporters, extensions]
  return components.flatMap(table =>
    [...table.values()].flatMap(({ id, config, factory }) =>
      (factory.checkFiles?.(config, carriers) ?? []).map(message => ({
        ...{ severity: 'error' as const, path: id, file: '', line: 0, column: 0 },
        message,
      })),
    ),
  )
}
