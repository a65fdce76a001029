/** The command line: which commands there are, and how their failures are told. Heavy modules load inside of actions. */
import { createRequire } from 'node:module'
import { Command, CommanderError, InvalidArgumentError } from 'commander'
import { MillraceError } from '../errors.ts'
import { findNearest } from '../util/nearest.ts'
import { register as registerComponents } from './components.ts'
import { register as registerGenerate } from './generate.ts'
import { type CliIo, EXIT } from './io.ts'
import { register as registerModels } from './models.ts'
import { register as registerPrintConfig } from './print-config.ts'
import { register as registerQueue } from './queue.ts'
import { register as registerRules } from './rules.ts'
import { register as registerRun } from './run.ts'
import { register as registerSampler } from './sampler.ts'
import { register as registerSchema } from './schema.ts'
import { register as registerTenants } from './tenants.ts'
import { register as registerValidate } from './validate.ts'
import { register as registerWhy } from './why.ts'

const COMMANDS = [
  registerRun,
  registerValidate,
  registerComponents,
  registerPrintConfig,
  registerSchema,
  registerGenerate,
  registerRules,
  registerSampler,
  registerQueue,
  registerModels,
  registerTenants,
  registerWhy,
]

export function buildProgram(io: CliIo): Command {
  const program = new Command('millrace')
    .description(
      'An OpenTelemetry collector that keeps bytes as bytes. `run` is the default command.',
    )
    .version(readVersion(), '-v, --version', 'prints the version')
    .exitOverride()
    .configureOutput({
      writeOut: text => io.stdout.write(text),
      writeErr: text => io.stderr.write(text),
    })
  for (const register of COMMANDS) register(program, io)
  for (const command of program.commands) {
    command
      .exitOverride()
      .copyInheritedSettings(program)
      .showHelpAfterError('(--help shows what there is)')
  }
  return program
}

/** Runs one command line (without the names of node and script) to its end. Tells every failure, and throws none. */
export async function runCommandLine(args: readonly string[], io: CliIo): Promise<void> {
  try {
    const program = buildProgram(io)
    if (isUnknownCommand(program, args[0])) tellUnknownCommand(program, args[0], io)
    else await program.parseAsync(args, { from: 'user' })
  } catch (error) {
    if (error instanceof CommanderError) {
      // Commander has told its own; what an action finds wrong with its options comes here untold.
      if (error instanceof InvalidArgumentError) io.stderr.write(`error: ${error.message}\n`)
      io.setExitCode(error.exitCode === 0 ? EXIT.ok : EXIT.usage)
      return
    }
    await tellFailure(error, io)
  }
}

/** Commander would hand a misspelled command to the default one, as an argument. */
function isUnknownCommand(program: Command, word: string | undefined): word is string {
  if (word === undefined || word.startsWith('-') || word === 'help') return false
  return !program.commands.some(command => command.name() === word)
}

function tellUnknownCommand(program: Command, word: string, io: CliIo): void {
  const names = program.commands.map(command => command.name())
  const nearest = findNearest(word, names)
  const advice =
    nearest === undefined ? `there are ${names.join(', ')}` : `did you mean "${nearest}"?`
  io.stderr.write(`error: unknown command "${word}"; ${advice}\n`)
  io.setExitCode(EXIT.usage)
}

async function tellFailure(error: unknown, io: CliIo): Promise<void> {
  const code = error instanceof MillraceError ? error.code : 'MILLRACE_CLI_UNFORESEEN'
  io.setExitCode(code === 'MILLRACE_CLI_NO_CONFIG' ? EXIT.usage : EXIT.failed)
  const { ConfigError } = await import('../config/problems.ts')
  if (code === 'MILLRACE_RULES_INVALID') {
    const { tellRuleProblems } = await import('./rules/rule-files.ts')
    tellRuleProblems(error, io)
  } else if (error instanceof ConfigError) {
    const { explainProblems } = await import('../config/explain.ts')
    io.stderr.write(explainProblems(error.problems, { color: io.stderr.isTTY === true }))
    io.stderr.write(`${error.code}: ${error.hint}\n`)
  } else if (error instanceof MillraceError) {
    io.stderr.write(`${error.code}: ${error.message}\n${error.hint}\n`)
  } else {
    const text = error instanceof Error ? (error.stack ?? error.message) : String(error)
    io.stderr.write(`${code}: ${text}\n`)
  }
}

/** package.json stands one folder above `src` and `dist` alike. */
function readVersion(): string {
  const { version } = createRequire(import.meta.url)('../../package.json') as { version: string }
  return version
}
