/** Draws problems for a terminal: what and where, the source line with a caret, what would be right. Also as JSON. */
import type { Problem, Span } from './problems.ts'

export interface ExplainOptions {
  /** ANSI colours. */
  readonly color?: boolean
  /** Shows the rest of the line too: for files that hold no secrets. */
  readonly wholeLines?: boolean
}

/** All problems, and a line that counts them. */
export function explainProblems(
  problems: readonly Problem[],
  options: ExplainOptions = {},
): string {
  const paint = options.color === true ? PAINT : NO_PAINT
  const blocks = problems.map(problem =>
    explainProblem(problem, paint, options.wholeLines ?? false),
  )
  return [...blocks, countProblems(problems)].join('\n')
}

/** Without source text; safe to store. */
export function problemsToJson(problems: readonly Problem[]): readonly Omit<Problem, 'at'>[] {
  return problems.map(({ at: _, ...rest }) => rest)
}

export function countProblems(problems: readonly Problem[]): string {
  const errors = problems.filter(problem => problem.severity === 'error').length
  const warnings = problems.length - errors
  return `${plural(errors, 'error')}, ${plural(warnings, 'warning')}\n`
}

type Paint = Readonly<Record<'error' | 'warning' | 'quiet' | 'strong' | 'end', string>>
const PAINT: Paint = {
  error: '\u001b[31;1m',
  warning: '\u001b[33;1m',
  quiet: '\u001b[2m',
  strong: '\u001b[1m',
  end: '\u001b[0m',
}
const NO_PAINT: Paint = { error: '', warning: '', quiet: '', strong: '', end: '' }

function explainProblem(problem: Problem, paint: Paint, wholeLines: boolean): string {
  const { severity, path, message, file, line, column } = problem
  const subject = path === '' ? message : `${path}: ${message}`
  const lines = [`${paint[severity]}${severity}${paint.end}: ${paint.strong}${subject}${paint.end}`]
  if (line > 0) lines.push(`${paint.quiet}  at${paint.end} ${file}:${line}:${column}`)
  else if (file !== '') lines.push(`${paint.quiet}  in${paint.end} ${file}`)
  if (problem.at !== undefined) {
    const draw = wholeLines ? drawWholeLine : drawLine
    lines.push(...draw(problem.at, paint[severity], paint))
  }
  if (problem.expected !== undefined) lines.push(`  expected ${problem.expected}`)
  if (problem.nearest !== undefined) lines.push(`  did you mean "${problem.nearest}"?`)
  return `${lines.join('\n')}\n`
}

const MAX_SHOWN = 100

/**
 * Shows no more than the key and, where it may be seen, the value at fault. The rest of the line may hold secrets
 * (`headers: {authorization: ...}` on one line) and is left out.
 */
function drawLine(at: Span, color: string, paint: Paint): readonly string[] {
  if (!at.source.shown) return []
  const { line, column } = at.source.locate(at.start)
  const text = at.source.line(line)
  const before = [...text].slice(0, column - 1).join('')
  const lead = OWN_KEY.test(before) ? before : `${/^\s*/.exec(before)![0]}… ${lastKey(before)}`
  const after = text.slice(before.length)
  const length = Math.min(at.end - at.start, after.length)
  const own = at.shown ? maskUserInfo(after.slice(0, Math.min(length, MAX_SHOWN))) : ''
  const tail = /^:/.test(after.slice(length)) ? ':' : ''
  const more = after.slice(length + tail.length).trim() === '' ? '' : ' …'
  if (`${lead}${own}`.trim() === '') return []
  const gutter = String(line)
  const pad = ' '.repeat(gutter.length)
  const caret = '^'.repeat(Math.max(1, [...own].length))
  return [
    `${paint.quiet} ${pad} |${paint.end}`,
    `${paint.quiet} ${gutter} |${paint.end} ${lead}${own}${tail}${more}`,
    `${paint.quiet} ${pad} |${paint.end} ${lead.replace(/[^\t]/gu, ' ')}${color}${caret}${paint.end}`,
  ]
}

/** Longest line that is shown whole. */
const MAX_LINE = 160

function drawWholeLine(at: Span, color: string, paint: Paint): readonly string[] {
  const { line, column } = at.source.locate(at.start)
  const text = at.source.line(line)
  if (text.length > MAX_LINE) return drawLine(at, color, paint)
  if (text.trim() === '') return []
  const characters = [...text]
  const length = Math.min(at.end - at.start, characters.length - column + 1)
  const lead = characters
    .slice(0, column - 1)
    .join('')
    .replace(/[^\t]/gu, ' ')
  const gutter = String(line)
  const pad = ' '.repeat(gutter.length)
  return [
    `${paint.quiet} ${pad} |${paint.end}`,
    `${paint.quiet} ${gutter} |${paint.end} ${text}`,
    `${paint.quiet} ${pad} |${paint.end} ${lead}${color}${'^'.repeat(Math.max(1, length))}${paint.end}`,
  ]
}

/** Indentation, list dashes, and the key of the value itself. */
const OWN_KEY = /^\s*(- +)*("?[\w./-]+"?(:\s+|=))?$/

/** The key right before a value, on a line with more on it. */
function lastKey(before: string): string {
  return /(?:^|[\s{,])("?[\w./-]+"?:\s+)$/.exec(before)?.[1] ?? ''
}

/** `https://user:password@host` */
function maskUserInfo(text: string): string {
  return text.replace(/\/\/[^/@\s]*@/g, '//…@')
}

function plural(count: number, noun: string): string {
  return `${count} ${noun}${count === 1 ? '' : 's'}`
}
