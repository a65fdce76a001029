/** A load error of an expression: coded, with line, column and a caret under the place. */
import { type ErrorCode, MillraceError } from '../errors.ts'
import type { Span } from './ast.ts'
import { SyntaxFault } from './lexer.ts'

export type RuleErrorCode = Extract<ErrorCode, `MILLRACE_RULES_${string}`>

/** Longest part of the expression's line that is shown on each side of the place. */
const SHOWN = 60
/** Longest message, the place not counted. */
const MAX_MESSAGE = 600

export class RuleError extends MillraceError {
  /** Into the expression's text. */
  readonly at: Span
  /** The message without its place, for those who draw the place themselves. */
  readonly reason: string

  constructor(code: RuleErrorCode, message: string, text: string, at: Span) {
    const reason = shortened(message)
    super(code, `${reason}\n${pointAt(text, at)}`)
    this.name = 'RuleError'
    this.at = at
    this.reason = reason
  }
}

/** Messages quote names and texts of rules, which may be long; what is at the end, such as a nearer name, is kept. */
function shortened(message: string): string {
  if (message.length <= MAX_MESSAGE) return message
  const half = MAX_MESSAGE / 2
  return `${message.slice(0, half)} … ${message.slice(-half)}`
}

/** Runs a parse; a fault in the syntax becomes a RuleError. */
export function withPosition<T>(text: string, parse: () => T): T {
  try {
    return parse()
  } catch (error) {
    if (!(error instanceof SyntaxFault)) throw error
    const at = { start: error.offset, end: error.end }
    throw new RuleError('MILLRACE_RULES_SYNTAX', error.message, text, at)
  }
}

/** `line:column`, the line and carets under it. */
export function pointAt(text: string, at: Span): string {
  const start = Math.min(at.start, text.length)
  const lineStart = text.lastIndexOf('\n', start - 1) + 1
  const newline = text.indexOf('\n', start)
  const lineEnd = newline === -1 ? text.length : newline
  const line = text.slice(0, start).split('\n').length
  const from = Math.max(lineStart, start - SHOWN)
  const to = Math.min(lineEnd, start + SHOWN)
  const shown = text.slice(from, to).replaceAll('\t', ' ')
  const carets = '^'.repeat(Math.max(1, Math.min(at.end, to) - start))
  return `${line}:${start - lineStart + 1}\n  ${shown}\n  ${' '.repeat(start - from)}${carets}`
}
