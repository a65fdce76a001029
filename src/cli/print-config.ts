/** `millrace print-config`: the configuration after merging and expansion, with secrets hidden unless asked for. */
import type { Command } from 'commander'
import {
  addConfigOptions,
  type ConfigOptions,
  examineOptions,
  lazyBuiltins,
} from './config-options.ts'
import { type CliIo, EXIT } from './io.ts'

interface PrintOptions extends ConfigOptions {
  readonly mode: 'redacted' | 'unredacted'
  readonly format: 'yaml' | 'json'
}

export function register(program: Command, io: CliIo): void {
  const command = program
    .command('print-config')
    .description('Prints the configuration after merging and expansion; problems go to stderr')
  choice(command, '--mode <mode>', 'whether secrets are hidden', ['redacted', 'unredacted'])
  choice(command, '--format <format>', 'how to print', ['yaml', 'json'])
  addConfigOptions(command).action((options: PrintOptions) => printConfig(options, io))
}

/** The first choice is the default. */
function choice(command: Command, flags: string, text: string, choices: readonly string[]): void {
  command.addOption(command.createOption(flags, text).choices(choices).default(choices[0]))
}

async function printConfig(options: PrintOptions, io: CliIo): Promise<void> {
  const registry = await lazyBuiltins()
  const { tree, problems, config } = await examineOptions(options, registry, io)
  const [{ explainProblems }, { redactConfig }, { toPlain }] = await Promise.all([
    import('../config/explain.ts'),
    import('../config/redact.ts'),
    import('../config/tree.ts'),
  ])
  if (config === undefined) io.setExitCode(EXIT.failed)
  if (problems.length > 0) {
    io.stderr.write(explainProblems(problems, { color: io.stderr.isTTY === true }))
  }
  if (tree === null) return
  const plain = toPlain(tree)
  const shown = options.mode === 'unredacted' ? plain : redactConfig(plain, registry)
  if (options.format === 'json') {
    io.stdout.write(`${JSON.stringify(shown, null, 2)}\n`)
    return
  }
  const { stringify } = await import('yaml')
  io.stdout.write(stringify(shown, { aliasDuplicateObjects: false, lineWidth: 0 }))
}
