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
  { name: 'coverage', of: row => known(row.coverage, row.symptomatic) },
  { name: 'flagged', of: row => known(row.flagged, row.clean) },
  { name: 'kept clean', of: row => known(row.keptClean, row.clean) },
  { name: 'budget error', of: row => row.budgetError },
  { name: 'worst hour', of: row => row.budgetErrorHour ?? undefined },
  { name: 'structures', of: row => row.structuresKept },
  { name: 'incidents', of: row => known(row.incidentsCovered, row.incidents) },
  { name: 'AUC', of: row => known(row.auc, row.symptomatic * row.clean) },
  { name: 'count bias', of: row => row.countBias },
  { name: 'p95 error', of: row => row.p95Error },
  { name: 'as ranking', of: row => known(row.coverageAsRanking, row.symptomatic) },
  { name: 'cold: retained', of: row => row.coldStart.retained },
  { name: 'coverage', of: ({ coldStart }) => known(coldStart.coverage, coldStart.symptomatic) },
  { name: 'flagged', of: ({ coldStart }) => known(coldStart.flagged, coldStart.clean) },
]

/** A share of nothing is no figure. */
function known(share: number, of: number): number | undefined {
  return of > 0 ? share : undefined
}

export function tellTable(rows: readonly Row[], io: CliIo): void {
  const width = Math.max(5, ...rows.map(row => row.model.length))
  let head = ''
  for (const group of groupRows(rows)) {
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

/** A group for each recording, budget and model, in this order of sorting; each as the rows name them first. */
function groupRows(rows: readonly Row[]): Row[][] {
  const tables = new Map<string, Map<string, Row[]>>()
  for (const row of rows) {
    const key = `${row.data}\t${row.budget}`
    const table = tables.get(key) ?? new Map<string, Row[]>()
    tables.set(key, table.set(row.model, [...(table.get(row.model) ?? []), row]))
  }
  return [...tables.values()].flatMap(table => [...table.values()])
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
