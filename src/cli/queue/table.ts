/** Rows of text in columns, and numbers as people read them. */
import { formatDuration } from '../../util/duration.ts'

export interface Column<T> {
  readonly name: string
  readonly of: (row: T) => string
  readonly isNumber?: boolean
}

/** The last column is not padded. */
export function showTable<T>(columns: readonly Column<T>[], rows: readonly T[]): string {
  const cells = rows.map(row => columns.map(column => column.of(row)))
  const widths = columns.map((column, i) =>
    Math.max(column.name.length, ...cells.map(cell => cell[i].length)),
  )
  const line = (texts: readonly string[]): string =>
    texts
      .map((text, i) => {
        if (columns[i].isNumber === true) return text.padStart(widths[i])
        return i === columns.length - 1 ? text : text.padEnd(widths[i])
      })
      .join('  ')
      .trimEnd()
  return `${[columns.map(column => column.name), ...cells].map(line).join('\n')}\n`
}

const UNITS = ['B', 'KiB', 'MiB', 'GiB', 'TiB']

export function showBytes(bytes: number): string {
  let [value, unit] = [bytes, 0]
  while (value >= 1024 && unit < UNITS.length - 1) {
    value /= 1024
    unit++
  }
  return `${unit === 0 ? value : value.toFixed(1)} ${UNITS[unit]}`
}

const SECOND = 1000
const MINUTE = 60_000

/** Of an age, no more exactly than it matters. */
export function showAge(ms: number): string {
  if (ms < SECOND) return `${Math.floor(ms)}ms`
  const step = ms < 10 * MINUTE ? SECOND : MINUTE
  return formatDuration(Math.floor(ms / step) * step)
}

/** As `JSON.stringify`, which lets control characters above ASCII through. */
export function jsonText(value: unknown): string {
  return JSON.stringify(value, null, 2).replace(
    /[\u007f-\u009f]/g,
    char => `\\u00${char.charCodeAt(0).toString(16)}`,
  )
}

/** Control characters of what others sent must not reach the terminal. */
export function plain(text: string): string {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is taken out
  return text.replace(/[\u0000-\u001f\u007f-\u009f]+/g, ' ')
}
