/** `millrace queue …`: what waits in sending queues and what no destination wanted; of a running collector, or in a folder. */
import { type Command, InvalidArgumentError, Option } from 'commander'
import type { CliIo } from './io.ts'

const SIGNALS = ['traces', 'metrics', 'logs']
const MAX_PEEKED = 1000

export function register(program: Command, io: CliIo): void {
  const queue = program
    .command('queue')
    .description('Shows, drains and empties sending queues; shows and sends dead letters again')
  registerReading(queue, io)
  registerChanging(queue, io)
  registerLetters(queue, io)
}

function registerReading(queue: Command, io: CliIo): void {
  offline(filtered(queue.command('ls')))
    .description('Queues by exporter, signal and tenant: what waits, on its way, on disk, and why')
    .action(async options => {
      await (await import('./queue/ls.ts')).listQueues(options, io)
    })

  offline(filtered(queue.command('peek')))
    .description('Requests that wait, oldest first: items, bytes, age, attempts, services, traces')
    .option('--max <n>', 'requests to show', parseMax, 20)
    .action(async options => {
      await (await import('./queue/peek.ts')).peekQueues(options, io)
    })
}

function registerChanging(queue: Command, io: CliIo): void {
  filtered(queue.command('drain'))
    .description('Sends what waits now: lifts pauses, opens breakers for a try, wakes retries')
    .action(async options => {
      await (await import('./queue/drain.ts')).drainQueues(options, io)
    })

  lettersFiltered(queue.command('requeue'))
    .description('Sends dead letters again; the same as `letters requeue`')
    .argument('[ids...]', 'letters; without, all that the filters leave')
    .option('--all', 'every letter, where nothing narrows it', false)
    .action(async (ids, options) => {
      await (await import('./queue/letters-requeue.ts')).requeueLetters(ids, options, io)
    })

  offline(filtered(queue.command('purge')))
    .description('Lets go of what waits, in memory and on disk; booked as dropped on purpose')
    .option('--all', 'every queue, where nothing narrows it', false)
    .action(async options => {
      await (await import('./queue/purge.ts')).purgeQueues(options, io)
    })
}

function registerLetters(queue: Command, io: CliIo): void {
  const letters = queue
    .command('letters')
    .description('Dead letters: what destinations refused for good, with the reason of each')

  offline(lettersFiltered(letters.command('ls')))
    .description('Letters, oldest first')
    .option('--max <n>', 'letters to show', parseMax, 100)
    .action(async options => {
      await (await import('./queue/letters-ls.ts')).listLetters(options, io)
    })

  offline(running(letters.command('show')))
    .description('One letter: reason, what the destination said, and its content as OTLP/JSON')
    .argument('<id>', 'as `letters ls` shows it')
    .option('--storage <id>', 'storage that keeps it, where there are several')
    .option('--proto <file>', 'writes the request as protobuf instead')
    .action(async (id, options) => {
      await (await import('./queue/letters-show.ts')).showLetter(id, options, io)
    })

  lettersFiltered(letters.command('requeue'))
    .description('Puts letters back into the queues that they come from')
    .argument('[ids...]', 'letters; without, all that the filters leave')
    .option('--all', 'every letter, where nothing narrows it', false)
    .action(async (ids, options) => {
      await (await import('./queue/letters-requeue.ts')).requeueLetters(ids, options, io)
    })

  offline(lettersFiltered(letters.command('purge')))
    .description('Throws letters away')
    .argument('[ids...]', 'letters; without, all that the filters leave')
    .option('--all', 'every letter, where nothing narrows it', false)
    .action(async (ids, options) => {
      await (await import('./queue/letters-purge.ts')).purgeLetters(ids, options, io)
    })
}

function running(command: Command): Command {
  return command
    .option('--socket <path>', 'admin socket of the collector; found if only one runs')
    .option('--json', 'as JSON', false)
}

function filtered(command: Command): Command {
  return running(command)
    .option('--exporter <id>', 'only this exporter')
    .option('--tenant <id>', 'only this tenant')
    .addOption(new Option('--signal <name>', 'only this signal').choices(SIGNALS))
}

function lettersFiltered(command: Command): Command {
  return filtered(command)
    .option('--reason <word>', 'only letters with this reason, such as bad_data')
    .option('--since <time>', 'only younger ones: a duration such as 2h, or an ISO time')
    .option('--trace <id>', 'only letters with something of this trace')
    .option('--storage <id>', 'storage that keeps them, where there are several')
}

/** Against the folder of a `file_storage` that no process uses now. */
function offline(command: Command): Command {
  return command.option(
    '--directory <dir>',
    'folder of a file_storage, instead of a running collector; refused while one holds it',
  )
}

function parseMax(text: string): number {
  const max = Number(text)
  if (Number.isInteger(max) && max > 0 && max <= MAX_PEEKED) return max
  throw new InvalidArgumentError(`This is not a number from 1 to ${MAX_PEEKED}.`)
}
