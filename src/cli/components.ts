/** `millrace components`: what this build can do, for people and for programs. */
import type { Command } from 'commander'
import { type Factory, KINDS, type Kind } from '../core/factory.ts'
import { SIGNALS } from '../core/signal.ts'
import { allBuiltins } from './config-options.ts'
import type { CliIo } from './io.ts'

interface Row {
  readonly kind: Kind
  readonly id: string
  readonly aliases: readonly string[]
  readonly stability: Readonly<Record<string, string>>
  readonly connects: readonly string[]
  readonly summary: string
}

export function register(program: Command, io: CliIo): void {
  program
    .command('components')
    .description('Lists the components of this build')
    .option('--json', 'as JSON')
    .action(async (options: { json?: boolean }) => {
      const rows = listComponents((await allBuiltins()).all())
      const text = options.json === true ? JSON.stringify(rows, null, 2) : drawTable(rows)
      io.stdout.write(`${text}\n`)
    })
}

export function listComponents(factories: readonly Factory[]): readonly Row[] {
  const rows = factories.map(({ kind, meta }) => ({
    kind,
    id: meta.id,
    aliases: meta.aliases ?? [],
    stability: meta.stability as Readonly<Record<string, string>>,
    connects: (meta.connects ?? []).map(pair => `${pair.from}>${pair.to}`),
    summary: meta.summary,
  }))
  const place = (row: Row) => KINDS.indexOf(row.kind)
  return rows.sort((a, b) => place(a) - place(b) || (a.id < b.id ? -1 : 1))
}

function drawTable(rows: readonly Row[]): string {
  const cells = rows.map(row => [
    row.kind,
    row.aliases.length === 0 ? row.id : `${row.id} (${row.aliases.join(', ')})`,
    ...SIGNALS.map(signal => row.stability[signal] ?? '-'),
    row.summary,
  ])
  const all = [['kind', 'id (aliases)', ...SIGNALS, 'what'], ...cells]
  const widths = all[0].map((_, i) => Math.max(...all.map(line => line[i].length)))
  return all
    .map(line =>
      line
        .map((cell, i) => cell.padEnd(widths[i]))
        .join('  ')
        .trimEnd(),
    )
    .join('\n')
}
