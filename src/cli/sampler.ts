/** `millrace sampler …`: judges sampling on recordings, and asks and tells a running collector about its traces. */
import { Argument, type Command } from 'commander'
import type { CliIo } from './io.ts'

export function register(program: Command, io: CliIo): void {
  const sampler = program
    .command('sampler')
    .description('Evaluates sampling on recordings; explains and teaches a running sampler')
  registerRunning(sampler, io)
  registerEval(sampler, io)
}

function registerRunning(sampler: Command, io: CliIo): void {
  running(sampler.command('status'))
    .description('Budget, totals, memory and the model in charge')
    .action(async options => {
      await (await import('./sampler/status.ts')).showSamplers(options, io)
    })

  running(sampler.command('explain'))
    .description('Why a trace was kept or not: what stood out, score, probability, lane')
    .argument('<trace-id>', '32 hexadecimal digits')
    .action(async (traceId, options) => {
      await (await import('./sampler/explain.ts')).explainTrace(traceId, options, io)
    })

  running(sampler.command('feedback'))
    .description('Tells the sampler what a trace was worth')
    .argument('<trace-id>', '32 hexadecimal digits')
    .addArgument(new Argument('<verdict>', 'what it was worth').choices(['useful', 'noise']))
    .option('--id <processor>', 'only this processor')
    .action(async (traceId, verdict, options) => {
      await (await import('./sampler/feedback.ts')).giveFeedback(traceId, verdict, options, io)
    })

  running(sampler.command('compare'))
    .description('Models side by side: share kept, coverage, flagged, cost')
    .action(async options => {
      await (await import('./sampler/compare.ts')).compareModels(options, io)
    })
}

function registerEval(sampler: Command, io: CliIo): void {
  sampler
    .command('eval')
    .description('Replays labelled recordings through observer, model and decider, and measures')
    .requiredOption('--data <dir>', 'folder of a recording; may be repeated', collect)
    .option(
      '--budget <shares>',
      'shares of traces to keep, with commas between',
      '0.01,0.05,0.1,0.2',
    )
    .option('--model <name...>', 'models to judge; baselines stand beside them', [
      'network',
      'heuristic',
    ])
    .option('--no-baselines', 'only the models named')
    .option('--directory <path>', 'where own models are kept')
    .option('--seeds <n>', 'replays, each with other arrivals and randomness', '5')
    .option('--period <duration>', 'time over which the budget holds', '24h')
    .option('--json', 'a row for each data, model, budget and seed', false)
    .action(async options => {
      await (await import('./sampler/eval.ts')).evaluateSampling(options, io)
    })
}

function collect(value: string, all: readonly string[] = []): readonly string[] {
  return [...all, value]
}

function running(command: Command): Command {
  return command
    .option('--socket <path>', 'admin socket of the collector; found if only one runs')
    .option('--json', 'as JSON', false)
}
