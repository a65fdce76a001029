/** `millrace models …`: weights of the sampler's network, listed, checked, trained, made live and taken back. */
import { type Command, InvalidArgumentError } from 'commander'
import type { CliIo } from './io.ts'

export function register(program: Command, io: CliIo): void {
  const models = program
    .command('models')
    .description('Lists, checks, trains, promotes and rolls back weights of the sampler')

  kept(models.command('list'))
    .description('Every version, where it comes from, which one is live')
    .option('--json', 'as JSON', false)
    .action(async options => {
      await (await import('./models/list.ts')).listModels(options, io)
    })

  kept(models.command('verify'))
    .description('Reads weights as a whole: manifest, checksum, shape, columns')
    .argument('[model...]', 'NAME or NAME@VERSION; all if none is named')
    .option('--json', 'as JSON', false)
    .action(async (names, options) => {
      await (await import('./models/list.ts')).verifyModels(names, options, io)
    })

  train(models, io)

  kept(models.command('promote'))
    .description('Makes a version the one that samplers of this directory start with')
    .argument('<model>', 'NAME@VERSION')
    .action(async (model, options) => {
      await (await import('./models/promote.ts')).promoteModel(model, options, io)
    })

  kept(models.command('rollback'))
    .description('Makes the version before the live one live again')
    .argument('<name>', 'name of the model')
    .action(async (name, options) => {
      await (await import('./models/promote.ts')).rollbackModel(name, options, io)
    })
}

function train(models: Command, io: CliIo): void {
  const command = models.command('train')
  kept(command)
    .description('Trains new weights on made-up systems, labelled recordings, or both')
    .option('--as <version>', 'version of the new weights; the next one if left out')
    .option('--data <directory>', 'labelled recording; may be repeated', collect, [])
    .option('--made-up <systems>', 'made-up systems to learn from', countOf(0, 1_000))
    .option('--traces <n>', 'traces of each made-up system', countOf(1, 1_000_000), 12_000)
    .option('--hidden <units>', 'units of the hidden layer', countOf(1, 256), 16)
    .option('--epochs <n>', 'passes over all rows', countOf(1, 10_000), 8)
    .option('--seed <n>', 'of everything that is random', countOf(0, 999_999_999), 1)
    .addOption(
      command
        .createOption('--engine <name>', 'what computes the gradients')
        .choices(['plain', 'tensorflow'])
        .default('plain'),
    )
    .option('--json', 'the scores as JSON', false)
    .action(async options => {
      await (await import('./models/train.ts')).trainModel(options, io)
    })
}

function kept(command: Command): Command {
  return command.option('--directory <path>', 'where own models are kept')
}

function countOf(least: number, most: number): (text: string) => number {
  return text => {
    const count = /^\d{1,9}$/.test(text) ? Number(text) : Number.NaN
    if (count >= least && count <= most) return count
    throw new InvalidArgumentError(`a whole number from ${least} to ${most} is meant`)
  }
}

function collect(value: string, before: readonly string[]): readonly string[] {
  return [...before, value]
}
