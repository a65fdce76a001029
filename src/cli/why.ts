/** `millrace why`: where a tenant's items went, or what became of one trace, in sentences. */
import type { Command } from 'commander'
import type { CliIo } from './io.ts'

export function register(program: Command, io: CliIo): void {
  program
    .command('why')
    .description("Where a tenant's items went, or what became of a trace, and why")
    .option('--tenant <id>', 'whose items are meant', 'default')
    .option('--trace <id>', 'what became of this trace: 32 hexadecimal digits')
    .option('--since <time>', 'a duration such as 1h, or a time', '1h')
    .option('--socket <path>', 'admin socket of the collector; found if only one runs')
    .option('--json', 'sentences and the facts behind them as JSON', false)
    .action(async options => {
      await (await import('./why/answer.ts')).answerWhy(options, io)
    })
}
