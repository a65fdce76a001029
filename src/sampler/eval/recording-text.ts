/** The lines of a recording's files, checked one by one: what is not as the format says is told with its line, not guessed at. */

/** Integers a span has. */
export const SPAN_FIELDS = 5
const OPERATION = 0
const PARENT = 2

/** What is kept as 32 bits: microseconds of nearly 36 minutes. Longer spans count as so long. */
const MOST_MICROS = 0x7fffffff
/** Labels are clean, symptomatic, ambiguous. */
const LABELS: readonly string[] = ['0', '1', '2']
const MOST_FAULTS = 0x7fff

export interface TraceLine {
  readonly id: string
  readonly t0: number
  readonly h: string
  /** Five integers a span, all within 32 bits. */
  readonly s: readonly number[]
}

/** `line` counts from 1. Throws an Error that names it. */
export function parseTrace(text: string, line: number, operations: number): TraceLine {
  const { id, t0, h, s } = readObject(text, line)
  if (typeof id !== 'string') throw wrong(line, '"id" is not a text')
  if (typeof t0 !== 'number' || !(t0 >= 0 && t0 <= Number.MAX_SAFE_INTEGER)) {
    throw wrong(line, '"t0" is not a time in microseconds')
  }
  if (typeof h !== 'string') throw wrong(line, '"h" is not a text')
  if (!Array.isArray(s) || s.length === 0 || s.length % SPAN_FIELDS !== 0) {
    throw wrong(line, '"s" is not five integers for each span')
  }
  checkSpans(s, line, operations)
  return { id, t0, h, s }
}

function readObject(text: string, line: number): Record<string, unknown> {
  try {
    const value: unknown = JSON.parse(text)
    if (typeof value === 'object' && value !== null) return value as Record<string, unknown>
  } catch {
    // Told below, with the line.
  }
  throw wrong(line, 'not a JSON object')
}

function checkSpans(s: number[], line: number, operations: number): void {
  const count = s.length / SPAN_FIELDS
  for (let i = 0; i < s.length; i++) {
    const value = s[i]
    if (!Number.isInteger(value)) {
      throw wrong(line, `span ${Math.floor(i / SPAN_FIELDS)} holds ${JSON.stringify(value)}`)
    }
    const field = i % SPAN_FIELDS
    const isOutside =
      field === OPERATION
        ? value < 0 || value >= operations
        : field === PARENT && (value < -1 || value >= count)
    if (isOutside) throw wrong(line, `span ${Math.floor(i / SPAN_FIELDS)} points outside`)
    if (field > PARENT) s[i] = Math.max(-MOST_MICROS, Math.min(MOST_MICROS, value))
  }
}

export interface Labels {
  readonly label: Uint8Array
  /** -1: none. */
  readonly fault: Int16Array
}

/** The columns `label` and `fault_idx`, wherever they stand. */
export function parseLabels(text: string): Labels {
  const [head, ...rows] = text.replace(/^\ufeff/, '').split(/\r?\n/)
  while (rows.at(-1) === '') rows.pop()
  const names = head.split(',').map(name => name.trim())
  const [labelAt, faultAt] = [names.indexOf('label'), names.indexOf('fault_idx')]
  if (labelAt < 0 || faultAt < 0) throw new Error('labels.csv.gz has no label and fault_idx')
  const label = new Uint8Array(rows.length)
  const fault = new Int16Array(rows.length)
  for (const [i, row] of rows.entries()) {
    const cells = row.split(',')
    const where = `labels.csv.gz, line ${i + 2}`
    const value = cells[labelAt]?.trim() ?? ''
    if (!LABELS.includes(value)) throw new Error(`${where}: "${value}" is not a label (0, 1, 2)`)
    label[i] = Number(value)
    fault[i] = readFault(cells[faultAt]?.trim() ?? '', where)
  }
  return { label, fault }
}

function readFault(text: string, where: string): number {
  if (text === '') return -1
  const index = Number(text)
  if (Number.isInteger(index) && index >= -1 && index <= MOST_FAULTS) return index
  throw new Error(`${where}: "${text}" is not the index of a fault`)
}

/** Operations of `dict.json`. */
export function parseOperations(text: string): readonly string[] {
  const { ops } = (parseJson('dict.json', text) ?? {}) as { readonly ops?: unknown }
  if (Array.isArray(ops) && ops.every(name => typeof name === 'string')) return ops
  throw new Error('dict.json has no "ops", a list of texts')
}

export interface Fault {
  readonly kind: string
  readonly target: string
}

/** Labels may name faults that the file does not describe; they are incidents all the same. */
export function parseFaults(text: string, atLeast: number): Fault[] {
  const rows = parseJson('faults.json', text)
  if (!Array.isArray(rows)) throw new Error('faults.json is not a list')
  const length = Math.max(rows.length, atLeast)
  return Array.from({ length }, (_, i) => {
    const { type, pod } = (rows[i] ?? {}) as { readonly type?: unknown; readonly pod?: unknown }
    return { kind: String(type ?? 'unknown'), target: String(pod ?? 'unknown') }
  })
}

function parseJson(name: string, text: string): unknown {
  try {
    return JSON.parse(text)
  } catch (error) {
    throw new Error(`${name} is not JSON: ${(error as Error).message}`)
  }
}

function wrong(line: number, what: string): Error {
  return new Error(`traces.jsonl.gz, line ${line}: ${what}`)
}
