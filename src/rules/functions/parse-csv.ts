/** ParseCSV: one line of comma-separated fields as a map, under the names of its columns. */
import { defineFunction, type FunctionSpec, type Getter } from '../function.ts'
import { EvaluationError, type ValueMap } from '../value.ts'
import { readCsvRow } from './csv-record.ts'
import { explained } from './explained.ts'

type ReadRow = (row: string, delimiter: string) => string[]

const MODES: Readonly<Record<string, ReadRow>> = {
  strict: (row, delimiter) => readCsvRow(row, delimiter, false),
  lazyQuotes: (row, delimiter) => readCsvRow(row, delimiter, true),
  ignoreQuotes: (row, delimiter) => row.split(delimiter),
}

const parseCsv = defineFunction({
  name: 'ParseCSV',
  kind: 'converter',
  params: [
    { name: 'Target', type: 'string' },
    { name: 'Header', type: 'string' },
    { name: 'Delimiter', type: 'literalString', optional: true },
    { name: 'HeaderDelimiter', type: 'literalString', optional: true },
    { name: 'Mode', type: 'literalString', optional: true },
  ],
  summary:
    'A map from one line of CSV and the names of its columns; the mode is strict, lazyQuotes or ignoreQuotes.',
  example: {
    expr: 'ParseCSV("1;\\"x;y\\"", "id;text", ";")',
    result: '{"id": "1", "text": "x;y"}',
  },
  make(args: readonly [Getter, Getter, string?, string?, string?]) {
    const [target, header, delimiter = ',', headerDelimiter = delimiter, mode = 'strict'] = args
    checkCharacter(delimiter, 'delimiter')
    checkCharacter(headerDelimiter, 'header_delimiter')
    const readRow = Object.hasOwn(MODES, mode) ? MODES[mode] : undefined
    if (readRow === undefined) throw new Error(`unknown mode: ${mode}`)
    const rowOf = explained(target, 'error getting value for target in ParseCSV')
    const headersOf = explained(header, 'error getting value for header in ParseCSV')
    return scope => {
      const row = rowOf(scope) as string
      const headers = headersOf(scope) as string
      if (headers === '') throw new EvaluationError('headers must not be an empty string')
      return mapOf(headers.split(headerDelimiter), read(readRow, row, delimiter))
    }
  },
})

function checkCharacter(text: string, name: string): void {
  if ([...text].length !== 1) {
    throw new Error(`invalid arguments: ${name} must be a single character`)
  }
}

function read(readRow: ReadRow, row: string, delimiter: string): string[] {
  try {
    return readRow(row, delimiter)
  } catch (error) {
    throw new EvaluationError((error as Error).message)
  }
}

function mapOf(headers: readonly string[], fields: readonly string[]): ValueMap {
  if (fields.length !== headers.length) {
    throw new EvaluationError(
      `map csv headers: wrong number of fields: expected ${headers.length}, found ${fields.length}`,
    )
  }
  return new Map(headers.map((name, i) => [name, fields[i]]))
}

export const csvFunctions: readonly FunctionSpec[] = [parseCsv]
