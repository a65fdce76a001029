/** `millrace schema`: JSON Schema of the configuration or of rule files, for completion and checks in editors. */
import type { Command } from 'commander'
import { allBuiltins } from './config-options.ts'
import type { CliIo } from './io.ts'

export function register(program: Command, io: CliIo): void {
  program
    .command('schema')
    .description('Prints the JSON Schema (draft 2020-12) of the configuration, for editors')
    .option('--rules', 'of rule files instead', false)
    .option('--cases', 'of the cases beside rule files instead', false)
    .action(async (options: { rules: boolean; cases: boolean }) => {
      io.stdout.write(`${JSON.stringify(await findSchema(options), null, 2)}\n`)
    })
}

async function findSchema({ rules, cases }: { rules: boolean; cases: boolean }): Promise<object> {
  if (rules) return (await import('../rules/files/schema.ts')).rulesJsonSchema()
  if (cases) return (await import('../rules/files/cases/schema.ts')).casesJsonSchema()
  const { configJsonSchema } = await import('../config/json-schema.ts')
  return configJsonSchema(await allBuiltins())
}
