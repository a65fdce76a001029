/** The rows of an evaluation as text: the mean over seeds, a line for each recording, budget and model. */
import type { Row } from '../../sampler/eval/evaluate.ts'
import type { CliIo } from '../io.ts'

interface Column {
  readonly name: string
  readonly of: (row: Row) => number | undefined
}

const COLUMNS: readonly Column[] = [
  { name: 'retained', of: row => row.retained },
  { name: 'spans', of: row => row.retainedSpans },
  { name: 'coverage', of: row => row.coverage },
  { name: 'flagged', of: row => row.flagged },
  { name: 'kept clean', of: row => row.keptClean },
  { name: 'budget error', of: row => row.budgetError },
  { name: 'worst hour', of: row => row.budgetErrorHour },
  { name: 'structures', of: row => row.structuresKept },
  { name: 'incidents', of: row => row.incidentsCovered },
  { name: 'AUC', of: row => row.auc },
  { name: 'count bias', of: row => row.countBias },
  { name: 'p95 error', of: row => row.p95Error },
  { name: 'as ranking', of: row => row.coverageAsRanking },
  { name: 'cold: retained', of: row => row.coldStart.retained },
  { name: 'coverage', of: row => row.coldStart.coverage },
  { name: 'flagged', of: row => row.coldStart.flagged },
]

export function tellTable(rows: readonly Row[], io: CliIo): void {
  const groups = new Map<string, Row[]>()
  for (const row of rows) {
    const key = `${row.data}\t${row.budget}\t${row.model}`
    groups.set(key, [...(groups.get(key) ?? []), row])
  }
  const width = Math.max(5, ...rows.map(row => row.model.length))
  let head = ''
  for (const group of groups.values()) {
    const { data, budget, model } = group[0]
    const wanted = `${data}, budget ${percent(budget).trim()} %`
    if (wanted !== head) {
      head = wanted
      io.stdout.write(`\n${head} (mean of ${group.length}; %)\n${'model'.padEnd(width)}`)
      io.stdout.write(`${COLUMNS.map(column => `  ${column.name}`).join('')}\n`)
    }
    const cells = COLUMNS.map(column => cell(column, group))
    io.stdout.write(`${model.padEnd(width)}${cells.join('')}\n`)
  }
}

function cell(column: Column, rows: readonly Row[]): string {
  const values = rows.map(column.of).filter(value => value !== undefined)
  const sum = values.reduce((total, value) => total + value, 0)
  const text = values.length === 0 ? '-' : percent(sum / values.length)
  return `  ${text.padStart(column.name.length)}`
}

function percent(share: number): string {
  return (share * 100).toFixed(1)
}
