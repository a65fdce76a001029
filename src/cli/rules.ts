/** `millrace rules …`: everything that can be done with rule files without, and against, a running collector. */
import { type Command, InvalidArgumentError } from 'commander'
import type { CliIo } from './io.ts'

const CONTEXTS = [
  ...['resource', 'scope', 'span', 'spanevent', 'spanlink'],
  ...['metric', 'datapoint', 'exemplar', 'log'],
]

export function register(program: Command, io: CliIo): void {
  const rules = program
    .command('rules')
    .description('Checks, tests, explains and compares rule files; asks a running collector')
  const destinations = (command: Command): Command =>
    command
      .option(
        '-c, --config <source>',
        'configuration whose exporters are the destinations',
        collect,
        [],
      )
      .option('--set <key=value>', 'sets one value of the configuration', collect, [])
      .option(
        '--destination <id>',
        'a destination that rules may name; may be repeated',
        collect,
        [],
      )

  destinations(rules.command('check'))
    .description('Tells every problem of rule files and of the cases beside them')
    .argument('<files...>', 'rule files; each is looked at by itself')
    .option('--json', 'problems as JSON', false)
    .action(async (files, options) => {
      await (await import('./rules/check.ts')).checkRules(files, options, io)
    })

  destinations(rules.command('test'))
    .description('Runs the cases beside rule files and shows what came out differently')
    .argument('<files...>', 'rule files, x.yaml with x.cases.yaml beside it')
    .option('--junit <file>', 'also writes a JUnit report')
    .option('--verbose', 'names the cases that come out as expected too', false)
    .action(async (files, options) => {
      await (await import('./rules/test.ts')).testRules(files, options, io)
    })

  capture(rules.command('explain'))
    .description('Says for each captured item which rules match, what they saw, where it goes')
    .argument('<file>', 'rule file')
    .option('--rule <name>', 'only items that this rule matches')
    .option('--trace <id>', 'only items of this trace')
    .action(async (file, options) => {
      await (await import('./rules/explain.ts')).explainRules(file, options, io)
    })

  capture(rules.command('replay'))
    .description('Compares two rule files on captured telemetry: what would change, with samples')
    .requiredOption('--old <file>', 'rule file that runs now')
    .requiredOption('--new <file>', 'rule file that is to run')
    .action(async options => {
      await (await import('./rules/replay.ts')).replayRules(options, io)
    })

  const evaluate = rules.command('eval')
  evaluate
    .description('Tries one expression, condition or statement on items')
    .argument('<expression>', 'OTTL')
    .addOption(
      evaluate
        .createOption('--context <name>', 'what the expression is about')
        .choices(CONTEXTS)
        .makeOptionMandatory(),
    )
    .requiredOption('--in <file>', 'capture, or one item in the short notation of cases')
    .option('--signal <name>', 'traces, metrics or logs, where protobuf does not tell')
    .action(async (expression, options) => {
      await (await import('./rules/eval.ts')).evaluate(expression, options, io)
    })

  rules
    .command('fmt')
    .description('Formats rule files and cases in place; comments stay')
    .argument('<files...>', 'rule files or files of cases')
    .option('--check', 'writes nothing, fails if a file is not formatted', false)
    .option('--stdout', 'writes to standard output instead', false)
    .action(async (files, options) => {
      await (await import('./rules/fmt.ts')).formatRuleFiles(files, options, io)
    })

  running(rules.command('status'))
    .description('Live and kept sets, what each rule did, what was refused')
    .action(async options => {
      await (await import('./rules/running.ts')).showStatus(options, io)
    })

  running(rules.command('reload'))
    .description('Makes the running collector read its rule files again')
    .option('--id <processor>', 'only this processor')
    .action(async options => {
      await (await import('./rules/running.ts')).changeRules('reload', options, io)
    })

  running(rules.command('rollback'))
    .description('Brings back the rule set before the live one, or the one with this hash')
    .argument('[hash]', 'first letters of a kept set, as `rules status` shows it')
    .option('--id <processor>', 'only this processor')
    .action(async (hash, options) => {
      const { changeRules } = await import('./rules/running.ts')
      await changeRules('rollback', { ...options, hash }, io)
    })

  running(rules.command('why'))
    .description('Why the items of a trace went where they went')
    .argument('<trace-id>', '32 hexadecimal digits')
    .action(async (traceId, options) => {
      await (await import('./rules/running.ts')).showWhy(traceId, options, io)
    })
}

function running(command: Command): Command {
  return command
    .option('--socket <path>', 'admin socket of the collector; found if only one runs')
    .option('--json', 'as JSON', false)
}

function capture(command: Command): Command {
  return command
    .requiredOption('--in <file>', 'capture: .pb (also of the file exporter), .json or .jsonl')
    .addOption(
      command
        .createOption('--signal <name>', 'signal of protobuf captures that do not tell')
        .choices(['traces', 'metrics', 'logs']),
    )
    .option('--tenant <id>', 'whose telemetry it is', 'default')
    .option('--limit <n>', 'how many items to show', readCount, 20)
    .option('--json', 'as JSON', false)
}

function readCount(text: string): number {
  if (/^\d{1,9}$/.test(text)) return Number(text)
  throw new InvalidArgumentError('a whole number is meant')
}

function collect(value: string, before: readonly string[]): readonly string[] {
  return [...before, value]
}
