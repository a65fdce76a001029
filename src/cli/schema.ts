/** `millrace schema`: JSON Schema of the whole configuration, for completion and checks in editors. */
import type { Command } from 'commander'
import { loadBuiltins } from './config-options.ts'
import type { CliIo } from './io.ts'

export function register(program: Command, io: CliIo): void {
  program
    .command('schema')
    .description('Prints the JSON Schema (draft 2020-12) of the configuration, for editors')
    .action(async () => {
      const { configJsonSchema } = await import('../config/json-schema.ts')
      io.stdout.write(`${JSON.stringify(configJsonSchema(await loadBuiltins()), null, 2)}\n`)
    })
}
